package alignment

import (
	"fmt"

	"alignd/mapping"
	"alignd/ticket"
)

// Booking is an entry with its numbers resolved, for tests that look below a
// Snapshot.
type Booking struct {
	Ticket ticket.ID
	Team   string
	Day    mapping.Date
	Unit   Unit
	Basis  Basis
	Cell   Cell
	Amount int64
}

// Bookings returns every entry Compute makes of the input.
func Bookings(in Input) []Booking {
	teams := newTeamViews(in.Rules, in.Watermarks)
	f := gather(in.Tickets, in.Rules, teams)
	var out []Booking
	for i := range teams {
		if !teams[i].known {
			continue
		}
		w := newTeamWork(in.Rules, &teams[i], f)
		w.attribute(func(e entry) {
			out = append(out, Booking{
				Ticket: w.members[e.member].tk.ID, Team: teams[i].team.ID, Day: e.day,
				Unit: e.unit, Basis: e.basis, Cell: w.cells.cells[e.cell], Amount: e.amount,
			})
		})
	}
	return out
}

// NewWindow exposes the sum over any stretch of local days.
func NewWindow(in Input, team string, from, to mapping.Date) Window {
	teams := newTeamViews(in.Rules, in.Watermarks)
	f := gather(in.Tickets, in.Rules, teams)
	var tallies []*tally
	last := UnitPoints
	for i := range teams {
		if team == AllTeams || teams[i].team.ID == team {
			tallies = append(tallies, newTally(in.Rules, &teams[i], f))
		}
	}
	if team == AllTeams {
		last = UnitTickets
	}
	return sumOf(frame{"test", from, to}, tallies, last)
}

// The statistics below a Work.
var (
	Distances = distances
)

// ClosedWindows returns each window of a history that ends with a closed day,
// beside the same window added up ticket by ticket.
func ClosedWindows(in Input, team string, every int) (got, want []Window) {
	h := LookBack(in)
	teams := backViews(in)
	f := gather(in.Tickets, in.Rules, teams)
	p, last := h.company, UnitTickets
	var tallies []*tally
	for i := range teams {
		if team == AllTeams || teams[i].team.ID == team {
			tallies = append(tallies, newTally(in.Rules, &teams[i], f))
			if team != AllTeams {
				p, last = h.teams[i], UnitPoints
			}
		}
	}
	for d := p.days - 1; d > 0; d -= every {
		for _, length := range historyLengths {
			day := p.first + mapping.Date(d)
			got = append(got, p.window(day, length))
			want = append(want, sumOf(frame{fmt.Sprintf("%dd", length), day - length + 1, day + 1}, tallies, last))
		}
	}
	return got, want
}

// PlanTheLongWay compares two mappings through whole snapshots and histories.
func PlanTheLongWay(in Input, rules *mapping.RuleSet, log Log) *Plan {
	after := in
	after.Rules = rules
	was, is := Compute(in), Compute(after)
	p := &Plan{Moves: movesTheLongWay(in, after), DeadRules: deadRules(was.Rules, is.Rules), Names: newNames(in.Rules, rules)}
	p.Conflicts = newConflicts(contestedTheLongWay(in), contestedTheLongWay(after), in.Rules, rules)
	p.addShares(was.results(), is.results(), in.Rules, rules, in.Now)
	p.Episodes = episodeChanges(LookBack(in).episodesDue(&log), LookBack(after).episodesDue(&log))
	p.addChanges(in.Rules, rules)
	return p
}

func (s *Snapshot) results() []TeamResult { return append([]TeamResult{s.Company}, s.Teams...) }

func contestedTheLongWay(in Input) map[ticket.ID]*contested {
	views := newTeamViews(in.Rules, in.Watermarks)
	f := gather(in.Tickets, in.Rules, views)
	known := map[ticket.ID]*contested{}
	for i := range views {
		if !views[i].known {
			continue
		}
		t, since := newTally(in.Rules, &views[i], f), views[i].today-28+1
		for m := range t.membersSince(since) {
			sums, _ := sumWork(t.byMember[m], frame{from: since, to: views[i].today + 1})
			if t.now[m].match.Conflict {
				t.contest(known, m, sums[UnitTime])
			}
		}
	}
	return known
}

func movesTheLongWay(before, after Input) []Move {
	was, is := placesOf(before), placesOf(after)
	m := newMover()
	for id, old := range was {
		m.note(old.tk, old.placed, is[id].placed)
	}
	return m.moves()
}

type placedTicket struct {
	placed
	tk *ticket.Ticket
}

func placesOf(in Input) map[ticket.ID]placedTicket {
	views := newTeamViews(in.Rules, in.Watermarks)
	for i := range views {
		views[i].first = views[i].today - longestWindow + 1
	}
	since := horizon(views)
	f := gatherIf(in.Tickets, in.Rules, func(tk *ticket.Ticket) bool { return isOpen(tk) || carriesWork(tk, since) })
	out := map[ticket.ID]placedTicket{}
	for i := range f.known[:f.relevant] {
		out[f.known[i].tk.ID] = placedTicket{tk: f.known[i].tk}
	}
	for i := range views {
		if views[i].known {
			placeTeam(in.Rules, &views[i], f, out)
		}
	}
	return out
}

func placeTeam(rules *mapping.RuleSet, view *teamView, f *facts, out map[ticket.ID]placedTicket) {
	w := newTeamWork(rules, view, f)
	change := func(n *node, fn func(*placed)) {
		p := out[n.tk.ID]
		fn(&p.placed)
		out[n.tk.ID] = p
	}
	w.attribute(func(e entry) {
		if e.basis == Now && e.unit == UnitTime {
			change(w.members[e.member], func(p *placed) { p.time += e.amount })
		}
	})
	for i, n := range w.members {
		if team, _ := valueAt(n.teams, view.watermark); team == view.index {
			change(n, func(p *placed) { p.place = w.placeOf(w.now[i]) })
		}
	}
}

// PlannedCharts returns the charts under other rules, drawn from a whole
// history and from that of a plan.
func PlannedCharts(in Input, rules *mapping.RuleSet, log Log) (slow, fast []Drift) {
	_, history := newDrafts(in, rules).histories()
	fast, _ = history.charts(log, in.Now)
	in.Rules = rules
	slow, _ = LookBack(in).charts(log, in.Now)
	return slow, fast
}

// LookBackAtOnce looks back on groups of teams with about so many tickets.
func LookBackAtOnce(in Input, tickets int) *History { return lookBack(in, tickets) }
