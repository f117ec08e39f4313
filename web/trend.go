package web

import (
	"fmt"

	"alignd/alignment"
)

// trendLevel is the p-value below which a slope is taken for more than chance.
const trendLevel = 0.05

// trendWords says whether a share moves week by week. Only completed tickets
// are looked at: weeks of team time depend on each other.
func trendWords(trends []alignment.Trend, goal string) string {
	for i := range trends {
		t := &trends[i]
		if t.Goal != goal || t.Unit != alignment.UnitTickets {
			continue
		}
		weeks := counted(float64(t.Weeks), "week", "weeks")
		switch {
		case !t.Known():
			return "not enough data for a trend: " + weeks + " to go by"
		case t.P == nil || *t.P >= trendLevel || t.Slope == 0:
			return "no clear trend in " + weeks
		case t.Slope > 0:
			return fmt.Sprintf("↗ up by about %s a week for %s", percentagePoints(t.Slope), weeks)
		default:
			return fmt.Sprintf("↘ down by about %s a week for %s", percentagePoints(t.Slope), weeks)
		}
	}
	return ""
}
