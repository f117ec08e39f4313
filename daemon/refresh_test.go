package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
)

const mappingYAML = `
period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}
teams:
  - {id: payments, owns: {acme: [PAY]}}
goals:
  - {id: checkout, name: Checkout}
rules:
  - {name: by label, when: {labels: {any: [goal-checkout]}}, goal: checkout}
`

// refreshRig is a refresher and a reviewer with a store and a list of what they
// published.
type refreshRig struct {
	*refresher
	reviewer  *reviewer
	st        store.Store
	published []time.Time
	reviews   []time.Time // published with a history
	last      *alignment.Snapshot
	log       *bytes.Buffer
}

func newRefreshRig(t *testing.T) *refreshRig {
	t.Helper()
	rules, err := mapping.Parse("mapping.yml", []byte(mappingYAML))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "alignd.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &refreshRig{st: st, log: &bytes.Buffer{}}
	shared := &stage{
		store: st, rules: func() *mapping.RuleSet { return rules },
		publish: func(s *alignment.Snapshot, h *alignment.History) {
			r.last = s
			if h != nil {
				r.reviews = append(r.reviews, time.Now())
				return
			}
			r.published = append(r.published, time.Now())
		},
		counts: metrics.NewProcess(prometheus.NewRegistry()),
		logger: slog.New(slog.NewTextHandler(r.log, nil)),
		wake:   make(chan struct{}, 1), refreshed: make(chan struct{}, 1),
	}
	r.refresher, r.reviewer = &refresher{stage: shared}, &reviewer{stage: shared}
	return r
}

func (r *refreshRig) apply(t *testing.T, b store.Batch) {
	t.Helper()
	b.Connector = "acme"
	if _, err := r.st.Apply(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsPublishedBeforeAWalkIsComplete(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(1)})
	r.refresh(t.Context())
	if len(r.published) != 0 {
		t.Fatal("published from half a walk")
	}
	r.apply(t, store.Batch{Watermark: time.Now()})
	r.refresh(t.Context())
	if len(r.published) != 1 || !r.last.Company.Known {
		t.Errorf("published %d times, last %+v", len(r.published), r.last)
	}
}

func TestRefreshAtStartAfterChangesAndNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRefreshRig(t)
		r.apply(t, store.Batch{Watermark: time.Now()})
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		start := time.Now()
		done.Go(func() { r.run(ctx) })
		done.Go(func() { r.reviewer.run(ctx) })

		time.Sleep(time.Minute)
		for range 50 { // a burst of pages
			r.changed()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(10 * time.Minute)
		cancel()
		done.Wait()

		after := func(times []time.Time) (out []time.Duration) {
			for _, at := range times {
				out = append(out, at.Sub(start))
			}
			return out
		}
		want := []time.Duration{0, time.Minute + time.Second, 5 * time.Minute, 10 * time.Minute}
		if diff := cmp.Diff(want, after(r.published)); diff != "" {
			t.Errorf("published after (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Minute, 10 * time.Minute}, after(r.reviews)); diff != "" {
			t.Errorf("looked back after (-want +got):\n%s", diff)
		}
	})
}

func TestFailedRefreshKeepsTheLastSnapshot(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(1), Watermark: time.Now()})
	r.refresh(t.Context())
	r.store = unreadableStore{r.st}
	r.refresh(t.Context())
	if len(r.published) != 1 {
		t.Errorf("published %d times, want 1", len(r.published))
	}
	if text := r.failure.Load(); text == nil || !strings.Contains(*text, "checksum") {
		t.Errorf("the page is told %v", text)
	}
	if !strings.Contains(r.log.String(), "the last ones stay up") || !strings.Contains(r.log.String(), "checksum") {
		t.Errorf("log: %s", r.log)
	}
	r.store = r.st
	if r.refresh(t.Context()); r.failure.Load() != nil {
		t.Errorf("the page is still told %s", *r.failure.Load())
	}
}

// unreadableStore finds out while it is read.
type unreadableStore struct{ store.Store }

func (s unreadableStore) View(ctx context.Context, fn func(store.View) error) error {
	return errors.Join(s.Store.View(ctx, fn), errors.New("checksum does not match"))
}
