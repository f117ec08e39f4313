package alignment

import (
	"alignd/alignment/stats"
	"alignd/mapping"
)

// trendMinimum is the number of weeks below which nothing is said of a slope.
const trendMinimum = 8

// trendOf draws a line through the weeks that had any work.
func trendOf(weeks []Window, goal string, u Unit) Trend {
	t := Trend{Goal: goal, Unit: u}
	var at, shares []float64
	for i := range weeks {
		work := &weeks[i].Units[u]
		share, ok := work.ClassShare(Then, Aligned)
		if goal != "" {
			share, ok = work.GoalShare(Then, goal)
		}
		if ok {
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

// teamTrends returns the trends of a team's aligned share.
func teamTrends(weeks []Window) []Trend {
	out := make([]Trend, 0, unitCount)
	for _, u := range Units {
		out = append(out, trendOf(weeks, "", u))
	}
	return out
}

// goalTrends returns the trends of the goals' shares in all work.
func goalTrends(weeks []Window, goals []mapping.Goal) []Trend {
	var out []Trend
	for i := range goals {
		for u := UnitTime; u <= UnitTickets; u++ {
			out = append(out, trendOf(weeks, goals[i].ID, u))
		}
	}
	return out
}
