package alignment

import "alignd/mapping"

// sheet is one team's work by local day, without the tickets.
type sheet struct {
	*ground
	days  []dayTotal                         // from view.first on
	byDay [unitCount][basisCount][][]cellSum // likewise
}

// cellSum is the amount in one cell of the team's table.
type cellSum struct {
	cell   int32
	amount int64
}

func newSheet(g *ground, days []dayTotal) *sheet {
	s := &sheet{ground: g, days: days}
	for u := range s.byDay {
		for b := range s.byDay[u] {
			s.byDay[u][b] = make([][]cellSum, len(days))
		}
	}
	return s
}

// add adds to the sum of the entry's day and cell. A day has few cells.
func (s *sheet) add(e entry) {
	row := &s.byDay[e.unit][e.basis][e.day-s.view.first]
	for i := range *row {
		if (*row)[i].cell == e.cell {
			(*row)[i].amount += e.amount
			return
		}
	}
	*row = append(*row, cellSum{e.cell, e.amount})
}

// dayRange returns the part of a frame that the sheet has days for.
func (s *sheet) dayRange(f frame) (from, to mapping.Date) {
	return max(f.from, s.view.first), min(f.to, s.view.today+1)
}

// windowOf adds up one frame over teams, for the units up to last. Sizes are
// its effective sample sizes.
func windowOf(f frame, sheets []*sheet, last Unit, sizes [unitCount]float64) Window {
	w := Window{Name: f.name, From: f.from, To: f.to}
	for _, s := range sheets {
		from, to := s.dayRange(f)
		for d := from; d < to; d++ {
			total := &s.days[d-s.view.first]
			w.Capacity += total.capacity
			w.Idle += total.capacity - total.work
			w.FreshTime += total.fresh
			w.ActiveTime += total.active
			w.Unestimated += total.unestimated
		}
	}
	target := windowTarget(f, sheets)
	for u := UnitTime; u <= last; u++ {
		w.Units[u] = workOf(f, u, sheets)
		w.Units[u].EffectiveTickets = sizes[u]
		w.Units[u].Distance = distanceOf(&w.Units[u], target)
	}
	return w
}

func workOf(f frame, u Unit, sheets []*sheet) Work {
	var work Work
	for _, b := range Bases {
		sums := map[Cell]int64{}
		for _, s := range sheets {
			from, to := s.dayRange(f)
			for d := from; d < to; d++ {
				for _, c := range s.byDay[u][b][d-s.view.first] {
					sums[s.cells.cells[c.cell]] += c.amount
				}
			}
		}
		for cell, amount := range sums {
			work.Cells[b] = append(work.Cells[b], CellAmount{cell, amount})
		}
		sortCells(work.Cells[b], sheets[0].rules.Goals())
	}
	for _, c := range work.Cells[Then] {
		work.Total += c.Amount
	}
	return work
}
