package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"alignd/alignment"
)

// minEffective is the number of effective tickets below which a share says
// too little to be printed.
const minEffective = 5

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// percent rounds a share for people without claiming "all" or "nothing" where
// it is not exactly that.
func percent(share float64) string {
	switch rounded := math.Round(share * 100); {
	case share > 0 && rounded == 0:
		return "under 1" + nbsp + "%"
	case share < 1 && rounded == 100:
		return "over 99" + nbsp + "%"
	default:
		return strconv.Itoa(int(rounded)) + nbsp + "%"
	}
}

func between(s alignment.Share) string {
	return fmt.Sprintf("between %.0f%s%% and %.0f%s%%", s.Lower*100, nbsp, s.Upper*100, nbsp)
}

// amount prints work of one unit: "312 hours of team time".
func amount(u alignment.Unit, n int64) string {
	v := float64(n) / u.Scale()
	switch u {
	case alignment.UnitTime:
		return counted(v/3600, "hour", "hours") + " of team time"
	case alignment.UnitTickets:
		return counted(v, "completed ticket", "completed tickets")
	default:
		return counted(v, "point", "points")
	}
}

func counted(v float64, one, many string) string {
	text := number(v)
	if text == "1" {
		return text + " " + one
	}
	return text + " " + many
}

// number prints one decimal below ten and groups of thousands above.
func number(v float64) string {
	if v < 10 {
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// ago prints the age of a moment.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute ago"
	case d < 2*time.Hour:
		return counted(math.Floor(d.Minutes()), "minute", "minutes") + " ago"
	case d < 48*time.Hour:
		return counted(math.Floor(d.Hours()), "hour", "hours") + " ago"
	default:
		return counted(math.Floor(d.Hours()/24), "day", "days") + " ago"
	}
}

// stamp prints a moment in UTC, without the date where it is today's.
func stamp(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04 UTC")
	}
	return t.Format("2 January 2006, 15:04 UTC")
}

var windowWords = map[string]string{
	"7d":     "the last 7 days",
	"28d":    "the last 28 days",
	"91d":    "the last 91 days",
	"period": "this period",
}

var unitWords = [...]string{
	alignment.UnitTime:    "team time",
	alignment.UnitTickets: "completed tickets",
	alignment.UnitPoints:  "points",
}

var basisWords = [...]string{
	alignment.Then: "as it was known at the time",
	alignment.Now:  "by today’s labels",
}

var classWords = [...]struct{ css, label, note string }{
	alignment.Aligned:  {"aligned", "Active goals", "work on goals that are active"},
	alignment.NotNow:   {"not-now", "Goals not now", "work on goals that are paused or not started"},
	alignment.OffPlan:  {"off-plan", "Off-plan", "work with a declared reason outside the goals"},
	alignment.Unmapped: {"unmapped", "Not mapped", "no rule says anything about it yet"},
}
