package stats_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"alignd/alignment/stats"
)

// 0 <= lower <= share <= upper <= 1, exactly; the limits are roots of the score
// equation; the interval shrinks as all work is replicated over new roots.
func TestProperty20Intervals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Closer to 0 and 1 the score equation drowns in rounding.
		p := rapid.OneOf(rapid.Float64Range(0.001, 0.999), rapid.SampledFrom([]float64{0, 1})).Draw(t, "p")
		n := rapid.Float64Range(0.5, 1e6).Draw(t, "n")
		lower, upper := stats.Wilson(p, n)
		if !(0 <= lower && lower <= p && p <= upper && upper <= 1) {
			t.Fatalf("limits %v, %v of %v", lower, upper, p)
		}
		if p == 0 && lower != 0 || p == 1 && upper != 1 {
			t.Fatalf("limits %v, %v of %v", lower, upper, p)
		}
		for _, limit := range []float64{lower, upper} {
			if limit == 0 || limit == 1 {
				continue
			}
			if z := math.Abs(p-limit) / math.Sqrt(limit*(1-limit)/n); math.Abs(z-1.959963984540054) > 1e-5 {
				t.Fatalf("limit %v of %v, n %v lies %v standard errors away", limit, p, n, z)
			}
		}
	})
}

func TestProperty20Bounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		n := math.Pow(10, rapid.Float64Range(-99, 99).Draw(t, "log n"))
		if lower, upper := stats.Wilson(p, n); !(0 <= lower && lower <= p && p <= upper && upper <= 1) {
			t.Fatalf("limits %v, %v of %v, n %v", lower, upper, p, n)
		}
	})
}

func TestWilsonWithoutObservations(t *testing.T) {
	for _, n := range []float64{-1, 0, math.SmallestNonzeroFloat64, 1e-310} {
		if lower, upper := stats.Wilson(0.3, n); lower != 0 || upper != 1 {
			t.Errorf("limits %v, %v of %v observations", lower, upper, n)
		}
	}
}

func TestProperty20Replication(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		work := rapid.SliceOfN(rapid.Int64Range(1, 1e12), 1, 30).Draw(t, "work")
		copies := rapid.IntRange(2, 5).Draw(t, "copies")
		var all, class float64
		for _, u := range work {
			all += float64(u)
			class += float64(u) * rapid.Float64Range(0, 1).Draw(t, "share")
		}
		p := min(1, class/all)
		n, more := stats.EffectiveSize(work), stats.EffectiveSize(slices.Repeat(work, copies))
		if n < 1-1e-12 || n > float64(len(work))+1e-9 || math.Abs(more-float64(copies)*n) > 1e-9*more {
			t.Fatalf("effective sizes %v and %v of %d roots, %d copies", n, more, len(work), copies)
		}
		lower, upper := stats.Wilson(p, n)
		if l, u := stats.Wilson(p, more); u-l >= upper-lower {
			t.Fatalf("replication takes %v, %v to %v, %v", lower, upper, l, u)
		}
		l, u := stats.WilsonDifference(p, n, p, more)
		if !(-1 <= l && l <= 0 && 0 <= u && u <= 1) {
			t.Fatalf("the difference of a share and itself lies in %v, %v", l, u)
		}
		if back, front := stats.WilsonDifference(p, more, p, n); back != -u || front != -l {
			t.Fatalf("difference %v, %v, turned round %v, %v", l, u, back, front)
		}
	})
}

// The order of the roots does not change a bit.
func TestEffectiveSizeOrder(t *testing.T) {
	if got := stats.EffectiveSize(nil); got != 0 {
		t.Errorf("no roots: %v", got)
	}
	if got := stats.EffectiveSize([]int64{0, 0}); got != 0 {
		t.Errorf("roots without work: %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		work := rapid.SliceOf(rapid.Int64Range(0, math.MaxInt64)).Draw(t, "work")
		before := slices.Clone(work)
		want := stats.EffectiveSize(work)
		other := rapid.Permutation(work).Draw(t, "other order")
		if got := stats.EffectiveSize(other); got != want {
			t.Fatalf("%v in another order: %v", want, got)
		}
		if !slices.Equal(before, work) {
			t.Fatal("the input was changed")
		}
	})
}

// grid draws numbers that add and subtract without rounding.
func grid(limit int) *rapid.Generator[float64] {
	return rapid.Map(rapid.IntRange(-limit*64, limit*64), func(i int) float64 { return float64(i) / 64 })
}

func charted(x []float64) stats.CUSUM {
	charts, _ := chartsOf(stats.CUSUM{K: 0.5, H: 5}, x)
	if len(charts) == 0 {
		return stats.CUSUM{K: 0.5, H: 5}
	}
	return charts[len(charts)-1]
}

