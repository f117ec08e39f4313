package alignment

import (
	"math/bits"
	"slices"

	"alignd/mapping"
)

// rollingSizes returns Kish's n_eff over root tickets for each window of the
// given length that ends with one of the days from first on. The works of each
// list are in order of days. Sums are integers of 128 bits, so that what a day
// adds it also takes away again, exactly.
func rollingSizes(works [][]rootWorkDay, relinks []relink, first mapping.Date, days int, length mapping.Date, roots int) []float64 {
	r := roller{sums: make([]int64, roots), moving: map[*rootSteps]int64{}}
	out := make([]float64, days)
	enter, leave, moved := make([]int, len(works)), make([]int, len(works)), 0
	for i := range out {
		day := first + mapping.Date(i)
		for ; moved < len(relinks) && relinks[moved].day <= day; moved++ {
			r.move(relinks[moved])
		}
		for l, list := range works {
			for ; enter[l] < len(list) && list[enter[l]].day <= day; enter[l]++ {
				r.add(&list[enter[l]], day, list[enter[l]].amount)
			}
			for ; leave[l] < enter[l] && list[leave[l]].day <= day-length; leave[l]++ {
				r.add(&list[leave[l]], day, -list[leave[l]].amount)
			}
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

// relinksOf returns when the tickets of some works moved, in order.
func relinksOf(works [][]rootWorkDay) []relink {
	var out []relink
	seen := map[*rootSteps]bool{}
	for _, list := range works {
		for i := range list {
			s := list[i].roots
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
