package daemon

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/store"
	"alignd/ticket"
)

// tracker is what a fakeConnector counts and looks at.
type tracker struct {
	tickets map[string]ticket.Ticket // in scope unless Outside
	hidden  map[string]bool          // from the index, not from a look
	blind   bool                     // nothing can be seen any more
	looks   [][]string
}

// newTracked returns a rig whose tracker has n tickets, all of them read.
func newTracked(t *testing.T, n int) (*rig, *tracker) {
	t.Helper()
	tr := &tracker{tickets: map[string]ticket.Ticket{}, hidden: map[string]bool{}}
	for _, tk := range tickets(n) {
		tr.tickets[tk.ID.UID] = tk
	}
	r := newRig(t, func(q connectors.Query) (connectors.Page, error) {
		page := connectors.Page{Clock: time.Now()}
		if q.Since.IsZero() {
			for _, uid := range slices.Sorted(maps.Keys(tr.tickets)) {
				page.Tickets = append(page.Tickets, tr.tickets[uid])
			}
		}
		return page, nil
	})
	r.connector.count = func() (page connectors.CountPage, err error) {
		for uid, tk := range tr.tickets {
			if !tr.blind && !tr.hidden[uid] && !tk.Outside {
				page.UIDs = append(page.UIDs, uid)
			}
		}
		return page, nil
	}
	r.connector.look = func(uids []string) (page connectors.Page, err error) {
		tr.looks = append(tr.looks, uids)
		for _, uid := range uids {
			if tk, ok := tr.tickets[uid]; ok && !tr.blind {
				page.Tickets = append(page.Tickets, tk)
			}
		}
		return page, nil
	}
	r.walk(t)
	return r, tr
}

