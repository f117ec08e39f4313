package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/store"
)

func addCheck(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("check", "Say whether alignd.yml and the mapping it names are right, with every mistake at once. Exit code 1 if they are not.")
	file := configFlag(c)
	withStore := c.Flag("store", "Read the whole store too, and say whether it is damaged. alignd must not be running.").Bool()
	return c, func(ctx context.Context, out io.Writer) error {
		cfg, err := config.Load(*file)
		if err != nil {
			fmt.Fprintln(out, err)
			return errSilent
		}
		for _, w := range cfg.Warnings {
			fmt.Fprintf(out, "warning: %v\n", w)
		}
		fmt.Fprintf(out, "%s and %s are right: %s, %s, %s, %s.\n", *file, cfg.MappingFile,
			count(len(cfg.Accounts()), "connector"), count(len(cfg.Rules.Teams()), "team"),
			count(len(cfg.Rules.Goals()), "goal"), count(len(cfg.Rules.RuleNames()), "rule"))
		if *withStore {
			return checkStore(ctx, out, cfg.Store)
		}
		return nil
	}
}

func checkStore(ctx context.Context, out io.Writer, cfg store.Config) error {
	report, err := store.Check(ctx, cfg)
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w: stop alignd first, or check a copy", err)
	case err != nil:
		return err
	}
	for _, c := range report.Connectors {
		complete := "never read to the end"
		if !c.Watermark.IsZero() {
			complete = "complete up to " + c.Watermark.Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s: %s, %s\n", c.Name, count(c.Tickets, "ticket"), complete)
	}
	if len(report.Problems) == 0 {
		fmt.Fprintf(out, "%s is whole.\n", cfg.Path)
		return nil
	}
	for _, problem := range report.Problems {
		fmt.Fprintf(out, "damage: %v\n", problem)
	}
	fmt.Fprintf(out, "%s is damaged: put a backup in its place, or move it away to have everything read again.\n", cfg.Path)
	return errSilent
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
