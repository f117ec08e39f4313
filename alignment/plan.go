package alignment

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/ticket"
)

// Plan says what another mapping would change in the numbers of today.
type Plan struct {
	Moves     []Move          `json:"moves"`      // of tickets between places, most work first
	Shares    []ShareChange   `json:"shares"`     // of classes and goals, in the order of teams and windows
	DeadRules []string        `json:"dead_rules"` // rules without a ticket in 28 days, that are new or had some before
	Conflicts Conflicts       `json:"conflicts"`
	Episodes  []EpisodeChange `json:"episodes"`
}

// Conflicts are the numbers of tickets of the last 28 days that match several
// goals.
type Conflicts struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// Place is where a ticket counts as of the watermark.
type Place struct {
	Team     string `json:"team,omitempty"` // empty: in no team
	Excluded bool   `json:"excluded,omitempty"`
	Cells    string `json:"cells,omitempty"` // such as "aligned checkout", several joined by " + "
}

// String writes the place in words.
func (p Place) String() string {
	switch {
	case p.Team == "":
		return "in no team"
	case p.Excluded:
		return "left out"
	}
	return p.Cells
}

// Move is the tickets that leave one place for another: those with work in the
// last 91 days, and the open ones.
type Move struct {
	From     Place         `json:"from"`
	To       Place         `json:"to"`
	Tickets  int           `json:"tickets"`
	Time     int64         `json:"time_nanoseconds"` // team time of the last 91 days
	Examples []TicketWorth `json:"examples"`         // with the most of it, at most planExamples
}

// TicketWorth is a ticket with its team time of the last 91 days.
type TicketWorth struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Time  int64  `json:"time_nanoseconds"`
}

// ShareChange is a share before and after; nil where there is none.
type ShareChange struct {
	Team   string   `json:"team"`
	Window string   `json:"window"`
	Unit   Unit     `json:"unit"`
	Basis  Basis    `json:"basis"`
	Class  string   `json:"class"`
	Goal   string   `json:"goal,omitempty"` // a goal's aligned share; empty for the class
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// EpisodeChange is what would become of an episode: it opens with the next
// week that is like the last ones, or it ends then.
type EpisodeChange struct {
	Series    Series    `json:"series"`
	Direction Direction `json:"direction"`
	Opens     bool      `json:"opens"`
}

// Empty reports whether the other mapping changes nothing.
func (p *Plan) Empty() bool {
	return len(p.Moves)+len(p.Shares)+len(p.DeadRules)+len(p.Episodes) == 0 && p.Conflicts.Before == p.Conflicts.After
}

const planExamples = 5

// planNoise is the change of a share that is not worth telling.
const planNoise = 0.0005

// NewPlan compares the numbers under the rules of an input with those under
// others. The facts are the same.
func NewPlan(in Input, rules *mapping.RuleSet, log Log) *Plan {
	after := in
	after.Rules = rules
	p := &Plan{Moves: moves(in, after)}
	was, is := Compute(in), Compute(after)
	p.Shares = shareChanges(was, is)
	p.DeadRules = deadRules(was.Rules, is.Rules)
	p.Conflicts = Conflicts{was.Conflicts, is.Conflicts}
	p.Episodes = episodeChanges(in, after, log)
	return p
}

// placed is a ticket with its place and work under one mapping.
type placed struct {
	place Place
	tk    *ticket.Ticket
	time  int64 // nanoseconds
}

func moves(before, after Input) []Move {
	was, is := places(before), places(after)
	type route struct{ from, to Place }
	sums := map[route]*Move{}
	for id, old := range was {
		now := is[id]
		if old.place == now.place {
			continue
		}
		r := route{old.place, now.place}
		if sums[r] == nil {
			sums[r] = &Move{From: r.from, To: r.to}
		}
		sums[r].add(old, now)
	}
	out := make([]Move, 0, len(sums))
	for _, m := range sums {
		slices.SortFunc(m.Examples, func(x, y TicketWorth) int {
			return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.Key, y.Key))
		})
		m.Examples = m.Examples[:min(len(m.Examples), planExamples)]
		out = append(out, *m)
	}
	slices.SortFunc(out, func(x, y Move) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(y.Tickets, x.Tickets), comparePlaces(x.From, y.From), comparePlaces(x.To, y.To))
	})
	return out
}

func comparePlaces(x, y Place) int {
	return cmp.Or(cmp.Compare(x.Team, y.Team), cmp.Compare(x.Cells, y.Cells))
}

func (m *Move) add(was, is placed) {
	m.Tickets++
	m.Time += max(was.time, is.time)
	m.Examples = append(m.Examples, TicketWorth{Key: was.tk.Key, Title: was.tk.Title, Time: max(was.time, is.time)})
}

// places returns where each ticket counts that has work in the last 91 days or
// is open.
func places(in Input) map[ticket.ID]placed {
	views := newTeamViews(in.Rules, in.Watermarks)
	for i := range views {
		views[i].first = views[i].today - longestWindow + 1
	}
	since := horizon(views)
	f := gatherIf(in.Tickets, in.Rules, func(tk *ticket.Ticket) bool {
		open := tk.State == ticket.StateTodo || tk.State == ticket.StateActive
		return open || carriesWork(tk, since)
	})
	out := map[ticket.ID]placed{}
	for i := range f.known[:f.relevant] {
		tk := f.known[i].tk
		out[tk.ID] = placed{tk: tk}
	}
	for i := range views {
		if views[i].known {
			placeTeam(in.Rules, &views[i], f, out)
		}
	}
	return out
}

