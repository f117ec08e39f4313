package stats_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"alignd/alignment/stats"
)

// Whatever the numbers, if they are of the size the package asks for: no panic,
// nothing that is not a number. Empty input and single values come first.
func FuzzFinite(f *testing.F) {
	f.Add([]byte{})
	f.Add(encode(0.7))
	f.Add(encode(0, 0))
	f.Add(encode(1e100, -1e100, 1e-100, -1e-100, 0, 1e100, 1e100, -1e100))
	f.Add(encode(noise(40)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := decodeOrdinary(data)
		finiteTrend(t, x)
		finiteCharts(t, x)
		finiteIntervals(t, x)
		finiteCurve(t, x)
	})
}

func encode(x ...float64) (data []byte) {
	for _, v := range x {
		data = binary.BigEndian.AppendUint64(data, math.Float64bits(v))
	}
	return data
}

// decodeOrdinary brings anything into the range the package asks for.
func decodeOrdinary(data []byte) (x []float64) {
	for ; len(data) >= 8 && len(x) < 200; data = data[8:] {
		v := math.Float64frombits(binary.BigEndian.Uint64(data))
		size := math.Abs(v)
		switch {
		case math.IsNaN(v) || size < 1e-100:
			v = 0
		case size > 1e100:
			v = math.Copysign(1e100, v)
		}
		x = append(x, v)
	}
	return x
}

func finite(t *testing.T, what string, values ...float64) {
	t.Helper()
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%s: %v", what, values)
		}
	}
}

func finiteTrend(t *testing.T, y []float64) {
	trend := stats.MannKendall(y)
	finite(t, "Mann-Kendall", trend.Var, trend.Z, trend.P)
	at := slices.Clone(y) // times are data too, in another order
	slices.Reverse(at)
	for _, at := range [][]float64{weeks(len(y)), at} {
		if line, ok := stats.TheilSen(at, y); ok {
			finite(t, "Theil-Sen", line.Slope, line.Intercept, line.Lower, line.Upper)
			line.Testable(at, y)
		}
	}
}

func finiteCharts(t *testing.T, x []float64) {
	c, e := stats.CUSUM{K: 0.5, H: 5}, stats.EWMA{Lambda: 0.2, L: 2.962}
	for _, v := range x {
		c, e = c.Step(v), e.Step(v)
		a, _ := c.Alarm()
		finite(t, "CUSUM", c.Up, c.Down, a.Shift)
		finite(t, "EWMA", e.Value, e.Limit(), e.FixedLimit())
	}
	finite(t, "overdispersion", stats.Laney(x))
}

func finiteIntervals(t *testing.T, x []float64) {
	var work []int64
	for i, v := range x {
		work = append(work, int64(math.Mod(math.Abs(v), 1e15)))
		p, n, other := math.Mod(math.Abs(v), 1), math.Abs(v), math.Abs(x[len(x)-1-i])
		lower, upper := stats.Wilson(p, n)
		if !(0 <= lower && lower <= p && p <= upper && upper <= 1) {
			t.Fatalf("limits %v, %v of %v, n %v", lower, upper, p, n)
		}
		lower, upper = stats.WilsonDifference(p, n, 1-p, other)
		if d := p - (1 - p); !(-1 <= lower && lower <= d && d <= upper && upper <= 1) {
			t.Fatalf("limits %v, %v of the difference %v", lower, upper, d)
		}
	}
	finite(t, "effective size", stats.EffectiveSize(work))
}

func finiteCurve(t *testing.T, x []float64) {
	var cases []stats.Observation
	for _, v := range x {
		cases = append(cases, stats.Observation{Time: v, Event: math.Signbit(v)})
	}
	for _, s := range stats.KaplanMeier(cases) {
		finite(t, "survival", s.Time, s.Share)
	}
}
