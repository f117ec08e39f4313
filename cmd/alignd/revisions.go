package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
)

// revisionFlags say where the revisions are, and how to print them.
type revisionFlags struct {
	askFlags
	format *string
}

func revisionCommand(app *kingpin.Application, name, help string) (*kingpin.CmdClause, revisionFlags) {
	parent := app.GetCommand("revisions")
	if parent == nil {
		parent = app.Command("revisions", "Say when the rules changed, and how: each mapping that came into force is kept. "+
			"Works beside a running alignd and on the store of a stopped one.")
	}
	c := parent.Command(name, help)
	return c, revisionFlags{
		askFlags: addAskFlags(c),
		format:   c.Flag("format", "text, or json for machines.").Default("text").Enum("text", "json"),
	}
}

// readRevisions returns the revisions on record, oldest first.
func readRevisions(ctx context.Context, f askFlags) ([]mapping.Revision, error) {
	// The mapping may be wrong, and an earlier one wanted.
	return consult(ctx, f, config.LoadAlone, func(st store.Store, _ *config.Config) ([]mapping.Revision, error) {
		return daemon.Revisions(ctx, st)
	}, func(running asked) (all []mapping.Revision, err error) {
		return all, running.answer(ctx, http.MethodGet, "/api/v1/revisions?mapping=true", nil, &all)
	})
}

func addRevisionsList(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c, f := revisionCommand(app, "list", "List all revisions, the newest first: when, which, and what changed.")
	c.Default()
	return c, func(ctx context.Context, out io.Writer) error {
		all, err := readRevisions(ctx, f.askFlags)
		if err != nil {
			return err
		}
		slices.Reverse(all)
		if *f.format == "json" {
			for i := range all {
				all[i].Text = ""
			}
			return printJSON(out, append([]mapping.Revision{}, all...))
		}
		if len(all) == 0 {
			fmt.Fprintln(out, "No mapping is on record yet: alignd run records it when it starts.")
		}
		for _, r := range all {
			fmt.Fprintf(out, "%s  %s\n", r.At.Format("2006-01-02 15:04:05 MST"), r.Short())
			for _, line := range r.Summary {
				fmt.Fprintf(out, "    %s\n", line)
			}
		}
		return nil
	}
}

func addRevisionsShow(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c, f := revisionCommand(app, "show", "Print a mapping that was in force, as it was written.")
	id := c.Arg("id", "The revision, or the beginning of its id.").Required().String()
	return c, func(ctx context.Context, out io.Writer) error {
		all, err := readRevisions(ctx, f.askFlags)
		if err != nil {
			return err
		}
		at, err := mapping.FindRevision(all, *id)
		if err != nil {
			return err
		}
		if *f.format == "json" {
			return printJSON(out, all[at])
		}
		_, err = io.WriteString(out, all[at].Text)
		return err
	}
}

// textDiff is the JSON form of revisions diff.
type textDiff struct {
	From string `json:"from"` // id
	To   string `json:"to"`
	Diff string `json:"diff"` // unified, empty if the texts are the same
}

func addRevisionsDiff(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c, f := revisionCommand(app, "diff", "Print what changed in the text from one revision to another, as a unified diff.")
	from := c.Arg("from", "The revision, or the beginning of its id.").Required().String()
	to := c.Arg("to", "The other one, the newest if it is left out.").String()
	return c, func(ctx context.Context, out io.Writer) error {
		all, err := readRevisions(ctx, f.askFlags)
		if err != nil {
			return err
		}
		was, err := mapping.FindRevision(all, *from)
		if err != nil {
			return err
		}
		is := len(all) - 1
		if *to != "" {
			if is, err = mapping.FindRevision(all, *to); err != nil {
				return err
			}
		}
		diff := mapping.Diff(&all[was], &all[is])
		if *f.format == "json" {
			return printJSON(out, textDiff{all[was].ID, all[is].ID, diff})
		}
		if diff == "" {
			_, err = fmt.Fprintf(out, "%s and %s are the same text.\n", all[was].Short(), all[is].Short())
			return err
		}
		_, err = io.WriteString(out, diff)
		return err
	}
}
