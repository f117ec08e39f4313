package daemon

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

// wantCounter compares a counter of the only connector.
func (r *rig) wantCounter(t *testing.T, name string, want float64) {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			if got := f.GetMetric()[0].GetCounter().GetValue(); got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
			return
		}
	}
	t.Errorf("no %s", name)
}

// All that is known is read again within seven census intervals, spread
// evenly, whatever walks and censuses said of it, and restarts do not begin
// anew.
func TestEverythingIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, tr := newTracked(t, 50)
		type look struct {
			at time.Time
			n  int
		}
		var looks []look
		read := map[string]int{}
		inner, samples := r.connector.look, 0
		r.connector.look = func(uids []string) (connectors.Page, error) {
			if slices.Equal(uids, []string{"1"}) {
				samples++
				return inner(uids)
			}
			looks = append(looks, look{time.Now(), len(uids)})
			for _, uid := range uids {
				read[uid]++
			}
			return inner(uids)
		}
		start := time.Now()
		// Three tickets change without a word.
		for _, uid := range []string{"1", "30", "50"} {
			tk := tr.tickets[uid]
			tk.Title = "Otherwise"
			tr.tickets[uid] = tk
		}
		for range 10 { // a restart each day; a pass may take seven, give or take a tenth
			r.reread, r.census = time.Time{}, schedule{}
			r.runFor(t, 24*time.Hour)
		}
		if samples < 8 || samples > 11 {
			t.Errorf("%d samples in ten days", samples)
		}
		if len(read) != 50 {
			t.Errorf("%d of 50 tickets were read again", len(read))
		}
		total := 0
		for i, l := range looks {
			total += l.n
			if l.n > 8 {
				t.Errorf("look %d reads %d tickets at once", i, l.n)
			}
			if i > 0 && l.at.Sub(looks[i-1].at) < 5*time.Hour {
				t.Errorf("look %d follows after %s", i, l.at.Sub(looks[i-1].at))
			}
		}
		r.wantCounter(t, "alignd_tickets_repaired_total", 3)
		r.wantCounter(t, "alignd_tickets_reread_total", float64(total))
		if s := r.state(); s.Repaired != 3 || !s.Verified.Equal(start.UTC()) && s.Verified.Before(start.UTC()) {
			t.Errorf("status = %+v", s)
		}
		c, err := r.lastCensus(t.Context())
		if err != nil || c.Reread.Repaired != 3 || c.Reread.Verified.Sub(start) > time.Minute || c.Reread.Began.Sub(start) < 6*24*time.Hour {
			t.Errorf("kept %+v, %v, started at %s", c.Reread, err, start)
		}
	})
}

// Many tickets are read again in portions that do not hold up the walks.
func TestReadingAgainIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		r, _ := newTracked(t, n)
		read, looks := map[string]bool{}, 0
		inner := r.connector.look
		r.connector.look = func(uids []string) (connectors.Page, error) {
			if len(uids) == 1 { // a sample
				return inner(uids)
			}
			looks++
			for _, uid := range uids {
				read[uid] = true
			}
			if len(uids) > connectors.LookSize {
				t.Errorf("a look at %d tickets", len(uids))
			}
			return inner(uids)
		}
		r.account.PollInterval = connectors.Duration(time.Hour)
		r.runFor(t, 24*time.Hour)
		if looks < 2 || looks > 4 {
			t.Errorf("%d looks on the first day, want about 3", looks)
		}
		r.runFor(t, 7*24*time.Hour)
		if len(read) != n || looks > 27 {
			t.Errorf("%d tickets of %d in %d looks", len(read), n, looks)
		}
		r.wantCounter(t, "alignd_tickets_repaired_total", 0)
	})
}

// What is gone or has left is not decided by one look.
func TestReadingAgainRemovesNothing(t *testing.T) {
	r, tr := newTracked(t, 3)
	delete(tr.tickets, "1")
	moved := tr.tickets["2"]
	moved.Outside, moved.Project = true, "OPS"
	tr.tickets["2"] = moved
	if err := r.readAgain(t.Context(), []string{"1", "2", "3"}); err != nil {
		t.Fatal(err)
	}
	r.wantStored(t, "after the look", "1", "2", "3")
	r.wantCounter(t, "alignd_tickets_repaired_total", 0)
}

func TestReadingAgainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newTracked(t, 10)
		fails := 0
		inner := r.connector.look
		r.connector.look = func(uids []string) (connectors.Page, error) {
			if fails++; fails < 4 {
				return connectors.Page{}, &connectors.StatusError{Endpoint: "issue_bulkfetch", Status: 500}
			}
			return inner(uids)
		}
		r.runFor(t, 40*time.Hour)
		if fails != 5 { // three that failed, one at a sample, one at a part
			t.Errorf("%d looks", fails)
		}
		r.wantCounter(t, "alignd_tickets_reread_total", 2)
		if n := len(r.connector.times); n < 900 {
			t.Errorf("%d walks in forty hours", n)
		}
	})
}

