package alignment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

// The span algebra is checked against sets of single instants.

const instants = 24

func drawSpans(t *rapid.T, name string) spans {
	var s spans
	at := int64(0)
	for range rapid.IntRange(0, 5).Draw(t, name) {
		from := at + rapid.Int64Range(0, 4).Draw(t, "gap")
		to := from + rapid.Int64Range(0, 4).Draw(t, "length")
		s = s.add(span{from, to})
		at = to
	}
	return s
}

func (s spans) covers(at int64) bool {
	for _, x := range s {
		if x.from <= at && at < x.to {
			return true
		}
	}
	return false
}

func TestSpanAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawSpans(t, "x"), drawSpans(t, "y")
		both, only := x.intersect(y), x.subtract(y)
		for at := range int64(2 * instants) {
			if got, want := both.covers(at), x.covers(at) && y.covers(at); got != want {
				t.Fatalf("%v intersect %v = %v covers %d: %t, want %t", x, y, both, at, got, want)
			}
			if got, want := only.covers(at), x.covers(at) && !y.covers(at); got != want {
				t.Fatalf("%v subtract %v = %v covers %d: %t, want %t", x, y, only, at, got, want)
			}
		}
		for _, s := range []spans{both, only} {
			for i, p := range s {
				if p.from >= p.to || i > 0 && p.from <= s[i-1].to {
					t.Fatalf("%v is not made of disjoint, not touching spans in order", s)
				}
			}
		}
	})
}

func TestMuldivIsExact(t *testing.T) {
	const big = int64(1) << 62
	for _, tc := range []struct{ a, b, c, want int64 }{
		{0, 1, 1, 0},
		{7, 1, 3, 2},
		{big, big - 1, big, big - 1},
		{big, 1, 3, big / 3},
	} {
		if got := muldiv(tc.a, tc.b, tc.c); got != tc.want {
			t.Errorf("muldiv(%d, %d, %d) = %d, want %d", tc.a, tc.b, tc.c, got, tc.want)
		}
	}
}

func TestSpreadKeepsTheSumAndTheOrder(t *testing.T) {
	parts := []part{{0, 1}, {1, 1}, {2, 1}}
	if diff := cmp.Diff([]int64{4, 3, 3}, spread(nil, parts, 10)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int64Range(1, 9), 1, 6).Draw(t, "weights")
		parts := make([]part, len(weights))
		for i, w := range weights {
			parts[i] = part{int32(i), w}
		}
		piece := rapid.Int64Range(0, 1<<60).Draw(t, "piece")
		var sum int64
		for _, a := range spread(nil, parts, piece) {
			sum += a
		}
		if sum != piece {
			t.Fatalf("parts of %d sum to %d", piece, sum)
		}
	})
}

func TestFillBack(t *testing.T) {
	none, goal := verdict{}, verdict{match: toGoal(0)}
	other, off, why := verdict{match: toGoal(1)}, verdict{match: offPlan("")}, verdict{match: offPlan("incident")}
	filled := func(v verdict) verdict { v.filled = true; return v }
	for name, tc := range map[string]struct{ raw, want []verdict }{
		"unknown takes the first later match": {
			[]verdict{none, none, goal, other}, []verdict{filled(goal), filled(goal), goal, other},
		},
		"known is never rewritten":              {[]verdict{goal, none, other}, []verdict{goal, filled(other), other}},
		"the end stays unknown":                 {[]verdict{goal, none}, []verdict{goal, none}},
		"a reason fills back":                   {[]verdict{off, why}, []verdict{filled(why), why}},
		"a reason fills back past a goal":       {[]verdict{off, goal, why}, []verdict{filled(why), goal, why}},
		"unknown, then no reason, then one":     {[]verdict{none, off, why}, []verdict{filled(why), filled(why), why}},
		"unknown takes off-plan with no reason": {[]verdict{none, off}, []verdict{filled(off), off}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := make([]step[verdict], len(tc.raw))
			for i, v := range tc.raw {
				steps[i] = step[verdict]{int64(i), v}
			}
			fillBack(steps)
			for i, s := range steps {
				if diff := cmp.Diff(tc.want[i], s.value, cmp.AllowUnexported(verdict{}, node{})); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func toGoal(goal int) mapping.Match {
	return mapping.Match{Kind: mapping.ToGoals, Goals: []mapping.GoalWeight{{Goal: goal, Weight: 1}}}
}

func offPlan(reason string) mapping.Match {
	return mapping.Match{Kind: mapping.OffPlan, Reason: reason}
}
