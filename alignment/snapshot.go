package alignment

import (
	"fmt"
	"slices"
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// Unit is what work is counted in.
type Unit uint8

// The units. Amounts of UnitTime are nanoseconds of team time, of the others
// millionths of a ticket or point.
const (
	UnitTime Unit = iota
	UnitTickets
	UnitPoints
	unitCount
)

// Units lists all units.
var Units = [unitCount]Unit{UnitTime, UnitTickets, UnitPoints}

func (u Unit) String() string { return [...]string{"time", "tickets", "points"}[u] }

// MarshalText writes the unit's name.
func (u Unit) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (u *Unit) UnmarshalText(text []byte) error {
	for _, known := range Units {
		if known.String() == string(text) {
			*u = known
			return nil
		}
	}
	return fmt.Errorf("unit %q is none of time, tickets, points", text)
}

// Scale is the number of amounts in a second, a ticket or a point.
func (u Unit) Scale() float64 { return [...]float64{1e9, 1e6, 1e6}[u] }

// Basis is the point of view from which work is classified.
type Basis uint8

// The bases: as it was known at the time (backfilled, unless the mapping asks
// for strict), and by the labels and goal statuses of the watermark.
const (
	Then Basis = iota
	Now
	basisCount
)

// Bases lists both bases.
var Bases = [basisCount]Basis{Then, Now}

func (b Basis) String() string { return [...]string{"then", "now"}[b] }

// MarshalText writes the basis' name.
func (b Basis) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (b *Basis) UnmarshalText(text []byte) error {
	for _, known := range Bases {
		if known.String() == string(text) {
			*b = known
			return nil
		}
	}
	return fmt.Errorf("basis %q is neither then nor now", text)
}

// Class is one of the four classes of work.
type Class uint8

// The classes.
const (
	Aligned Class = iota
	NotNow
	OffPlan
	Unmapped
	classCount
)

// Classes lists all classes.
var Classes = [classCount]Class{Aligned, NotNow, OffPlan, Unmapped}

func (c Class) String() string { return [...]string{"aligned", "not_now", "off_plan", "unmapped"}[c] }

// UnmarshalText reads a class's name.
func (c *Class) UnmarshalText(text []byte) error {
	for _, known := range Classes {
		if known.String() == string(text) {
			*c = known
			return nil
		}
	}
	return fmt.Errorf("class %q is none of aligned, not_now, off_plan, unmapped", text)
}

// Retired is the reserved reason of work on a retired goal.
const Retired = "retired"

// AllTeams is the reserved team id of the whole company.
const AllTeams = "all"

// Cell is the smallest thing work is counted under. Goal is set for Aligned
// and NotNow; Reason may be set for OffPlan.
type Cell struct {
	Class  Class
	Goal   string
	Reason string
}

// Snapshot is one complete, immutable result. Nothing in it may be modified.
type Snapshot struct {
	ComputedAt  time.Time
	Fingerprint string // of the rules, see mapping.RuleSet.Fingerprint
	Period      mapping.Period
	Strict      bool // basis "then" without backfilling

	Teams   []TeamResult // in config order; a team without a watermark is absent from the numbers, see TeamResult.Known
	Company TeamResult   // ID AllTeams: sums of the teams' cells; never points
	Goals   []mapping.Goal
	Reasons []mapping.Reason

	Tickets  []TicketCount  // known tickets, containers left out, by connector, team, state
	Outside  map[string]int // known tickets in no team, by connector
	Excluded map[string]int // tickets with work or a completion in the days looked at that an exclude rule takes out of all accounts, by connector
	Rules    []RuleUse      // in config order
	// Review is what two years of history say; nil until they were looked at.
	// It is computed less often than the rest.
	Review *Review

	// Conflicts is the number of tickets with work or a completion in the
	// last 28 days that matched more than one goal.
	Conflicts int
}

// TicketCount is a number of known tickets.
type TicketCount struct {
	Connector, Team string // Team is empty outside every team
	State           string
	Count           int
}

// RuleUse is the number of tickets with work or a completion in the last 28
// days that a rule matched by itself (not by inheritance).
type RuleUse struct {
	Rule    string
	Tickets int
}

// TeamResult is everything computed about one team or the company.
type TeamResult struct {
	ID string

	// Known is false while one of the team's connectors has not completed
	// its first walk. Nothing else is filled in then.
	Known     bool
	Watermark time.Time // everything up to here is in the numbers
	// Workday is how long the team works on a day of its calendar; 0 for a
	// company whose teams differ.
	Workday time.Duration

	ActiveFresh, ActiveStale int // tickets of U_T at the watermark
	// Targets are the shares in force at the watermark by goal id, for goals
	// that declare one; TargetAligned is their sum. Empty if none does.
	Targets       map[string]float64
	TargetAligned float64

	Windows []Window // 7d, 28d, 91d, period
	Weeks   []Window // closed ISO weeks, oldest first; Name is "2026-W10"
	Trends  []Trend  // over Weeks: of a team's aligned share in each unit; of each goal's share for the company

	Evidence *Evidence // of the window 91d; nil without work
}

// Trend is the slope of a share over the closed weeks (measures: 3.2).
type Trend struct {
	Goal  string // empty: the aligned share
	Unit  Unit
	Slope float64 // Theil–Sen, share per week; 0 and meaningless below trendMinimum observations
	Weeks int     // with work and an active goal, at most weeksKept
	// P is the two-sided p-value of Mann–Kendall's test. It is absent where
	// weeks depend on each other: for the unit time, and where the residuals
	// are autocorrelated.
	P *float64
}

// Known reports whether there are enough weeks to speak of a slope.
func (t *Trend) Known() bool { return t.Weeks >= trendMinimum }

// Window is the work of one stretch of whole local days, clipped at the
// watermark. For the company the cells are sums over the teams.
type Window struct {
	Name     string
	From, To mapping.Date // local days, To excluded

	Capacity, Idle int64 // nanoseconds of team time
	// FreshTime and ActiveTime are the integrals of |S_T| and |U_T| over the
	// working time, in ticket-microseconds; their ratio is the fresh share.
	FreshTime, ActiveTime int64
	Unestimated           int // completions without an estimate

	Units [unitCount]Work
}

// FreshShare returns the fresh share and false where nothing was active.
func (w *Window) FreshShare() (float64, bool) {
	if w.ActiveTime == 0 {
		return 0, false
	}
	return float64(w.FreshTime) / float64(w.ActiveTime), true
}

// Work is what was done in one window, counted in one unit.
type Work struct {
	Total int64
	Cells [basisCount][]CellAmount // ordered by class, goal in config order, reason; no zero amounts

	// EffectiveTickets is Kish's n_eff over root tickets; 0 without work.
	EffectiveTickets float64
	// Overdispersion widens the intervals, see Review.Overdispersion; 0 before
	// a history was looked at: then shares have none.
	Overdispersion float64

	// Distance to target, basis then, unit and window of this Work; nil
	// without a target or without work.
	Distance *Distance
}

// CellAmount is the amount of one cell.
type CellAmount struct {
	Cell   Cell
	Amount int64
}

// Share is a share with its 95 % Wilson interval.
type Share struct {
	Value        float64
	Limited      bool // the interval is known
	Lower, Upper float64
}

// ClassShare returns the share of a class and false where the denominator is
// 0.
func (w *Work) ClassShare(b Basis, c Class) (Share, bool) {
	return w.share(b, func(cell Cell) bool { return cell.Class == c })
}

// GoalShare returns the share of aligned work on one goal.
func (w *Work) GoalShare(b Basis, goal string) (Share, bool) {
	return w.share(b, func(cell Cell) bool { return cell.Class == Aligned && cell.Goal == goal })
}

// CellShare returns the share of one cell.
func (w *Work) CellShare(b Basis, cell Cell) (Share, bool) {
	return w.share(b, func(c Cell) bool { return c == cell })
}

func (w *Work) share(b Basis, in func(Cell) bool) (Share, bool) {
	if w.Total == 0 {
		return Share{}, false
	}
	var sum int64
	for _, c := range w.Cells[b] {
		if in(c.Cell) {
			sum += c.Amount
		}
	}
	return newShare(float64(sum)/float64(w.Total), w.EffectiveTickets, w.Overdispersion), true
}

// newShare returns a share with its interval, if the overdispersion is known:
// tickets that stand or fall together count as fewer (measures: 2.4).
func newShare(p, effectiveTickets, overdispersion float64) Share {
	if overdispersion == 0 {
		return Share{Value: p}
	}
	lower, upper := stats.Wilson(p, effectiveTickets/(overdispersion*overdispersion))
	return Share{Value: p, Limited: true, Lower: lower, Upper: upper}
}

// WithReview returns the snapshot with a review, and with what that says of how
// sure the shares are if it was made under the same rules.
func (s *Snapshot) WithReview(r *Review) *Snapshot {
	with := *s
	with.Review = r
	if r.Fingerprint != s.Fingerprint {
		return &with
	}
	with.Teams = slices.Clone(s.Teams)
	for i := range with.Teams {
		with.Teams[i].spread(r.Overdispersion)
	}
	with.Company.spread(r.Overdispersion)
	return &with
}

// spread sets the overdispersion of all windows, in copies of them.
func (t *TeamResult) spread(known map[string]Overdispersion) {
	o, ok := known[t.ID]
	if !ok {
		return
	}
	t.Windows, t.Weeks = slices.Clone(t.Windows), slices.Clone(t.Weeks)
	for _, windows := range [][]Window{t.Windows, t.Weeks} {
		for i := range windows {
			windows[i].spread(o)
		}
	}
}

// spread sets the overdispersion as it was known at the end of the window.
func (w *Window) spread(o Overdispersion) {
	sigma := o.At(w.To - 1)
	for u := range w.Units {
		w.Units[u].Overdispersion = sigma
	}
}
