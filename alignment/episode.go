package alignment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alignd/mapping"
)

// Series names what a drift chart watches: the aligned share of a team's work
// (Goal is empty), or the share of one goal in the work of all teams (Team is
// AllTeams).
type Series struct {
	Team string `json:"team"`
	Goal string `json:"goal,omitempty"`
	Unit Unit   `json:"unit"`
}

func (s Series) String() string { return s.Team + "/" + s.Goal + "/" + s.Unit.String() }

// Direction is the way a share has moved.
type Direction int8

// The directions.
const (
	Up   Direction = 1
	Down Direction = -1
)

// Directions lists both directions.
var Directions = [...]Direction{Up, Down}

func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// Clearing says how an episode ended.
type Clearing string

// The ways in which an episode ends.
const (
	StillOpen    Clearing = ""
	ByData       Clearing = "data"            // the share is back
	Acknowledged Clearing = "acknowledgement" // somebody has taken note of it
	NewReference Clearing = "reference"       // what is usual or declared is another, or nothing is: a pause
)

// MarshalText writes "up" or "down".
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Direction) UnmarshalText(text []byte) error {
	for _, known := range Directions {
		if known.String() == string(text) {
			*d = known
			return nil
		}
	}
	return fmt.Errorf("direction %q is neither up nor down", text)
}

// Episode is one alarm from raise to clear. What it says of the share is what
// was known when it was raised.
type Episode struct {
	Series    Series
	Direction Direction
	Onset     mapping.Date // Monday of the week in which the change is estimated to have begun
	OnsetAt   time.Time    // beginning of that week
	Week      mapping.Date // Monday of the week that raised it
	RaisedAt  time.Time    // end of that week
	Shift     float64      // estimated change of the share, signed
	Share     float64      // of the observation that raised it
	Reference float64
	Estimated bool      // the reference is what was usual, not a target
	Movement  *Movement // nil if the tickets were not known any more

	How       Clearing
	ClearedAt time.Time    // zero while open
	LastWeek  mapping.Date // Monday of the last week that was looked at before it was cleared
	Note      string       // of the acknowledgement
	// Doubted says that with what became known later the chart would not have
	// raised it.
	Doubted bool
}

// isOf reports whether the record is about the episode.
func (e *Episode) isOf(r *Record) bool {
	return e.Series == r.Series && e.Direction == r.Direction && e.Week == r.Week
}

// Movement is what moved most between the weeks before an episode's onset and
// those from its onset to its raise.
type Movement struct {
	Cells   []CellMove   `json:"cells"`   // the largest changes of share, largest first
	Tickets []TicketWork `json:"tickets"` // the most work in the cells that grew
}

