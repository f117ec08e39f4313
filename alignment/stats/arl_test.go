package stats_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"alignd/alignment/stats"
)

// Run lengths are known in two ways here: by the integral equation of a chart,
// which meets the published tables to their last digit, and by letting the
// chart that ships run on random numbers.

var arlRuns = flag.Int("arl.runs", 1000, "simulated runs for each average run length; 100000 take half a minute")

type runLength struct {
	K, H, Head float64 // CUSUM
	Sided      int
	Lambda, L  float64 // EWMA
	Shift      float64

	Exact            float64
	ExactTolerance   float64 `json:"exact_tolerance"`
	Printed          *float64
	PrintedTolerance float64 `json:"printed_tolerance"`
	Source           string
}

func (v runLength) String() string {
	if v.Lambda != 0 {
		return fmt.Sprintf("λ %g L %g shift %g", v.Lambda, v.L, v.Shift)
	}
	return fmt.Sprintf("k %g h %g shift %g head %g sides %d", v.K, v.H, v.Shift, v.Head, v.Sided)
}

func testCUSUMRunLengths(t *testing.T, section json.RawMessage) {
	var s struct {
		Definition string
		Vectors    []runLength
		Siegmund   []struct {
			K, H, Shift, Value, Tolerance float64
			Source                        string
		}
	}
	decode(t, section, &s)
	for i, v := range atLeastOne(t, s.Vectors) {
		solved := solveOneSided(v.K, v.H, v.Shift, v.Head)
		if v.Sided == 2 {
			solved = solveTwoSided(v.K, v.H, v.Shift, v.Head)
		}
		v.check(t, solved, uint64(i), v.runCUSUM)
	}
	for _, v := range atLeastOne(t, s.Siegmund) {
		near(t, fmt.Sprintf("Siegmund h %g shift %g", v.H, v.Shift), siegmund(v.K, v.H, v.Shift), v.Value, v.Tolerance)
	}
}

func testEWMARunLengths(t *testing.T, section json.RawMessage) {
	for i, v := range vectorsOf[runLength](t, section) {
		v.check(t, solveEWMA(v.Lambda, v.L, v.Shift), uint64(i), v.runEWMA)
	}
}

// check compares the table with the solved equation, and with the mean of many
// runs. Of so many rows one may lie more than three standard errors off by
// chance; such a row has a second, independent chance with four times the runs.
func (v runLength) check(t *testing.T, solved float64, seed uint64, run func(*rand.Rand) int) {
	t.Helper()
	near(t, v.String()+" solved", solved, v.Exact, v.ExactTolerance)
	if v.Printed != nil {
		near(t, v.String()+" solved, printed", solved, *v.Printed, v.PrintedTolerance)
	}
	mean, deviation := simulate(*arlRuns, rand.New(rand.NewPCG(1, seed)), run)
	if math.Abs(mean-v.Exact) > 3*deviation+v.ExactTolerance {
		t.Logf("%s: simulated %g ± %g, again", v, mean, deviation)
		mean, deviation = simulate(4**arlRuns, rand.New(rand.NewPCG(2, seed)), run)
	}
	near(t, v.String()+" simulated", mean, v.Exact, 3*deviation+v.ExactTolerance)
}

// simulate returns the mean run length and its standard error, which is never
// taken as smaller than that of one run that differs from all others.
func simulate(runs int, r *rand.Rand, run func(*rand.Rand) int) (mean, deviation float64) {
	var sum, squares float64
	for range runs {
		n := float64(run(r))
		sum += n
		squares += n * n
	}
	n := float64(runs)
	mean = sum / n
	return mean, max(math.Sqrt((squares/n-mean*mean)/(n-1)), 1/n)
}

func (v runLength) runCUSUM(r *rand.Rand) int {
	c := stats.CUSUM{K: v.K, H: v.H, Up: v.Head, Down: v.Head}
	for n := 1; ; n++ {
		c = c.Step(v.Shift + r.NormFloat64())
		if a, ok := c.Alarm(); ok && (v.Sided == 2 || a.Direction == 1) {
			return n
		}
	}
}

