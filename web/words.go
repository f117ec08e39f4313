package web

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"alignd/alignment"
	"alignd/mapping"
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

// percentagePoints prints the size of a change of a share, which is not a part
// of anything.
func percentagePoints(change float64) string {
	return counted(math.Abs(change)*100, "percentage point", "percentage points")
}

// capital begins a text with a capital letter.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// day prints a local day.
func day(d mapping.Date) string { return d.In(time.UTC).Format("2 January 2006") }

// names tells what people call teams, and goals and reasons.
type names struct{ teams, others map[string]string }

func newNames(snap *alignment.Snapshot, status Status) names {
	return names{status.TeamNames, goalNames(snap)}
}

func (n names) team(id string) string { return cmp.Or(n.teams[id], id) }
func (n names) goal(id string) string { return n.other(id) }

func (n names) other(id string) string { return cmp.Or(n.others[id], id) }

func (n names) reason(id string) string { return reasonText(id, n.other) }

func reasonText(id string, name func(id string) string) string {
	switch id {
	case "":
		return "no reason given"
	case alignment.Retired:
		return "goals that are retired"
	default:
		return name(id)
	}
}

// ClassText is what the pages call a class, such as "Goals not now".
func ClassText(c alignment.Class) string { return classWords[c].label }

// CellText is what the pages call a cell, such as "Off-plan: Customer
// escalation". Goal and reason translate ids.
func CellText(c alignment.Cell, goal, reason func(id string) string) string {
	switch {
	case c.Goal != "":
		return ClassText(c.Class) + ": " + goal(c.Goal)
	case c.Class == alignment.OffPlan:
		return ClassText(c.Class) + ": " + reasonText(c.Reason, reason)
	}
	return ClassText(c.Class)
}

// BasisText says how work is seen, such as "as it was known at the time".
func BasisText(b alignment.Basis) string { return basisWords[b] }

func between(s alignment.Share) string {
	if !s.Limited {
		return ""
	}
	return fmt.Sprintf("between %.0f%s%% and %.0f%s%%", s.Lower*100, nbsp, s.Upper*100, nbsp)
}

// amount prints work of one unit: "312 hours of team time".
func amount(u alignment.Unit, n int64) string {
	v := float64(n) / perPiece(u)
	switch u {
	case alignment.UnitTime:
		return counted(v, "hour", "hours") + " of team time"
	case alignment.UnitTickets:
		return counted(v, "completed ticket", "completed tickets")
	default:
		return counted(v, "point", "points")
	}
}

// perPiece is the number of amounts in what people count in: an hour, a ticket, a
// point.
func perPiece(u alignment.Unit) float64 {
	if u == alignment.UnitTime {
		return 3600 * u.Scale()
	}
	return u.Scale()
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