func (r *rig) walk(t *testing.T) {
	t.Helper()
	if err := r.attempt(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// take takes a census now.
func (r *rig) take(t *testing.T) store.Census {
	t.Helper()
	c, err := r.takeCensus(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	r.plan(c)
	return c
}

// wantStored compares the UIDs in the store; those outside end with a "-".
func (r *rig) wantStored(t *testing.T, when string, want ...string) {
	t.Helper()
	var got []string
	err := r.store.View(t.Context(), func(v store.View) error {
		for tk := range v.Tickets() {
			uid := tk.ID.UID
			if tk.Outside {
				uid += "-"
			}
			got = append(got, uid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: stored (-want +got):\n%s", when, diff)
	}
}

func (r *rig) wantRemoved(t *testing.T, gone, moved, scope int) {
	t.Helper()
	want := fmt.Sprintf(`
# HELP alignd_tickets_removed_total Tickets that left, as this process noticed since its start: gone (deleted or hidden), moved out of scope, or no longer asked for after a change of scope. Over replicas, sum them up.
# TYPE alignd_tickets_removed_total counter
alignd_tickets_removed_total{cause="gone",connector="acme"} %d
alignd_tickets_removed_total{cause="moved",connector="acme"} %d
alignd_tickets_removed_total{cause="scope",connector="acme"} %d
`, gone, moved, scope)
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "alignd_tickets_removed_total"); err != nil {
		t.Error(err)
	}
}

func (r *rig) wantMissing(t *testing.T, unproven, unreadable, held int) {
	t.Helper()
	want := fmt.Sprintf(`
# HELP alignd_tickets_missing Known tickets that the last count did not find: unproven (missed once, the next count decides), unreadable (there, but not to be understood), or held (too many to believe it).
# TYPE alignd_tickets_missing gauge
alignd_tickets_missing{cause="held",connector="acme"} %d
alignd_tickets_missing{cause="unproven",connector="acme"} %d
alignd_tickets_missing{cause="unreadable",connector="acme"} %d
`, held, unproven, unreadable)
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "alignd_tickets_missing"); err != nil {
		t.Error(err)
	}
}

func (r *rig) wantGauge(t *testing.T, name string, want float64) {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			if got := f.GetMetric()[0].GetGauge().GetValue(); got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
			return
		}
	}
	t.Errorf("no %s", name)
}

// Two censuses must miss a ticket, and a direct look must confirm it.
func TestMissingTickets(t *testing.T) {
	r, tr := newTracked(t, 5)
	r.take(t)
	r.wantGauge(t, "alignd_sync_completeness_ratio", 1)
	delete(tr.tickets, "1") // deleted
	moved := tr.tickets["2"]
	moved.Outside, moved.Project, moved.Key = true, "OPS", "OPS-7"
	moved.Updated = moved.Updated.Add(time.Hour)
	tr.tickets["2"] = moved
	tr.hidden["3"] = true // by the index

	c := r.take(t)
	r.wantStored(t, "after one miss", "1", "2", "3", "4", "5")
	r.wantMissing(t, 3, 0, 0)
	if len(tr.looks) > 0 {
		t.Errorf("looked at %v after one miss", tr.looks)
	}
	for uid, miss := range c.Missing {
		if miss.Times != 1 || !miss.Since.Equal(c.At) {
			t.Errorf("miss of %s is %+v", uid, miss)
		}
	}

	r.take(t)
	r.wantStored(t, "after two", "3", "4", "5")
	r.wantRemoved(t, 1, 1, 0)
	r.wantMissing(t, 0, 0, 0)
	if diff := cmp.Diff([][]string{{"1", "2", "3"}}, tr.looks); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
}

// A ticket that is there and cannot be understood stays, and is asked for again.
func TestMissingAndUnreadable(t *testing.T) {
	r, tr := newTracked(t, 3)
	tr.hidden["2"] = true
	look, broken := r.connector.look, true
	r.connector.look = func(uids []string) (connectors.Page, error) {
		if broken {
			return connectors.Page{Skipped: []connectors.Skipped{{UID: "2", Err: errors.New("created is missing")}}}, nil
		}
		return look(uids)
	}
	r.take(t)
	r.wantMissing(t, 1, 0, 0)
	for range 2 {
		r.take(t)
		r.wantMissing(t, 0, 1, 0)
	}
	broken = false
	r.take(t)
	r.wantMissing(t, 0, 0, 0)
	r.wantStored(t, "at the end", "1", "2", "3")
}

// What comes back before the second census was never gone.
func TestMissesMustBeInARow(t *testing.T) {
	r, tr := newTracked(t, 5)
	for range 5 {
		tr.hidden["3"] = !tr.hidden["3"]
		r.take(t)
	}
	// Back again, it may have changed meanwhile.
	if diff := cmp.Diff([][]string{{"3"}, {"3"}}, tr.looks); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
	r.wantStored(t, "at the end", "1", "2", "3", "4", "5")
}

// A ticket that no walk has delivered is read, whatever its dates.
func TestCensusFindsWhatWalksMissed(t *testing.T) {
	r, tr := newTracked(t, 2)
	tr.tickets["3"] = someTicket(3)
	c := r.take(t)
	r.wantStored(t, "after the census", "1", "2", "3")
	if c.Found != 3 || c.Unread != 0 {
		t.Errorf("census = %+v", c)
	}

	look := r.connector.look
	r.connector.look = func([]string) (connectors.Page, error) {
		return connectors.Page{Skipped: []connectors.Skipped{{UID: "4", Err: errors.New("created is missing")}}}, nil
	}
	tr.tickets["4"] = someTicket(4)
	r.take(t)
	r.wantGauge(t, "alignd_sync_completeness_ratio", 0.75)
	r.connector.look = look
	r.take(t)
	r.wantGauge(t, "alignd_sync_completeness_ratio", 1)
}

// A ticket outside stays as long as it stands above one in scope.
func TestAncestorsOutside(t *testing.T) {
	r, tr := newTracked(t, 3)
	above := func(n int, parent string) ticket.Ticket {
		tk := someTicket(n)
		tk.Outside, tk.Parent = true, parent
		return tk
	}
	tr.tickets["8"], tr.tickets["9"] = above(8, "9"), above(9, "")
	child := someTicket(1)
	child.Updated, child.Parent = child.Updated.Add(time.Hour), "8"
	tr.tickets["1"] = child
	if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{tr.tickets["1"], tr.tickets["8"], tr.tickets["9"]}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.take(t)
	}
	r.wantStored(t, "as long as it is wanted", "1", "2", "3", "8-", "9-")
	if got, err := r.outside(t.Context()); err != nil || !slices.Equal(got, []string{"8", "9"}) {
		t.Errorf("told of %q, %v", got, err)
	}

	// A parent that leaves the scope stays, as an ancestor.
	tr.tickets["3"] = above(3, "")
	child.Updated, child.Parent = child.Updated.Add(time.Hour), "3"
	child.Changes = []ticket.Change{{At: child.Updated, Field: ticket.FieldParent, From: "8", To: "3"}}
	tr.tickets["1"] = child
	if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{child}}); err != nil {
		t.Fatal(err)
	}
	r.take(t)
	r.take(t)
	r.wantStored(t, "after the parent left", "1", "2", "3-", "8-", "9-")
	r.wantRemoved(t, 0, 1, 0)

	// One that is deleted goes, and so do those that only it needed.
	delete(tr.tickets, "8")
	delete(tr.tickets, "1")
	r.take(t)
	r.take(t)
	r.wantStored(t, "after the child was deleted", "2")
	r.wantRemoved(t, 1, 1, 0)
}