func (v runLength) runEWMA(r *rand.Rand) int {
	e := stats.EWMA{Lambda: v.Lambda, L: v.L}
	limit := e.FixedLimit()
	for n := 1; ; n++ {
		e = e.Step(v.Shift + r.NormFloat64())
		if math.Abs(e.Value) > limit {
			return n
		}
	}
}

// siegmund approximates the run length of the two-sided chart (Siegmund 1985).
func siegmund(k, h, shift float64) float64 {
	oneSided := func(drift float64) float64 {
		b := h + 1.166 // the mean overshoot at both boundaries
		return (math.Expm1(-2*drift*b) + 2*drift*b) / (2 * drift * drift)
	}
	return 1 / (1/oneSided(shift-k) + 1/oneSided(-shift-k))
}

// solveOneSided solves the integral equation of the run length of the upper
// sum: by Nyström's method, with an atom at 0.
func solveOneSided(k, h, shift, head float64) float64 {
	x, w := gaussLegendre(36, 0, h)
	nodes := append([]float64{0}, x...)
	from := func(u float64) []float64 { // what the run length from u takes of those from the nodes
		row := []float64{distribution(k - shift - u)}
		for i := range x {
			row = append(row, w[i]*density(x[i]+k-shift-u))
		}
		return row
	}
	return solveRunLength(nodes, from, head)
}

// solveTwoSided joins both sums, which share a head start.
func solveTwoSided(k, h, shift, head float64) float64 {
	up, down := solveOneSided(k, h, shift, 0), solveOneSided(k, h, -shift, 0)
	headUp, headDown := solveOneSided(k, h, shift, head), solveOneSided(k, h, -shift, head)
	return (headUp*down + headDown*up - up*down) / (up + down)
}

func solveEWMA(lambda, l, shift float64) float64 {
	limit := l * math.Sqrt(lambda/(2-lambda))
	x, w := gaussLegendre(61, -limit, limit)
	from := func(u float64) []float64 {
		var row []float64
		for i := range x {
			row = append(row, w[i]*density((x[i]-(1-lambda)*u)/lambda-shift)/lambda)
		}
		return row
	}
	return solveRunLength(x, from, 0)
}

// solveRunLength solves L = 1 + K L at the nodes and returns L at start.
func solveRunLength(nodes []float64, from func(u float64) []float64, start float64) float64 {
	m := make([][]float64, len(nodes))
	for i, u := range nodes {
		m[i] = append(from(u), -1)
		for j := range m[i] {
			m[i][j] = -m[i][j]
		}
		m[i][i]++
	}
	lengths, sum := solveLinear(m), 1.0
	for i, share := range from(start) {
		sum += share * lengths[i]
	}
	return sum
}

// solveLinear solves a system whose last column is the right side.
func solveLinear(m [][]float64) []float64 {
	n := len(m)
	for c := range n {
		for r := c; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[c][c]) {
				m[c], m[r] = m[r], m[c]
			}
		}
		for r := c + 1; r < n; r++ {
			f := m[r][c] / m[c][c]
			for i := c; i <= n; i++ {
				m[r][i] -= f * m[c][i]
			}
		}
	}
	x := make([]float64, n)
	for r := n - 1; r >= 0; r-- {
		x[r] = m[r][n]
		for c := r + 1; c < n; c++ {
			x[r] -= m[r][c] * x[c]
		}
		x[r] /= m[r][r]
	}
	return x
}

// gaussLegendre returns nodes and weights of the quadrature on [a, b].
func gaussLegendre(n int, a, b float64) (nodes, weights []float64) {
	for i := range n {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 20 { // Newton; a few steps do
			before, p := 1.0, x
			for m := 2.0; m <= float64(n); m++ {
				before, p = p, ((2*m-1)*x*p-(m-1)*before)/m
			}
			slope = float64(n) * (x*p - before) / (x*x - 1)
			x -= p / slope
		}
		nodes = append(nodes, (a+b)/2+(b-a)/2*x)
		weights = append(weights, (b-a)/((1-x*x)*slope*slope))
	}
	return nodes, weights
}

func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

func distribution(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
