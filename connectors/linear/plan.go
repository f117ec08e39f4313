package linear

import (
	"slices"
	"time"

	"alignd/ticket"
)

// dueDate returns nothing for what is no date.
func dueDate(day string) string {
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return ""
	}
	return day
}

// dueChange returns what an entry says of the due date, and false if it says
// nothing that can be read.
func (e *wireEntry) dueChange() (c ticket.Change, told bool) {
	from, to := dueDate(e.FromDueDate), dueDate(e.ToDueDate)
	isRead := from == e.FromDueDate && to == e.ToDueDate
	return ticket.Change{At: e.CreatedAt.UTC(), Field: ticket.FieldDue, From: from, To: to}, isRead && from != to
}

// spans returns the planned times of an issue's cycle and milestone, in order.
// A milestone has a date but no beginning: its work begins with its project.
func (cv converter) spans(w *wireIssue) []ticket.Span {
	var spans []ticket.Span
	add := func(from, to time.Time) {
		if s := (ticket.Span{From: from.UTC(), To: to.UTC()}); !from.IsZero() && from.Before(to) && !slices.Contains(spans, s) {
			spans = append(spans, s)
		}
	}
	if w.Cycle != nil {
		add(w.Cycle.StartsAt, w.Cycle.EndsAt)
	}
	if w.ProjectMilestone != nil && w.Project != nil {
		from, err1 := time.Parse(time.DateOnly, cv.catalog.starts[w.Project.ID])
		last, err2 := time.Parse(time.DateOnly, w.ProjectMilestone.TargetDate)
		if err1 == nil && err2 == nil {
			add(from, last.AddDate(0, 0, 1)) // the day is part of it
		}
	}
	slices.SortFunc(spans, func(a, b ticket.Span) int { return a.From.Compare(b.From) })
	return spans
}
