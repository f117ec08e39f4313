package alignment

import (
	"slices"
	"sort"

	"alignd/ticket"
)

// asOf returns the ticket as it was known at an instant: later changes are
// undone and forgotten. It returns nil for a ticket created later, and tk
// itself where nothing is later.
func asOf(tk *ticket.Ticket, at int64) *ticket.Ticket {
	if tk.Created.UnixMicro() > at {
		return nil
	}
	n := sort.Search(len(tk.Changes), func(i int) bool { return tk.Changes[i].At.UnixMicro() > at })
	if n == len(tk.Changes) {
		return tk
	}
	then := tk.Clone()
	for i := len(tk.Changes) - 1; i >= n; i-- {
		undo(&then, &tk.Changes[i])
	}
	then.Changes = then.Changes[:n]
	return &then
}

func undo(tk *ticket.Ticket, c *ticket.Change) {
	switch c.Field {
	case ticket.FieldState:
		tk.Status, tk.State = c.From, c.FromState
	case ticket.FieldLabel:
		tk.Labels = swap(tk.Labels, c.To, c.From)
	case ticket.FieldProject:
		tk.Project = c.From
	case ticket.FieldParent:
		tk.Parent = c.From
	case ticket.FieldGroup:
		tk.Groups = swap(tk.Groups, c.To, c.From)
	case ticket.FieldEstimate:
		tk.Estimate = c.FromPoints
	case ticket.FieldDue:
		tk.Due = c.From
	}
}

func redo(tk *ticket.Ticket, c *ticket.Change) {
	switch c.Field {
	case ticket.FieldState:
		tk.Status, tk.State = c.To, c.ToState
	case ticket.FieldLabel:
		tk.Labels = swap(tk.Labels, c.From, c.To)
	case ticket.FieldProject:
		tk.Project = c.To
	case ticket.FieldParent:
		tk.Parent = c.To
	case ticket.FieldGroup:
		tk.Groups = swap(tk.Groups, c.From, c.To)
	case ticket.FieldEstimate:
		tk.Estimate = c.ToPoints
	case ticket.FieldDue:
		tk.Due = c.To
	}
}

// swap takes one value out of a set and puts another in; empty means none.
func swap(set []string, out, in string) []string {
	if i := slices.Index(set, out); out != "" && i >= 0 {
		set = slices.Delete(set, i, i+1)
	}
	if in != "" && !slices.Contains(set, in) {
		set = append(set, in)
	}
	return set
}

// replay calls fn with the ticket as it stood from each instant on at which
// one of the relevant fields changed, beginning with its creation. The ticket
// passed is reused between the calls; its other fields may be of any time.
func replay(tk *ticket.Ticket, relevant func(ticket.Field) bool, fn func(at int64, now *ticket.Ticket)) {
	if !slices.ContainsFunc(tk.Changes, func(c ticket.Change) bool { return relevant(c.Field) }) {
		fn(tk.Created.UnixMicro(), tk)
		return
	}
	now := *tk
	now.Labels, now.Groups = slices.Clone(tk.Labels), slices.Clone(tk.Groups)
	// A field's oldest change knows best what was before it, so histories
	// that are cut off at the old end stay right.
	for i := len(tk.Changes) - 1; i >= 0; i-- {
		if relevant(tk.Changes[i].Field) {
			undo(&now, &tk.Changes[i])
		}
	}
	at := tk.Created.UnixMicro()
	pending := true
	for i := range tk.Changes {
		c := &tk.Changes[i]
		if !relevant(c.Field) {
			continue
		}
		if next := c.At.UnixMicro(); next > at {
			if pending {
				fn(at, &now)
			}
			at = next
		}
		redo(&now, c)
		pending = true
	}
	fn(at, &now)
}

// history returns a dated value of a ticket, one step per change of the field.
// Values that live in slices need replay.
func history[V comparable](tk *ticket.Ticket, field ticket.Field, value func(*ticket.Ticket) V) []step[V] {
	oldest := slices.IndexFunc(tk.Changes, func(c ticket.Change) bool { return c.Field == field })
	if oldest < 0 {
		return []step[V]{{tk.Created.UnixMicro(), value(tk)}}
	}
	now := *tk
	undo(&now, &tk.Changes[oldest])
	count := 0
	for i := range tk.Changes[oldest:] {
		if tk.Changes[oldest+i].Field == field {
			count++
		}
	}
	out := append(make([]step[V], 0, count+1), step[V]{tk.Created.UnixMicro(), value(&now)})
	for i := range tk.Changes[oldest:] {
		c := &tk.Changes[oldest+i]
		if c.Field != field {
			continue
		}
		redo(&now, c)
		out = setFrom(out, max(tk.Created.UnixMicro(), c.At.UnixMicro()), value(&now))
	}
	return out
}

// setFrom puts a value in force from an instant on, at or after the last step.
func setFrom[V comparable](steps []step[V], at int64, v V) []step[V] {
	last := len(steps) - 1
	switch {
	case steps[last].value == v:
		return steps
	case steps[last].from < at:
		return append(steps, step[V]{at, v})
	case last > 0 && steps[last-1].value == v:
		return steps[:last]
	}
	steps[last].value = v
	return steps
}

// events returns the instants at which the ticket itself showed a sign of
// life, up to a limit: its creation, every change, and the tracker's "updated"
// stamp. In order, without repetition.
func events(tk *ticket.Ticket, limit int64) []int64 {
	out := make([]int64, 0, len(tk.Changes)+2)
	out = append(out, tk.Created.UnixMicro())
	for i := range tk.Changes {
		out = append(out, tk.Changes[i].At.UnixMicro())
	}
	if u := tk.Updated.UnixMicro(); !tk.Updated.IsZero() && u <= limit {
		out = append(out, u)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
