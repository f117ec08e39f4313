package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/web"
)

func printPlan(out io.Writer, p *alignment.Plan, format string) error {
	if format == "json" {
		return printJSON(out, p)
	}
	w := &planWriter{Writer: out, markdown: format == "markdown", names: p.Names}
	if p.Empty() {
		w.line("Nothing changes.")
		return nil
	}
	w.changes(p)
	w.moves(p.Moves)
	w.shares(slices.Concat(p.Shares, p.Reasons))
	w.deadRules(p.DeadRules)
	w.conflicts(p.Conflicts)
	w.episodes(p.Episodes)
	return nil
}

// planWriter writes a plan for people.
type planWriter struct {
	io.Writer
	markdown bool
	names    alignment.Names

	begun  bool // something stands above
	headed bool // that is a heading
}

func (w *planWriter) line(format string, args ...any) { printLine(w, format, args...) }

// gap sets off what comes next.
func (w *planWriter) gap() {
	if w.begun {
		w.line("")
	}
	w.begun, w.headed = true, false
}

func (w *planWriter) heading(format string, args ...any) {
	w.gap()
	if w.headed = true; w.markdown {
		format = "### " + format
	}
	w.line(format, args...)
}

func (w *planWriter) item(indent int, format string, args ...any) {
	bullet := "  "
	if w.markdown {
		bullet = "- "
		if w.headed {
			w.line("")
		}
	}
	w.headed = false
	w.line(strings.Repeat("  ", indent)+bullet+format, args...)
}

// text returns what somebody wrote as nothing but text: in Markdown as code, where
// nobody is mentioned and nothing is a link.
func (w *planWriter) text(written string) string {
	written = printable(written)
	if w.markdown {
		return "`" + strings.ReplaceAll(written, "`", "'") + "`"
	}
	return written
}

// named returns the name of an id, with the id where another has the same name.
func (w *planWriter) named(names map[string]string, id string) string {
	name := cmp.Or(names[id], id)
	for other, same := range names {
		if other != id && cmp.Or(same, other) == name {
			return fmt.Sprintf("%s (%s)", w.text(name), id)
		}
	}
	return w.text(name)
}

func (w *planWriter) team(id string) string {
	if id == alignment.AllTeams {
		return "The whole company"
	}
	return w.named(w.names.Teams, id)
}

// whose says which team loses tickets to which, if it is not the same one.
func (w *planWriter) whose(from, to string) string {
	if from == "" || to == "" || from == to {
		return w.team(cmp.Or(to, from))
	}
	return w.team(from) + " -> " + w.team(to)
}

func (w *planWriter) goal(id string) string { return w.named(w.names.Goals, id) }

func (w *planWriter) reason(id string) string { return w.named(w.names.Reasons, id) }

// place says where a ticket counts, in the words of the pages.
func (w *planWriter) place(p alignment.Place) string {
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

// changes says first what differs in the file, as the revisions will.
func (w *planWriter) changes(p *alignment.Plan) {
	if len(p.Changes) == 0 {
		return
	}
	w.heading("What would differ in the mapping")
	for _, words := range p.Changes {
		w.item(0, "%s", w.text(words))
	}
	if p.IsCalm() {
		w.gap()
		w.line("No ticket would count elsewhere today, and no share or episode would change.")
	}
}

func (w *planWriter) moves(moves []alignment.Move) {
	if len(moves) == 0 {
		return
	}
	w.heading("Tickets that would count elsewhere: those with work in the last 91 days, and open ones")
	for _, m := range moves {
		w.item(0, "%s: %s -> %s, %s, %s of team time", w.whose(m.From.Team, m.To.Team), w.place(m.From), w.place(m.To), count(m.Tickets, "ticket"), hours(m.Time))
		w.examples(m.Examples)
	}
}

func (w *planWriter) examples(tickets []alignment.TicketWorth) {
	for _, tk := range tickets {
		w.item(1, "%s %s (%s)", tk.Key, w.text(oneLine(tk.Title)), hours(tk.Time))
	}
}

func hours(nanoseconds int64) string {
	return fmt.Sprintf("%.0f h", time.Duration(nanoseconds).Hours())
}

func (w *planWriter) deadRules(rules []string) {
	if len(rules) > 0 {
		w.heading("Rules that no ticket of the last 28 days matches")
	}
	for _, r := range rules {
		w.item(0, "%s", w.text(r))
	}
}

// mostConflicts bounds the pairs of rules that people get to read.
const mostConflicts = 10

func (w *planWriter) conflicts(c alignment.Conflicts) {
	if c.Before == c.After && len(c.New) == 0 {
		return
	}
	w.heading("Tickets of the last 28 days that match several goals: %d -> %d", c.Before, c.After)
	for i, n := range c.New {
		if i == mostConflicts {
			w.item(0, "and %s (all: --format=json)", count(len(c.New)-i, "more pair")+" of rules")
			break
		}
		w.item(0, "new: %s and %s match the same %s", w.rule(n.Rules[0]), w.rule(n.Rules[1]), count(n.Tickets, "ticket"))
		w.examples(n.Examples)
	}
}

// rule names a rule as check does.
func (w *planWriter) rule(r alignment.GoalRule) string {
	name := w.text(r.Name)
	if !w.markdown {
		name = strconv.Quote(r.Name)
	}
	goals := make([]string, len(r.Goals))
	for i, id := range r.Goals {
		goals[i] = w.goal(id)
	}
	if len(goals) == 1 {
		return fmt.Sprintf("rule %s (goal %s)", name, goals[0])
	}
	return fmt.Sprintf("rule %s (goals %s)", name, strings.Join(goals, ", "))
}

func (w *planWriter) episodes(changes []alignment.EpisodeChange) {
	if len(changes) > 0 {
		w.heading("Episodes of drift, if the next week is like the last ones")
	}
	for _, e := range changes {
		name := "team " + w.team(e.Series.Team)
		if e.Series.Goal != "" {
			name = "goal " + w.goal(e.Series.Goal)
		}
		switch {
		case e.Opens:
			w.item(0, "%s: one would open, %s", name, e.Direction)
		case e.Gone:
			w.item(0, "%s: the open one would vanish, as nothing is watched there any more", name)
		case e.How == alignment.NewReference:
			w.item(0, "%s: the open one would end: another target or a pause", name)
		default:
			w.item(0, "%s: the open one would end", name)
		}
	}
}
