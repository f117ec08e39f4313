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