// A census looks at once at what there is reason to doubt.
func TestCensusHeals(t *testing.T) {
	otherwise := func(tr *tracker, uid string) {
		tk := tr.tickets[uid]
		tk.Title = "Otherwise"
		tr.tickets[uid] = tk
	}
	for name, tc := range map[string]struct {
		happens func(r *rig, tr *tracker)
		looks   [][]string
	}{
		"back again": {func(r *rig, tr *tracker) {
			tr.hidden["2"] = true
			r.take(t)
			tr.hidden["2"] = false
			otherwise(tr, "2")
		}, [][]string{{"2"}}},
		"not understood once": {func(r *rig, tr *tracker) {
			r.skip([]connectors.Skipped{{UID: "2", Err: errors.New("no status")}, {UID: "unknown", Err: errors.New("nothing")}})
			otherwise(tr, "2")
		}, [][]string{{"2"}}},
		"a parent that nobody knows": {func(_ *rig, tr *tracker) {
			above := func(n int, parent string) ticket.Ticket {
				tk := someTicket(n)
				tk.Outside, tk.Parent = true, parent
				return tk
			}
			tr.tickets["8"], tr.tickets["9"] = above(8, "9"), above(9, "7")
		}, [][]string{{"8"}, {"9"}, {"7"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, tr := newTracked(t, 3)
			child := tr.tickets["1"]
			if name == "a parent that nobody knows" {
				child.Parent = "8"
			}
			tr.tickets["1"] = child
			if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{child}}); err != nil {
				t.Fatal(err)
			}
			tc.happens(r, tr)
			tr.looks = nil
			r.take(t)
			if diff := cmp.Diff(tc.looks, tr.looks); diff != "" {
				t.Errorf("looked at (-want +got):\n%s", diff)
			}
			want := slices.Collect(maps.Keys(tr.tickets))
			for i, uid := range want {
				if tr.tickets[uid].Outside {
					want[i] += "-"
				}
			}
			r.wantStored(t, "after the census", want...)
			for _, tk := range r.all(t) {
				if diff := cmp.Diff(tr.tickets[tk.ID.UID], tk); diff != "" {
					t.Errorf("(-tracker +store):\n%s", diff)
				}
			}
		})
	}
}

// A walk after a long pause reads changes once. Until they have been read
// twice, the watermark does not pass them: the index may have overlooked one,
// and that of the walk before may have been behind.
func TestWatermarkAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newTracked(t, 1)
		overlap := time.Duration(r.account.Overlap)
		mark := func() time.Time {
			_, at := r.stored(t)
			return at
		}
		want := func(what string, want time.Time) {
			t.Helper()
			if got := mark(); !got.Equal(want) {
				t.Errorf("%s: watermark at %s, want %s", what, got, want)
			}
		}
		first := time.Now()
		want("first walk", first.Add(-overlap))
		time.Sleep(2 * time.Minute)
		r.walk(t)
		second := time.Now()
		want("in the rhythm", second.Add(-overlap))

		time.Sleep(10 * time.Hour)
		r.walk(t)
		want("after a pause", second.Add(-overlap/2))
		time.Sleep(time.Minute)
		r.walk(t)
		want("the next walk", time.Now().Add(-overlap))
		if since := r.connector.queries[len(r.connector.queries)-1].Since; !since.Equal(second.Add(-overlap / 2)) {
			t.Errorf("the second walk reads from %s, want %s", since, second.Add(-overlap/2))
		}

		// A new process does not know when the last walk was.
		fourth := time.Now()
		time.Sleep(10 * time.Hour)
		r.latest = time.Time{}
		r.walk(t)
		want("after a restart", fourth.Add(-overlap/2))
		time.Sleep(time.Minute)
		r.walk(t)
		want("the walk after", time.Now().Add(-overlap))

		// Polls that are further apart than the overlap.
		for range 3 {
			before := time.Now()
			time.Sleep(time.Hour)
			r.walk(t)
			want("each hour", before.Add(-overlap/2))
		}
	})
}

