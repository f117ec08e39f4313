package alignment

import (
	"math/bits"
	"slices"

	"alignd/mapping"
)

// mergeWorks returns the work of all ledgers in one unit, by day.
func mergeWorks(ledgers []*ledger, u Unit) []rootWorkDay {
	if len(ledgers) == 1 {
		return ledgers[0].works[u]
	}
	var all []rootWorkDay
	for _, l := range ledgers {
		all = append(all, l.works[u]...)
	}
	slices.SortFunc(all, func(x, y rootWorkDay) int { return int(x.day - y.day) })
	return all
}

// rollingSizes returns Kish's n_eff over root tickets for each window of the
// given length that ends with one of the days from first on. Works are in
// order of days. Sums are integers of 128 bits, so that what a day adds it also
// takes away again, exactly.
func rollingSizes(works []rootWorkDay, first mapping.Date, days int, length mapping.Date, roots int) []float64 {
	r := roller{sums: make([]int64, roots), moving: map[*rootSteps]int64{}}
	relinks := relinksOf(works)
	out := make([]float64, days)
	enter, leave, relink := 0, 0, 0
	for i := range out {
		day := first + mapping.Date(i)
		for ; relink < len(relinks) && relinks[relink].day <= day; relink++ {
			r.move(relinks[relink])
		}
		for ; enter < len(works) && works[enter].day <= day; enter++ {
			r.add(&works[enter], day, works[enter].amount)
		}
		for ; leave < enter && works[leave].day <= day-length; leave++ {
			r.add(&works[leave], day, -works[leave].amount)
		}
		out[i] = r.size()
	}
	return out
}

// relink is a ticket that hangs under another root from a day on.
type relink struct {
	day      mapping.Date
	from, to int32
	roots    *rootSteps
}

func relinksOf(works []rootWorkDay) []relink {
	var out []relink
	seen := map[*rootSteps]bool{}
	for i := range works {
		s := works[i].roots
		if len(s.steps) == 0 || seen[s] {
			continue
		}
		seen[s] = true
		from := s.root
		for _, step := range s.steps {
			out = append(out, relink{step.day, from, step.root, s})
			from = step.root
		}
	}
	slices.SortStableFunc(out, func(x, y relink) int { return int(x.day - y.day) })
	return out
}

// roller keeps the sums of a moving window by root.
type roller struct {
	sums    []int64
	moving  map[*rootSteps]int64 // work of tickets that change their root
	total   int64
	squares uint128
}

func (r *roller) add(w *rootWorkDay, day mapping.Date, amount int64) {
	root := w.roots.root
	for _, s := range w.roots.steps {
		if s.day > day {
			break
		}
		root = s.root
	}
	if len(w.roots.steps) > 0 {
		r.moving[w.roots] += amount
	}
	r.shift(root, amount)
}

func (r *roller) move(l relink) {
	r.shift(l.from, -r.moving[l.roots])
	r.shift(l.to, r.moving[l.roots])
}

func (r *roller) shift(root int32, amount int64) {
	before := r.sums[root]
	r.sums[root] += amount
	r.total += amount
	r.squares = r.squares.plus(square(r.sums[root])).minus(square(before))
}

func (r *roller) size() float64 {
	if r.total == 0 {
		return 0
	}
	return float64(r.total) * float64(r.total) / r.squares.float()
}

// uint128 is an integer that holds the sum of squares of any company's work.
type uint128 struct{ hi, lo uint64 }

func square(x int64) uint128 {
	hi, lo := bits.Mul64(uint64(x), uint64(x))
	return uint128{hi, lo}
}

func (x uint128) plus(y uint128) uint128 {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, _ := bits.Add64(x.hi, y.hi, carry)
	return uint128{hi, lo}
}

func (x uint128) minus(y uint128) uint128 {
	lo, borrow := bits.Sub64(x.lo, y.lo, 0)
	hi, _ := bits.Sub64(x.hi, y.hi, borrow)
	return uint128{hi, lo}
}

func (x uint128) float() float64 { return float64(x.hi)*(1<<64) + float64(x.lo) }
