package stats

import (
	"math"
	"slices"
)

// Wilson returns the 95 % score interval (Wilson 1927) of a share p, from 0 to
// 1, over n observations; n may be an effective size and need not be whole.
//
// 0 <= lower <= p <= upper <= 1 holds exactly, so lower is 0 where p is 0 and
// upper is 1 where p is 1. Without observations the interval is 0 to 1.
func Wilson(p, n float64) (lower, upper float64) {
	if n < 1e-100 {
		return 0, 1
	}
	const zz = z95 * z95
	center := p + zz/(2*n)
	half := z95 * math.Sqrt(p*(1-p)/n+zz/(4*n*n))
	lower, upper = max(0, (center-half)/(1+zz/n)), min(1, (center+half)/(1+zz/n))
	// Terms that cancel exactly, at 0 and 1 above all, do not do so in floats.
	return min(lower, p), max(upper, p)
}

// WilsonDifference returns the 95 % interval of the difference p1 - p2 of two
// independent shares over n1 and n2 observations: Newcombe's hybrid score
// interval (1998, Statistics in Medicine 17, 873-890, method 10). It lies
// within -1 and 1 and contains p1 - p2.
func WilsonDifference(p1, n1, p2, n2 float64) (lower, upper float64) {
	l1, u1 := Wilson(p1, n1)
	l2, u2 := Wilson(p2, n2)
	d := p1 - p2
	return max(-1, d-math.Hypot(p1-l1, u2-p2)), min(1, d+math.Hypot(u1-p1, p2-l2))
}

// EffectiveSize returns Kish's effective sample size (Σu)² / Σu² of the work u
// of each observation, none of it negative: between 1 and their number, 0 if
// there is no work at all. The result is the same to the last bit whatever the
// order of the observations.
func EffectiveSize(work []int64) float64 {
	sorted := slices.Clone(work)
	slices.Sort(sorted)
	var sum, squares float64
	for _, u := range sorted {
		sum += float64(u)
		squares += float64(u) * float64(u)
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}
