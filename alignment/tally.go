package alignment

import (
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// tally is one team's bookings added up by day and cell, and by day and
// ticket.
type tally struct {
	*teamWork
	byDay    [unitCount][basisCount][][]int64 // day since view.first, then cell
	byMember [][]dayWork                      // by member, in order of days
}

// dayWork is the work of one ticket on one day in all cells together.
type dayWork struct {
	day    mapping.Date
	unit   Unit
	amount int64
}

func newTally(w *teamWork) *tally {
	t := &tally{teamWork: w, byMember: make([][]dayWork, len(w.members))}
	for u := range t.byDay {
		for b := range t.byDay[u] {
			t.byDay[u][b] = make([][]int64, len(w.days))
		}
	}
	for i := range w.entries {
		e := &w.entries[i]
		row := &t.byDay[e.unit][e.basis][e.day-w.view.first]
		if *row == nil {
			*row = make([]int64, len(w.cells.cells))
		}
		(*row)[e.cell] += e.amount
		if e.basis == Now { // its amounts are those of basis then
			t.byMember[e.member] = addWork(t.byMember[e.member], dayWork{e.day, e.unit, e.amount})
		}
	}
	return t
}

// addWork adds to the last entry if that is of the same day and unit.
func addWork(works []dayWork, w dayWork) []dayWork {
	if n := len(works); n > 0 && works[n-1].day == w.day && works[n-1].unit == w.unit {
		works[n-1].amount += w.amount
		return works
	}
	return append(works, w)
}

// dayRange returns the part of a frame that the tally has days for.
func (t *tally) dayRange(f frame) (from, to mapping.Date) {
	return max(f.from, t.view.first), min(f.to, t.view.today+1)
}

// sumOf adds up one frame over teams, for the units up to last.
func sumOf(f frame, tallies []*tally, last Unit) Window {
	w := Window{Name: f.name, From: f.from, To: f.to}
	for _, t := range tallies {
		from, to := t.dayRange(f)
		for d := from; d < to; d++ {
			total := &t.days[d-t.view.first]
			w.Capacity += total.capacity
			w.Idle += total.capacity - total.work
			w.FreshTime += total.fresh
			w.ActiveTime += total.active
			w.Unestimated += total.unestimated
		}
	}
	target := windowTarget(f, tallies)
	roots := rootWork(f, tallies)
	for u := UnitTime; u <= last; u++ {
		w.Units[u] = workOf(f, u, tallies)
		w.Units[u].EffectiveTickets = effective(roots[u])
		w.Units[u].Distance = distanceOf(&w.Units[u], target)
	}
	return w
}

func workOf(f frame, u Unit, tallies []*tally) Work {
	var work Work
	for _, b := range Bases {
		sums := map[Cell]int64{}
		for _, t := range tallies {
			from, to := t.dayRange(f)
			for d := from; d < to; d++ {
				for cell, amount := range t.byDay[u][b][d-t.view.first] {
					if amount != 0 {
						sums[t.cells.cells[cell]] += amount
					}
				}
			}
		}
		for cell, amount := range sums {
			work.Cells[b] = append(work.Cells[b], CellAmount{cell, amount})
		}
		sortCells(work.Cells[b], tallies[0].rules.Goals())
	}
	for _, c := range work.Cells[Then] {
		work.Total += c.Amount
	}
	return work
}

// rootWork lists the work of each root ticket, the sampling unit (measures:
// 2.4), in no particular order.
func rootWork(f frame, tallies []*tally) [unitCount][]int64 {
	var amounts [unitCount][]int64
	shared := map[ticket.ID]*[unitCount]int64{} // roots that can have several tickets, or work in several teams
	for _, t := range tallies {
		end := min(t.cal.start(f.to), t.view.watermark) - 1
		for m, works := range t.byMember {
			sums, any := sumWork(works, f)
			if !any {
				continue
			}
			if n := t.members[m]; n.isAlone() {
				for u, sum := range sums {
					amounts[u] = append(amounts[u], sum)
				}
				continue
			}
			id := t.members[m].root(end).tk.ID
			root := shared[id]
			if root == nil {
				root = new([unitCount]int64)
				shared[id] = root
			}
			for u, sum := range sums {
				root[u] += sum
			}
		}
	}
	for _, sums := range shared {
		for u, sum := range sums {
			amounts[u] = append(amounts[u], sum)
		}
	}
	return amounts
}

func sumWork(works []dayWork, f frame) (sums [unitCount]int64, any bool) {
	for i := range works {
		if w := &works[i]; w.day >= f.from && w.day < f.to {
			sums[w.unit] += w.amount
			any = true
		}
	}
	return sums, any
}

// isAlone reports whether the ticket is its own root, nobody else's, and was
// never in a second team.
func (n *node) isAlone() bool {
	for _, p := range n.parents {
		if p.value != nil && !p.value.tk.Container {
			return false
		}
	}
	return len(n.children) == 0 && len(n.teams) == 1
}

// effective returns Kish's effective sample size (Σu)² / Σu². Summing in order
// of size makes it the same to the last bit on every replica.
func effective(amounts []int64) float64 {
	slices.Sort(amounts)
	var sum, squares float64
	for _, u := range amounts {
		sum += float64(u)
		squares += float64(u) * float64(u)
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}
