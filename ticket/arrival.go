package ticket

import (
	"slices"
	"time"
)

// Arrive dates the ticket's arrival in its present state if its history does
// not: trackers keep such a date beside the history, which may be cut off at
// the old end, or lost in an import. The state before is unknown. A date that
// contradicts the history, or lies not after the creation, changes nothing.
func (tk *Ticket) Arrive(at time.Time) {
	status := tk.Status
	for i := len(tk.Changes) - 1; i >= 0; i-- {
		c := &tk.Changes[i]
		if c.Field != FieldState {
			continue
		}
		if c.FromState != tk.State || c.ToState != tk.State || at.After(c.At) {
			return
		}
		status = c.From
	}
	if !at.After(tk.Created) {
		return
	}
	arrival := Change{At: at.UTC(), Field: FieldState, To: status, ToState: tk.State}
	i := slices.IndexFunc(tk.Changes, func(c Change) bool { return !c.At.Before(at) })
	if i < 0 {
		i = len(tk.Changes)
	}
	tk.Changes = slices.Insert(tk.Changes, i, arrival)
}
