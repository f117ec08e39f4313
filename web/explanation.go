package web

import (
	"time"

	"alignd/alignment"
)

// Explanation is the JSON form of alignment.Explanation.
type Explanation struct {
	Connector string     `json:"connector"`
	Key       string     `json:"key"`
	Title     string     `json:"title"`
	Type      string     `json:"type"`
	Project   string     `json:"project"`
	Status    string     `json:"status"`
	State     string     `json:"state"`
	Former    []string   `json:"former_keys,omitempty"`
	Container bool       `json:"container,omitempty"` // an epic, project or initiative: it carries no work itself
	Outside   bool       `json:"outside,omitempty"`   // out of scope, and known because tickets in scope inherit from it
	Labels    []string   `json:"labels"`
	Team      string     `json:"team"`                // empty: in no declared team
	Watermark *time.Time `json:"watermark,omitempty"` // absent until the first complete walk
	Now       Verdict    `json:"now"`                 // basis now
	Then      []Verdict  `json:"then"`                // basis then, oldest first, each up to the next
	Trials    []Trial    `json:"trials"`              // the ticket, then each ancestor until a rule matched one
	Work      []WorkIn   `json:"work"`                // what it carries, basis then
}

// Trial is the rules held against a ticket or one of its ancestors, in the
// order of the file.
type Trial struct {
	Key   string     `json:"key"`
	Title string     `json:"title"`
	Type  string     `json:"type"`
	Rules []RuleStep `json:"rules"`
}

// RuleStep says what became of one rule.
type RuleStep struct {
	Name    string `json:"name"`
	LeadsTo string `json:"leads_to"` // in words
	Matched bool   `json:"matched"`
	Decides bool   `json:"decides"`          // it is what the ticket counts by
	Failed  string `json:"failed,omitempty"` // the first condition that does not hold, in words
}

// WorkIn is the work of the ticket in one window. Amounts are exact integers:
// nanoseconds of team time, millionths of a ticket or point.
type WorkIn struct {
	Window string           `json:"window"`
	Units  map[string]int64 `json:"units"`
}

// Verdict is what the rules say of a ticket from an instant on.
type Verdict struct {
	From       time.Time `json:"from"`
	Cells      []Cell    `json:"cells"` // empty if excluded
	Excluded   bool      `json:"excluded,omitempty"`
	Rules      []string  `json:"rules"`
	Inherited  *Ancestor `json:"inherited_from,omitempty"`
	Backfilled bool      `json:"backfilled,omitempty"` // taken from the first later knowledge
}

// Cell is a part of a ticket's work.
type Cell struct {
	Class  string  `json:"class"`
	Goal   string  `json:"goal,omitempty"`
	Reason string  `json:"reason,omitempty"`
	Share  float64 `json:"share"`
}

// Ancestor is the ticket a verdict is inherited from; Distance 1 is a parent
// or group.
type Ancestor struct {
	Key      string `json:"key"`
	Title    string `json:"title"`
	Type     string `json:"type"`
	Distance int    `json:"distance"`
}

// NewExplanation converts e.
func NewExplanation(e alignment.Explanation) Explanation {
	tk := &e.Ticket
	out := Explanation{
		Connector: tk.ID.Connector, Key: tk.Key, Title: tk.Title, Type: tk.Type, Project: tk.Project,
		Status: tk.Status, State: tk.State.String(), Container: tk.Container, Outside: tk.Outside, Former: tk.Former,
		Labels: orEmpty(tk.Labels), Team: e.Team, Now: newVerdict(e.Now), Then: []Verdict{}, Trials: []Trial{}, Work: []WorkIn{},
	}
	if !e.Watermark.IsZero() {
		out.Watermark = &e.Watermark
	}
	for _, v := range e.History {
		out.Then = append(out.Then, newVerdict(v))
	}
	for _, t := range e.Trials {
		out.Trials = append(out.Trials, newTrial(t))
	}
	for _, w := range e.Work {
		in := WorkIn{w.Window, map[string]int64{}}
		for _, u := range alignment.Units {
			in.Units[u.String()] = w.Units[u]
		}
		out.Work = append(out.Work, in)
	}
	return out
}

func newTrial(t alignment.Trial) Trial {
	out := Trial{t.Key, t.Title, t.Type, []RuleStep{}}
	for _, s := range t.Steps {
		out.Rules = append(out.Rules, RuleStep{s.Name, s.LeadsTo, s.Matched, s.Decides, s.Failed})
	}
	return out
}

func newVerdict(v alignment.Verdict) Verdict {
	out := Verdict{
		From: v.From, Cells: []Cell{}, Excluded: v.Excluded,
		Rules: orEmpty(v.Rules), Backfilled: v.Backfilled,
	}
	for _, c := range v.Cells {
		out.Cells = append(out.Cells, Cell{c.Cell.Class.String(), c.Cell.Goal, c.Cell.Reason, c.Share})
	}
	if a := v.Ancestor; a != nil {
		out.Inherited = &Ancestor{a.Key, a.Title, a.Type, a.Distance}
	}
	return out
}

// orEmpty makes JSON say [] instead of null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
