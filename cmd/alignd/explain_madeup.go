package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
	"alignd/web"
)

// explainMadeUp holds the rules of a file, or of the alignd at --url, against a
// ticket that does not exist. Only what stands above it has to be looked up.
func (f *explainFlags) explainMadeUp(ctx context.Context, out io.Writer) error {
	switch {
	case f.epic != "" && f.madeUp.Parent != "" && !strings.EqualFold(f.epic, f.madeUp.Parent):
		return fmt.Errorf("--epic=%s and --parent=%s contradict each other: give what stands right above the ticket", f.epic, f.madeUp.Parent)
	case f.epic != "":
		f.madeUp.Parent = f.epic
	}
	file, err := f.rulesToTry(ctx)
	if err != nil {
		return err
	}
	e, err := f.try(ctx, file)
	if err != nil {
		return err
	}
	if *f.format == "json" {
		return printJSON(out, web.ExplainBody{Explanations: []web.Explanation{e}})
	}
	f.printMadeUp(out, e, file.rules)
	return nil
}

func (f *explainFlags) rulesToTry(ctx context.Context) (mappingFile, error) {
	if *f.mapping != "" || *f.url == "" {
		return readMapping(*f.mapping, *f.file)
	}
	all, err := readRevisions(ctx, f.askFlags)
	if err != nil {
		return mappingFile{}, err
	}
	if len(all) == 0 {
		return mappingFile{}, errors.New("the alignd at --url has no mapping on record yet; give one with --mapping.file")
	}
	text := []byte(all[len(all)-1].Text)
	rules, err := mapping.Parse("mapping", text)
	if err != nil {
		return mappingFile{}, fmt.Errorf("the mapping of the alignd at --url is not right for this version:\n%w", err)
	}
	return mappingFile{text: text, rules: rules}, nil
}

func (f *explainFlags) try(ctx context.Context, file mappingFile) (web.Explanation, error) {
	if f.madeUp.Parent == "" {
		e, err := alignment.Try(alignment.Input{Rules: file.rules, Now: time.Now()}, f.madeUp)
		return web.NewExplanation(e), err
	}
	e, err := consult(ctx, f.askFlags, config.Review, func(st store.Store, _ *config.Config) (web.Explanation, error) {
		e, err := daemon.Try(ctx, st, file.rules, f.madeUp)
		return web.NewExplanation(e), err
	}, func(running asked) (e web.Explanation, err error) {
		path := daemon.TryPath + "?" + daemon.TryQuery(f.madeUp).Encode()
		return e, running.answer(ctx, http.MethodPost, path, file.text, &e)
	})
	return e, err
}

func (f *explainFlags) printMadeUp(out io.Writer, e web.Explanation, rules *mapping.RuleSet) {
	printLine(out, "A ticket that does not exist  %s", oneLine(e.Title))
	line := func(name, value string) {
		if value != "" {
			printLine(out, "  %-11s%s", name, value)
		}
	}
	line("project", e.Project)
	line("connector", e.Connector)
	team := e.Team
	if team == "" {
		team = "none, so it would take no work: " + f.madeUp.Homeless(rules, e.Connector)
	}
	line("team", team)
	line("parent", f.madeUp.Parent)
	line("type", e.Type)
	line("status", e.Status)
	line("priority", f.madeUp.Priority)
	line("labels", strings.Join(e.Labels, ", "))
	line("components", strings.Join(f.madeUp.Components, ", "))
	printNow(out, e)
}
