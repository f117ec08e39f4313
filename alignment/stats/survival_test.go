package stats_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"alignd/alignment/stats"
)

func testKaplanMeier(t *testing.T, section json.RawMessage) {
	type vector struct {
		Name, Source string
		Observations [][2]float64
		Survival     map[string]float64
		Median       float64
		Tolerance    float64
	}
	for _, v := range vectorsOf[vector](t, section) {
		var observations []stats.Observation
		for _, o := range v.Observations {
			observations = append(observations, stats.Observation{Time: o[0], Event: o[1] == 1})
		}
		slices.Reverse(observations)
		curve := stats.KaplanMeier(observations)
		if len(curve) != len(v.Survival) {
			t.Errorf("%s: %d steps, want %d", v.Name, len(curve), len(v.Survival))
		}
		for _, s := range curve {
			at := strconv.FormatFloat(s.Time, 'g', -1, 64)
			want, ok := v.Survival[at]
			if !ok {
				t.Errorf("%s: step at %s", v.Name, at)
			}
			near(t, v.Name+" at "+at, s.Share, want, v.Tolerance)
		}
		if median, ok := curve.Median(); !ok || median != v.Median {
			t.Errorf("%s: median %g (%t), want %g", v.Name, median, ok, v.Median)
		}
	}
}

// Without censoring the median is the lower middle one, for any number of cases
// and whatever rounding makes of one half.
func TestMedianWithoutCensoring(t *testing.T) {
	var cases []stats.Observation
	for n := range 300 {
		cases = append(cases, stats.Observation{Time: float64(n), Event: true})
		if median, ok := stats.KaplanMeier(cases).Median(); !ok || median != float64(n/2) {
			t.Errorf("median %v (%t) of 0 to %d", median, ok, n)
		}
	}
}

// A case still open lengthens, never shortens; the order does not matter.
func TestKaplanMeier(t *testing.T) {
	if median, ok := stats.KaplanMeier(nil).Median(); ok {
		t.Errorf("median %v of nothing", median)
	}
	if curve := stats.KaplanMeier([]stats.Observation{{Time: 4}}); len(curve) != 0 {
		t.Errorf("curve %v of one open case", curve)
	}
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Float64Range(0, 10), 1, 50).Draw(t, "times")
		var cases []stats.Observation
		for _, at := range times {
			cases = append(cases, stats.Observation{Time: at, Event: true})
		}
		median, ok := stats.KaplanMeier(cases).Median()
		slices.Sort(times)
		if want := times[(len(times)-1)/2]; !ok || median != want {
			t.Fatalf("median %v (%t) of %v", median, ok, times)
		}
		for i := range cases {
			cases[i].Event = rapid.Bool().Draw(t, "event")
		}
		curve := stats.KaplanMeier(cases)
		if again := stats.KaplanMeier(rapid.Permutation(cases).Draw(t, "other order")); !slices.Equal(curve, again) {
			t.Fatalf("%v, in another order %v", curve, again)
		}
		if later, ok := curve.Median(); ok && later < median {
			t.Fatalf("open cases shorten %v to %v", median, later)
		}
		share := 1.0
		for _, s := range curve {
			if s.Share < 0 || s.Share >= share {
				t.Fatalf("%v does not fall from 1 to 0", curve)
			}
			share = s.Share
		}
	})
}
