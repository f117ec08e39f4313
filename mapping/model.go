// Package mapping is what product ops declare: teams, goals, reasons, and the
// rules that map tickets to them. It reads the mapping file, finds all its
// mistakes, and compiles it into an immutable RuleSet.
package mapping

import "time"

// GoalStatus is what the company has declared about a goal.
type GoalStatus uint8

// The statuses. Before its first dated status a goal is planned.
const (
	GoalPlanned GoalStatus = iota
	GoalActive
	GoalPaused
	GoalRetired // "retired" or "done" in the file
)

var goalStatusNames = [...]string{"planned", "active", "paused", "retired"}

func (s GoalStatus) String() string { return goalStatusNames[s] }

// Moment is a point in time as people write it: a date, which means midnight
// in the zone it is read in, or an instant.
//
//schema:json {"type": "string", "pattern": "^(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$", "patternErrorMessage": "Write a date such as 2026-10-01, or an instant such as 2026-10-01T09:30:00+02:00.", "examples": ["2026-10-01"]}
type Moment struct {
	Date    Date      // used when Instant is zero
	Instant time.Time // UTC
}

// In returns the instant the moment means in zone loc.
func (m Moment) In(loc *time.Location) time.Time {
	if !m.Instant.IsZero() {
		return m.Instant
	}
	return m.Date.In(loc)
}

// Date is a calendar day, counted in days since 1970-01-01.
//
//schema:json {"type": "string", "pattern": "^(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", "patternErrorMessage": "Write a date such as 2026-10-01.", "examples": ["2026-10-01"]}
type Date int32

// DateOf returns the calendar day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// In returns the first instant of the day in zone loc.
func (d Date) In(loc *time.Location) time.Time {
	y, m, day := d.utc().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, loc)
	begin, end := t.ZoneBounds()
	if !end.IsZero() && DateOf(t) < d {
		return end // the clocks skip midnight
	}
	if before := begin.Add(-1); !begin.IsZero() && DateOf(before) >= d {
		// The clocks were put back to midnight: this is the second one.
		_, offset := before.Zone()
		return time.Unix(int64(d)*86400-int64(offset), 0).In(loc)
	}
	return t
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// String returns the day as 2006-01-02.
func (d Date) String() string { return d.utc().Format(time.DateOnly) }

func (d Date) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// ParseDate reads 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return DateOf(t), nil
}

// Period is the planning period the mapping is written for: the local days
// from From to To, both included.
type Period struct {
	Name     string
	From, To Date
}

// Goal is a strategic goal with its dated declarations.
type Goal struct {
	ID       string
	Name     string
	Why      string
	DoneWhen string
	Review   *Date         // when to look at it again, nil if not declared
	Statuses []DatedStatus // by From, oldest first; empty means always active
	Targets  []DatedTarget // by From, oldest first; empty means no target
}

// DatedStatus is one declaration of a goal's status.
type DatedStatus struct {
	From Moment
	Is   GoalStatus
	Why  string
}

// DatedTarget is one declaration of a goal's target share. A single undated
// target has the zero Moment.
type DatedTarget struct {
	From  Moment
	Share int64 // millionths, 0 to 1,000,000
	Why   string
}

// StatusAt returns the status in force at t; dates are read in zone loc.
func (g *Goal) StatusAt(t time.Time, loc *time.Location) GoalStatus {
	if len(g.Statuses) == 0 {
		return GoalActive
	}
	status := GoalPlanned
	for _, s := range g.Statuses {
		if s.From.In(loc).After(t) {
			break
		}
		status = s.Is
	}
	return status
}

// TargetAt returns the target share in force at t in millionths. A goal that
// is not active has target 0: what its pause frees belongs to "other" until a
// new split is declared.
func (g *Goal) TargetAt(t time.Time, loc *time.Location) int64 {
	if g.StatusAt(t, loc) != GoalActive {
		return 0
	}
	var share int64
	for _, d := range g.Targets {
		if d.From.In(loc).After(t) {
			break
		}
		share = d.Share
	}
	return share
}

// Reason says why work off the plan is done.
type Reason struct {
	ID   string
	Name string
}

// Team is who works: the owner of tracker projects, with a zone and a
// calendar.
type Team struct {
	ID       string
	Name     string
	Location *time.Location
	Capacity int64 // thousandths of a full-time equivalent, 1000 if not declared
	Calendar Calendar

	owns    map[string][]string // connector to project keys, as declared
	waiting map[string]bool     // folded status names
}

// Calendar is a team's working time: the hours From to To, local wall time, on
// the given days except holidays.
type Calendar struct {
	Days     [7]bool // by time.Weekday
	From, To time.Duration
	Holidays map[Date]bool
}

// Facts is what rules can look at: one ticket as of one instant. Names are
// verbatim; the RuleSet folds case where the mapping asks for it.
type Facts struct {
	Connector  string
	Project    string // key of the Jira project or Linear team
	Team       string // id of the declared team, empty if none
	Type       string
	Status     string
	Priority   string
	Title      string
	Labels     []string
	Components []string

	// The ancestors, nearest first. Parents are keys of tickets and epics,
	// the others are titles. They are only looked at, and only need filling
	// in, when RuleSet.NeedsAncestors says so.
	Parents        []string
	LinearProjects []string
	Initiatives    []string
}

// Kind says where a match leads.
type Kind uint8

// The kinds of match.
const (
	NoMatch Kind = iota
	ToGoals
	OffPlan
	Excluded
)

// Match is what the rules say of one set of facts, without any inheritance.
// The zero Match says nothing. Slices are shared and must not be modified.
type Match struct {
	Kind   Kind
	Goals  []GoalWeight // by index, which is config order; only for ToGoals
	Reason string       // id of the reason, empty if none is given; only for OffPlan
	Rules  []int        // the rules that led here, by index

	// Conflict says that goal rules matched that lead to different goals,
	// whatever the split made of it.
	Conflict bool
}

// GoalWeight is a goal's part of a match: Weight divided by the sum of the
// weights.
type GoalWeight struct {
	Goal   int // index into RuleSet.Goals
	Weight int64
}
