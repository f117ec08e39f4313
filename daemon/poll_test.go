package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/metrics"
	"alignd/store"
	"alignd/ticket"
	"alignd/web"
)

// fakeConnector answers from a function and remembers what it was asked.
type fakeConnector struct {
	page    func(q connectors.Query) (connectors.Page, error)
	count   func() (connectors.CountPage, error)
	counts  func(token string) (connectors.CountPage, error) // instead of count
	look    func(uids []string) (connectors.Page, error)
	queries []connectors.Query
	times   []time.Time
}

func (f *fakeConnector) Name() string { return "acme" }

func (f *fakeConnector) Page(ctx context.Context, q connectors.Query) (connectors.Page, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Page{}, err
	}
	f.queries = append(f.queries, q)
	f.times = append(f.times, time.Now())
	return f.page(q)
}

func (f *fakeConnector) Count(ctx context.Context, token string) (connectors.CountPage, error) {
	if f.counts != nil {
		return f.counts(token)
	}
	if err := ctx.Err(); err != nil || f.count == nil {
		return connectors.CountPage{}, err
	}
	return f.count()
}

func (f *fakeConnector) Look(_ context.Context, uids []string, _ bool) (connectors.Page, error) {
	if f.look == nil {
		return connectors.Page{}, errors.New("nobody was expected to look")
	}
	return f.look(uids)
}

// rig is a poller with everything around it.
type rig struct {
	*poller
	connector *fakeConnector
	registry  *prometheus.Registry
	log       *bytes.Buffer
	changes   int
}

func newRig(t *testing.T, page func(q connectors.Query) (connectors.Page, error)) *rig {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "alignd.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{connector: &fakeConnector{page: page}, registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	r.poller = &poller{
		account: config.Account{
			Common: connectors.Common{Name: "acme"}.WithDefaults(),
			Kind:   "jira", Settings: jira.Config{Projects: []string{"PAY"}},
		},
		connector: r.connector, store: st, counts: metrics.NewProcess(r.registry),
		zone:    func(string, string) *time.Location { return time.UTC },
		changed: func() { r.changes++ },
		logger:  slog.New(slog.NewTextHandler(r.log, nil)),
		memory:  newMemory(),
		status:  web.ConnectorStatus{Name: "acme", Kind: "jira"},
	}
	return r
}

// runFor runs the poller for a stretch of the bubble's time.
func (r *rig) runFor(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r.run(ctx)
}

func (r *rig) stored(t *testing.T) (keys []string, watermark time.Time) {
	t.Helper()
	err := r.store.View(context.Background(), func(v store.View) error {
		for tk := range v.Tickets() {
			keys = append(keys, tk.Key)
		}
		watermark = v.Watermarks()["acme"]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys, watermark
}

func someTicket(n int, changes ...ticket.Change) ticket.Ticket {
	created := time.Date(1999, 6, 1, 0, 0, 0, 0, time.UTC)
	updated := created
	for _, c := range changes {
		updated = c.At
	}
	return ticket.Ticket{
		ID: ticket.ID{Connector: "acme", UID: fmt.Sprint(n)}, Key: fmt.Sprintf("PAY-%d", n), Title: "Something",
		Project: "PAY", State: ticket.StateTodo, Created: created, Updated: updated, Changes: changes,
	}
}

func TestFirstWalkThenOnlyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, func(q connectors.Query) (connectors.Page, error) {
			switch {
			case q.Token == "" && q.Since.IsZero():
				return connectors.Page{Tickets: []ticket.Ticket{someTicket(1)}, Clock: time.Now(), Next: "two"}, nil
			case q.Token == "two":
				return connectors.Page{Tickets: []ticket.Ticket{someTicket(2)}, Clock: time.Now().Add(time.Hour)}, nil
			default:
				return connectors.Page{Clock: time.Now()}, nil
			}
		})
		r.runFor(t, time.Hour)

		keys, _ := r.stored(t)
		if diff := cmp.Diff([]string{"PAY-1", "PAY-2"}, keys); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		wantQueries := []connectors.Query{{}, {Token: "two"}, {Since: start.Add(-5 * time.Minute).UTC()}}
		if diff := cmp.Diff(wantQueries, r.connector.queries[:3]); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if polls := len(r.connector.queries) - 1; polls < 27 || polls > 34 {
			t.Errorf("%d polls in an hour, want about 30", polls)
		}
		if s := r.state(); s.Error != "" || s.Walking || !s.NextAttempt.After(s.LastSuccess) || s.Read != 0 {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestFailedWalkKeepsPagesAndLeavesTheWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(q connectors.Query) (connectors.Page, error) {
			if q.Token == "" {
				return connectors.Page{Tickets: []ticket.Ticket{someTicket(1)}, Clock: time.Now(), Next: "two"}, nil
			}
			return connectors.Page{}, &connectors.StatusError{Endpoint: "search", Status: 503}
		})
		if err := r.attempt(t.Context()); err == nil || err.Error() != "read page 2: search: HTTP 503" {
			t.Errorf("err = %v", err)
		}
		keys, watermark := r.stored(t)
		if len(keys) != 1 || !watermark.IsZero() {
			t.Errorf("stored %v with watermark %v, want PAY-1 without", keys, watermark)
		}
		if r.state().Error == "" || !r.state().LastSuccess.IsZero() {
			t.Errorf("status = %+v", r.state())
		}
		r.wantFailure(t, "server")
	})
}

func TestPausesAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no route to host")
		r := newRig(t, func(connectors.Query) (connectors.Page, error) {
			if failure != nil {
				return connectors.Page{}, failure
			}
			return connectors.Page{Clock: time.Now()}, nil
		})
		r.runFor(t, 24*time.Hour)
		pauses := gaps(r.connector.times)
		for i, pause := range pauses {
			middle := min(firstBackoff<<min(i, 20), lastBackoff)
			if pause < middle*7/10 || pause > middle*13/10 {
				t.Errorf("pause %d is %s, want about %s", i, pause, middle)
			}
		}
		if n := len(pauses); n < 80 {
			t.Errorf("%d attempts in a day", n)
		}

		// A Retry-After is a floor, also above the longest pause of our own.
		failure = &connectors.StatusError{Status: 429, RetryAfter: time.Hour}
		r.connector.times = nil
		r.runFor(t, 10*time.Hour)
		for _, pause := range gaps(r.connector.times) {
			if pause < time.Hour {
				t.Errorf("asked again after %s, against Retry-After", pause)
			}
		}

		failure, r.connector.times = nil, nil
		r.runFor(t, time.Hour)
		if polls := len(r.connector.times); polls < 27 {
			t.Errorf("%d polls in the hour after recovery", polls)
		}
	})
}

func gaps(times []time.Time) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(times); i++ {
		out = append(out, times[i].Sub(times[i-1]))
	}
	return out
}

func TestWalkErrors(t *testing.T) {
	at := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		page func(connectors.Query) (connectors.Page, error)
		want string
	}{
		"no clock": {
			func(connectors.Query) (connectors.Page, error) { return connectors.Page{}, nil },
			"read page 1: the tracker does not say what time it is",
		},
		"loop": {
			func(connectors.Query) (connectors.Page, error) {
				return connectors.Page{Clock: at, Next: "again"}, nil
			},
			"read page 2: the tracker repeats a page token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tc.page)
			if err := r.attempt(t.Context()); err == nil || err.Error() != tc.want {
				t.Errorf("err = %v, want %s", err, tc.want)
			}
			if _, watermark := r.stored(t); !watermark.IsZero() {
				t.Errorf("the watermark moved to %v", watermark)
			}
		})
	}
}

func TestWatermarkNeverGoesBack(t *testing.T) {
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := newRig(t, func(connectors.Query) (connectors.Page, error) { return connectors.Page{Clock: clock}, nil })
	for _, step := range []time.Duration{0, time.Minute, -time.Hour} {
		clock = clock.Add(step)
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, got := r.stored(t); !got.Equal(time.Date(2026, 3, 1, 11, 56, 0, 0, time.UTC)) {
		t.Errorf("watermark = %v", got)
	}
}

func TestSkippedTicketsAreCountedAlwaysAndLoggedOnce(t *testing.T) {
	r := newRig(t, func(connectors.Query) (connectors.Page, error) {
		return connectors.Page{Clock: time.Now(), Skipped: []connectors.Skipped{{UID: "4711", Err: errors.New("created is missing")}}}, nil
	})
	for range 3 {
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(r.log.String(), "uid=4711"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, r.log)
	}
	want := `
# HELP alignd_tickets_skipped_total Times that a ticket could not be understood and was left out.
# TYPE alignd_tickets_skipped_total counter
alignd_tickets_skipped_total{connector="acme"} 3
`
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "alignd_tickets_skipped_total"); err != nil {
		t.Error(err)
	}
}

func TestLateChangesAreCountedButNotInTheFirstWalk(t *testing.T) {
	clock := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	label := func(at time.Time, name string) ticket.Change {
		return ticket.Change{At: at, Field: ticket.FieldLabel, To: name}
	}
	old := label(clock.Add(-96*time.Hour), "old")
	walks := [][]ticket.Ticket{
		{someTicket(1, old)}, // first walk
		{someTicket(1, old, label(clock.Add(-84*time.Hour), "late"), label(clock.Add(-time.Hour), "fresh"))},
		{someTicket(2, old)}, // new to us: a first reading, not a late change
		{someTicket(2, old, label(time.Date(2026, 3, 7, 23, 30, 0, 0, time.UTC), "of a day that ended 60 hours ago in UTC"))},
	}
	r := newRig(t, nil)
	r.connector.page = func(connectors.Query) (connectors.Page, error) {
		page := connectors.Page{Clock: clock, Tickets: walks[0]}
		walks = walks[1:]
		return page, nil
	}
	for _, want := range []float64{0, 1, 1, 2} {
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.value(t, "alignd_changes_late_total"); got != want {
			t.Errorf("late changes = %v, want %v", got, want)
		}
	}
}

