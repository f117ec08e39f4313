package alignment_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"alignd/alignment"
)

// published are the vectors of statistics.json that concern this package.
type published struct {
	Wilson struct {
		Vectors []struct {
			X, N             float64
			Printed          [2]float64
			PrintedTolerance float64 `json:"printed_tolerance"`
			Exact            [2]float64
			ExactTolerance   float64 `json:"exact_tolerance"`
			Source           string
		}
	}
	HalfWidth struct {
		P       float64
		Vectors []struct {
			N         float64
			HalfWidth float64 `json:"half_width"`
			Tolerance float64
		}
	} `json:"wilson_half_width"`
	Floor struct {
		Target  []float64
		Vectors []struct{ N, Formula, Tolerance float64 }
	} `json:"distance_floor"`
}

func TestPublishedStatistics(t *testing.T) {
	var p published
	readShared(t, "statistics.json", &p)
	if len(p.Wilson.Vectors) == 0 || len(p.HalfWidth.Vectors) == 0 || len(p.Floor.Vectors) == 0 {
		t.Fatal("statistics.json lacks vectors")
	}
	for _, v := range p.Wilson.Vectors {
		what := fmt.Sprintf("%g/%g (%s)", v.X, v.N, v.Source)
		lower, upper := alignment.Wilson(v.X/v.N, v.N)
		near(t, what+" lower, printed", lower, v.Printed[0], v.PrintedTolerance)
		near(t, what+" upper, printed", upper, v.Printed[1], v.PrintedTolerance)
		near(t, what+" lower", lower, v.Exact[0], v.ExactTolerance)
		near(t, what+" upper", upper, v.Exact[1], v.ExactTolerance)
	}
	for _, v := range p.HalfWidth.Vectors {
		lower, upper := alignment.Wilson(p.HalfWidth.P, v.N)
		near(t, fmt.Sprintf("half width at n=%g", v.N), (upper-lower)/2, v.HalfWidth, v.Tolerance)
	}
	for _, v := range p.Floor.Vectors {
		d := alignment.Distances(p.Floor.Target, p.Floor.Target, v.N)
		near(t, fmt.Sprintf("floor at n=%g", v.N), d.Floor, v.Formula, v.Tolerance)
	}
}

// The limits are the roots of the score equation, lie around the share, and
// close in on it as observations grow.
func TestWilsonLimits20(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Closer to 0 and 1 the check itself drowns in rounding.
		p := rapid.OneOf(rapid.Float64Range(0.001, 0.999), rapid.SampledFrom([]float64{0, 1})).Draw(t, "p")
		n := rapid.Float64Range(0.5, 1e6).Draw(t, "n")
		lower, upper := alignment.Wilson(p, n)
		if !(0 <= lower && lower <= p+1e-12 && p-1e-12 <= upper && upper <= 1) {
			t.Fatalf("limits %v, %v of %v", lower, upper, p)
		}
		for _, limit := range []float64{lower, upper} {
			if limit == 0 || limit == 1 {
				continue
			}
			if z := math.Abs(p-limit) / math.Sqrt(limit*(1-limit)/n); math.Abs(z-1.959963984540054) > 1e-5 {
				t.Fatalf("limit %v of %v, n=%v lies %v standard errors away", limit, p, n, z)
			}
		}
		if l, u := alignment.Wilson(p, 2*n); u-l > upper-lower {
			t.Fatalf("twice the observations widen the interval from %v to %v", upper-lower, u-l)
		}
	})
}

// The identities that hold between measures of distance.
func TestDistanceIdentities(t *testing.T) {
	shares := func(t *rapid.T, name string) []float64 {
		out := rapid.SliceOfN(rapid.Float64Range(0.001, 1), 4, 4).Draw(t, name)
		var sum float64
		for _, x := range out {
			sum += x
		}
		for i := range out {
			out[i] /= sum
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		p, q := shares(t, "p"), shares(t, "q")
		d, back := alignment.Distances(p, q, 10), alignment.Distances(q, p, 10)
		const dust = 1e-9
		switch tv := d.TotalVariation; {
		case tv < 0 || tv > 1:
			t.Fatalf("total variation %v", tv)
		case tv > math.Sqrt(d.KullbackLeibler/2)+dust:
			t.Fatalf("Pinsker: %v against %v", tv, d.KullbackLeibler)
		case d.Hellinger*d.Hellinger > tv+dust || tv > d.Hellinger*math.Sqrt2+dust:
			t.Fatalf("Hellinger bounds: %v against %v", tv, d.Hellinger)
		case math.Abs(tv-back.TotalVariation)+math.Abs(d.Hellinger-back.Hellinger)+math.Abs(d.JensenShannon-back.JensenShannon) > dust:
			t.Fatal("a symmetric measure is not symmetric")
		}
		merged := alignment.Distances([]float64{p[0] + p[1], p[2], p[3]}, []float64{q[0] + q[1], q[2], q[3]}, 10)
		if merged.TotalVariation > d.TotalVariation+dust || merged.KullbackLeibler > d.KullbackLeibler+dust || merged.Hellinger > d.Hellinger+dust {
			t.Fatal("merging cells increases a distance")
		}
		if same := alignment.Distances(p, p, 10); same.TotalVariation != 0 || same.Hellinger != 0 || same.KullbackLeibler != 0 {
			t.Fatalf("distance to itself: %+v", same)
		}
	})
}

func TestEffectiveTickets(t *testing.T) {
	for _, tc := range []struct {
		work []int64
		want float64
	}{
		{nil, 0},
		{[]int64{5}, 1},
		{[]int64{7, 7, 7, 7, 7}, 5},
		{[]int64{1, 97, 1, 1}, 2500.0 / 2353},
	} {
		if got := alignment.Effective(tc.work); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("effective tickets of %v: %v, want %v", tc.work, got, tc.want)
		}
	}
}
