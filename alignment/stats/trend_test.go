package stats_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"alignd/alignment/stats"
)

func testMannKendall(t *testing.T, section json.RawMessage) {
	type vector struct {
		Dataset, Source string
		S               int
		Var, Z          float64
		P               *float64 `json:"p_two_sided"`
		TauA            *float64 `json:"tau_a"`
		ExactOneSided   *float64 `json:"p_exact_one_sided"`
		Tolerance       map[string]float64
		Recomputed      []string
	}
	sets := readDatasets(t)
	for _, v := range vectorsOf[vector](t, section) {
		y := datasetOf(t, sets, v.Dataset).Y
		got := stats.MannKendall(y)
		if got.S != v.S {
			t.Errorf("%s S: got %d, want %d", v.Dataset, got.S, v.S)
		}
		near(t, v.Dataset+" Var", got.Var, v.Var, v.Tolerance["var"])
		near(t, v.Dataset+" Z", got.Z, v.Z, v.Tolerance["Z"])
		if v.P != nil {
			near(t, v.Dataset+" P", got.P, *v.P, v.Tolerance["p_two_sided"])
		}
		if v.TauA != nil {
			pairs := float64(len(y)*(len(y)-1)) / 2
			near(t, v.Dataset+" τ", float64(got.S)/pairs, *v.TauA, v.Tolerance["tau_a"])
		}
		if v.ExactOneSided != nil {
			near(t, v.Dataset+" exact P", got.P/2, *v.ExactOneSided, 5.1e-6)
		}
	}
}

// testMannKendallCritical looks for the smallest S that is significant.
func testMannKendallCritical(t *testing.T, section json.RawMessage) {
	var s struct {
		OneSided     map[string]map[string]int `json:"one_sided"`
		Source, Note string
	}
	decode(t, section, &s)
	if len(s.OneSided) != 7 {
		t.Fatalf("critical values for %d lengths, want 7", len(s.OneSided))
	}
	for length, critical := range s.OneSided {
		n, err := strconv.Atoi(length)
		if err != nil {
			t.Fatal(err)
		}
		for level, want := range critical {
			alpha, _ := fraction(t, level).Float64()
			if p := oneSidedP(t, n, want); p > alpha {
				t.Errorf("n %d: S %d has p %g, more than %s", n, want, p, level)
			}
			if p := oneSidedP(t, n, want-2); p <= alpha {
				t.Errorf("n %d: S %d has p %g, already %s", n, want-2, p, level)
			}
		}
	}
}

// oneSidedP returns the exact p of a score that n values can attain, tested on
// values in an order that has it.
func oneSidedP(t *testing.T, n, s int) float64 {
	t.Helper()
	y, inversions := weeks(n), (n*(n-1)/2-s)/2
	for end := n - 1; inversions > 0; end-- { // bubbles the smallest left to the end
		for i := 0; i < end && inversions > 0; i++ {
			y[i], y[i+1] = y[i+1], y[i]
			inversions--
		}
	}
	got := stats.MannKendall(y)
	if got.S != s {
		t.Fatalf("values %v have S %d, not %d", y, got.S, s)
	}
	return got.P / 2
}

func testTheilSen(t *testing.T, section json.RawMessage) {
	type vector struct {
		Dataset, Source    string
		Slope, Tolerance   float64
		Intercept          *float64
		InterceptTolerance float64     `json:"intercept_tolerance"`
		Interval           *[2]float64 `json:"slope_ci95"`
		IntervalTolerance  float64     `json:"slope_ci95_tolerance"`
	}
	sets := readDatasets(t)
	for _, v := range vectorsOf[vector](t, section) {
		d := datasetOf(t, sets, v.Dataset)
		line, ok := stats.TheilSen(d.T, d.Y)
		if !ok {
			t.Errorf("%s: no line", v.Dataset)
		}
		near(t, v.Dataset+" slope", line.Slope, v.Slope, v.Tolerance)
		if v.Intercept != nil {
			near(t, v.Dataset+" intercept", line.Intercept, *v.Intercept, v.InterceptTolerance)
		}
		if v.Interval == nil {
			continue
		}
		if !line.Limited {
			t.Errorf("%s: no interval", v.Dataset)
		}
		near(t, v.Dataset+" lower", line.Lower, v.Interval[0], v.IntervalTolerance)
		near(t, v.Dataset+" upper", line.Upper, v.Interval[1], v.IntervalTolerance)
	}
}

