package stats

import (
	"math"
	"slices"
)

// Line is a straight line through points, robust against single bad ones.
type Line struct {
	Slope     float64 // change of y per unit of t
	Intercept float64 // value at t = 0

	// The 95 % interval of the slope; meaningless unless Limited.
	Lower, Upper float64
	// Limited says that the points are enough for an interval: six where no
	// two values are equal. Points at the same time rule an interval out.
	Limited bool
}

// TheilSen returns the line of Theil (1950) and Sen (1968) through the points
// (t, y), which may come in any order: the slope is the median of the slopes
// of all pairs at different times, the intercept (Conover) the median of y
// less the slope times the median of t. The interval takes the slopes at the
// ranks (N ∓ z√Var)/2 of all N, the upper one plus 1, interpolated, with the
// variance of MannKendall.
//
// It is false without two points at different times. Slices of different
// lengths panic.
func TheilSen(t, y []float64) (Line, bool) {
	slopes := pairSlopes(t, y)
	if len(slopes) == 0 {
		return Line{}, false
	}
	line := Line{Slope: median(slopes)}
	line.Intercept = medianOf(y) - line.Slope*medianOf(t)
	if n := len(y); len(slopes) == n*(n-1)/2 {
		line.limit(slopes, z95*math.Sqrt(scoreVariance(y)))
	}
	return line, true
}

// pairSlopes returns the slopes between all points at different times, sorted.
func pairSlopes(t, y []float64) []float64 {
	if len(t) != len(y) {
		panic("stats: times and values differ in number")
	}
	slopes := make([]float64, 0, len(y)*max(0, len(y)-1)/2)
	for i := range y {
		for j := i + 1; j < len(y); j++ {
			if t[j] != t[i] {
				slopes = append(slopes, (y[j]-y[i])/(t[j]-t[i]))
			}
		}
	}
	slices.Sort(slopes)
	return slopes
}

// limit sets the interval if the slopes reach out far enough for its ranks.
func (l *Line) limit(slopes []float64, width float64) {
	n := float64(len(slopes))
	lower, upper := (n-width)/2, (n+width)/2+1
	if lower < 1 || upper > n {
		return
	}
	l.Lower, l.Upper, l.Limited = atRank(slopes, lower), atRank(slopes, upper), true
}

// atRank interpolates between the values at the two ranks next to r; the
// smallest value has rank 1.
func atRank(sorted []float64, r float64) float64 {
	below := math.Floor(r)
	i := int(below) - 1
	if r == below {
		return sorted[i]
	}
	return sorted[i] + (r-below)*(sorted[i+1]-sorted[i])
}

// Testable reports whether the Mann–Kendall test may be believed for the
// points the line was drawn through: it assumes that what is left after the
// trend is independent. From 13 points on, a lag-1 autocorrelation of the
// residuals above 0.3 says that it is not, and the trend is not testable
// (measures: 3.2, which allows this in place of a corrected variance). Fewer
// points cannot tell and count as testable. Points are in order of time.
func (l Line) Testable(t, y []float64) bool {
	return len(y) < 13 || autocorrelation(l.residuals(t, y)) <= 0.3
}

// residuals returns what is left of y beside the line, as part of the largest
// number involved: a perfect line leaves no rounding that looks like a pattern.
func (l Line) residuals(t, y []float64) []float64 {
	scale := math.Abs(l.Intercept)
	for i := range y {
		scale = max(scale, math.Abs(y[i]), math.Abs(l.Slope*t[i]))
	}
	rest := make([]float64, len(y))
	for i := range y {
		if r := y[i] - l.Slope*t[i] - l.Intercept; math.Abs(r) > dust*scale {
			rest[i] = r / scale
		}
	}
	return rest
}

// autocorrelation returns the lag-1 autocorrelation of x around its mean; 0 for
// constants.
func autocorrelation(x []float64) float64 {
	var mean float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	var products, squares float64
	for i, v := range x {
		squares += (v - mean) * (v - mean)
		if i > 0 {
			products += (v - mean) * (x[i-1] - mean)
		}
	}
	if squares == 0 {
		return 0
	}
	return products / squares
}

// Trend is the outcome of a Mann–Kendall test.
type Trend struct {
	S   int     // pairs that rise less pairs that fall
	Var float64 // of S without a trend, corrected for ties
	Z   float64 // (S - sgn S) / √Var, 0 where S is 0
	P   float64 // two-sided; 1 where there is nothing to test
}

// exactBelow is the number of values from which the normal approximation
// serves.
const exactBelow = 11

// MannKendall tests values in order of time for a monotone trend (Mann 1945,
// Kendall 1975). P comes from the exact distribution of S for up to ten values
// without ties, from the normal approximation otherwise; whether the weeks are
// independent enough for it is Line.Testable's question. Fewer than three
// values, like constant ones, have P 1.
func MannKendall(y []float64) Trend {
	var t Trend
	for i := range y {
		for j := i + 1; j < len(y); j++ {
			switch {
			case y[j] > y[i]:
				t.S++
			case y[j] < y[i]:
				t.S--
			}
		}
	}
	t.Var, t.P = scoreVariance(y), 1
	switch {
	case t.S > 0:
		t.Z = float64(t.S-1) / math.Sqrt(t.Var)
	case t.S < 0:
		t.Z = float64(t.S+1) / math.Sqrt(t.Var)
	}
	if len(y) < exactBelow && len(ties(y)) == 0 {
		t.P = exactP(len(y), t.S)
	} else {
		t.P = math.Erfc(math.Abs(t.Z) / math.Sqrt2)
	}
	return t
}

// scoreVariance returns the variance of S without a trend.
func scoreVariance(y []float64) float64 {
	n := len(y)
	v := n * (n - 1) * (2*n + 5)
	for _, tied := range ties(y) {
		v -= tied * (tied - 1) * (2*tied + 5)
	}
	return float64(v) / 18
}

// ties returns the sizes of the groups of equal values.
func ties(y []float64) []int {
	sorted := slices.Clone(y)
	slices.Sort(sorted)
	var sizes []int
	for i := 0; i < len(sorted); {
		size := 1
		for i+size < len(sorted) && sorted[i+size] == sorted[i] {
			size++
		}
		if size > 1 {
			sizes = append(sizes, size)
		}
		i += size
	}
	return sizes
}

// exactP returns the probability of |S| at least as large as s in a random
// order of n different values, by counting inversions.
func exactP(n, s int) float64 {
	orders := []int{1} // by number of inversions
	all := 1
	for m := 2; m <= n; m++ {
		next := make([]int, len(orders)+m-1)
		for i, c := range orders {
			for j := range m {
				next[i+j] += c
			}
		}
		orders, all = next, all*m
	}
	var extreme int
	for inversions, c := range orders {
		if n*(n-1)/2-2*inversions >= max(s, -s) {
			extreme += c
		}
	}
	return min(1, 2*float64(extreme)/float64(all))
}
