package alignment

import (
	"cmp"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/ticket"
)

// Plan says what another mapping would change in the numbers of today.
type Plan struct {
	Changes   []string        `json:"changes"`    // of the mapping, in sentences: see mapping.RuleSet.Changes
	Moves     []Move          `json:"moves"`      // of tickets between places, most work first
	Shares    []ShareChange   `json:"shares"`     // of classes and goals, in the order of teams and windows
	Reasons   []ShareChange   `json:"reasons"`    // of off-plan work by reason, likewise
	DeadRules []string        `json:"dead_rules"` // rules without a ticket in 28 days, that are new or had some before
	Conflicts Conflicts       `json:"conflicts"`
	Episodes  []EpisodeChange `json:"episodes"`
	Names     Names           `json:"names"`
}

// Names are what people call teams, goals and reasons, by id: in the other
// mapping, or in the present one where that has none.
type Names struct {
	Teams   map[string]string `json:"teams"`
	Goals   map[string]string `json:"goals"`
	Reasons map[string]string `json:"reasons"`
}

func newNames(mappings ...*mapping.RuleSet) Names {
	n := Names{map[string]string{}, map[string]string{}, map[string]string{}}
	for _, rules := range mappings {
		for i := range rules.Teams() {
			n.Teams[rules.Teams()[i].ID] = rules.Teams()[i].Name
		}
		for i := range rules.Goals() {
			n.Goals[rules.Goals()[i].ID] = rules.Goals()[i].Name
		}
		for _, r := range rules.Reasons() {
			n.Reasons[r.ID] = r.Name
		}
	}
	return n
}

// Place is where a ticket counts as of the watermark.
type Place struct {
	Team     string `json:"team,omitempty"` // empty: in no team
	Excluded bool   `json:"excluded,omitempty"`
	Cells    string `json:"cells,omitempty"` // such as "aligned checkout", several joined by " + "
}

// Parts returns the cells that the work of a ticket goes to. Where there are
// several, they are of goals, whose ids have no spaces; the reason that a label
// gives may be any text.
func (p Place) Parts() []Cell {
	var parts []Cell
	for text := range strings.SplitSeq(p.Cells, cellJoint) {
		class, rest, _ := strings.Cut(text, " ")
		var c Cell
		if err := c.Class.UnmarshalText([]byte(class)); err != nil { // a part of a reason
			return []Cell{{Class: OffPlan, Reason: strings.TrimPrefix(p.Cells, OffPlan.String()+" ")}}
		}
		if c.Class == OffPlan {
			c.Reason = rest
		} else {
			c.Goal = rest
		}
		parts = append(parts, c)
	}
	return parts
}

// cellJoint stands between the cells of a place.
const cellJoint = " + "

// Move is the tickets that leave one place for another: those with work in the
// last 91 days, and the open ones.
type Move struct {
	From     Place         `json:"from"`
	To       Place         `json:"to"`
	Tickets  int           `json:"tickets"`
	Time     int64         `json:"time_nanoseconds"` // team time of the last 91 days
	Examples []TicketWorth `json:"examples"`         // with the most of it, at most planExamples
}

// TicketWorth is a ticket with its team time, of the last 91 days if nothing
// else is said.
type TicketWorth struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Time  int64  `json:"time_nanoseconds"`
}

// Empty reports whether the other mapping changes nothing.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 && p.IsCalm() }

// IsCalm reports whether all work and all episodes stay, whatever else changes.
func (p *Plan) IsCalm() bool {
	return len(p.Moves)+len(p.Shares)+len(p.Reasons)+len(p.DeadRules)+len(p.Episodes)+len(p.Conflicts.New) == 0 && p.Conflicts.Before == p.Conflicts.After
}

const planExamples = 5

// NewPlan compares the numbers under the rules of an input with those under
// others. The facts are the same.
func NewPlan(in Input, rules *mapping.RuleSet, log Log) *Plan {
	d := newDrafts(in, rules)
	p := &Plan{Moves: d.moves(), Names: newNames(in.Rules, rules)}
	p.Conflicts = newConflicts(d.was.contested(), d.is.contested(), in.Rules, rules)
	p.addShares(d.was.results(), d.is.results(), in.Rules, rules, in.Now)
	p.DeadRules = deadRules(d.was.ruleUse(d.facts), d.is.ruleUse(d.facts))
	was, is := d.histories()
	p.Episodes = episodeChanges(was.episodesDue(&log), is.episodesDue(&log))
	p.addChanges(in.Rules, rules)
	return p
}

// addChanges says how the mapping differs. Another order is only worth telling
// where it moves work.
func (p *Plan) addChanges(before, after *mapping.RuleSet) {
	if p.IsCalm() && after.IsReordered(before) {
		return
	}
	p.Changes = after.Changes(before)
}

// placed is where a ticket counts, and its work, under one mapping.
type placed struct {
	place Place
	time  int64 // nanoseconds of the last 91 days
}

// route is a way that tickets go.
type route struct{ from, to Place }

// mover gathers tickets that go the same way.
type mover struct{ sums map[route]*Move }

func newMover() *mover { return &mover{map[route]*Move{}} }

func (m *mover) note(tk *ticket.Ticket, was, is placed) {
	if was.place == is.place {
		return
	}
	r := route{was.place, is.place}
	sum := m.sums[r]
	if sum == nil {
		sum = &Move{From: r.from, To: r.to}
		m.sums[r] = sum
	}
	time := max(was.time, is.time)
	sum.Tickets++
	sum.Time += time
	sum.Examples = append(sum.Examples, TicketWorth{Key: tk.Key, Title: tk.Title, Time: time})
}

func (m *mover) moves() []Move {
	out := make([]Move, 0, len(m.sums))
	for _, sum := range m.sums {
		sum.Examples = topTickets(sum.Examples)
		out = append(out, *sum)
	}
	slices.SortFunc(out, func(x, y Move) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(y.Tickets, x.Tickets), comparePlaces(x.From, y.From), comparePlaces(x.To, y.To))
	})
	return out
}

// topTickets returns those with the most work.
func topTickets(all []TicketWorth) []TicketWorth {
	slices.SortFunc(all, func(x, y TicketWorth) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.Key, y.Key))
	})
	return all[:min(len(all), planExamples)]
}

func comparePlaces(x, y Place) int {
	return cmp.Or(cmp.Compare(x.Team, y.Team), cmp.Compare(x.Cells, y.Cells))
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
	p.Cells = strings.Join(cells, cellJoint)
	return p
}

// String writes the cell in words, such as "off_plan incident".
func (c Cell) String() string {
	return strings.TrimSpace(c.Class.String() + " " + c.Goal + c.Reason)
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
