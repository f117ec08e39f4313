package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
)

// errChanges is the exit code of a plan that changes something, like that of
// diff.
const errChanges = exitCode(2)

func addPlan(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("plan", "Say what another mapping would change before it counts: what differs in it, tickets that move, shares, rules without tickets, conflicts, episodes. "+
		"Works beside a running alignd and on the store of a stopped one. Exit code 0 if nothing changes, 2 if something does, 1 if that cannot be said.")
	path := c.Arg("mapping", "The other mapping file.").Required().ExistingFile()
	format := c.Flag("format", "text for people, markdown for a comment on a review, json for machines.").Default("text").Enum("text", "markdown", "json")
	f := addAskFlags(c)
	return c, func(ctx context.Context, out io.Writer) error {
		text, err := os.ReadFile(*path)
		if err != nil {
			return err
		}
		rules, err := mapping.Parse(filepath.Base(*path), text)
		if err != nil {
			return fmt.Errorf("the mapping is not right:\n%w", err)
		}
		p, err := planFor(ctx, f, text, rules)
		if err != nil {
			return err
		}
		if err := printPlan(out, p, *format); err != nil {
			return err
		}
		if p.Empty() {
			return nil
		}
		return errChanges
	}
}

// planFor compares with the mapping in force, or with that of a stopped alignd.
func planFor(ctx context.Context, f askFlags, text []byte, rules *mapping.RuleSet) (*alignment.Plan, error) {
	return consult(ctx, f, config.Review, func(st store.Store, cfg *config.Config) (*alignment.Plan, error) {
		if err := cfg.CheckConnectors(rules); err != nil {
			return nil, fmt.Errorf("the mapping is not right:\n%w", err)
		}
		return daemon.Plan(ctx, st, cfg.Rules, rules)
	}, func(running asked) (*alignment.Plan, error) {
		p := &alignment.Plan{}
		return p, running.answer(ctx, http.MethodPost, daemon.PlanPath, text, p)
	})
}
