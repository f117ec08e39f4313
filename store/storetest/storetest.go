// Package storetest is the suite that proves every implementation of
// store.Store alike.
package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/store"
	"alignd/ticket"
)

// Open returns a new, empty store and arranges for it to be closed.
type Open func(t *testing.T) store.Store

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"Empty":              testEmpty,
		"RoundTrip":          testRoundTrip,
		"ApplyTwice":         testApplyTwice,
		"OlderNeverWins":     testOlderNeverWins,
		"KnownStampIsNotNew": testKnownStampIsNotNew,
		"ChangesOfKnownOnly": testChangesOfKnownOnly,
		"TwiceInOneBatch":    testTwiceInOneBatch,
		"Watermark":          testWatermark,
		"Scope":              testScope,
		"AllOrNothing":       testAllOrNothing,
		"Names":              testNames,
		"Gone":               testGone,
		"Left":               testLeft,
		"Census":             testCensus,
		"Lease":              testLease,
		"Append":             testAppend,
		"AppendAllOrNothing": testAppendAllOrNothing,
		"AppendAfter":        testAppendAfter,
		"Order":              testOrder,
		"EarlyBreak":         testEarlyBreak,
		"ReadWhileStreaming": testReadWhileStreaming,
		"LargeBatch":         testLargeBatch,
		"OddTexts":           testOddTexts,
		"ViewStandsStill":    testViewStandsStill,
		"Concurrent":         testConcurrent,
		"Canceled":           testCanceled,
		"ErrorOfFn":          testErrorOfFn,
		"Closed":             testClosed,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
}

// RunReopen proves that facts outlive the store value. Each call of the
// function that start returns opens the same facts again; the one before is
// closed by then.
func RunReopen(t *testing.T, start func(t *testing.T) (reopen func() store.Store)) {
	reopen := start(t)
	s := reopen()
	want := []ticket.Ticket{full("acme", "1"), full("acme", "2")}
	names := map[string]string{"label-id": "goal-checkout"}
	mark := day(9)
	apply(t, s, store.Batch{Connector: "acme", Tickets: want, Names: names, Watermark: mark})
	noted := store.Record{Log: "episodes", Key: "1", At: day(1), Data: []byte("{}")}
	equal(t, "records added", 1, appended(t, s, noted))
	before := all(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = reopen()
		equal(t, "tickets", before, all(t, s))
		equal(t, "records added again", 0, appended(t, s, noted))
		equal(t, "records", []store.Record{noted}, records(t, s, "episodes"))
		equal(t, "watermarks", map[string]time.Time{"acme": mark}, watermarks(t, s))
	}
	third := full("acme", "3")
	third.Labels = []string{"seen after reopening", "label-id"}
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{third}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	third.Labels = []string{"seen after reopening", "goal-checkout"}
	got, _ := one(t, reopen(), third.ID)
	equal(t, "labels", third.Labels, got.Labels)
}

// day is an instant with the precision of the trackers.
func day(n int) time.Time {
	return time.Date(2026, 3, 1, 9, 30, 0, 123e6, time.UTC).AddDate(0, 0, n)
}

// full is a ticket that uses every field.
func full(connector, uid string) ticket.Ticket {
	points := func(n int64) ticket.Points { return ticket.Points{Set: true, Micros: n * 1e6} }
	return ticket.Ticket{
		ID: ticket.ID{Connector: connector, UID: uid}, Key: "PAY-" + uid, Former: []string{"OLD-" + uid}, Title: "Pay with card " + uid,
		Container: true, Type: "Epic", Priority: "High", Components: []string{"web", "api"},
		Labels: []string{"label-id", "ios", "iOS"}, Project: "PAY", Status: "In Review",
		State: ticket.StateActive, Estimate: points(5), Parent: "10000", Groups: []string{"g1", "g2"},
		Due: "2026-03-20", Spans: []ticket.Span{{From: day(0), To: day(14)}},
		Created: day(0), Updated: day(9),
		Changes: []ticket.Change{
			{At: day(1), Field: ticket.FieldTouch},
			{At: day(2), Field: ticket.FieldState, From: "To Do", To: "In Review", FromState: ticket.StateTodo, ToState: ticket.StateActive},
			{At: day(2), Field: ticket.FieldLabel, To: "label-id"},
			{At: day(3), Field: ticket.FieldProject, From: "BILL", To: "PAY"},
			{At: day(4), Field: ticket.FieldParent, From: "9999", To: "10000"},
			{At: day(5), Field: ticket.FieldGroup, To: "g2"},
			{At: day(6), Field: ticket.FieldEstimate, FromPoints: points(0), ToPoints: points(5)},
			{At: day(7), Field: ticket.FieldPlan},
			{At: day(8), Field: ticket.FieldDue, From: "2026-03-13", To: "2026-03-20"},
		},
	}
}

