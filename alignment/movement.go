package alignment

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"alignd/ticket"
)

// The lengths of the lists of a Movement, and the weeks before the onset it
// compares with.
const (
	movementCells   = 6
	movementTickets = 8
	movementWeeks   = 13
)

// movement is a Movement in the making.
type movement struct {
	raise *Record
	after frame
	total int64
	cells []CellMove
	grown map[Cell]bool
	work  map[ticket.ID]int64 // in the cells that grew, since the onset
	keys  map[ticket.ID]string
}

// movementOf compares the weeks since the onset with those before it.
func (h *History) movementOf(r *Record) *movement {
	watched := h.watched(r.Series.Unit)
	p := watched[slices.IndexFunc(watched, func(w watch) bool { return w.series == r.Series })].past
	m := &movement{
		raise: r, after: frame{from: r.Onset, to: r.Week + 7},
		grown: map[Cell]bool{}, work: map[ticket.ID]int64{}, keys: map[ticket.ID]string{},
	}
	before := frame{from: max(p.first, r.Onset-7*movementWeeks), to: r.Onset}
	was, is := workOf(before, r.Series.Unit, p.sheets), workOf(m.after, r.Series.Unit, p.sheets)
	m.total = is.Total
	for _, cell := range cellsOf(was.Cells[Then], is.Cells[Then]) {
		move := CellMove{
			Class: cell.Class.String(), Goal: cell.Goal, Reason: cell.Reason,
			Before: was.part(cell), After: is.part(cell),
		}
		m.grown[cell] = move.After > move.Before
		m.cells = append(m.cells, move)
	}
	return m
}

// part returns a cell's share of the work, basis then; 0 without work.
func (w *Work) part(cell Cell) float64 {
	for _, c := range w.Cells[Then] {
		if c.Cell == cell {
			return float64(c.Amount) / float64(w.Total)
		}
	}
	return 0
}

// cellsOf lists the cells of two sets of amounts, in order of the first, then
// of the second.
func cellsOf(x, y []CellAmount) []Cell {
	var out []Cell
	for _, c := range slices.Concat(x, y) {
		if !slices.Contains(out, c.Cell) {
			out = append(out, c.Cell)
		}
	}
	return out
}

// addTickets finds the tickets of all movements in one pass.
func addTickets(in Input, open []*movement) {
	all := frame{from: endOfDates, to: beforeAllDates}
	for _, m := range open {
		all.from, all.to = min(all.from, m.after.from), max(all.to, m.after.to)
	}
	bookings(in, all, AllTeams, func(w *teamWork, e entry) {
		if e.basis != Then {
			return
		}
		for _, m := range open {
			s := m.raise.Series
			if e.unit == s.Unit && e.day >= m.after.from && e.day < m.after.to &&
				(s.Team == AllTeams || s.Team == w.view.team.ID) && m.grown[w.cells.cells[e.cell]] {
				tk := w.members[e.member].tk
				m.work[tk.ID] += e.amount
				m.keys[tk.ID] = tk.Key
			}
		}
	})
}

func (m *movement) result() *Movement {
	slices.SortStableFunc(m.cells, func(x, y CellMove) int {
		return cmp.Compare(math.Abs(y.After-y.Before), math.Abs(x.After-x.Before))
	})
	out := &Movement{Cells: m.cells[:min(len(m.cells), movementCells)]}
	ids := slices.SortedFunc(maps.Keys(m.work), func(x, y ticket.ID) int {
		return cmp.Or(cmp.Compare(m.work[y], m.work[x]), compareIDs(x, y))
	})
	for _, id := range ids[:min(len(ids), movementTickets)] {
		out.Tickets = append(out.Tickets, TicketWork{Key: m.keys[id], Share: float64(m.work[id]) / float64(m.total)})
	}
	return out
}

// bookings calls take for every booking on the local days of a frame, of one
// team or of AllTeams, team by team.
func bookings(in Input, f frame, team string, take func(*teamWork, entry)) {
	views := newTeamViews(in.Rules, in.Watermarks)
	for i := range views {
		views[i].first = min(f.from, views[i].today)
	}
	for i := range views {
		views[i].known = views[i].known && (team == AllTeams || team == views[i].team.ID)
	}
	since := horizon(views)
	matters := func(tk *ticket.Ticket) bool { return carriesWork(tk, since) }
	inGroups(in, views, matters, lookBackAtOnce, func(facts *facts, group []int) {
		for _, i := range group {
			w := newTeamWork(in.Rules, &views[i], facts)
			w.attribute(func(e entry) {
				if e.day >= f.from && e.day < f.to {
					take(w, e)
				}
			})
		}
	})
}
