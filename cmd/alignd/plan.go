package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	c := app.Command("plan", "Say what another mapping would change before it counts: tickets that move, shares, rules without tickets, conflicts, episodes. "+
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
	return consult(ctx, f, config.Load, func(st store.Store, cfg *config.Config) (*alignment.Plan, error) {
		return daemon.Plan(ctx, st, cfg.Rules, rules)
	}, func(running asked) (*alignment.Plan, error) {
		p := &alignment.Plan{}
		return p, running.answer(ctx, http.MethodPost, daemon.PlanPath, text, p)
	})
}

func printPlan(out io.Writer, p *alignment.Plan, format string) error {
	if format == "json" {
		return printJSON(out, p)
	}
	w := planWriter{Writer: out, markdown: format == "markdown"}
	if p.Empty() {
		w.line("Nothing changes.")
		return nil
	}
	w.moves(p.Moves)
	w.shares(p.Shares)
	w.rest(p)
	return nil
}

// planWriter writes a plan for people.
type planWriter struct {
	io.Writer
	markdown bool
}

func (w planWriter) line(format string, args ...any) { printLine(w, format, args...) }

func (w planWriter) heading(text string) {
	if w.markdown {
		w.line("### %s", text)
		w.line("")
		return
	}
	w.line("%s", text)
}

func (w planWriter) item(indent int, format string, args ...any) {
	bullet := "  "
	if w.markdown {
		bullet = "- "
	}
	w.line(strings.Repeat("  ", indent)+bullet+format, args...)
}

// title returns a title as nothing but text: in Markdown as code, where nobody
// is mentioned and nothing is a link.
func (w planWriter) title(title string) string {
	title = oneLine(title)
	if w.markdown {
		return "`" + strings.ReplaceAll(title, "`", "'") + "`"
	}
	return title
}

func (w planWriter) moves(moves []alignment.Move) {
	if len(moves) == 0 {
		return
	}
	w.heading("Tickets that would count elsewhere: those with work in the last 91 days, and open ones")
	for _, m := range moves {
		team := m.To.Team
		if team == "" {
			team = m.From.Team
		}
		w.item(0, "%s: %s -> %s, %s, %s of team time", team, m.From, m.To, count(m.Tickets, "ticket"), hours(m.Time))
		for _, tk := range m.Examples {
			w.item(1, "%s %s (%s)", tk.Key, w.title(tk.Title), hours(tk.Time))
		}
	}
	w.line("")
}

func hours(nanoseconds int64) string {
	return fmt.Sprintf("%.0f h", time.Duration(nanoseconds).Hours())
}

func (w planWriter) shares(shares []alignment.ShareChange) {
	var shown []alignment.ShareChange
	for _, s := range shares {
		if s.Window == "28d" && s.Unit == alignment.UnitTime {
			shown = append(shown, s)
		}
	}
	if len(shares) == 0 {
		return
	}
	w.heading("Shares of team time over 28 days (all windows and units: --format=json)")
	if len(shown) == 0 {
		w.item(0, "stay; other windows or units change")
	}
	for _, s := range shown {
		what := s.Class
		if s.Goal != "" {
			what = "goal " + s.Goal
		}
		w.item(0, "%s, %s, basis %s: %s -> %s", s.Team, what, s.Basis, shareText(s.Before), shareText(s.After))
	}
	w.line("")
}

func shareText(share *float64) string {
	if share == nil {
		return "nothing"
	}
	return fmt.Sprintf("%.1f%%", *share*100)
}

func (w planWriter) rest(p *alignment.Plan) {
	if len(p.DeadRules) > 0 {
		w.heading("Rules that no ticket of the last 28 days matches")
		for _, r := range p.DeadRules {
			w.item(0, "%s", r)
		}
		w.line("")
	}
	if p.Conflicts.Before != p.Conflicts.After {
		w.heading(fmt.Sprintf("Tickets that match several goals: %d -> %d", p.Conflicts.Before, p.Conflicts.After))
		if !w.markdown { // where a heading ends with an empty line
			w.line("")
		}
	}
	if len(p.Episodes) > 0 {
		w.heading("Episodes of drift, if the next week is like the last ones")
		for _, e := range p.Episodes {
			name := "team " + e.Series.Team
			if e.Series.Goal != "" {
				name = "goal " + e.Series.Goal
			}
			if e.Opens {
				w.item(0, "%s: one would open, %s", name, e.Direction)
			} else {
				w.item(0, "%s: the open one would end", name)
			}
		}
	}
}
