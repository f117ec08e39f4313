package stats

import (
	"cmp"
	"slices"
)

// Observation is how long one case was watched, and whether it then ended.
type Observation struct {
	Time  float64
	Event bool // false: censored, the case was still open at Time
}

// Curve is a survival curve: its steps, in order of time, at the times of
// events. Before the first one everything survives.
type Curve []Survival

// Survival is one step of a Curve.
type Survival struct {
	Time  float64
	Share float64 // of cases that last longer than Time
}

// KaplanMeier estimates how long cases last if some are still open: the
// product-limit curve (Kaplan and Meier 1958). A case censored at the time of
// an event counts as at risk. The order of the observations does not matter;
// without an event the curve is empty.
func KaplanMeier(observations []Observation) Curve {
	sorted := slices.Clone(observations)
	slices.SortFunc(sorted, func(a, b Observation) int { return cmp.Compare(a.Time, b.Time) })
	var curve Curve
	share := 1.0
	for i := 0; i < len(sorted); {
		at, atRisk, events := sorted[i].Time, len(sorted)-i, 0
		for ; i < len(sorted) && sorted[i].Time == at; i++ {
			if sorted[i].Event {
				events++
			}
		}
		if events > 0 {
			share *= float64(atRisk-events) / float64(atRisk)
			curve = append(curve, Survival{at, share})
		}
	}
	return curve
}

// Median returns the first time that at most half of the cases outlast; false
// where the curve does not come down to one half.
func (c Curve) Median() (float64, bool) {
	for _, s := range c {
		if s.Share <= 0.5+dust {
			return s.Time, true
		}
	}
	return 0, false
}
