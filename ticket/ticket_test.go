package ticket_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/ticket"
)

func day(n int) time.Time { return time.Date(2026, 3, n, 9, 0, 0, 0, time.UTC) }

func TestStateAt(t *testing.T) {
	move := func(d int, from, to string, fromState, toState ticket.State) ticket.Change {
		return ticket.Change{At: day(d), Field: ticket.FieldState, From: from, To: to, FromState: fromState, ToState: toState}
	}
	started := move(3, "To Do", "Doing", ticket.StateTodo, ticket.StateActive)
	finished := move(5, "Doing", "Done", ticket.StateActive, ticket.StateDone)
	undone := move(5, "Done", "Doing", ticket.StateDone, ticket.StateActive)
	for name, test := range map[string]struct {
		changes []ticket.Change
		at      time.Time
		status  string
		state   ticket.State
		ok      bool
	}{
		"before creation":              {nil, day(1), "", ticket.StateUnknown, false},
		"no change":                    {nil, day(2), "Done", ticket.StateDone, true},
		"before the first change":      {[]ticket.Change{started, finished}, day(2), "To Do", ticket.StateTodo, true},
		"at the very change":           {[]ticket.Change{started, finished}, day(3), "Doing", ticket.StateActive, true},
		"between changes":              {[]ticket.Change{started, finished}, day(4), "Doing", ticket.StateActive, true},
		"after the last":               {[]ticket.Change{started, finished}, day(9), "Done", ticket.StateDone, true},
		"of equal instants the last":   {[]ticket.Change{started, finished, undone}, day(5), "Doing", ticket.StateActive, true},
		"before equal instants":        {[]ticket.Change{finished, undone}, day(4), "Doing", ticket.StateActive, true},
		"old end cut off":              {[]ticket.Change{finished}, day(3), "Doing", ticket.StateActive, true},
		"other fields do not matter":   {[]ticket.Change{{At: day(4), Field: ticket.FieldLabel, To: "Odd"}}, day(4), "Done", ticket.StateDone, true},
		"last change, not the present": {[]ticket.Change{started}, day(4), "Doing", ticket.StateActive, true},
	} {
		t.Run(name, func(t *testing.T) {
			tk := ticket.Ticket{Status: "Done", State: ticket.StateDone, Created: day(2), Changes: test.changes}
			status, state, ok := tk.StateAt(test.at)
			if status != test.status || state != test.state || ok != test.ok {
				t.Errorf("%q, %s, %t; want %q, %s, %t", status, state, ok, test.status, test.state, test.ok)
			}
		})
	}
}

func TestClone(t *testing.T) {
	build := func() ticket.Ticket {
		return ticket.Ticket{
			ID: ticket.ID{Connector: "acme", UID: "1"}, Title: "kept",
			Components: []string{"a"}, Labels: []string{"b"}, Groups: []string{"c"}, Spans: []ticket.Span{{From: day(1), To: day(2)}},
			Changes: []ticket.Change{{At: day(1), To: "d"}},
		}
	}
	tk := build()
	c := tk.Clone()
	if diff := cmp.Diff(tk, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tk.Components[0], tk.Labels[0], tk.Groups[0], tk.Changes[0].To = "x", "x", "x", "x"
	tk.Spans[0].To = day(9)
	if diff := cmp.Diff(build(), c); diff != "" {
		t.Errorf("the clone changes with its original (-want +got):\n%s", diff)
	}
	empty := (&ticket.Ticket{}).Clone()
	if diff := cmp.Diff(ticket.Ticket{}, empty); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"acme/1":  ticket.ID{Connector: "acme", UID: "1"}.String(),
		"unknown": ticket.StateUnknown.String(),
		"active":  ticket.StateActive.String(),
		"plan":    ticket.FieldPlan.String(),
		"due":     ticket.FieldDue.String(),
		"touch":   ticket.FieldTouch.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if a, b := ticket.State(99).String(), ticket.Field(99).String(); a != "invalid" || b != "invalid" {
		t.Errorf("%q and %q, want invalid", a, b)
	}
}
