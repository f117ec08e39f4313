package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/store"
	"alignd/ticket"
	"alignd/web"
)

// pagesOf answers with n pages of one ticket each. Before page k it returns
// what fails[k] holds, one after the other.
func pagesOf(n int, fails map[int][]error) func(connectors.Query) (connectors.Page, error) {
	return func(q connectors.Query) (connectors.Page, error) {
		k := 1
		if q.Token != "" {
			k, _ = strconv.Atoi(q.Token)
		}
		if errs := fails[k]; len(errs) > 0 {
			fails[k] = errs[1:]
			return connectors.Page{}, errs[0]
		}
		page := connectors.Page{Tickets: []ticket.Ticket{someTicket(k)}, Clock: time.Now()}
		if k < n {
			page.Next = strconv.Itoa(k + 1)
		}
		return page, nil
	}
}

// asked returns the tokens of all queries so far.
func (r *rig) asked() string {
	var tokens []string
	for _, q := range r.connector.queries {
		if q.Token == "" {
			q.Token = "1"
		}
		tokens = append(tokens, q.Token)
	}
	return strings.Join(tokens, " ")
}

var (
	errThrottled = &connectors.StatusError{Endpoint: "search", Status: 429, Throttled: true, RetryAfter: time.Hour}
	errDown      = fmt.Errorf("search: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")})
)

// A walk that meets trouble goes on where it stopped, as the walk it was. What
// the tracker refuses begins anew.
func TestWalkGoesOnWhereItStopped(t *testing.T) {
	status := func(code int) error { return &connectors.StatusError{Endpoint: "search", Status: code} }
	const goesOn, anew = "1 2 3 3 4", "1 2 3 1 2 3 4"
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"budget spent":           {errThrottled, goesOn},
		"Linear's 400":           {&connectors.StatusError{Status: 400, Throttled: true}, goesOn},
		"500":                    {status(500), goesOn},
		"503":                    {status(503), goesOn},
		"request timeout":        {status(408), goesOn},
		"cannot be reached":      {errDown, goesOn},
		"connection breaks":      {io.ErrUnexpectedEOF, goesOn},
		"timeout":                {context.DeadlineExceeded, goesOn},
		"unreadable":             {&json.SyntaxError{}, goesOn},
		"a login page":           {status(200), goesOn},
		"refused, as a token":    {status(400), anew},
		"unauthorized":           {status(401), anew},
		"forbidden":              {status(403), anew},
		"gone":                   {status(410), anew},
		"the walk's own mistake": {connectors.WalkError("the same page token came twice"), anew},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, pagesOf(4, map[int][]error{3: {tc.err}}))
				start := time.Now()
				time.Sleep(time.Minute)
				err := r.attempt(t.Context())
				if !errors.Is(err, tc.err) {
					t.Fatalf("err = %v", err)
				}
				time.Sleep(r.pause(err, 1))
				if err := r.attempt(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := r.asked(); got != tc.want {
					t.Errorf("asked for pages %s, want %s", got, tc.want)
				}
				keys, watermark := r.stored(t)
				if len(keys) != 4 {
					t.Errorf("stored %v", keys)
				}
				begins := start.Add(time.Minute - 5*time.Minute)
				if goes := watermark.Equal(begins); goes != (tc.want == goesOn) {
					t.Errorf("watermark = %v, of a walk that began at %v", watermark, begins)
				}
				if r.suspended != nil || r.state().Stopped {
					t.Error("there is still something to go on with")
				}
			})
		})
	}
}

// The walk after one that was stopped asks from where that began, so nothing
// that changed meanwhile is missed; the one that goes on asks as before.
func TestStoppedWalkKeepsItsQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pagesOf(1, nil))
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r.connector.page = pagesOf(3, map[int][]error{2: {errThrottled, errThrottled, errDown}})
		r.connector.queries = nil
		start := time.Now()
		r.runFor(t, 2*time.Hour+10*time.Minute)
		since := start.Add(-time.Hour - 5*time.Minute).UTC()
		again := connectors.Query{Since: since, Token: "2"}
		want := []connectors.Query{{Since: since}, again, again, again, again, {Since: since, Token: "3"}}
		if diff := cmp.Diff(want, r.connector.queries[:6]); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		next := r.connector.queries[6].Since
		if next.After(start) || start.Sub(next) > 2*time.Hour {
			t.Errorf("the next walk asks from %v, the stopped one began at %v", next, start)
		}
	})
}

// A page that never comes does not hold up a walk for ever: after as long as
// the walk took to it, or ten minutes, it begins anew. A tracker that is away
// may be away for longer.
func TestStoppedWalkIsGivenUp(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		anew bool
	}{
		"500": {&connectors.StatusError{Status: 500}, true}, "unreadable": {io.ErrUnexpectedEOF, true},
		"away": {errDown, false}, "throttled": {errThrottled, false}, "overloaded": {&connectors.StatusError{Status: 503}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				page := pagesOf(3, nil)
				first, early := 0, time.Duration(0)
				start := time.Now()
				r := newRig(t, func(q connectors.Query) (connectors.Page, error) {
					if q.Token == "2" {
						return connectors.Page{}, tc.err
					}
					if first++; first == 2 {
						early = time.Since(start)
					}
					return page(q)
				})
				r.runFor(t, 48*time.Hour)
				if anew := first > 1; anew != tc.anew {
					t.Errorf("the first page was asked for %d times", first)
				}
				if tc.anew && (early < 10*time.Minute || early > time.Hour) {
					t.Errorf("it began anew after %s", early)
				}
			})
		})
	}
}

