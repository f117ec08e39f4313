package linear

import "time"

// The types of this file are what is asked for: shurcooL/graphql writes the
// query text from their fields and tags. They are also what an answer is
// decoded into, by encoding/json. No field may name a person.
//
// Page sizes keep each query under Linear's limit of 10,000 points by the
// documented formula (a test computes it): 0.1 per property, 1 per object,
// what is inside a connection times its page size.

// connection is a page of a Relay connection.
type connection[N any] struct {
	Nodes    []N
	PageInfo pageInfo
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

type ref struct{ ID string }

// IssueFilter is the GraphQL input type of that name: shurcooL/graphql gives a
// variable the name of its Go type, so the name must stand as it is.
type IssueFilter map[string]any

// issuesQuery reads one page of issues. Ordered by creation, an issue cannot
// change its place while the pages are read; one that is updated meanwhile,
// or created, is found by the next walk, whose filter starts where this one
// started.
type issuesQuery struct {
	Issues connection[wireIssue] `graphql:"issues(first: 50, after: $after, filter: $filter, includeArchived: true, orderBy: createdAt)"`
}

type wireIssue struct {
	ID         string
	Identifier string
	// PreviousIdentifiers are those it had in other teams.
	PreviousIdentifiers []string

	Title     string
	Priority  float64
	Estimate  *float64
	LabelIDs  []string
	DueDate   string // 2006-01-02
	Trashed   bool
	CreatedAt time.Time
	UpdatedAt time.Time

	// Linear's own dates of the arrival in the present state.
	StartedAt   *time.Time
	CompletedAt *time.Time
	CanceledAt  *time.Time

	Team    *ref
	State   *wireState
	Parent  *wireParent
	Project *ref

	Cycle            *wireCycle
	ProjectMilestone *wireMilestone

	History      connection[wireEntry] `graphql:"history(first: 20, includeArchived: true)"`
	StateHistory connection[wireSpan]  `graphql:"stateHistory(first: 10)"`
}

type wireState struct{ ID, Type string }

type wireParent struct {
	ID   string
	Team *ref
}

type wireCycle struct {
	StartsAt time.Time
	EndsAt   time.Time
}

type wireMilestone struct {
	TargetDate string // 2006-01-02
}

// wireEntry is one entry of an issue's history: all that one actor changed
// within a short while. Fields that did not change are null, as is "none".
type wireEntry struct {
	CreatedAt            time.Time
	AddedLabelIDs        []string
	RemovedLabelIDs      []string
	FromStateID          string
	ToStateID            string
	FromTeamID           string
	ToTeamID             string
	FromParentID         string
	ToParentID           string
	FromProjectID        string
	ToProjectID          string
	FromEstimate         *float64
	ToEstimate           *float64
	FromPriority         *float64
	ToPriority           *float64
	FromCycleID          string
	ToCycleID            string
	FromDueDate          string
	ToDueDate            string
	FromProjectMilestone *ref
	ToProjectMilestone   *ref
}

// wireSpan is a stay of an issue in one workflow state.
type wireSpan struct {
	StateID   string
	StartedAt time.Time
	EndedAt   *time.Time
}

// historiesQuery reads longer pages of the histories of a few issues than
// issuesQuery does. It filters instead of asking for issue(id:), which fails
// as a whole when one issue is gone.
type historiesQuery struct {
	Issues connection[wireHistories] `graphql:"issues(first: 10, filter: $filter, includeArchived: true)"`
}

type wireHistories struct {
	ID           string
	History      connection[wireEntry] `graphql:"history(first: 100, after: $history, includeArchived: true)"`
	StateHistory connection[wireSpan]  `graphql:"stateHistory(first: 100, after: $spans)"`
}

const (
	issuesPerRequest    = 50
	historiesPerRequest = 10
)

// The lists below are asked for as catalogRoots says. UpdatedAt of those that
// do not need it themselves is for their lists.

type wireTeam struct{ ID, Key, UpdatedAt string }

type wireWorkflowState struct{ ID, Name, Type, UpdatedAt string }

type wireNamedState struct{ ID, Name, Type string }

type wireLabel struct {
	ID, Name, UpdatedAt string
	Parent              *ref
}

type wireProject struct {
	ID, Name             string
	CreatedAt, UpdatedAt time.Time
	StartDate            string // 2006-01-02
	Trashed              bool
	LabelIDs             []string
	Status               *wireNamedState
}

type wireInitiative struct {
	ID, Name             string
	CreatedAt, UpdatedAt time.Time
	Trashed              bool
	LabelIDs             []string
	Status               string
	ParentInitiative     *ref
}

// wireLink says that a project belongs to an initiative.
type wireLink struct {
	ID, UpdatedAt string
	Initiative    *ref
	Project       *ref
}
