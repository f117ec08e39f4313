package linear

import (
	"errors"
	"slices"
	"time"

	"alignd/ticket"
)

// changes returns the history of an issue, oldest first.
func (cv converter) changes(w *wireIssue) ([]ticket.Change, error) {
	if w.History.Nodes == nil || w.StateHistory.Nodes == nil {
		return nil, errNoHistory
	}
	entries, err := oldestFirst(w.History.Nodes)
	if err != nil {
		return nil, err
	}
	moves, err := w.moves(entries)
	if err != nil {
		return nil, err
	}
	var all []ticket.Change
	for i := range entries {
		found, err := cv.entry(&entries[i])
		if err != nil {
			return nil, err
		}
		// Archiving writes an entry and leaves "updated" as it is, so no walk
		// would deliver it: what counts must not depend on when it was read.
		if len(found) == 1 && found[0].Field == ticket.FieldTouch && found[0].At.After(w.UpdatedAt) {
			continue
		}
		all = append(all, found...)
	}
	all = append(all, cv.stateChanges(moves, w.State)...)
	slices.SortStableFunc(all, func(a, b ticket.Change) int { return a.At.Compare(b.At) })
	return all, nil
}

var errNoHistory = errors.New("no history")

var errNoEntryDate = errors.New("history entry without a date")

// oldestFirst orders entries by their date. Linear sends the newest first, so
// among equal dates the one sent later is the older.
func oldestFirst(sent []wireEntry) ([]wireEntry, error) {
	entries := slices.Clone(sent)
	if len(sent) > 0 && !sent[0].CreatedAt.Before(sent[len(sent)-1].CreatedAt) {
		slices.Reverse(entries)
	}
	slices.SortStableFunc(entries, func(a, b wireEntry) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if len(entries) > 0 && entries[0].CreatedAt.IsZero() {
		return nil, errNoEntryDate
	}
	return entries, nil
}

// entry returns what one history entry says besides the workflow state; if it
// says nothing that is interpreted, a touch.
func (cv converter) entry(e *wireEntry) ([]ticket.Change, error) {
	at := e.CreatedAt.UTC()
	found := cv.labelChanges(e)
	for _, c := range []ticket.Change{
		{At: at, Field: ticket.FieldProject, From: e.FromTeamID, To: e.ToTeamID},
		{At: at, Field: ticket.FieldParent, From: e.FromParentID, To: e.ToParentID},
		{At: at, Field: ticket.FieldGroup, From: e.FromProjectID, To: e.ToProjectID},
	} {
		if c.From != c.To {
			found = append(found, c)
		}
	}
	from, err := points(e.FromEstimate)
	if err != nil {
		return nil, err
	}
	to, err := points(e.ToEstimate)
	if err != nil {
		return nil, err
	}
	if from != to {
		found = append(found, ticket.Change{At: at, Field: ticket.FieldEstimate, FromPoints: from, ToPoints: to})
	}
	due, told := e.dueChange()
	if told {
		found = append(found, due)
	}
	if e.plans() || !told && e.FromDueDate != e.ToDueDate {
		found = append(found, ticket.Change{At: at, Field: ticket.FieldPlan})
	}
	if len(found) == 0 && e.FromStateID == e.ToStateID {
		found = append(found, ticket.Change{At: at, Field: ticket.FieldTouch})
	}
	return found, nil
}

// labelChanges returns removals before additions, so that swapping one label
// of a group for another reads naturally. A label that an entry both adds and
// removes came and went within the entry's short window: nothing is known of
// the order, and nothing remains.
func (cv converter) labelChanges(e *wireEntry) []ticket.Change {
	added, removed := cv.labels(e.AddedLabelIDs), cv.labels(e.RemovedLabelIDs)
	var found []ticket.Change
	for _, id := range removed {
		if !slices.Contains(added, id) {
			found = append(found, ticket.Change{At: e.CreatedAt.UTC(), Field: ticket.FieldLabel, From: id})
		}
	}
	for _, id := range added {
		if !slices.Contains(removed, id) {
			found = append(found, ticket.Change{At: e.CreatedAt.UTC(), Field: ticket.FieldLabel, To: id})
		}
	}
	return found
}

// plans reports a change of priority, cycle or milestone.
func (e *wireEntry) plans() bool {
	return differ(e.FromPriority, e.ToPriority) || e.FromCycleID != e.ToCycleID ||
		differ(e.FromProjectMilestone, e.ToProjectMilestone)
}

func differ[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a != b
	}
	return *a != *b
}

