package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"alignd/ticket"
)

// The types of tickets Linear knows.
const (
	TypeIssue      = "Issue"
	TypeProject    = "Project"
	TypeInitiative = "Initiative"
)

// categories maps the types of workflow states, project statuses and
// initiative statuses. A type that is not here is StateUnknown.
var categories = map[string]ticket.State{
	"triage": ticket.StateTodo, "backlog": ticket.StateTodo, "unstarted": ticket.StateTodo,
	"started": ticket.StateActive, "completed": ticket.StateDone,
	"canceled": ticket.StateCanceled, "duplicate": ticket.StateCanceled,

	"planned": ticket.StateTodo, "paused": ticket.StateTodo,

	"Proposed": ticket.StateTodo, "Planned": ticket.StateTodo, "Active": ticket.StateActive,
	"Completed": ticket.StateDone, "Canceled": ticket.StateCanceled,
}

// priorities are Linear's fixed names, by number.
var priorities = map[float64]string{1: "Urgent", 2: "High", 3: "Medium", 4: "Low"}

// converter turns what Linear sends into tickets.
type converter struct {
	connector string
	catalog   *catalog
	ignored   map[string]bool // ids of labels to drop
}

var (
	errNoID    = errors.New("no id")
	errNoDates = errors.New("no creation or update date")
)

// issue converts one issue with its whole history.
func (cv converter) issue(w *wireIssue) (ticket.Ticket, error) {
	switch {
	case w.ID == "":
		return ticket.Ticket{}, errNoID
	case w.Identifier == "":
		return ticket.Ticket{}, errors.New("no identifier")
	case w.CreatedAt.IsZero() || w.UpdatedAt.IsZero():
		return ticket.Ticket{}, errNoDates
	case w.Team == nil || w.Team.ID == "":
		return ticket.Ticket{}, errors.New("no team")
	case w.State == nil || w.State.ID == "" || w.State.Type == "":
		return ticket.Ticket{}, errors.New("no state")
	}
	estimate, err := points(w.Estimate)
	if err != nil {
		return ticket.Ticket{}, err
	}
	changes, err := cv.changes(w)
	if err != nil {
		return ticket.Ticket{}, err
	}
	tk := ticket.Ticket{
		ID:       ticket.ID{Connector: cv.connector, UID: w.ID},
		Key:      w.Identifier,
		Former:   sortedUnique(w.PreviousIdentifiers),
		Title:    strings.TrimSpace(w.Title),
		Type:     TypeIssue,
		Priority: priorities[w.Priority],
		Labels:   cv.labels(w.LabelIDs),
		Project:  w.Team.ID,
		Status:   w.State.ID,
		State:    categories[w.State.Type],
		Estimate: estimate,
		Groups:   refs(w.Project),
		Due:      dueDate(w.DueDate),
		Spans:    cv.spans(w),
		Created:  w.CreatedAt.UTC(),
		Updated:  w.UpdatedAt.UTC(),
		Changes:  changes,
	}
	if w.Parent != nil {
		tk.Parent = w.Parent.ID
	}
	tk.Arrive(w.arrival())
	return tk, nil
}

// arrival returns when the issue came into its present state, as far as that
// matters and Linear says so outside of the history. Zero means it does not.
func (w *wireIssue) arrival() time.Time {
	var at *time.Time
	switch categories[w.State.Type] {
	case ticket.StateActive:
		at = w.StartedAt
	case ticket.StateDone:
		at = w.CompletedAt
	case ticket.StateCanceled:
		at = w.CanceledAt
	}
	if at == nil {
		return time.Time{}
	}
	return *at
}

func (cv converter) project(w wireProject) (ticket.Ticket, error) {
	tk := ticket.Ticket{
		ID:        ticket.ID{Connector: cv.connector, UID: w.ID},
		Title:     strings.TrimSpace(w.Name),
		Container: true,
		Type:      TypeProject,
		Labels:    cv.labels(w.LabelIDs),
		Groups:    sortedUnique(cv.catalog.links[w.ID]),
		Created:   w.CreatedAt.UTC(),
		Updated:   w.UpdatedAt.UTC(),
	}
	if w.Status != nil {
		tk.Status, tk.State = w.Status.ID, categories[w.Status.Type]
	}
	return tk, checkContainer(tk)
}

func (cv converter) initiative(w wireInitiative) (ticket.Ticket, error) {
	tk := ticket.Ticket{
		ID:        ticket.ID{Connector: cv.connector, UID: w.ID},
		Title:     strings.TrimSpace(w.Name),
		Container: true,
		Type:      TypeInitiative,
		Labels:    cv.labels(w.LabelIDs),
		Status:    w.Status,
		State:     categories[w.Status],
		Groups:    refs(w.ParentInitiative),
		Created:   w.CreatedAt.UTC(),
		Updated:   w.UpdatedAt.UTC(),
	}
	return tk, checkContainer(tk)
}

func checkContainer(tk ticket.Ticket) error {
	switch {
	case tk.ID.UID == "":
		return errNoID
	case tk.Created.IsZero() || tk.Updated.IsZero():
		return errNoDates
	}
	return nil
}

// labels returns the ids that may be kept.
func (cv converter) labels(ids []string) []string {
	var kept []string
	for _, id := range ids {
		if id != "" && !cv.ignored[id] && !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

func refs(r *ref) []string {
	if r == nil || r.ID == "" {
		return nil
	}
	return []string{r.ID}
}

func sortedUnique(ids []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// maxEstimate is far above any scale a team may use, and below what would
// overflow.
const maxEstimate = 1e9

func points(estimate *float64) (ticket.Points, error) {
	if estimate == nil {
		return ticket.Points{}, nil
	}
	if *estimate < 0 || *estimate > maxEstimate {
		return ticket.Points{}, fmt.Errorf("estimate %v out of range", *estimate)
	}
	return ticket.Points{Set: true, Micros: int64(math.Round(*estimate * 1e6))}, nil
}

// uidOf finds the id of an object that could not be decoded as a whole, or
// returns an empty text.
func uidOf(raw json.RawMessage) string {
	var fields map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &fields) == nil {
		_ = json.Unmarshal(fields["id"], &id)
	}
	return id
}