func TestScopeShrank(t *testing.T) {
	for name, vanish := range map[string]func(n int, tk ticket.Ticket) bool{
		"a share":         func(n int, _ ticket.Ticket) bool { return n <= 14 },
		"a whole project": func(_ int, tk ticket.Ticket) bool { return tk.Project == "BILL" },
		"everything":      func(int, ticket.Ticket) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			r, tr := newTracked(t, 250)
			for n := range 10 {
				tk := someTicket(1000 + n)
				tk.Project = "BILL"
				tr.tickets[tk.ID.UID] = tk
			}
			r.take(t)
			all := slices.Sorted(maps.Keys(tr.tickets))
			r.wantStored(t, "at first", all...)

			hidden := map[string]bool{}
			for uid, tk := range tr.tickets {
				var n int
				if _, err := fmt.Sscan(uid, &n); err != nil {
					t.Fatal(err)
				}
				if vanish(n, tk) {
					hidden[uid] = true
				}
			}
			tr.hidden = hidden
			look := r.connector.look
			r.connector.look = func(uids []string) (connectors.Page, error) {
				page, err := look(uids)
				page.Tickets = slices.DeleteFunc(page.Tickets, func(tk ticket.Ticket) bool { return hidden[tk.ID.UID] })
				return page, err
			}
			for range 3 {
				r.take(t)
			}
			r.wantStored(t, "while it is held", all...)
			r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
			r.wantMissing(t, 0, 0, len(hidden))
			if n := strings.Count(r.log.String(), "The scope shrank"); n != 1 || !strings.Contains(r.log.String(), "alignd accept acme") {
				t.Errorf("logged %d times:\n%s", n, r.log)
			}
			if s := r.state(); !s.ScopeShrank || s.Missing != len(hidden) {
				t.Errorf("status = %+v", s)
			}

			tr.hidden = map[string]bool{}
			r.take(t)
			r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
			r.wantStored(t, "after it came back", all...)
			if r.accept() {
				t.Error("there was something to accept")
			}

			tr.hidden = hidden
			r.take(t)
			r.take(t)
			if !r.accept() {
				t.Error("there was nothing to accept")
			}
			if err := r.censusIfDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
			r.wantStored(t, "after it was accepted", slices.DeleteFunc(all, func(uid string) bool { return hidden[uid] })...)
			r.wantRemoved(t, len(hidden), 0, 0)
		})
	}
}

// A few tickets are a shrunk scope only if they are a whole project, which one
// ticket is not.
func TestFewTicketsLeave(t *testing.T) {
	for n, held := range map[int]float64{1: 0, 2: 1, 9: 1} {
		r, tr := newTracked(t, 3)
		for i := range n {
			tk := someTicket(1000 + i)
			tk.Project = "BILL"
			tr.tickets[tk.ID.UID] = tk
		}
		r.take(t)
		maps.DeleteFunc(tr.tickets, func(_ string, tk ticket.Ticket) bool { return tk.Project == "BILL" })
		r.take(t)
		r.take(t)
		r.wantGauge(t, "alignd_sync_scope_shrunk", held)
		if held == 0 {
			r.wantStored(t, "after its only ticket went", "1", "2", "3")
		}
	}
	r, tr := newTracked(t, 12)
	for n := range 9 {
		delete(tr.tickets, fmt.Sprint(n+1))
	}
	r.take(t)
	r.take(t)
	r.wantStored(t, "after two censuses", "10", "11", "12")
	r.wantRemoved(t, 9, 0, 0)
}

