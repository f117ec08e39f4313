package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/store"
	"alignd/web"
)

// explainFlags ask about a ticket, about one that is made up, or about a
// number.
type explainFlags struct {
	askFlags
	key, mapping, format *string

	madeUp alignment.MadeUp
	epic   string
	number numberFlags
	given  []*givenFlag
}

// givenFlag says whether a flag is on the command line.
type givenFlag struct {
	about, name string
	is          bool
}

// What the flags of explain ask about.
const (
	aboutMadeUp = "a made-up ticket"
	aboutNumber = "a number"
)

func addExplain(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("explain", "Say where a ticket counts and why, what the rules would say of a made-up one, or which tickets are behind a number. "+
		"Works beside a running alignd and on the store of a stopped one.\n\n"+
		"A ticket: alignd explain PAY-12\n\n"+
		"A made-up one: alignd explain --project=PAY --type=Bug --label=why-incident\n\n"+
		"A number: alignd explain --team=payments --class=off_plan --window=28d")
	f := &explainFlags{
		askFlags: addAskFlags(c),
		key:      c.Arg("key", "Key of the ticket, such as PAY-12.").String(),
		mapping:  c.Flag("mapping.file", "Hold the rules of this file against a made-up ticket, in place of those at --url or in alignd.yml.").PlaceHolder("FILE").String(),
		format:   c.Flag("format", "text for people, json for machines.").Default("text").Enum("text", "json"),
	}
	f.addMadeUp(c)
	f.addNumber(c)
	return c, f.run
}

// note remembers whether a flag is given.
func (f *explainFlags) note(c *kingpin.CmdClause, about, name, help string) *kingpin.FlagClause {
	given := &givenFlag{about: about, name: name}
	f.given = append(f.given, given)
	return c.Flag(name, help).IsSetByUser(&given.is)
}

func (f *explainFlags) addMadeUp(c *kingpin.CmdClause) {
	flag := func(name, help string) *kingpin.FlagClause {
		return f.note(c, aboutMadeUp, name, "Made-up ticket: "+help)
	}
	flag("project", "key of its Jira project or Linear team.").PlaceHolder("KEY").StringVar(&f.madeUp.Project)
	flag("type", "its type, such as Bug.").PlaceHolder("TYPE").StringVar(&f.madeUp.Type)
	flag("label", "a label. Repeatable.").PlaceHolder("LABEL").StringsVar(&f.madeUp.Labels)
	flag("component", "a component. Repeatable.").PlaceHolder("NAME").StringsVar(&f.madeUp.Components)
	flag("title", "its title.").PlaceHolder("TEXT").StringVar(&f.madeUp.Title)
	flag("status", "its status.").PlaceHolder("NAME").StringVar(&f.madeUp.Status)
	flag("priority", "its priority.").PlaceHolder("NAME").StringVar(&f.madeUp.Priority)
	flag("parent", "key of a ticket that stands above it, which must have been read.").PlaceHolder("KEY").StringVar(&f.madeUp.Parent)
	flag("epic", "the same as --parent.").PlaceHolder("KEY").StringVar(&f.epic)
	flag("connector", "where it is, if several connectors have the project.").PlaceHolder("NAME").StringVar(&f.madeUp.Connector)
}

// flagsAbout lists the flags given about something.
func (f *explainFlags) flagsAbout(about string) string {
	var names []string
	for _, g := range f.given {
		if g.about == about && g.is {
			names = append(names, "--"+g.name)
		}
	}
	return strings.Join(names, ", ")
}

func (f *explainFlags) run(ctx context.Context, out io.Writer) error {
	madeUp, number := f.flagsAbout(aboutMadeUp), f.flagsAbout(aboutNumber)
	switch {
	case *f.key != "" && madeUp+number != "":
		return fmt.Errorf("either a key or flags: %s is a ticket that exists, and %s ask about something else", *f.key, madeUp+number)
	case madeUp != "" && number != "":
		return fmt.Errorf("either a made-up ticket (%s) or a number (%s), not both at once", madeUp, number)
	case *f.mapping != "" && madeUp == "":
		return errors.New("--mapping.file is for made-up tickets; alignd plan says what another mapping changes")
	case madeUp != "":
		return f.explainMadeUp(ctx, out)
	case number != "":
		return f.explainNumber(ctx, out)
	case *f.key != "":
		return f.explainKey(ctx, out)
	}
	return errors.New("say what to explain: a ticket by its key (PAY-12), a made-up one by flags such as --project and --label, or a number by flags such as --team and --class")
}

func (f *explainFlags) explainKey(ctx context.Context, out io.Writer) error {
	found, err := consult(ctx, f.askFlags, config.Review, func(st store.Store, cfg *config.Config) ([]web.Explanation, error) {
		var body []web.Explanation
		found, err := daemon.Explain(ctx, st, cfg.Rules, *f.key)
		for _, e := range found {
			body = append(body, web.NewExplanation(e))
		}
		return body, err
	}, func(running asked) ([]web.Explanation, error) {
		var body web.ExplainBody
		err := running.answer(ctx, http.MethodGet, "/api/v1/explain?key="+url.QueryEscape(*f.key), nil, &body)
		if r, ok := errors.AsType[refusal](err); ok && r.code == "unknown_key" {
			err = nil
		}
		return body.Explanations, err
	})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("no ticket %q is known; it may be outside the projects that are read, or not read yet", *f.key)
	}
	if *f.format == "json" {
		return printJSON(out, web.ExplainBody{Key: *f.key, Explanations: found})
	}
	for i, e := range found {
		if i > 0 {
			fmt.Fprintln(out)
		}
		printExplanation(out, e)
	}
	return nil
}

func printJSON(out io.Writer, body any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(body)
}