// What happens while nobody looks: a ticket is edited, hidden, and shown again
// when no walk looks back that far any more; a name changes while alignd is
// stopped; a parent outside comes back.
func TestSilentHistories(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	now := time.Now()
	w.world.SetClock(func() time.Time { return now })
	for _, r := range []*rig{w.acme, w.plt} {
		r.account.CensusInterval = connectors.Duration(time.Hour)
	}
	epic := j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Epic", Labels: []string{"goal-a"}})
	var keys []string
	for n := range 5 {
		keys = append(keys, j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: fmt.Sprint(n), Components: []string{"web"}, Parent: epic}))
	}
	above := l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "APP", Title: "Above"})
	l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Below", Parent: above})
	w.poll()
	pass := func(d time.Duration) {
		now = now.Add(d)
		w.poll()
	}
	readAll := func() {
		w.t.Helper()
		for range rereadCensuses {
			for _, r := range []*rig{w.acme, w.plt} {
				r.reread = time.Now().Add(-time.Second)
				if err := r.rereadPart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}

	pass(time.Minute)
	j.Transition(now, keys[0], "Done")
	j.Hide(keys[0], true)
	pass(2 * time.Minute)
	pass(time.Hour)
	pass(time.Hour)
	j.Hide(keys[0], false)
	pass(time.Minute)
	if tk := w.acme.find(t, keys[0]); tk.State == ticket.StateDone {
		t.Error("the walk has seen it: this test tests nothing")
	}
	readAll()
	w.wantFresh("after a hidden edit")

	w.restart()
	j.RenameComponent("PAY", "web", "shop")
	j.RenameStatus("To Do", "Open")
	j.RenameProject("PAY", "SHOP")
	pass(time.Minute)
	readAll()
	w.acme.take(t) // reads what is outside
	w.wantFresh("after renames that nobody saw")

	if tk := w.acme.find(t, "SHOP-1"); tk.Project != "SHOP" || tk.Outside {
		t.Errorf("after its project got another key: %+v", tk)
	}

	j.Hide(epic, true)
	l.Trash(now, above)
	for range 2 {
		pass(time.Minute)
		w.acme.take(t)
		w.plt.take(t)
	}
	w.wantFresh("without their parents")
	j.AddLabel(now, epic, "goal-b")
	j.Hide(epic, false)
	l.Restore(now, above)
	pass(time.Hour)
	w.acme.take(t)
	w.plt.take(t)
	w.wantFresh("with their parents back")
	for range 2 {
		pass(time.Minute)
	}
	j.AddLabel(now, epic, "goal-c")
	l.AddLabel(now, above, "goal-c")
	w.poll()
	w.wantFresh("after a change of the parents that came back")
}

// A host's clock that was wrong for a while does not put reading again off.
func TestReadingAgainAfterAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, tr := newTracked(t, 7)
		r.account.PollInterval = connectors.Duration(time.Hour)
		err := r.writeCensus(t.Context(), func(c *store.Census) { c.Reread.At = time.Now().AddDate(1, 0, 0) })
		if err != nil {
			t.Fatal(err)
		}
		r.runFor(t, 3*24*time.Hour)
		read := map[string]bool{}
		for _, uids := range tr.looks {
			for _, uid := range uids {
				read[uid] = true
			}
		}
		if !read["1"] || !read["2"] {
			t.Errorf("in three days were read %v, want 1 and 2", slices.Sorted(maps.Keys(read)))
		}
	})
}

// Walks may ask in turns for the ancestors outside that are known, so one that
// is found changed is taken in but tells nothing of the walks.
func TestAncestorOutsideIsNoRepair(t *testing.T) {
	r, tr := newTracked(t, 3)
	child, parent := tr.tickets["1"], someTicket(8)
	child.Parent, parent.Outside = "8", true
	tr.tickets["1"], tr.tickets["8"] = child, parent
	if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{child, parent}}); err != nil {
		t.Fatal(err)
	}
	parent.Title = "Otherwise"
	tr.tickets["8"] = parent
	r.take(t)
	for _, tk := range r.all(t) {
		if diff := cmp.Diff(tr.tickets[tk.ID.UID], tk); diff != "" {
			t.Errorf("(-tracker +store):\n%s", diff)
		}
	}
	c, err := r.lastCensus(t.Context())
	if err != nil || c.Reread.Repaired != 0 {
		t.Errorf("%d tickets count as repaired, want none; err = %v", c.Reread.Repaired, err)
	}
}

// A ticket that changes between the two requests of one look is read with its
// old date and its new history. The next walk brings it; the walks before
// could not.
func TestLookIntoAChangeIsNoRepair(t *testing.T) {
	w := newTown(t)
	now := time.Now()
	w.world.SetClock(func() time.Time { return now })
	key := w.world.Jira.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Busy"})
	w.poll()
	now = now.Add(time.Hour)
	w.poll()
	w.poll()

	var change func()
	settings := w.acme.account.Settings.(jira.Config)
	var err error
	w.acme.poller.connector, err = jira.New(settings, connectors.Options{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if change != nil && strings.HasSuffix(r.URL.Path, "/changelog/bulkfetch") {
			change()
			change = nil
		}
		return http.DefaultTransport.RoundTrip(r)
	})})
	if err != nil {
		t.Fatal(err)
	}
	change = func() { w.world.Jira.Transition(now, key, "Done") }
	if err := w.acme.readAgain(t.Context(), []string{w.world.Jira.ID(key)}); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		t.Fatal("the history was not asked for: this test tests nothing")
	}
	c, err := w.acme.lastCensus(t.Context())
	if err != nil || c.Reread.Repaired != 0 {
		t.Errorf("%d tickets count as repaired, want none; err = %v", c.Reread.Repaired, err)
	}
	w.acme.walk(t)
	w.wantFresh("after the next walk")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