// value returns the only series of a counter.
// wantFailure checks that one walk failed, for this reason.
func (r *rig) wantFailure(t *testing.T, reason string) {
	t.Helper()
	want := "# HELP alignd_sync_failures_total Walks through the connector that ended early, by reason: auth, rate_limit, request, server, network, store or other.\n" +
		"# TYPE alignd_sync_failures_total counter\n"
	for _, known := range []string{"auth", "network", "other", "rate_limit", "request", "server", "store"} {
		count := 0
		if known == reason {
			count = 1
		}
		want += fmt.Sprintf("alignd_sync_failures_total{connector=\"acme\",reason=%q} %d\n", known, count)
	}
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "alignd_sync_failures_total"); err != nil {
		t.Error(err)
	}
}

func (r *rig) value(t *testing.T, name string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

func TestLateDependsOnTheZoneOfTheTeam(t *testing.T) {
	// In Kiritimati it is already the next day, which has not settled.
	at := time.Date(2026, 3, 7, 23, 30, 0, 0, time.UTC)
	page := &connectors.Page{Clock: time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC), Tickets: []ticket.Ticket{someTicket(1, ticket.Change{At: at})}}
	for zone, want := range map[string]int{"UTC": 1, "Pacific/Kiritimati": 0} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		zoneOf := func(connector, project string) *time.Location {
			if connector != "acme" || project != "PAY" {
				t.Errorf("asked for the zone of %s %s", connector, project)
			}
			return loc
		}
		if got := lateChanges(page.Tickets[0].Changes, page, "acme", zoneOf); got != want {
			t.Errorf("%s: %d late, want %d", zone, got, want)
		}
	}
}

func TestFullWalkAfterTheScopeChanged(t *testing.T) {
	r := newRig(t, func(connectors.Query) (connectors.Page, error) { return connectors.Page{Clock: time.Now()}, nil })
	for _, projects := range [][]string{{"PAY"}, {"PAY"}, {"PAY", "BILL"}, {"PAY", "BILL"}} {
		r.account.Settings = jira.Config{Projects: projects}
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var everything []bool
	for _, q := range r.connector.queries {
		everything = append(everything, q.Since.IsZero())
	}
	if diff := cmp.Diff([]bool{true, false, true, false}, everything); diff != "" {
		t.Errorf("read everything (-want +got):\n%s", diff)
	}
}

func TestStopInTheMiddleOfAWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r.connector.page = func(connectors.Query) (connectors.Page, error) {
			cancel()
			return connectors.Page{}, context.Canceled
		}
		r.run(ctx)
		if s := r.state(); s.Error != "" || s.Walking {
			t.Errorf("status = %+v", s)
		}
		if r.log.Len() > 0 {
			t.Errorf("logged: %s", r.log)
		}
	})
}

// TestStoreErrorsAreOurs: a store in trouble never looks like a tracker in
// trouble, though its errors may be those of a network.
func TestStoreErrorsAreOurs(t *testing.T) {
	full := os.WriteFile("/dev/full", []byte("x"), 0)
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatalf("a full disk says: %v", full)
	}
	_, refused := net.Dial("tcp", "127.0.0.1:1")
	if _, ok := errors.AsType[net.Error](refused); !ok {
		t.Fatalf("where nobody listens: %v", refused)
	}
	for name, err := range map[string]error{
		"full disk":     fmt.Errorf("write batch: %w", full),
		"bare number":   syscall.ENOSPC,
		"Redis is away": fmt.Errorf("write batch: %w", refused),
		"Redis is slow": context.DeadlineExceeded,
		"damaged":       store.ErrDamaged,
		"odd":           errors.New("odd"),
	} {
		for _, broken := range []brokenStore{{write: err}, {read: err}} {
			r := newRig(t, func(connectors.Query) (connectors.Page, error) { return connectors.Page{Clock: time.Now()}, nil })
			broken.Store = r.store
			r.store = broken
			if got := r.attempt(t.Context()); !errors.Is(got, err) {
				t.Errorf("%s: err = %v", name, got)
			}
			if got := r.value(t, "alignd_store_errors_total"); got != 1 {
				t.Errorf("%s: store errors = %v, want 1", name, got)
			}
			if got := r.value(t, "alignd_sync_runs_total"); got != 1 {
				t.Errorf("%s: runs = %v, want 1", name, got)
			}
			r.wantFailure(t, "store")
		}
	}
}

// brokenStore fails to write or to read.
type brokenStore struct {
	store.Store
	write, read error
}

func (b brokenStore) Apply(ctx context.Context, batch store.Batch) (store.Applied, error) {
	if b.write != nil {
		return store.Applied{}, b.write
	}
	return b.Store.Apply(ctx, batch)
}

func (b brokenStore) View(ctx context.Context, fn func(store.View) error) error {
	if b.read != nil {
		return b.read
	}
	return b.Store.View(ctx, fn)
}

func tickets(n int) []ticket.Ticket {
	var list []ticket.Ticket
	for i := range n {
		list = append(list, someTicket(i+1))
	}
	return list
}
