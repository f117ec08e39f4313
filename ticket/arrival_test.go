package ticket_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/ticket"
)

func TestArrive(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 9, 0, 0, 0, time.UTC) }
	state := func(n int, from, to string, fromState, toState ticket.State) ticket.Change {
		return ticket.Change{At: day(n), Field: ticket.FieldState, From: from, To: to, FromState: fromState, ToState: toState}
	}
	touch := func(n int) ticket.Change { return ticket.Change{At: day(n), Field: ticket.FieldTouch} }
	const todo, done, unknown = ticket.StateTodo, ticket.StateDone, ticket.StateUnknown
	arrival := state(5, "", "Closed", unknown, done)

	for name, tc := range map[string]struct {
		at         time.Time
		have, want []ticket.Change
	}{
		"no history":             {day(5), nil, []ticket.Change{arrival}},
		"between touches":        {day(5), []ticket.Change{touch(4), touch(5), touch(6)}, []ticket.Change{touch(4), arrival, touch(5), touch(6)}},
		"after everything":       {day(5), []ticket.Change{touch(4)}, []ticket.Change{touch(4), arrival}},
		"history cut off":        {day(5), []ticket.Change{state(6, "Resolved", "Closed", done, done)}, []ticket.Change{state(5, "", "Resolved", unknown, done), state(6, "Resolved", "Closed", done, done)}},
		"history knows":          {day(5), []ticket.Change{state(6, "Open", "Closed", todo, done)}, nil},
		"history knows and more": {day(5), []ticket.Change{state(3, "Open", "Resolved", todo, done), state(6, "Resolved", "Closed", done, done)}, nil},
		"after the history":      {day(7), []ticket.Change{state(6, "Resolved", "Closed", done, done)}, nil},
		"at the creation":        {day(1), nil, nil},
		"before the creation":    {day(1).Add(-time.Hour), nil, nil},
		"no date":                {time.Time{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tk := ticket.Ticket{Status: "Closed", State: done, Created: day(1), Changes: tc.have}
			tk.Arrive(tc.at)
			want := tc.want
			if want == nil {
				want = tc.have
			}
			if diff := cmp.Diff(want, tk.Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