// move is a step to another workflow state; from is empty where only the
// arrival is known.
type move struct {
	at       time.Time
	from, to string
}

// moves returns the steps of an issue through its workflow states.
//
// Spans are the more exact source: an entry joins the moves of a short window
// into one, with the date of the first, while spans keep each. So entries
// count only where there are no spans: up to the start of the first and, if
// the last span is not yet the present state, after it. Should neither have
// arrived at the present state, the issue's own date of the arrival or, failing
// that, of the update stands for the missing step, so that history and present
// never contradict each other.
func (w *wireIssue) moves(entries []wireEntry) ([]move, error) {
	spans, err := w.spans()
	if err != nil {
		return nil, err
	}
	var all []move
	for _, e := range entries {
		m := move{e.CreatedAt, e.FromStateID, e.ToStateID}
		if len(spans) > 0 && m.at.Equal(spans[0].StartedAt) {
			m.to = spans[0].StateID // the entry may have joined further moves
		}
		if m.from != m.to && m.to != "" && outside(spans, m.at, w.State.ID) {
			all = append(all, m)
		}
	}
	for _, s := range spans {
		all = append(all, move{at: s.StartedAt, to: s.StateID})
	}
	slices.SortStableFunc(all, func(a, b move) int { return a.at.Compare(b.at) })
	if len(all) == 0 {
		return []move{{at: w.UpdatedAt, to: w.State.ID}}, nil
	}
	last, missing := all[len(all)-1].at, w.arrival()
	if missing.Before(last) {
		missing = w.UpdatedAt
	}
	if missing.Before(last) {
		missing = last
	}
	return append(all, move{at: missing, to: w.State.ID}), nil
}

// spans returns the issue's spans, oldest first. One of no length ends where
// it starts, and so stands before the one that starts at the same instant.
func (w *wireIssue) spans() ([]wireSpan, error) {
	spans := slices.Clone(w.StateHistory.Nodes)
	slices.SortStableFunc(spans, func(a, b wireSpan) int {
		if c := a.StartedAt.Compare(b.StartedAt); c != 0 {
			return c
		}
		return compareEnds(a.EndedAt, b.EndedAt)
	})
	for _, s := range spans {
		if s.StartedAt.IsZero() || s.StateID == "" {
			return nil, errors.New("state span without a date or state")
		}
	}
	return spans, nil
}

// compareEnds orders ends of spans; one that has not ended comes last.
func compareEnds(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return a.Compare(*b)
}

// outside reports whether an instant is not covered by ordered spans.
func outside(spans []wireSpan, at time.Time, present string) bool {
	if len(spans) == 0 || !at.After(spans[0].StartedAt) {
		return true
	}
	last := spans[len(spans)-1]
	return last.StateID != present && at.After(last.StartedAt)
}

// stateChanges turns moves into a chain of changes, leaving out arrivals where
// the issue already is.
func (cv converter) stateChanges(moves []move, present *wireState) []ticket.Change {
	category := func(id string) ticket.State {
		if id == present.ID {
			return categories[present.Type]
		}
		return categories[cv.catalog.states[id].Type]
	}
	var found []ticket.Change
	state := moves[0].from
	if state == "" {
		state = moves[0].to
	}
	for _, m := range moves {
		if m.to == state {
			continue
		}
		found = append(found, ticket.Change{
			At: m.at.UTC(), Field: ticket.FieldState, From: state, To: m.to,
			FromState: category(state), ToState: category(m.to),
		})
		state = m.to
	}
	return found
}
