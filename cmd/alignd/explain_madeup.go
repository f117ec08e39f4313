package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
	"alignd/web"
)

// explainMadeUp holds the rules of a file against a ticket that does not exist.
// Only what stands above it has to be looked up.
func (f *explainFlags) explainMadeUp(ctx context.Context, out io.Writer) error {
	switch {
	case f.epic != "" && f.madeUp.Parent != "" && !strings.EqualFold(f.epic, f.madeUp.Parent):
		return fmt.Errorf("--epic=%s and --parent=%s contradict each other: give what stands right above the ticket", f.epic, f.madeUp.Parent)
	case f.epic != "":
		f.madeUp.Parent = f.epic
	}
	text, rules, err := f.readMapping()
	if err != nil {
		return err
	}
	e, err := f.try(ctx, text, rules)
	if err != nil {
		return err
	}
	if *f.format == "json" {
		return printJSON(out, web.ExplainBody{Explanations: []web.Explanation{e}})
	}
	printMadeUp(out, e, f.madeUp.Homeless(rules))
	return nil
}

// readMapping reads the file at --mapping.file, or the one in alignd.yml.
func (f *explainFlags) readMapping() ([]byte, *mapping.RuleSet, error) {
	path := *f.mapping
	if path == "" {
		cfg, err := config.Load(*f.file)
		if err != nil {
			return nil, nil, fmt.Errorf("the configuration is not right:\n%w\nA mapping alone is enough with --mapping.file", err)
		}
		path = cfg.MappingFile
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read mapping: %w", err)
	}
	rules, err := mapping.Parse(path, text)
	if err != nil {
		return nil, nil, fmt.Errorf("the mapping is not right:\n%w", err)
	}
	return text, rules, nil
}

func (f *explainFlags) try(ctx context.Context, text []byte, rules *mapping.RuleSet) (web.Explanation, error) {
	if f.madeUp.Parent == "" {
		e, err := alignment.Try(alignment.Input{Rules: rules, Now: time.Now()}, f.madeUp)
		return web.NewExplanation(e), err
	}
	e, err := consult(ctx, f.askFlags, config.Load, func(st store.Store, _ *config.Config) (web.Explanation, error) {
		e, err := daemon.Try(ctx, st, rules, f.madeUp)
		return web.NewExplanation(e), err
	}, func(running asked) (e web.Explanation, err error) {
		path := daemon.TryPath + "?" + daemon.TryQuery(f.madeUp).Encode()
		return e, running.answer(ctx, http.MethodPost, path, text, &e)
	})
	return e, err
}

func printMadeUp(out io.Writer, e web.Explanation, homeless string) {
	fmt.Fprintf(out, "A ticket that does not exist  %s\n", e.Title)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-11s%s\n", name, value)
		}
	}
	line("project", e.Project)
	line("connector", e.Connector)
	line("team", orElse(e.Team, "none, so it would take no work: "+homeless))
	line("type", e.Type)
	line("labels", strings.Join(e.Labels, ", "))
	printNow(out, e)
}