// plain is a ticket with no more than it needs.
func plain(uid string, updated time.Time) ticket.Ticket {
	return ticket.Ticket{ID: ticket.ID{Connector: "acme", UID: uid}, Created: day(0), Updated: updated}
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Context() context.Context
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

func apply(t tester, s store.Store, b store.Batch) store.Applied {
	t.Helper()
	applied, err := s.Apply(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func view(t tester, s store.Store, fn func(v store.View)) {
	t.Helper()
	err := s.View(t.Context(), func(v store.View) error {
		fn(v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func all(t tester, s store.Store) (tickets []ticket.Ticket) {
	t.Helper()
	view(t, s, func(v store.View) { tickets = collect(v) })
	return tickets
}

func collect(v store.View) (tickets []ticket.Ticket) {
	for tk := range v.Tickets() {
		tickets = append(tickets, tk.Clone())
	}
	return tickets
}

func one(t tester, s store.Store, id ticket.ID) (tk ticket.Ticket, ok bool) {
	t.Helper()
	view(t, s, func(v store.View) { tk, ok = v.Ticket(id) })
	return tk, ok
}

func watermarks(t tester, s store.Store) (marks map[string]time.Time) {
	t.Helper()
	view(t, s, func(v store.View) { marks = v.Watermarks() })
	return marks
}

func equal(t tester, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testEmpty(t *testing.T, s store.Store) {
	equal(t, "tickets", []ticket.Ticket{}, all(t, s))
	equal(t, "watermarks", map[string]time.Time{}, watermarks(t, s))
	if _, ok := one(t, s, ticket.ID{Connector: "acme", UID: "1"}); ok {
		t.Error("an empty store has a ticket")
	}
	equal(t, "applied", store.Applied{}, apply(t, s, store.Batch{Connector: "acme"}))
	equal(t, "watermarks after an empty batch", map[string]time.Time{}, watermarks(t, s))
	if size, err := s.Size(t.Context()); err != nil || size < 0 {
		t.Errorf("size %d, error %v", size, err)
	}
}

func testRoundTrip(t *testing.T, s store.Store) {
	want := full("acme", "1")
	equal(t, "applied", store.Applied{Created: 1}, apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{want}}))
	got, _ := one(t, s, want.ID)
	equal(t, "ticket", want, got)
	equal(t, "tickets", []ticket.Ticket{want}, all(t, s))
	if got.Updated.Location() != time.UTC {
		t.Errorf("updated is in %s, want UTC", got.Updated.Location())
	}
	if _, ok := one(t, s, ticket.ID{Connector: "other", UID: "1"}); ok {
		t.Error("the ticket is found under another connector")
	}
}

func testApplyTwice(t *testing.T, s store.Store) {
	b := store.Batch{Connector: "acme", Tickets: []ticket.Ticket{full("acme", "1"), full("acme", "2")}, Watermark: day(9)}
	equal(t, "first", store.Applied{Created: 2}, apply(t, s, b))
	before := all(t, s)
	equal(t, "second", store.Applied{}, apply(t, s, b))
	equal(t, "tickets", before, all(t, s))
}

func testOlderNeverWins(t *testing.T, s store.Store) {
	older, newer := plain("1", day(3)), plain("1", day(5))
	older.Title, newer.Title = "older", "newer"
	older.Labels, newer.Labels = []string{"old"}, nil
	for _, tk := range []ticket.Ticket{newer, older} {
		apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tk}})
	}
	newer.Changes = []ticket.Change{{At: day(3)}} // the other's stamp, as a touch
	equal(t, "tickets", []ticket.Ticket{newer}, all(t, s))
}

func testKnownStampIsNotNew(t *testing.T, s store.Store) {
	old, next := plain("1", day(3)), plain("1", day(5))
	put := func(tk ticket.Ticket) store.Applied {
		return apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tk}})
	}
	put(old)
	equal(t, "the stamp that was known", store.Applied{}, put(next))
	late := plain("1", day(4))
	equal(t, "a stamp that was not", store.Applied{Changes: []ticket.Change{{At: day(4)}}}, put(late))
	equal(t, "the same again", store.Applied{}, put(late))
}

func testChangesOfKnownOnly(t *testing.T, s store.Store) {
	known := plain("1", day(3))
	known.Changes = []ticket.Change{{At: day(1), Field: ticket.FieldPlan}, {At: day(3), Field: ticket.FieldPlan}}
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{known}})
	state := ticket.Change{At: day(4), Field: ticket.FieldState, From: "a", To: "b", ToState: ticket.StateDone}
	known.Updated, known.Changes = day(4), append(known.Changes, state, state)
	fresh := full("acme", "2")
	got := apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{known, fresh}})
	equal(t, "applied", store.Applied{Created: 1, Changes: []ticket.Change{state, state}}, got)
}

