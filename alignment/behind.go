package alignment

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// ErrNotKnown is wrapped by the error about a team whose connectors have not
// all been read completely.
var ErrNotKnown = errors.New("there are no numbers")

// Answer is an amount with the tickets behind it.
type Answer struct {
	Watermark time.Time    // everything up to here is in the amounts
	From, To  mapping.Date // local days of the window, To excluded
	// Amount is what the tickets add up to, exactly; Total is all work of the
	// same team, window and unit. See Unit for what they count.
	Amount, Total int64
	Tickets       []TicketAmount // largest first; a ticket stands once for each team and cell
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
// Compute adds up. An AskError says what is wrong with the question; ErrNotKnown
// that it comes too early.
func Behind(in Input, q Question) (Answer, error) {
	if err := q.Check(in.Rules); err != nil {
		return Answer{}, err
	}
	f, watermark, err := q.frame(in.Rules, newTeamViews(in.Rules, in.Watermarks))
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Watermark: watermark, From: f.from, To: f.to}
	type place struct {
		id   ticket.ID
		team string
		cell Cell
	}
	parts, asksFor, reasons := map[place]*TicketAmount{}, q.asksFor(in.Rules), map[string]bool{}
	bookings(in, f, q.Team, func(w *teamWork, e entry) {
		if e.unit != q.Unit || e.basis != q.Basis {
			return
		}
		a.Total += e.amount
		cell := w.cells.cells[e.cell]
		if cell.Reason != "" {
			reasons[cell.Reason] = true
		}
		if !asksFor(cell) {
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
	if err := q.checkReason(in.Rules, reasons); err != nil {
		return Answer{}, err
	}
	for p := range maps.Values(parts) {
		a.Tickets = append(a.Tickets, *p)
	}
	slices.SortFunc(a.Tickets, func(x, y TicketAmount) int {
		return cmp.Or(cmp.Compare(y.Amount, x.Amount), compareIDs(x.ID, y.ID), cmp.Compare(x.Team, y.Team), compareCells(x.Cell, y.Cell))
	})
	return a, nil
}

// Share returns the part of all work, and false where there is none.
func (a *Answer) Share() (float64, bool) {
	if a.Total == 0 {
		return 0, false
	}
	return float64(a.Amount) / float64(a.Total), true
}

func compareCells(x, y Cell) int {
	return cmp.Or(cmp.Compare(x.Class, y.Class), cmp.Compare(x.Goal, y.Goal), cmp.Compare(x.Reason, y.Reason))
}
