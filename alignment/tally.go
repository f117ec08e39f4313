package alignment

import (
	"alignd/alignment/stats"
	"alignd/mapping"
	"alignd/ticket"
)

// tally is one team's bookings added up by day and cell, and by day and
// ticket.
type tally struct {
	*teamWork
	sheet    *sheet
	byMember [][]dayWork // by member
}

// dayWork is the work of one ticket on one day in all cells together.
type dayWork struct {
	day    mapping.Date
	unit   Unit
	amount int64
}

func newTally(rules *mapping.RuleSet, view *teamView, f *facts) *tally {
	t := emptyTally(rules, view, f)
	t.attribute(t.add)
	return t
}

func emptyTally(rules *mapping.RuleSet, view *teamView, f *facts) *tally {
	w := newTeamWork(rules, view, f)
	return &tally{teamWork: w, sheet: newSheet(w.ground, w.days), byMember: make([][]dayWork, len(w.members))}
}

func (t *tally) add(e entry) {
	t.sheet.add(e)
	if e.basis == Now { // its amounts are those of basis then
		t.byMember[e.member] = addWork(t.byMember[e.member], dayWork{e.day, e.unit, e.amount})
	}
}

// addWork adds to the last entry if that is of the same day and unit.
func addWork(works []dayWork, w dayWork) []dayWork {
	if n := len(works); n > 0 && works[n-1].day == w.day && works[n-1].unit == w.unit {
		works[n-1].amount += w.amount
		return works
	}
	return append(works, w)
}

// sumOf adds up one frame over teams, for the units up to last.
func sumOf(f frame, tallies []*tally, last Unit) Window {
	sheets := make([]*sheet, len(tallies))
	for i, t := range tallies {
		sheets[i] = t.sheet
	}
	roots := rootWork(f, tallies)
	var sizes [unitCount]float64
	for u := range sizes {
		sizes[u] = stats.EffectiveSize(roots[u])
	}
	return windowOf(f, sheets, last, sizes)
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
