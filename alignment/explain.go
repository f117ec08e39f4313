package alignment

import (
	"slices"
	"strings"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// Explanation says what the rules make of one ticket.
type Explanation struct {
	Ticket    ticket.Ticket // as last read
	Team      string        // empty: in no declared team, so it takes no work
	Watermark time.Time     // zero if the connector has not completed a walk
	Now       Verdict       // as of the last reading
	History   []Verdict     // basis then, oldest first; the first starts at the creation
	// Trials are the rules held against the ticket as last read, and then
	// against each ancestor until one matched.
	Trials []Trial
	Work   []WindowWork // what the ticket carries in the rolling windows and the period
}

// Trial is the rules held against one ticket, in file order.
type Trial struct {
	Key, Title, Type string
	Steps            []mapping.Step
}

// WindowWork is the work of one ticket in one window, basis then.
type WindowWork struct {
	Window string
	Units  [unitCount]int64 // see Unit for what they count
}

// Verdict is what the rules say of a ticket from an instant on.
type Verdict struct {
	From     time.Time
	Cells    []CellShare
	Excluded bool
	Rules    []string // names of the rules that decided, in file order
	// Ancestor is where the verdict is inherited from, nil if the ticket
	// matched by itself or nothing matched.
	Ancestor *Ancestor
	// Backfilled says that nothing was known at the time and the first later
	// knowledge counts.
	Backfilled bool
}

// CellShare is a cell's part of a ticket's work.
type CellShare struct {
	Cell  Cell
	Share float64
}

// Ancestor names the ticket a verdict is inherited from.
type Ancestor struct {
	Key, Title, Type string
	Distance         int // 1 for a parent or group, 2 for theirs, ...
}

// Explain returns what the rules say of the tickets that have or once had the
// given key, in every connector that has one, through the functions Compute
// uses. An unknown key gives none.
func Explain(in Input, key string) []Explanation {
	var found []ticket.Ticket
	for tk := range in.Tickets.Tickets() {
		if hasKey(tk, key) {
			found = append(found, tk.Clone())
		}
	}
	out := make([]Explanation, 0, len(found))
	for i := range found {
		out = append(out, explain(in, &found[i]))
	}
	addWindows(in, out)
	return out
}

// addWindows fills in what the tickets carry.
func addWindows(in Input, explanations []Explanation) {
	views := newTeamViews(in.Rules, in.Watermarks)
	for i := range explanations {
		e := &explanations[i]
		t := in.Rules.TeamOf(e.Ticket.ID.Connector, e.Ticket.Project)
		if t < 0 || !views[t].known {
			continue
		}
		windows := frames(views[t].today, in.Rules.Period())
		all := frame{from: endOfDates, to: beforeAllDates}
		for _, f := range windows {
			e.Work = append(e.Work, WindowWork{Window: f.name})
			all.from, all.to = min(all.from, f.from), max(all.to, f.to)
		}
		bookings(in, all, AllTeams, func(w *teamWork, booked entry) {
			if booked.basis != Then || w.members[booked.member].tk.ID != e.Ticket.ID {
				return
			}
			for j, f := range windows {
				if booked.day >= f.from && booked.day < f.to {
					e.Work[j].Units[booked.unit] += booked.amount
				}
			}
		})
	}
}

func hasKey(tk *ticket.Ticket, key string) bool {
	same := func(k string) bool { return k != "" && strings.EqualFold(k, key) }
	return same(tk.Key) || slices.ContainsFunc(tk.Former, same)
}

func explain(in Input, tk *ticket.Ticket) Explanation {
	view := viewFor(in, tk)
	upTo := view.watermark
	// What was read after the watermark is not in the numbers yet, but the
	// latest facts are what people ask about.
	view.watermark = max(view.watermark, tk.Updated.UnixMicro(), tk.Created.UnixMicro())
	f := &facts{place: map[ticket.ID]int32{}}
	f.add(tk)
	f.fetchAncestors(in.Tickets)
	b := newBook(in.Rules, &view, f)
	n := b.node(0)
	e := Explanation{Ticket: *tk}
	if view.known {
		e.Watermark = time.UnixMicro(upTo).UTC()
	}
	e.Ticket = *n.tk
	if t := in.Rules.TeamOf(tk.ID.Connector, n.tk.Project); t >= 0 {
		e.Team = in.Rules.Teams()[t].ID
	}
	now := b.resolve(n, view.watermark)
	e.Now = b.describe(now, view.watermark)
	e.Trials = b.trials(n, view.watermark)
	if e.Now.Excluded { // for all time, see verdicts
		e.History = []Verdict{b.describe(now, n.tk.Created.UnixMicro())}
		return e
	}
	verdicts := b.verdicts(n)
	for i, v := range verdicts {
		end := view.watermark
		if i+1 < len(verdicts) {
			end = verdicts[i+1].from
		}
		for at := v.from; at < end; at = b.nextStatusChange(v.value.match, at) {
			e.History = append(e.History, b.describe(v.value, at))
		}
	}
	return e
}

// viewFor returns the view of the team a ticket is in; for a ticket in no team
// a view in UTC up to its connector's watermark.
func viewFor(in Input, tk *ticket.Ticket) teamView {
	if t := in.Rules.TeamOf(tk.ID.Connector, tk.Project); t >= 0 {
		if v := newTeamViews(in.Rules, in.Watermarks)[t]; v.known {
			return v
		}
	}
	at, known := in.Watermarks[tk.ID.Connector]
	if !known {
		at = in.Now
	}
	return teamView{index: -1, team: &mapping.Team{Location: time.UTC}, known: known, watermark: at.UnixMicro()}
}

func (b *book) describe(v verdict, at int64) Verdict {
	out := Verdict{
		From:       time.UnixMicro(at).UTC(),
		Excluded:   v.match.Kind == mapping.Excluded,
		Backfilled: v.filled,
	}
	for _, r := range v.match.Rules {
		out.Rules = append(out.Rules, b.rules.RuleNames()[r])
	}
	if v.distance > 0 {
		tk := v.source.tk
		out.Ancestor = &Ancestor{Key: tk.Key, Title: tk.Title, Type: tk.Type, Distance: v.distance}
	}
	if out.Excluded {
		return out
	}
	var weights int64
	parts := b.parts(v.match, at)
	for _, p := range parts {
		weights += p.weight
	}
	for _, p := range parts {
		out.Cells = append(out.Cells, CellShare{b.cells.cells[p.cell], float64(p.weight) / float64(weights)})
	}
	return out
}

// trials holds the rules against a ticket and its ancestors as of t, nearest
// first, until one matches: the way of resolve.
func (b *book) trials(n *node, t int64) []Trial {
	var out []Trial
	n.lineage(t, func(x *node, _ int) bool {
		tk := asOf(x.tk, t)
		if tk == nil {
			return true
		}
		var facts mapping.Facts
		b.nameFacts(tk, &facts)
		if b.rules.NeedsAncestors() {
			b.nameAncestors(x, t, &facts)
		}
		out = append(out, Trial{Key: tk.Key, Title: tk.Title, Type: tk.Type, Steps: b.rules.Explain(&facts)})
		return b.matchAt(x, t).Kind == mapping.NoMatch
	})
	return out
}