// CellMove is a cell's share before and after the onset.
type CellMove struct {
	Class  string  `json:"class"`
	Goal   string  `json:"goal,omitempty"`
	Reason string  `json:"reason,omitempty"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// TicketWork is the share of one ticket in the work since the onset.
type TicketWork struct {
	Key   string  `json:"key"`
	Share float64 `json:"share"`
}

// Acknowledgement says that somebody has taken note of the open episodes of a
// series. Who that was is not asked.
type Acknowledgement struct {
	Team string    `json:"team"`
	Goal string    `json:"goal,omitempty"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// Record is one line of the episode log, which is only ever appended to.
// Kind says which of the fields are used.
type Record struct {
	Kind      RecordKind   `json:"kind"`
	Series    Series       `json:"series,omitzero"`
	Direction Direction    `json:"direction,omitzero"`
	Week      mapping.Date `json:"week"` // Monday; with its series and direction it names an episode
	At        time.Time    `json:"at"`

	// Of a raise.
	Onset     mapping.Date `json:"onset,omitzero"`
	Shift     float64      `json:"shift,omitempty"`
	Share     float64      `json:"share,omitempty"`
	Reference float64      `json:"reference,omitempty"` // also of a reference
	Estimated bool         `json:"estimated,omitempty"` // the reference was
	Movement  *Movement    `json:"movement,omitempty"`

	// Of a clear.
	How      Clearing     `json:"how,omitempty"`
	LastWeek mapping.Date `json:"last_week,omitzero"`
	Note     string       `json:"note,omitempty"`

	// Rules are those a reference was estimated under, see
	// mapping.RuleSet.ClassFingerprint.
	Rules string `json:"rules,omitempty"`
	// Charted are the series that were looked at up to and including Week.
	Charted []Series `json:"charted,omitempty"`
	// Waiting is for how many of the last weeks each of them waited for more
	// tickets.
	Waiting []int `json:"waiting,omitempty"`
}

// RecordKind says what a Record tells.
type RecordKind string

// The kinds of record.
const (
	RecordRaise     RecordKind = "raise"
	RecordClear     RecordKind = "clear"
	RecordDoubt     RecordKind = "doubt"     // later facts would not have raised the episode
	RecordReference RecordKind = "reference" // the share that a series without a target is compared with
	RecordCharted   RecordKind = "charted"   // everything up to the week is judged and will not be judged again
)

// Key identifies what the record tells, so that nothing is recorded twice.
func (r *Record) Key() string {
	switch r.Kind {
	case RecordCharted:
		names := make([]string, len(r.Charted))
		for i, s := range r.Charted {
			names[i] = s.String()
		}
		return fmt.Sprintf("%s %s %s", r.Kind, r.Week, strings.Join(names, " "))
	case RecordReference:
		return fmt.Sprintf("%s %s %s %s", r.Kind, r.Series, r.Rules, r.Week)
	}
	return fmt.Sprintf("%s %s %s %s", r.Kind, r.Series, r.Direction, r.Week)
}

// episode returns the episode that a raise opens.
func (r *Record) episode(log *seriesLog) Episode {
	return Episode{
		Series: r.Series, Direction: r.Direction, Onset: r.Onset, Week: r.Week, RaisedAt: r.At,
		Shift: r.Shift, Share: r.Share, Reference: r.Reference, Estimated: r.Estimated, Movement: r.Movement,
		Doubted: log.doubted[r.episodeKey()],
	}
}

// episodeKey names the episode a record is about.
func (r *Record) episodeKey() string {
	return fmt.Sprintf("%s %s %s", r.Series, r.Direction, r.Week)
}

// seriesLog is what is on record about one series.
type seriesLog struct {
	rules            string       // class fingerprint of those in force
	charted          mapping.Date // Monday of the last week that was judged
	used             mapping.Date // Monday of the last week that was used for it or skipped
	transitions      []Record     // raises and clears in order
	references       []Record     // estimated under the rules in force, by week
	doubted          map[string]bool
	acknowledgements []Acknowledgement // by time
}

// Log is everything on record about episodes, in the order of recording.
type Log struct {
	Records          []Record
	Acknowledgements []Acknowledgement
}

func newSeriesLog(rules string) *seriesLog {
	return &seriesLog{rules: rules, charted: beforeAllDates, used: beforeAllDates, doubted: map[string]bool{}}
}

// of returns what is on record about a series.
func (l *Log) of(s Series, rules string) *seriesLog {
	out := newSeriesLog(rules)
	for i := range l.Records {
		r := &l.Records[i]
		switch {
		case r.Kind == RecordCharted:
			out.chart(r, slices.Index(r.Charted, s))
		case r.Series != s:
		case r.Kind == RecordRaise || r.Kind == RecordClear:
			out.transitions = append(out.transitions, *r)
		case r.Kind == RecordDoubt:
			out.doubted[r.episodeKey()] = true
		case r.Kind == RecordReference && r.Rules == rules:
			out.references = append(out.references, *r)
		}
	}
	slices.SortStableFunc(out.references, func(x, y Record) int { return int(x.Week - y.Week) })
	for _, a := range l.Acknowledgements {
		if a.Team == s.Team && a.Goal == s.Goal {
			out.acknowledgements = append(out.acknowledgements, a)
		}
	}
	slices.SortStableFunc(out.acknowledgements, func(x, y Acknowledgement) int { return x.At.Compare(y.At) })
	return out
}

// chart notes that the series was charted as the i-th of a record.
func (l *seriesLog) chart(r *Record, i int) {
	if i < 0 || r.Week <= l.charted {
		return
	}
	l.charted, l.used = r.Week, r.Week
	if i < len(r.Waiting) {
		l.used -= mapping.Date(7 * r.Waiting[i])
	}
}

// referenceFor returns what is on record as usual for an observation that ends
// with a week, or what was being learned then. What was usual before the goal
// was last paused does not count.
func (l *seriesLog) referenceFor(last, paused mapping.Date) *Record {
	var found *Record
	for i := range l.references {
		if r := &l.references[i]; r.Week > paused && (found == nil || r.Week < last) {
			found = r
		}
	}
	return found
}
