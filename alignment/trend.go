package alignment

import (
	"slices"
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// trendMinimum is the number of weeks below which nothing is said of a slope.
const trendMinimum = 8

// trendOf draws a line through the weeks that had any work, and in which some
// of the goals were active all along: a share that begins or ends with a goal
// says nothing of a habit.
func trendOf(weeks []Window, goal string, goals []mapping.Goal, loc *time.Location, u Unit) Trend {
	t := Trend{Goal: goal, Unit: u}
	var at, shares []float64
	for i := range weeks {
		work := &weeks[i].Units[u]
		share, ok := work.ClassShare(Then, Aligned)
		if goal != "" {
			share, ok = work.GoalShare(Then, goal)
		}
		if ok && activeThrough(goals, weeks[i].From.In(loc), weeks[i].To.In(loc), loc) {
			at, shares = append(at, float64(i)), append(shares, share.Value)
		}
	}
	if t.Weeks = len(shares); !t.Known() {
		return t
	}
	line, _ := stats.TheilSen(at, shares)
	t.Slope = line.Slope
	if u != UnitTime && line.Testable(at, shares) {
		p := stats.MannKendall(shares).P
		t.P = &p
	}
	return t
}

// activeThrough reports whether at each instant of a stretch one of the goals is
// active.
func activeThrough(goals []mapping.Goal, from, to time.Time, loc *time.Location) bool {
	isActive := func(at time.Time) bool {
		return slices.ContainsFunc(goals, func(g mapping.Goal) bool { return g.StatusAt(at, loc) == mapping.GoalActive })
	}
	for i := range goals {
		for _, s := range goals[i].Statuses {
			if at := s.From.In(loc); at.After(from) && at.Before(to) && !isActive(at) {
				return false
			}
		}
	}
	return isActive(from)
}

// teamTrends returns the trends of a team's aligned share.
func teamTrends(weeks []Window, goals []mapping.Goal, loc *time.Location) []Trend {
	out := make([]Trend, 0, unitCount)
	for _, u := range Units {
		out = append(out, trendOf(weeks, "", goals, loc, u))
	}
	return out
}

// goalTrends returns the trends of the goals' shares in all work.
func goalTrends(weeks []Window, goals []mapping.Goal, loc *time.Location) []Trend {
	var out []Trend
	for i := range goals {
		for u := UnitTime; u <= UnitTickets; u++ {
			out = append(out, trendOf(weeks, goals[i].ID, goals[i:i+1], loc, u))
		}
	}
	return out
}