func testTwiceInOneBatch(t *testing.T, s store.Store) {
	first, second := plain("1", day(1)), plain("1", day(2))
	second.Title = "second"
	second.Changes = []ticket.Change{{At: day(1), Field: ticket.FieldPlan}, {At: day(2), Field: ticket.FieldPlan}}
	got := apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{first, second}})
	equal(t, "applied", store.Applied{Created: 1}, got)
	equal(t, "tickets", []ticket.Ticket{second}, all(t, s))
}

func testWatermark(t *testing.T, s store.Store) {
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{plain("1", day(1))}})
	equal(t, "before the last page", map[string]time.Time{}, watermarks(t, s))
	mark := day(2).Add(123456789 * time.Nanosecond)
	apply(t, s, store.Batch{Connector: "acme", Watermark: mark.In(time.FixedZone("", 7200))})
	apply(t, s, store.Batch{Connector: "linear", Watermark: day(3)})
	want := map[string]time.Time{"acme": mark, "linear": day(3)}
	equal(t, "after it", want, watermarks(t, s))
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{plain("2", day(4))}})
	equal(t, "after one without", want, watermarks(t, s))
}

func testScope(t *testing.T, s store.Store) {
	scope := func() (scope string) {
		view(t, s, func(v store.View) { scope = v.Scope("acme") })
		return scope
	}
	equal(t, "before the first page", "", scope())
	apply(t, s, store.Batch{Connector: "acme", Scope: "without a watermark it means nothing"})
	equal(t, "before the last page", "", scope())
	apply(t, s, store.Batch{Connector: "acme", Scope: "PAY", Watermark: day(1)})
	apply(t, s, store.Batch{Connector: "linear", Scope: "PLT", Watermark: day(1)})
	equal(t, "after it", "PAY", scope())
	apply(t, s, store.Batch{Connector: "acme", Scope: "PAY, BILL", Watermark: day(1)})
	equal(t, "after another", "PAY, BILL", scope())
}

func testLeft(t *testing.T, s store.Store) {
	outside := func() (outside []string) {
		for _, tk := range all(t, s) {
			if tk.Outside {
				outside = append(outside, tk.ID.UID)
			}
		}
		return outside
	}
	put := func(tk ticket.Ticket, isOutside bool) {
		tk.Outside = isOutside
		apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tk}})
	}
	put(plain("1", day(3)), true)
	put(plain("2", day(3)), false)
	put(plain("2", day(4)), true) // read as an ancestor: it may still be in scope
	equal(t, "after the first readings", []string{"1"}, outside())

	left := store.Batch{Connector: "acme", Tickets: []ticket.Ticket{plain("2", day(5))}, Left: []string{"2", "3", ""}}
	equal(t, "leaving", store.Applied{Left: 1}, apply(t, s, left))
	equal(t, "after it left", []string{"1", "2"}, outside())
	equal(t, "leaving again", store.Applied{}, apply(t, s, store.Batch{Connector: "acme", Left: []string{"2"}}))

	put(plain("2", day(4)), false)
	equal(t, "after a reading from before it left", []string{"1", "2"}, outside())
	put(plain("2", day(5)), false)
	equal(t, "after it came back", []string{"1"}, outside())
}

func testCensus(t *testing.T, s store.Store) {
	census := func(connector string) (c store.Census) {
		view(t, s, func(v store.View) { c = v.Census(connector) })
		return c
	}
	equal(t, "before the first", store.Census{}, census("acme"))
	want := store.Census{
		At: day(1), Scope: "PAY", Found: 7, Unread: 1, Held: true,
		Missing: map[string]store.Miss{"1": {Times: 2, Since: day(0)}},
	}
	apply(t, s, store.Batch{Connector: "acme", Census: &want})
	apply(t, s, store.Batch{Connector: "acme", Watermark: day(2)})
	equal(t, "after one", want, census("acme"))
	equal(t, "of another connector", store.Census{}, census("linear"))
	apply(t, s, store.Batch{Connector: "acme", Census: &store.Census{At: day(2)}})
	equal(t, "after another", store.Census{At: day(2)}, census("acme"))
}