// placeTeam fills in the tickets that are in a team now, and the work it did.
func placeTeam(rules *mapping.RuleSet, view *teamView, f *facts, out map[ticket.ID]placed) {
	w := newTeamWork(rules, view, f)
	w.attribute(func(e entry) {
		if e.basis == Now && e.unit == UnitTime {
			id := w.members[e.member].tk.ID
			p := out[id]
			p.time += e.amount
			out[id] = p
		}
	})
	for i, n := range w.members {
		if team, _ := valueAt(n.teams, view.watermark); team != view.index {
			continue
		}
		p := out[n.tk.ID]
		p.place = w.placeOf(w.now[i])
		out[n.tk.ID] = p
	}
}

func (w *teamWork) placeOf(v verdict) Place {
	p := Place{Team: w.view.team.ID, Excluded: v.match.Kind == mapping.Excluded}
	if p.Excluded {
		return p
	}
	var cells []string
	for _, part := range w.parts(v.match, w.view.watermark) {
		cells = append(cells, w.cells.cells[part.cell].String())
	}
	p.Cells = strings.Join(cells, " + ")
	return p
}

// String writes the cell in words, such as "off_plan incident".
func (c Cell) String() string {
	return strings.TrimSpace(c.Class.String() + " " + c.Goal + c.Reason)
}

// shareChanges lists the shares that differ between two snapshots, matched by
// team and window.
func shareChanges(was, is *Snapshot) []ShareChange {
	old := map[string]*TeamResult{}
	for _, t := range was.results() {
		old[t.ID] = t
	}
	var out []ShareChange
	for _, t := range is.results() {
		before := old[t.ID]
		if before == nil {
			before = &TeamResult{}
		}
		for i := range t.Windows {
			w := &t.Windows[i]
			at := slices.IndexFunc(before.Windows, func(b Window) bool { return b.Name == w.Name })
			b := &Window{}
			if at >= 0 {
				b = &before.Windows[at]
			}
			out = append(out, windowChanges(t.ID, b, w, is.Goals)...)
		}
	}
	return out
}

func (s *Snapshot) results() []*TeamResult {
	out := []*TeamResult{&s.Company}
	for i := range s.Teams {
		out = append(out, &s.Teams[i])
	}
	return out
}

func windowChanges(team string, was, is *Window, goals []mapping.Goal) (out []ShareChange) {
	for _, u := range Units {
		for _, b := range Bases {
			note := func(class Class, goal string, share func(*Work) (Share, bool)) {
				c := ShareChange{Team: team, Window: is.Name, Unit: u, Basis: b, Class: class.String(), Goal: goal}
				c.Before, c.After = valueOf(share(&was.Units[u])), valueOf(share(&is.Units[u]))
				if c.differs() {
					out = append(out, c)
				}
			}
			for _, class := range Classes {
				note(class, "", func(w *Work) (Share, bool) { return w.ClassShare(b, class) })
			}
			for _, g := range goals {
				note(Aligned, g.ID, func(w *Work) (Share, bool) { return w.GoalShare(b, g.ID) })
			}
		}
	}
	return out
}

func valueOf(s Share, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &s.Value
}

func (c *ShareChange) differs() bool {
	if c.Before == nil || c.After == nil {
		return c.Before != c.After
	}
	return math.Abs(*c.After-*c.Before) >= planNoise
}

// deadRules lists the rules that match nothing, unless they already did not.
func deadRules(was, is []RuleUse) []string {
	before := map[string]int{}
	for _, r := range was {
		before[r.Rule] = r.Tickets + 1
	}
	var out []string
	for _, r := range is {
		if r.Tickets == 0 && before[r.Rule] != 1 {
			out = append(out, r.Rule)
		}
	}
	return out
}

// episodeChanges compares what is due on each chart.
func episodeChanges(before, after Input, log Log) []EpisodeChange {
	was, is := episodesDue(before, log), episodesDue(after, log)
	changed := slices.DeleteFunc(slices.Collect(maps.Keys(is)), func(c EpisodeChange) bool { return was[c] })
	slices.SortFunc(changed, func(x, y EpisodeChange) int {
		return cmp.Or(cmp.Compare(x.Series.String(), y.Series.String()), cmp.Compare(x.Direction, y.Direction))
	})
	return changed
}

func episodesDue(in Input, log Log) map[EpisodeChange]bool {
	drifts, _ := LookBack(in).charts(log, in.Now)
	due := map[EpisodeChange]bool{}
	for i := range drifts {
		d := &drifts[i]
		raise, ends := d.Due()
		switch {
		case raise != 0:
			due[EpisodeChange{d.Series, raise, true}] = true
		case ends:
			due[EpisodeChange{d.Series, d.Open().Direction, false}] = true
		}
	}
	return due
}
