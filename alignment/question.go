package alignment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alignd/mapping"
	"alignd/yamlfile"
)

// OtherReason stands in metrics and questions for every reason that a label
// gives and the mapping does not declare.
const OtherReason = "other"

// NoReason stands wherever people write questions for off-plan work without a
// reason. It can be no id of one.
const NoReason = "none"

// Question names an amount of work that a Snapshot or a scrape shows.
type Question struct {
	Team   string // id, or AllTeams
	Window string // 7d, 28d, 91d, period, or an ISO week such as 2026-W10
	Unit   Unit
	Basis  Basis
	// Class, Goal and Reason narrow it down to some cells; nil takes all. An
	// empty Reason asks for off-plan work without one, OtherReason for all that
	// are not declared.
	Class  *Class
	Goal   *string
	Reason *string
}

// AskError says what is wrong with a Question.
type AskError struct {
	Field, Value string   // such as "team", in lower case
	Allowed      []string // empty where the value is right and the combination is not
	message      string
}

func (e *AskError) Error() string { return e.message }

// unknown is the error about a value that does not exist.
func unknown(field, value string, known []string, besides string) *AskError {
	near := known
	if field == "window" && strings.ContainsAny(value, "0123456789") {
		// Another number is no slip of the pen, a forgotten d is.
		near = slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, value) })
	}
	guess := yamlfile.DidYouMean(value, near)
	return &AskError{field, value, known, fmt.Sprintf("there is no %s %q; %sthere is %s%s", field, value, guess, listed(known), besides)}
}

func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// Check says what the rules do not know of, and what contradicts itself. The
// error is of type *AskError.
func (q *Question) Check(rules *mapping.RuleSet) error {
	var teams, goals []string
	for i := range rules.Teams() {
		teams = append(teams, rules.Teams()[i].ID)
	}
	for i := range rules.Goals() {
		goals = append(goals, rules.Goals()[i].ID)
	}
	switch {
	case q.Team != AllTeams && !slices.Contains(teams, q.Team):
		return unknown("team", q.Team, append(teams, AllTeams), "")
	case q.Goal != nil && *q.Goal != "" && !slices.Contains(goals, *q.Goal):
		return unknown("goal", *q.Goal, goals, "")
	}
	return q.contradiction()
}

// checkReason says whether the reason is neither declared nor among those that
// labels give.
func (q *Question) checkReason(rules *mapping.RuleSet, given map[string]bool) error {
	known := []string{Retired, OtherReason}
	for _, r := range rules.Reasons() {
		known = append(known, r.ID)
		delete(given, r.ID)
	}
	delete(given, Retired)
	known = append(known, slices.Sorted(maps.Keys(given))...)
	if q.Reason == nil || *q.Reason == "" || slices.Contains(known, *q.Reason) {
		return nil
	}
	return unknown("reason", *q.Reason, append(known, NoReason), "")
}

// contradiction says which parts of the question exclude each other.
func (q *Question) contradiction() error {
	wantsGoal, wantsReason := q.Goal != nil && *q.Goal != "", q.Reason != nil && *q.Reason != ""
	against := func(field, value, why string) error {
		return &AskError{Field: field, Value: value, message: why}
	}
	switch {
	case wantsGoal && wantsReason:
		return against("goal", *q.Goal, "work has either a goal or a reason, never both: ask for one of them")
	case wantsGoal && q.Class != nil && *q.Class != Aligned && *q.Class != NotNow:
		return against("goal", *q.Goal, fmt.Sprintf("work of class %s has no goal: leave the goal out, or ask for class aligned or not_now", *q.Class))
	case wantsReason && q.Class != nil && *q.Class != OffPlan:
		return against("reason", *q.Reason, fmt.Sprintf("work of class %s has no reason: leave the reason out, or ask for class off_plan", *q.Class))
	case q.Team == AllTeams && q.Unit == UnitPoints:
		return against("unit", q.Unit.String(), "points have a scale for each team and are not added up over teams; ask for one team, or for time or tickets")
	}
	return nil
}

// asksFor returns which cells count.
func (q *Question) asksFor(rules *mapping.RuleSet) func(Cell) bool {
	declared := func(reason string) bool {
		return reason == "" || reason == Retired || slices.ContainsFunc(rules.Reasons(), func(r mapping.Reason) bool { return r.ID == reason })
	}
	return func(c Cell) bool {
		switch {
		case q.Class != nil && *q.Class != c.Class, q.Goal != nil && *q.Goal != c.Goal:
			return false
		case q.Reason == nil:
			return true
		case q.Class == nil && c.Class != OffPlan:
			return false // no reason is asked for, and nothing else has one
		}
		return *q.Reason == c.Reason || *q.Reason == OtherReason && !declared(c.Reason)
	}
}

// frame returns the days of the window, those of the team or those that the
// company has in common, and up to when they are known.
func (q *Question) frame(rules *mapping.RuleSet, views []teamView) (frame, time.Time, error) {
	today, watermark := endOfDates, int64(endOfTime)
	for i := range views {
		v := &views[i]
		if q.Team != AllTeams && q.Team != v.team.ID {
			continue
		}
		if !v.known {
			return frame{}, time.Time{}, fmt.Errorf("%w: nothing is known of team %s yet, because one of its connectors has not been read completely", ErrNotKnown, v.team.ID)
		}
		today, watermark = min(today, v.today), min(watermark, v.watermark)
	}
	f, err := q.window(today, rules.Period())
	return f, time.UnixMicro(watermark).UTC(), err
}

func (q *Question) window(today mapping.Date, period mapping.Period) (frame, error) {
	var names []string
	for _, f := range frames(today, period) {
		if f.name == q.Window {
			return f, nil
		}
		names = append(names, f.name)
	}
	for monday := mondayOf(today) - 7; monday >= mondayOf(today)-7*historyWeeks; monday -= 7 {
		if f := weekFrames([]mapping.Date{monday})[0]; f.name == q.Window {
			return f, nil
		}
	}
	return frame{}, unknown("window", q.Window, names, " and each closed week such as "+weekName(mondayOf(today)-7))
}

// weekName names an ISO week by its Monday.
func weekName(monday mapping.Date) string {
	year, week := monday.In(time.UTC).ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}
