package alignment

import (
	"time"

	"alignd/mapping"
)

// Starvation is measured over the 28-day window, and not at all with fewer
// effective tickets than starvedMinimum (measures: 2.4).
const (
	starvedWindow  = "28d"
	starvedMinimum = 5
)

// Starved returns the ids of the goals, in config order, that get less than
// half of what was declared for them: even the upper limit of the share of time
// in the last 28 days, basis then, lies below half of the lowest target that
// was in force during these days. So the goal was active all along, and a
// target that was raised yesterday starves nothing. Dates are read in UTC. None
// is found before the history was looked at.
func (s *Snapshot) Starved(t *TeamResult) []string {
	var starved []string
	for i := range t.Windows {
		w := &t.Windows[i]
		work := &w.Units[UnitTime]
		if w.Name != starvedWindow || work.EffectiveTickets < starvedMinimum {
			continue
		}
		for g := range s.Goals {
			share, ok := work.GoalShare(Then, s.Goals[g].ID)
			if ok && share.Limited && share.Upper < lowestTarget(&s.Goals[g], w.From, t.Watermark)/2 {
				starved = append(starved, s.Goals[g].ID)
			}
		}
	}
	return starved
}

// PlannedSlack returns the share of the work that the targets in force leave for
// everything else, and false if none is declared.
func (t *TeamResult) PlannedSlack() (float64, bool) {
	return max(0, 1-t.TargetAligned), len(t.Targets) > 0
}

// lowestTarget returns the smallest target share between the beginning of a
// day and an instant. It is 0 where none was declared.
func lowestTarget(g *mapping.Goal, from mapping.Date, to time.Time) float64 {
	lowest := g.TargetAt(to, time.UTC)
	for d := from; d.In(time.UTC).Before(to); d++ {
		lowest = min(lowest, g.TargetAt(d.In(time.UTC), time.UTC))
	}
	return float64(lowest) / 1e6
}
