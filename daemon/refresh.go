package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
)

const (
	// debounce gathers the changes of a burst of pages into one computation.
	debounce = time.Second
	// restFactor bounds the part of the time spent computing during a long
	// first walk: after each computation at least this many times as long
	// passes before the next.
	restFactor = 4
	// refreshEvery bounds the age of a snapshot where nothing changes.
	refreshEvery = 5 * time.Minute
)

// stage is what the refresher and the reviewer share: where facts come from,
// and what is published. Numbers of now never wait for those of the past, so
// each has a goroutine of its own.
type stage struct {
	store   store.Store
	rules   func() *mapping.RuleSet
	publish func(*alignment.Snapshot, *alignment.History) // nil history: as before
	counts  *metrics.Process
	logger  *slog.Logger

	wake      chan struct{} // wakes the refresher; holds one, so that no change is missed
	refreshed chan struct{} // likewise the reviewer

	mu    sync.Mutex          // one publication at a time, guards the rest
	shown *alignment.Snapshot // the newest, with the last review; nil before the first
}

// changed asks for a refresh soon. It never blocks.
func (s *stage) changed() { ring(s.wake) }

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// show publishes a new snapshot with the last review.
func (s *stage) show(snap *alignment.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown != nil && s.shown.Review != nil {
		snap = snap.WithReview(s.shown.Review)
	}
	s.shown = snap
	s.publish(snap, nil)
}

// showReview publishes the newest snapshot again, with a new review.
func (s *stage) showReview(review *alignment.Review, history *alignment.History) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = s.shown.WithReview(review)
	s.publish(s.shown, history)
}

// newest returns the snapshot that is published, nil before the first.
func (s *stage) newest() *alignment.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown
}

// note counts an error and keeps it for the page, or that there is none.
func (s *stage) note(failure *atomic.Pointer[string], err error) {
	if err == nil {
		failure.Store(nil)
		return
	}
	s.counts.StoreError()
	text := err.Error()
	failure.Store(&text)
}

// refresher turns stored facts into the published snapshot.
type refresher struct {
	*stage
	computing sync.Mutex             // one computation at a time
	failure   atomic.Pointer[string] // of the last one, nil if it succeeded
}

// run refreshes at once, soon after each change, and now and then.
func (r *refresher) run(ctx context.Context) {
	took := r.refresh(ctx)
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			if !sleep(ctx, max(debounce, restFactor*took)) {
				return
			}
			// What arrived during the pause is part of this computation.
			select {
			case <-r.wake:
			default:
			}
		case <-ticker.C:
		}
		took = r.refresh(ctx)
	}
}

// refresh computes and publishes once and returns how long that took. On an
// error the last snapshot stays up. It never waits for a review, which begins
// when the memory of the computation is free again.
func (r *refresher) refresh(ctx context.Context) time.Duration {
	r.computing.Lock()
	defer r.computing.Unlock()
	start := time.Now()
	err := r.publishNext(ctx)
	took := time.Since(start)
	if ctx.Err() != nil {
		return took
	}
	// A computation needs many times the memory of its result, and the next
	// one is minutes away.
	debug.FreeOSMemory()
	r.note(&r.failure, err)
	if err != nil {
		r.logger.Error("Refreshing the numbers failed, the last ones stay up", "err", err)
		return took
	}
	ring(r.refreshed)
	return took
}

func (r *refresher) publishNext(ctx context.Context) error {
	start := time.Now()
	snap, err := r.compute(ctx)
	if err != nil || snap == nil {
		return err
	}
	r.show(snap)
	r.counts.SnapshotComputed(time.Since(start))
	r.logger.Debug("Published a snapshot", "took", time.Since(start))
	return nil
}

// compute returns nil while no connector has ever been read completely: there
// is nothing to say yet.
func (r *refresher) compute(ctx context.Context) (snap *alignment.Snapshot, err error) {
	size, err := r.store.Size(ctx)
	if err != nil {
		return nil, fmt.Errorf("read store size: %w", err)
	}
	r.counts.StoreSize(size)
	err = r.store.View(ctx, func(v store.View) error {
		watermarks := v.Watermarks()
		if len(watermarks) > 0 {
			snap = alignment.Compute(alignment.Input{Tickets: v, Rules: r.rules(), Watermarks: watermarks, Now: time.Now()})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("compute snapshot: %w", err)
	}
	return snap, nil
}