// Progress counts as success for the pause, but not as success.
func TestPauseAfterProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := map[int][]error{}
		for k := 2; k <= 20; k++ {
			fails[k] = []error{errDown}
		}
		r := newRig(t, pagesOf(20, fails))
		start := time.Now()
		r.runFor(t, 3*time.Minute)
		if took := r.state().LastSuccess.Sub(start); took <= 0 || took > 19*7*time.Second {
			t.Errorf("nineteen interruptions took %s", took)
		}
		if got := r.value(t, "alignd_sync_runs_total"); got < 20 {
			t.Errorf("%v attempts", got)
		}
	})
}

// What another replica may have changed, or a reload has, ends a stopped walk.
func TestStoppedWalkIsDropped(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, r *rig){
		"another scope": func(_ *testing.T, r *rig) { r.account.Settings = jira.Config{Projects: []string{"BILL"}} },
		"another epoch": func(t *testing.T, r *rig) {
			r.epoch, r.connect = 1, func() (connectors.Connector, error) { return r.connector, nil }
			if err := r.beginAnew(2); err != nil {
				t.Fatal(err)
			}
		},
		"another watermark": func(t *testing.T, r *rig) {
			_, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Watermark: time.Now(), Scope: r.account.Scope()})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, pagesOf(3, map[int][]error{2: {errThrottled}}))
			if err := r.attempt(t.Context()); err == nil || r.suspended == nil {
				t.Fatalf("err = %v, stopped: %v", err, r.suspended)
			}
			change(t, r)
			if err := r.attempt(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.asked(); got != "1 2 1 2 3" {
				t.Errorf("asked for pages %s", got)
			}
		})
	}
	t.Run("the same epoch", func(t *testing.T) { // nobody else has read
		r := newRig(t, pagesOf(3, nil))
		ctx, cancel := context.WithCancel(t.Context())
		page := r.connector.page
		r.connector.page = func(q connectors.Query) (connectors.Page, error) {
			if q.Token == "2" && ctx.Err() == nil {
				cancel()
				return connectors.Page{}, ctx.Err()
			}
			return page(q)
		}
		r.run(ctx)
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.asked(); got != "1 2 2 3" {
			t.Errorf("asked for pages %s", got)
		}
	})
}

// A page that the store did not take is not asked for again, but for the first.
func TestStoreFailureCostsNoPage(t *testing.T) {
	for page, want := range map[int]string{1: "1 1 1 1 2 3", 2: "1 2 3", 3: "1 2 3"} {
		r := newRig(t, pagesOf(3, nil))
		broken := &failingStore{Store: r.store, from: page}
		r.store = broken
		for range 3 {
			ours := (*storeError)(nil)
			if err := r.attempt(t.Context()); !errors.As(err, &ours) {
				t.Fatalf("page %d: err = %v", page, err)
			}
		}
		broken.from = 0
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.asked(); got != want {
			t.Errorf("page %d: asked for pages %s, want %s", page, got, want)
		}
		if keys, watermark := r.stored(t); len(keys) != 3 || watermark.IsZero() {
			t.Errorf("page %d: stored %v up to %v", page, keys, watermark)
		}
	}
}

// failingStore refuses all batches from the n-th on; 0 means none.
type failingStore struct {
	store.Store
	from, n int
}

func (f *failingStore) Apply(ctx context.Context, b store.Batch) (store.Applied, error) {
	if f.n++; f.from > 0 && f.n >= f.from {
		return store.Applied{}, errors.New("disk full")
	}
	return f.Store.Apply(ctx, b)
}

// A stopped walk is still one: another replica that has less to do does not get
// the connector for it.
func TestStoppedWalkIsNotHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pagesOf(3, map[int][]error{2: {errThrottled}}))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.run(ctx) }()
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if r.resting.Load() {
			t.Error("it may be handed over while its walk is stopped")
		}
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		if !r.resting.Load() {
			t.Error("it may not be handed over between two walks")
		}
		cancel()
		<-done
	})
}

// A first walk that waits does not look dead.
func TestStoppedWalkIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pagesOf(3, map[int][]error{3: {errThrottled}}))
		r.runFor(t, 10*time.Minute)
		if diff := cmp.Diff("First reading has stopped after 2 tickets because a budget of the tracker is spent; it goes on there at "+
			r.state().NextAttempt.UTC().Format("15:04:05 UTC"), web.SyncState(r.state(), time.Now())); diff != "" {
			t.Errorf("the page (-want +got):\n%s", diff)
		}
		if wait := r.state().NextAttempt.Sub(r.connector.times[2]); wait != time.Hour {
			t.Errorf("it goes on after %s", wait)
		}
		for _, want := range []string{"level=INFO", "goes on there", "tickets=2", "wait=1h0m0s", "kind=full"} {
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("no %q in the log:\n%s", want, r.log)
			}
		}
		r.wantFailure(t, "rate_limit")
		r.log.Reset()
		r.runFor(t, time.Minute)
		if got := r.log.String(); !strings.Contains(got, "tickets=3") || !strings.Contains(got, "stops=1") {
			t.Errorf("log: %s", got)
		}
	})
}
