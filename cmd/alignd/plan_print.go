package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/web"
)

func printPlan(out io.Writer, p *alignment.Plan, format string) error {
	if format == "json" {
		return printJSON(out, p)
	}
	w := planWriter{Writer: out, markdown: format == "markdown", names: p.Names}
	if p.Empty() {
		w.line("Nothing changes.")
		return nil
	}
	w.changes(p)
	w.moves(p.Moves)
	w.shares(slices.Concat(p.Shares, p.Reasons))
	w.rest(p)
	return nil
}

// planWriter writes a plan for people.
type planWriter struct {
	io.Writer
	markdown bool
	names    alignment.Names
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

// title returns a title or name as nothing but text: in Markdown as code, where nobody
// is mentioned and nothing is a link.
func (w planWriter) title(title string) string {
	title = oneLine(title)
	if w.markdown {
		return "`" + strings.ReplaceAll(title, "`", "'") + "`"
	}
	return title
}

func (w planWriter) team(id string) string {
	if id == alignment.AllTeams {
		return "The whole company"
	}
	return w.title(cmp.Or(w.names.Teams[id], id))
}

// whose says which team loses tickets to which, if it is not the same one.
func (w planWriter) whose(from, to string) string {
	if from == "" || to == "" || from == to {
		return w.team(cmp.Or(to, from))
	}
	return w.team(from) + " -> " + w.team(to)
}

func (w planWriter) goal(id string) string { return w.title(cmp.Or(w.names.Goals[id], id)) }

func (w planWriter) reason(id string) string { return w.title(cmp.Or(w.names.Reasons[id], id)) }

// place says where a ticket counts, in the words of the pages.
func (w planWriter) place(p alignment.Place) string {
	switch {
	case p.Team == "":
		return "in no team"
	case p.Excluded:
		return "taken out of all numbers"
	}
	var words []string
	for _, c := range p.Parts() {
		words = append(words, web.CellText(c, w.goal, w.reason))
	}
	return strings.Join(words, " + ")
}

// share says whose share has changed.
func (w planWriter) share(s *alignment.ShareChange) string {
	c := alignment.Cell{Goal: s.Goal, Reason: s.Reason}
	_ = c.Class.UnmarshalText([]byte(s.Class)) // it was written by String
	switch {
	case s.Goal == "" && s.Reason == "":
		return web.ClassText(c.Class)
	case s.Reason == alignment.NoReason:
		c.Reason = ""
	case s.Reason == alignment.OtherReason:
		return web.ClassText(c.Class) + ": reasons that are not declared"
	}
	return web.CellText(c, w.goal, w.reason)
}

// changes says first what differs in the file, as the revisions will.
func (w planWriter) changes(p *alignment.Plan) {
	if len(p.Changes) == 0 {
		return
	}
	w.heading("What would differ in the mapping")
	for _, words := range p.Changes {
		w.item(0, "%s", w.title(words))
	}
	w.line("")
	if p.IsCalm() {
		w.line("No ticket would count elsewhere today, and no share or episode would change.")
	}
}

func (w planWriter) moves(moves []alignment.Move) {
	if len(moves) == 0 {
		return
	}
	w.heading("Tickets that would count elsewhere: those with work in the last 91 days, and open ones")
	for _, m := range moves {
		w.item(0, "%s: %s -> %s, %s, %s of team time", w.whose(m.From.Team, m.To.Team), w.place(m.From), w.place(m.To), count(m.Tickets, "ticket"), hours(m.Time))
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
		w.item(0, "%s, %s, %s: %s -> %s", w.team(s.Team), w.share(&s), web.BasisText(s.Basis), shareText(s.Before), shareText(s.After))
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
			w.item(0, "%s", w.title(r))
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
			name := "team " + w.team(e.Series.Team)
			if e.Series.Goal != "" {
				name = "goal " + w.goal(e.Series.Goal)
			}
			switch {
			case e.Opens:
				w.item(0, "%s: one would open, %s", name, e.Direction)
			case e.How == alignment.NewReference:
				w.item(0, "%s: the open one would end: another target or a pause", name)
			default:
				w.item(0, "%s: the open one would end", name)
			}
		}
	}
}
