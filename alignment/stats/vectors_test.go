package stats_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/big"
	"os"
	"slices"
	"testing"

	"alignd/alignment/stats"
)

// Each section of statistics.json has its test here, or is alignment's.
var sections = map[string]func(t *testing.T, section json.RawMessage){
	"wilson":                testWilson,
	"wilson_difference":     testWilsonDifference,
	"wilson_half_width":     testWilsonHalfWidth,
	"n_eff":                 testEffectiveSize,
	"datasets":              testDatasets,
	"mann_kendall":          testMannKendall,
	"mann_kendall_critical": testMannKendallCritical,
	"theil_sen":             testTheilSen,
	"cusum":                 testCUSUM,
	"cusum_arl":             testCUSUMRunLengths,
	"ewma":                  testEWMA,
	"ewma_arl":              testEWMARunLengths,
	"kaplan_meier":          testKaplanMeier,

	"about":          nil,
	"sources":        nil,
	"distance_floor": nil, // package alignment
	"drift_pipeline": nil, // package alignment
}

func TestPublishedVectors(t *testing.T) {
	var file map[string]json.RawMessage
	decode(t, shared(t, "statistics.json"), &file)
	for name, section := range file {
		test, known := sections[name]
		if !known {
			t.Errorf("nobody tests section %q", name)
		}
		if test != nil {
			t.Run(name, func(t *testing.T) { test(t, section) })
		}
	}
	for name := range sections {
		if _, ok := file[name]; !ok {
			t.Errorf("section %q has gone", name)
		}
	}
}

// shared returns a file of the worked example.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	path := "../../../shared/worked-example/" + name
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is required in CI", path)
		}
		t.Skipf("optional shared test data %s is absent", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decode refuses what it does not know, so that no field goes untested.
func decode(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// vectorsOf decodes a section that is a list of vectors and nothing else.
func vectorsOf[V any](t *testing.T, section json.RawMessage) []V {
	t.Helper()
	var s struct {
		Definition, Source string
		Vectors            []V
	}
	decode(t, section, &s)
	return atLeastOne(t, s.Vectors)
}

func atLeastOne[V any](t *testing.T, vectors []V) []V {
	t.Helper()
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	return vectors
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.15g, want %.15g ± %g", what, got, want, tolerance)
	}
}

// dataset holds the values of one data set, and their times: 0, 1, 2, ... where
// it has none.
type dataset struct {
	About, Source string
	Y, T          []float64
}

func readDatasets(t *testing.T) map[string]dataset {
	t.Helper()
	var file struct{ Datasets json.RawMessage }
	if err := json.Unmarshal(shared(t, "statistics.json"), &file); err != nil {
		t.Fatal(err)
	}
	var sets map[string]dataset
	decode(t, file.Datasets, &sets)
	for name, d := range sets {
		if d.T == nil {
			d.T = weeks(len(d.Y))
			sets[name] = d
		}
	}
	return sets
}

// datasetOf returns a data set that a vector names.
func datasetOf(t *testing.T, sets map[string]dataset, name string) dataset {
	t.Helper()
	d, ok := sets[name]
	if !ok {
		t.Fatalf("no data set %q", name)
	}
	return d
}

func weeks(n int) []float64 {
	t := make([]float64, n)
	for i := range t {
		t[i] = float64(i)
	}
	return t
}

// Every data set serves a vector; a new one without tests would be noticed.
func testDatasets(t *testing.T, _ json.RawMessage) {
	type user struct{ Dataset string }
	used := map[string]bool{}
	var file map[string]json.RawMessage
	decode(t, shared(t, "statistics.json"), &file)
	for _, name := range []string{"mann_kendall", "theil_sen", "cusum", "ewma"} {
		var section struct{ Vectors []user }
		if err := json.Unmarshal(file[name], &section); err != nil {
			t.Fatal(err)
		}
		for _, v := range section.Vectors {
			used[v.Dataset] = true
		}
	}
	for name, d := range readDatasets(t) {
		if !used[name] || len(d.Y) == 0 || len(d.T) != len(d.Y) {
			t.Errorf("data set %q: used %t, %d values, %d times", name, used[name], len(d.Y), len(d.T))
		}
	}
}

type limits struct {
	Printed          [2]float64
	PrintedTolerance float64 `json:"printed_tolerance"`
	Exact            [2]float64
	ExactTolerance   float64 `json:"exact_tolerance"`
	Source           string
}

func (l limits) check(t *testing.T, lower, upper float64) {
	t.Helper()
	near(t, l.Source+" lower, printed", lower, l.Printed[0], l.PrintedTolerance)
	near(t, l.Source+" upper, printed", upper, l.Printed[1], l.PrintedTolerance)
	near(t, l.Source+" lower", lower, l.Exact[0], l.ExactTolerance)
	near(t, l.Source+" upper", upper, l.Exact[1], l.ExactTolerance)
}

func testWilson(t *testing.T, section json.RawMessage) {
	type vector struct {
		X, N float64
		limits
	}
	for _, v := range vectorsOf[vector](t, section) {
		lower, upper := stats.Wilson(v.X/v.N, v.N)
		v.check(t, lower, upper)
		if v.X == 0 && lower != 0 {
			t.Errorf("lower limit of 0/%g: %g", v.N, lower)
		}
	}
}

func testWilsonDifference(t *testing.T, section json.RawMessage) {
	type vector struct {
		X1, N1, X2, N2 float64
		limits
	}
	for _, v := range vectorsOf[vector](t, section) {
		lower, upper := stats.WilsonDifference(v.X1/v.N1, v.N1, v.X2/v.N2, v.N2)
		v.check(t, lower, upper)
	}
}

func testWilsonHalfWidth(t *testing.T, section json.RawMessage) {
	var s struct {
		P       float64
		Source  string
		Vectors []struct {
			N         float64
			HalfWidth float64 `json:"half_width"`
			Tolerance float64
		}
	}
	decode(t, section, &s)
	for _, v := range atLeastOne(t, s.Vectors) {
		lower, upper := stats.Wilson(s.P, v.N)
		near(t, "half width", (upper-lower)/2, v.HalfWidth, v.Tolerance)
	}
}

// The vectors are fractions, ours whole numbers: they are brought to a common
// denominator, which leaves n_eff.
func testEffectiveSize(t *testing.T, section json.RawMessage) {
	type vector struct {
		Name string
		Work []json.RawMessage
		NEff string `json:"n_eff"`
	}
	for _, v := range vectorsOf[vector](t, section) {
		var parts []*big.Rat
		denominator := big.NewInt(1)
		for _, raw := range v.Work {
			part := fraction(t, string(bytes.Trim(raw, `"`)))
			parts = append(parts, part)
			denominator.Mul(denominator, part.Denom())
		}
		var work []int64
		for _, part := range parts {
			whole := part.Mul(part, new(big.Rat).SetInt(denominator))
			if !whole.IsInt() {
				t.Fatalf("%s: %v is not whole", v.Name, whole)
			}
			work = append(work, whole.Num().Int64())
		}
		want, _ := fraction(t, v.NEff).Float64()
		near(t, v.Name, stats.EffectiveSize(work), want, 1e-14*want)
		slices.Reverse(work)
		near(t, v.Name+", reversed", stats.EffectiveSize(work), want, 1e-14*want)
	}
}

func fraction(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is not a fraction", s)
	}
	return r
}