// What a changed configuration no longer asks for leaves by itself, however
// much it is, also if the change was made while alignd was stopped.
func TestChangedScope(t *testing.T) {
	for _, counted := range []bool{false, true} {
		t.Run(fmt.Sprintf("counted before %t", counted), func(t *testing.T) {
			r, tr := newTracked(t, 40)
			if counted {
				r.take(t)
			}
			r.census = schedule{} // of another process
			r.account.Settings = jira.Config{Projects: []string{"BILL"}}
			for uid, tk := range tr.tickets {
				tk.Outside = uid > "2"
				tr.tickets[uid] = tk
			}
			r.walk(t)
			if err := r.censusIfDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.wantStored(t, "after the change", "1", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "2")
			r.wantRemoved(t, 0, 0, 28)
			r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
			r.census = schedule{}
			before := r.census.due
			if err := r.censusIfDue(t.Context()); err != nil || !r.census.due.After(before) || len(tr.looks) != 1 {
				t.Errorf("err = %v, due %v, looks %v", err, r.census.due, tr.looks)
			}
		})
	}
}

// One census after a change of scope may miss a ticket as well as any other,
// and so may the search that tells whether it is in scope.
func TestChangedScopeCountsTwice(t *testing.T) {
	r, tr := newTracked(t, 3)
	r.account.Settings = jira.Config{Projects: []string{"PAY"}, JQL: "type = Bug"}
	delete(tr.tickets, "3")
	mark := func(outside bool) {
		for uid, tk := range tr.tickets {
			tk.Outside = outside
			tr.tickets[uid] = tk
		}
	}
	count, n := r.connector.count, 0
	r.connector.count = func() (connectors.CountPage, error) {
		n++
		mark(n == 1)
		defer mark(true)
		return count()
	}
	r.take(t)
	r.wantStored(t, "after the change", "1", "2", "3")
	r.wantMissing(t, 1, 0, 0)
	if diff := cmp.Diff([][]string{{"3"}}, tr.looks); n != 2 || diff != "" {
		t.Errorf("counted %d times, looked at (-want +got):\n%s", n, diff)
	}
}

func TestCensusSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, tr := newTracked(t, 20)
		var times []time.Time
		count := r.connector.count
		r.connector.count = func() (connectors.CountPage, error) {
			times = append(times, time.Now())
			return count()
		}
		between := func(what string, d, low, high time.Duration) {
			t.Helper()
			if d < low || d > high {
				t.Errorf("%s after %v, want %v to %v", what, d, low, high)
			}
		}
		start := time.Now()
		r.runFor(t, 40*time.Hour)
		if len(times) != 2 {
			t.Fatalf("%d censuses in forty hours: %v", len(times), times)
		}
		between("first census", times[0].Sub(start), 8*time.Minute, 14*time.Minute)
		between("second census", times[1].Sub(times[0]), 21*time.Hour, 27*time.Hour)

		// Found something missing: again soon, then not.
		delete(tr.tickets, "7")
		times, r.census.due = nil, time.Now()
		r.runFor(t, 12*time.Hour)
		if len(times) != 2 {
			t.Fatalf("%d censuses after a deletion: %v", len(times), times)
		}
		between("second look", times[1].Sub(times[0]), 8*time.Minute, 14*time.Minute)
		r.wantRemoved(t, 1, 0, 0)

		// A failure does not stop the walks.
		r.connector.count = func() (connectors.CountPage, error) {
			times = append(times, time.Now())
			return connectors.CountPage{}, &connectors.StatusError{Endpoint: "search_ids", Status: 500}
		}
		times, r.connector.times = nil, nil
		r.census.due = time.Now()
		r.runFor(t, 2*time.Hour)
		if n := len(times); n < 8 || n > 60 {
			t.Errorf("%d failing censuses in two hours", n)
		}
		if n := len(r.connector.times); n < 50 {
			t.Errorf("%d walks in two hours", n)
		}
	})
}
