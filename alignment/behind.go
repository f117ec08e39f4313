package alignment

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// Question names an amount of work that a Snapshot or a scrape shows.
type Question struct {
	Team   string // id, or AllTeams
	Window string // 7d, 28d, 91d, period, or an ISO week such as 2026-W10
	Unit   Unit
	Basis  Basis
	// Class, Goal and Reason narrow it down to some cells; nil takes all.
	Class  *Class
	Goal   *string
	Reason *string
}

// Answer is an amount with the tickets behind it.
type Answer struct {
	From, To mapping.Date // local days of the window, To excluded
	// Amount is what the tickets add up to, exactly; Total is all work of the
	// same team, window and unit. See Unit for what they count.
	Amount, Total int64
	Tickets       []TicketAmount // largest first
}

// TicketAmount is the part of one ticket.
type TicketAmount struct {
	ID         ticket.ID
	Key, Title string
	Team       string
	Cell       Cell
	Amount     int64
}

// Behind returns the tickets behind a number, through the bookings that
// Compute adds up. An error says what is not known, and what is.
func Behind(in Input, q Question) (Answer, error) {
	views := newTeamViews(in.Rules, in.Watermarks)
	f, err := q.frame(in.Rules, views)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{From: f.from, To: f.to}
	type place struct {
		id   ticket.ID
		team string
		cell Cell
	}
	parts := map[place]*TicketAmount{}
	bookings(in, f, func(w *teamWork, e entry) {
		if e.unit != q.Unit || e.basis != q.Basis || q.Team != AllTeams && q.Team != w.view.team.ID {
			return
		}
		a.Total += e.amount
		cell := w.cells.cells[e.cell]
		if !q.asksFor(cell) {
			return
		}
		tk := w.members[e.member].tk
		at := place{tk.ID, w.view.team.ID, cell}
		if parts[at] == nil {
			parts[at] = &TicketAmount{ID: tk.ID, Key: tk.Key, Title: tk.Title, Team: at.team, Cell: cell}
		}
		parts[at].Amount += e.amount
		a.Amount += e.amount
	})
	for p := range maps.Values(parts) {
		a.Tickets = append(a.Tickets, *p)
	}
	slices.SortFunc(a.Tickets, func(x, y TicketAmount) int {
		return cmp.Or(cmp.Compare(y.Amount, x.Amount), compareIDs(x.ID, y.ID), cmp.Compare(x.Team, y.Team), compareCells(x.Cell, y.Cell))
	})
	return a, nil
}

func compareCells(x, y Cell) int {
	return cmp.Or(cmp.Compare(x.Class, y.Class), cmp.Compare(x.Goal, y.Goal), cmp.Compare(x.Reason, y.Reason))
}

func (q *Question) asksFor(c Cell) bool {
	return (q.Class == nil || *q.Class == c.Class) && (q.Goal == nil || *q.Goal == c.Goal) && (q.Reason == nil || *q.Reason == c.Reason)
}

// frame returns the days of the window: those of the team, or those that the
// company has in common.
func (q *Question) frame(rules *mapping.RuleSet, views []teamView) (frame, error) {
	today, names := endOfDates, []string{AllTeams}
	for i := range views {
		v := &views[i]
		names = append(names, v.team.ID)
		if q.Team != AllTeams && q.Team != v.team.ID {
			continue
		}
		if !v.known {
			return frame{}, fmt.Errorf("nothing is known of team %s yet: one of its connectors has not been read completely", v.team.ID)
		}
		today = min(today, v.today)
	}
	if !slices.Contains(names, q.Team) {
		return frame{}, fmt.Errorf("team %q is not in the mapping, which has %s", q.Team, strings.Join(names, ", "))
	}
	if q.Team == AllTeams && q.Unit == UnitPoints {
		return frame{}, fmt.Errorf("points have a scale for each team and are not added up over teams; ask for one team, or for time or tickets")
	}
	return q.window(today, rules.Period())
}

func (q *Question) window(today mapping.Date, period mapping.Period) (frame, error) {
	var names []string
	for _, f := range frames(today, period) {
		if f.name == q.Window {
			return f, nil
		}
		names = append(names, f.name)
	}
	for monday := mondayOf(today) - 7; monday >= mondayOf(today)-7*historyWeeks; monday -= 7 {
		if f := weekFrames([]mapping.Date{monday})[0]; f.name == q.Window {
			return f, nil
		}
	}
	return frame{}, fmt.Errorf("window %q is none of %s and no closed week such as %s", q.Window, strings.Join(names, ", "), weekName(mondayOf(today)-7))
}

// weekName names an ISO week by its Monday.
func weekName(monday mapping.Date) string {
	year, week := monday.In(time.UTC).ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}
