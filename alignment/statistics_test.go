package alignment_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"alignd/alignment"
)

// TestPublishedFloor: the other published statistics are those of package
// stats.
func TestPublishedFloor(t *testing.T) {
	var published struct {
		Floor struct {
			Target  []float64
			Vectors []struct{ N, Formula, Tolerance float64 }
		} `json:"distance_floor"`
	}
	readShared(t, "statistics.json", &published)
	floor := published.Floor
	if len(floor.Vectors) == 0 {
		t.Fatal("statistics.json lacks vectors")
	}
	for _, v := range floor.Vectors {
		d := alignment.Distances(floor.Target, floor.Target, v.N)
		near(t, fmt.Sprintf("floor at n=%g", v.N), d.Floor, v.Formula, v.Tolerance)
	}
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