// Negation swaps the sums; a constant added to observations and reference
// changes nothing; a replay ends where the live chart stands. (Run lengths are
// in TestPublishedVectors.)
func TestProperty21Charts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOf(grid(4)).Draw(t, "y")
		reference, constant := grid(1).Draw(t, "reference"), grid(1000).Draw(t, "constant")
		x := standardised(y, reference, 1)
		got := charted(x)

		turned := charted(standardised(x, 0, -1))
		if turned.Up != got.Down || turned.Down != got.Up || turned.UpRun != got.DownRun || turned.DownRun != got.UpRun {
			t.Fatalf("%+v, negated %+v", got, turned)
		}
		moved := slices.Clone(y)
		for i := range moved {
			moved[i] += constant
		}
		if other := charted(standardised(moved, reference+constant, 1)); other != got {
			t.Fatalf("%+v, moved by %v %+v", got, constant, other)
		}
		crash := rapid.IntRange(0, len(x)).Draw(t, "crash")
		live := charted(x[:crash])
		for _, v := range x[crash:] {
			live = live.Step(v)
		}
		if live != got {
			t.Fatalf("replayed %+v, live %+v", got, live)
		}
		if a, ok := got.Alarm(); ok != (got.Up > 5 || got.Down > 5) || ok && math.Abs(a.Shift) <= 0.5 {
			t.Fatalf("%+v raises %+v, %t", got, a, ok)
		}
	})
}

func TestProperty21EWMA(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(grid(4), 1, 60).Draw(t, "x")
		e := stats.EWMA{Lambda: rapid.Float64Range(0.01, 1).Draw(t, "lambda"), L: 3}
		negated := e
		for _, v := range x {
			before := e.Limit()
			e, negated = e.Step(v), negated.Step(-v)
			if e.Value != -negated.Value || math.Abs(e.Value) > 4+1e-12 {
				t.Fatalf("%+v, negated %+v", e, negated)
			}
			if e.Limit() < before || e.Limit() > e.FixedLimit() {
				t.Fatalf("limits %v, then %v, at last %v", before, e.Limit(), e.FixedLimit())
			}
		}
	})
}

// Reversal negates S; a monotone transform keeps the whole test.
func TestProperty22MannKendall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(grid(3), 0, 30).Draw(t, "y")
		got := stats.MannKendall(y)
		turned := slices.Clone(y)
		slices.Reverse(turned)
		if r := stats.MannKendall(turned); r.S != -got.S || r.Z != -got.Z || r.Var != got.Var || r.P != got.P {
			t.Fatalf("%+v, reversed %+v", got, r)
		}
		for i := range turned {
			turned[i] = math.Exp(y[i])
		}
		if m := stats.MannKendall(turned); m != got {
			t.Fatalf("%+v, transformed %+v", got, m)
		}
		if !(0 < got.P && got.P <= 1) || got.S == 0 && got.P != 1 {
			t.Fatalf("%+v", got)
		}
	})
}

// Theil–Sen follows affine maps, and does not care about the order of points.
func TestProperty22TheilSen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(grid(3), 2, 20).Draw(t, "y")
		at := weeks(len(y))
		got, ok := stats.TheilSen(at, y)
		if !ok {
			t.Fatal("no line")
		}
		a, b, c, d := grid(8).Draw(t, "a"), grid(8).Draw(t, "b"), grid(8).Draw(t, "c"), rapid.Float64Range(0.5, 4).Draw(t, "d")
		otherT, otherY := slices.Clone(at), slices.Clone(y)
		for i := range y {
			otherT[i], otherY[i] = c+d*at[i], a+b*y[i]
		}
		mapped, _ := stats.TheilSen(otherT, otherY)
		same(t, "slope", mapped.Slope, b*got.Slope/d)
		same(t, "intercept", mapped.Intercept, a+b*got.Intercept-c*b*got.Slope/d)
		lower, upper := b*got.Lower/d, b*got.Upper/d
		if b == 0 {
			return // all equal: the interval is a point
		}
		same(t, "lower", mapped.Lower, min(lower, upper))
		same(t, "upper", mapped.Upper, max(lower, upper))

		slices.Reverse(otherT)
		slices.Reverse(otherY)
		if reversed, _ := stats.TheilSen(otherT, otherY); reversed != mapped {
			t.Fatalf("%+v, in reverse %+v", mapped, reversed)
		}
		if got.Limited && !(got.Lower <= got.Slope && got.Slope <= got.Upper) {
			t.Fatalf("%+v", got)
		}
	})
}

func same(t *rapid.T, what string, got, want float64) {
	if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestProperty22Constants(t *testing.T) {
	for n := range 15 {
		y := slices.Repeat([]float64{0.7}, n)
		if got := stats.MannKendall(y); got.S != 0 || got.Z != 0 || got.P != 1 {
			t.Errorf("%d constants: %+v", n, got)
		}
		line, ok := stats.TheilSen(weeks(n), y)
		if ok != (n > 1) || line.Slope != 0 || line.Lower != 0 || line.Upper != 0 || ok && line.Intercept != 0.7 {
			t.Errorf("%d constants: %+v, %t", n, line, ok)
		}
		if !line.Testable(weeks(n), y) {
			t.Errorf("%d constants are not testable", n)
		}
	}
}
