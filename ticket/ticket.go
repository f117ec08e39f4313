// Package ticket holds the facts alignd keeps about a piece of work: what it
// is, where it stands and how it got there. It knows nothing of goals, shares
// or trackers' APIs, and it has no field for a person.
package ticket

import (
	"iter"
	"time"
)

// ID identifies a ticket for ever. UID is the tracker's immutable id, so an ID
// survives moves between projects and teams, which change the Key.
type ID struct {
	Connector string // configured name of the connector
	UID       string // never empty; unique within the connector
}

// String returns "connector/uid", for logs and errors.
func (id ID) String() string { return id.Connector + "/" + id.UID }

// State is the tracker's own category of a status: Jira's status category,
// Linear's state type. Status names never decide it.
type State uint8

// The states. StateUnknown means the tracker did not say; such a ticket takes
// no work.
const (
	StateUnknown State = iota
	StateTodo
	StateActive
	StateDone
	StateCanceled
)

var stateNames = [...]string{"unknown", "todo", "active", "done", "canceled"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// Points is an estimate in millionths of a point, so that sums are exact. The
// zero value means "not estimated", which is not the same as zero points.
type Points struct {
	Set    bool
	Micros int64 // never negative
}

// Ticket is everything known about one ticket as of its last reading. Times
// are UTC. Text is verbatim as the tracker gave it, trimmed of surrounding
// space.
//
// Labels, Status, Project and the texts of Changes on these fields may hold
// tracker ids instead of names; the store then keeps a table of names per
// connector and hands out tickets with the names filled in, so that a rename
// in the tracker needs no rewrite of tickets.
type Ticket struct {
	ID  ID
	Key string // shown to people: "PAY-12"; changes on a move
	// Former are the keys the ticket had before, as far as the tracker tells.
	Former []string
	Title  string // kept only so that people recognise the ticket

	// Container marks what stands above tickets: epics, initiatives, Linear
	// projects. A container hands its labels down and never carries work.
	Container bool

	// Outside marks a ticket that is known only because it stands above
	// tickets in scope. It hands down what they inherit, and is nobody's work.
	Outside bool

	Type       string // "Bug", "Story", "Epic"; Linear: "Issue", "Project", "Initiative"
	Priority   string // the tracker's name of it, empty if none
	Components []string
	Labels     []string // a label inside a Linear group is "Group/Label"
	Project    string   // key of the Jira project or Linear team; empty for Linear projects and initiatives
	Status     string
	State      State
	Estimate   Points

	// Parent is the UID of the parent ticket or epic in the same connector,
	// empty if none. It may name a ticket that is not known.
	Parent string

	// Groups are the UIDs of containers the ticket belongs to besides its
	// parent: a Linear issue's project, a Linear project's initiatives.
	Groups []string

	// Due is the date the ticket is due, as 2006-01-02; empty if none.
	Due string
	// Spans are the planned times of the cycles, sprints and milestones the
	// ticket belongs to, as far as both of their ends are known.
	Spans []Span

	Created time.Time
	Updated time.Time // the tracker's own "updated" stamp

	// Changes is the dated history, oldest first; equal instants stand in the
	// tracker's own order. A field without a change has always had its
	// present value.
	Changes []Change
}

// Span is a planned stretch of time.
type Span struct {
	From, To time.Time // UTC, From before To
}

// Field says which fact a Change is about.
type Field uint8

// The fields whose history is interpreted. FieldTouch stands for a change of
// any other field: only its date is kept, as a sign of life.
const (
	FieldTouch    Field = iota
	FieldState          // From/To: status; FromState/ToState: category
	FieldLabel          // one label: taken off (From) or put on (To), the other is empty
	FieldProject        // From/To: project or team
	FieldParent         // From/To: UID, empty for none
	FieldGroup          // From/To: UID of a container, empty for none
	FieldEstimate       // FromPoints/ToPoints
	FieldPlan           // cycle, sprint, milestone, priority, or a due date that is not told: only the date is kept
	FieldDue            // From/To: due date as 2006-01-02, empty for none
)

var fieldNames = [...]string{"touch", "state", "label", "project", "parent", "group", "estimate", "plan", "due"}

func (f Field) String() string {
	if int(f) < len(fieldNames) {
		return fieldNames[f]
	}
	return "invalid"
}

// The types of containers that are no issues in their tracker.
const (
	TypeProject    = "Project"    // a Linear project
	TypeInitiative = "Initiative" // a Linear initiative
)

// Change is one dated entry of a ticket's history. Who made it is not known
// and not asked for.
type Change struct {
	At                   time.Time // UTC, the tracker's clock
	Field                Field
	From, To             string
	FromState, ToState   State
	FromPoints, ToPoints Points
}

// StateAt returns the status and category the ticket had at t, and false
// before its creation.
func (tk *Ticket) StateAt(t time.Time) (status string, state State, ok bool) {
	if t.Before(tk.Created) {
		return "", StateUnknown, false
	}
	status, state = tk.Status, tk.State
	for i := len(tk.Changes) - 1; i >= 0; i-- {
		c := &tk.Changes[i]
		if c.Field != FieldState {
			continue
		}
		if !c.At.After(t) {
			return c.To, c.ToState, true
		}
		status, state = c.From, c.FromState
	}
	return status, state, true
}

// Parents yields the UID of every parent the ticket ever had, as far as its
// history tells. One may come several times.
func (tk *Ticket) Parents() iter.Seq[string] {
	return func(yield func(string) bool) {
		if tk.Parent != "" && !yield(tk.Parent) {
			return
		}
		for i := range tk.Changes {
			c := &tk.Changes[i]
			if c.Field == FieldParent && (c.From != "" && !yield(c.From) || c.To != "" && !yield(c.To)) {
				return
			}
		}
	}
}