func testAllOrNothing(t *testing.T, s store.Store) {
	for name, bad := range map[string]ticket.Ticket{
		"no uid":            {ID: ticket.ID{Connector: "acme"}},
		"another connector": full("other", "3"),
		"endless uid":       full("acme", strings.Repeat("x", 1<<20)),
	} {
		good := full("acme", "1")
		good.Labels = []string{"only in a batch that failed"}
		_, err := s.Apply(t.Context(), store.Batch{
			Connector: "acme", Tickets: []ticket.Ticket{good, bad},
			Names: map[string]string{"label-id": "name"}, Watermark: day(1),
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		equal(t, name+": tickets", []ticket.Ticket{}, all(t, s))
		equal(t, name+": watermarks", map[string]time.Time{}, watermarks(t, s))
	}
	if _, err := s.Apply(t.Context(), store.Batch{Tickets: []ticket.Ticket{full("", "1")}}); err == nil {
		t.Error("a batch without a connector: no error")
	}
	// What a failed batch began must not show in the next one.
	want := full("acme", "1")
	want.Labels = []string{"another", "only in a batch that failed"}
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{want}})
	equal(t, "tickets of the next batch", []ticket.Ticket{want}, all(t, s))
}

func testNames(t *testing.T, s store.Store) {
	tk := plain("1", day(3))
	tk.Labels, tk.Status, tk.Project = []string{"l1", "verbatim"}, "s1", "p1"
	tk.Type, tk.Title, tk.Components, tk.Parent = "l1", "l1", []string{"l1"}, "l1"
	tk.Changes = []ticket.Change{
		{At: day(1), Field: ticket.FieldState, From: "s2", To: "s1"},
		{At: day(1), Field: ticket.FieldLabel, To: "l1"},
		{At: day(1), Field: ticket.FieldProject, From: "p1", To: "p2"},
		{At: day(1), Field: ticket.FieldParent, To: "l1"},
		{At: day(1), Field: ticket.FieldGroup, To: "l1"},
	}
	twin := tk
	twin.ID.Connector = "other"
	names := map[string]string{"l1": "Goal/Checkout", "s1": "Doing", "s2": "To Do", "p1": "PLT", "": "nothing"}
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tk}, Names: names})
	apply(t, s, store.Batch{Connector: "other", Tickets: []ticket.Ticket{twin}})

	want := tk.Clone()
	want.Labels[0], want.Status, want.Project = "Goal/Checkout", "Doing", "PLT"
	want.Changes[0].From, want.Changes[0].To = "To Do", "Doing"
	want.Changes[1].To, want.Changes[2].From = "Goal/Checkout", "PLT"
	equal(t, "named", []ticket.Ticket{want, twin}, all(t, s))

	apply(t, s, store.Batch{Connector: "acme", Names: map[string]string{"l1": "Goal/Till", "p2": "OPS"}})
	want.Labels[0], want.Changes[1].To, want.Changes[2].To = "Goal/Till", "Goal/Till", "OPS"
	equal(t, "renamed", []ticket.Ticket{want, twin}, all(t, s))
	got, _ := one(t, s, tk.ID)
	equal(t, "renamed, by itself", want, got)
	equal(t, "applied again", store.Applied{}, apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tk}}))
}

func testGone(t *testing.T, s store.Store) {
	apply(t, s, store.Batch{Connector: "acme", Tickets: []ticket.Ticket{full("acme", "1"), full("acme", "2")}})
	apply(t, s, store.Batch{Connector: "other", Tickets: []ticket.Ticket{full("other", "1")}})
	got := apply(t, s, store.Batch{Connector: "acme", Gone: []string{"1", "1", "never known", ""}})
	equal(t, "applied", store.Applied{Gone: 1}, got)
	equal(t, "tickets", []ticket.Ticket{full("acme", "2"), full("other", "1")}, all(t, s))
	both := store.Batch{Connector: "acme", Gone: []string{"3"}, Tickets: []ticket.Ticket{full("acme", "3")}}
	equal(t, "gone in its own batch", store.Applied{}, apply(t, s, both))
	back := store.Batch{Connector: "acme", Tickets: []ticket.Ticket{full("acme", "1")}}
	equal(t, "back again", store.Applied{Created: 1}, apply(t, s, back))
}

func testOrder(t *testing.T, s store.Store) {
	for _, connector := range []string{"zeta", "acme", "acme-linear"} {
		b := store.Batch{Connector: connector}
		for _, uid := range []string{"b", "10", "9", "a", "é", "100"} {
			b.Tickets = append(b.Tickets, ticket.Ticket{ID: ticket.ID{Connector: connector, UID: uid}})
		}
		apply(t, s, b)
	}
	var got []string
	for _, tk := range all(t, s) {
		got = append(got, tk.ID.String())
	}
	var want []string
	for _, connector := range []string{"acme", "acme-linear", "zeta"} {
		for _, uid := range []string{"10", "100", "9", "a", "b", "é"} {
			want = append(want, connector+"/"+uid)
		}
	}
	equal(t, "order", want, got)
}

// many fills the connector with n tickets.
func many(t tester, s store.Store, connector string, n int) {
	t.Helper()
	b := store.Batch{Connector: connector}
	for i := range n {
		b.Tickets = append(b.Tickets, full(connector, fmt.Sprintf("%06d", i)))
	}
	apply(t, s, b)
}