// The exact distribution serves up to ten values, all different.
func TestExactness(t *testing.T) {
	tied := noise(10)
	tied[0] = tied[1]
	for _, tc := range []struct {
		name  string
		y     []float64
		exact bool
	}{
		{"ten", noise(10), true},
		{"ten with a tie", tied, false},
		{"eleven", noise(11), false},
	} {
		got := stats.MannKendall(tc.y)
		normal := math.Erfc(math.Abs(got.Z) / math.Sqrt2)
		if exact := got.P != normal; exact != tc.exact {
			t.Errorf("%s: %+v, by the normal %v", tc.name, got, normal)
		}
		near(t, tc.name, got.P, normal, 0.02)
	}
}

func TestLimitedFromSixPoints(t *testing.T) {
	for n := range 20 {
		line, _ := stats.TheilSen(weeks(n), noise(n))
		if line.Limited != (n >= 6) {
			t.Errorf("%d points: %+v", n, line)
		}
	}
	if line, ok := stats.TheilSen([]float64{1, 1, 1}, []float64{1, 2, 3}); ok {
		t.Errorf("one time: %+v", line)
	}
	defer func() {
		if recover() == nil {
			t.Error("times and values differ in number, and nobody says so")
		}
	}()
	at := append(weeks(20), 19)
	if line, ok := stats.TheilSen(at, noise(21)); !ok || line.Limited {
		t.Errorf("two points at one time: %+v, %t", line, ok)
	}
	stats.TheilSen(weeks(3), noise(2))
}

// In weeks that follow each other a false trend comes easily; the rule that
// says so must find them, and must leave independent weeks and plain lines
// alone.
func TestTestable(t *testing.T) {
	slope := func(y []float64, b float64) []float64 {
		for i := range y {
			y[i] += b * float64(i)
		}
		return y
	}
	for _, tc := range []struct {
		name string
		y    []float64
		want bool
	}{
		{"nothing", make([]float64, 30), true},
		{"a perfect line", slope(make([]float64, 30), 0.1), true},
		{"twelve waves", waves(12), true},
		{"thirteen waves", waves(13), false},
		{"waves on a slope", slope(waves(52), 0.3), false},
		{"noise", noise(52), true},
		{"noise on a slope", slope(noise(52), 0.3), true},
	} {
		line, _ := stats.TheilSen(weeks(len(tc.y)), tc.y)
		if got := line.Testable(weeks(len(tc.y)), tc.y); got != tc.want {
			t.Errorf("%s: testable %t", tc.name, got)
		}
	}
}

// waves have a period of twelve weeks.
func waves(n int) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = math.Sin(float64(i) * math.Pi / 6)
	}
	return y
}

// noise is independent and normal, and always the same.
func noise(n int) []float64 {
	r, y := rand.New(rand.NewPCG(1, 2)), make([]float64, n)
	for i := range y {
		y[i] = r.NormFloat64()
	}
	return y
}

// At nominal 5 % a test without a trend says so in at most 5 % of all cases.
func TestMannKendallSize(t *testing.T) {
	r, y := rand.New(rand.NewPCG(3, 4)), make([]float64, 13)
	const rounds = 4000
	found := 0
	for range rounds {
		for i := range y {
			y[i] = r.NormFloat64()
		}
		if stats.MannKendall(y).P < 0.05 {
			found++
		}
	}
	near(t, "false trends of 13 weeks", float64(found)/rounds, 0.045, 3*math.Sqrt(0.045*0.955/rounds))
}

func BenchmarkTheilSen(b *testing.B) {
	at, y := weeks(104), noise(104)
	for b.Loop() {
		stats.TheilSen(at, y)
	}
}

func BenchmarkMannKendall(b *testing.B) {
	y := noise(104)
	for b.Loop() {
		stats.MannKendall(y)
	}
}
