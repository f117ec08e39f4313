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

// refresher turns stored facts into the published snapshot.
type refresher struct {
	store   store.Store
	rules   func() *mapping.RuleSet
	publish func(*alignment.Snapshot, *alignment.History) // nil history: as before
	counts  *metrics.Process
	logger  *slog.Logger

	wake chan struct{} // holds one, so that no change is missed
	mu   sync.Mutex    // one computation at a time
	past reviewer      // guarded by mu

	outdated atomic.Bool            // the last review does not know of an acknowledgement
	failure  atomic.Pointer[string] // of the last computation, nil if it succeeded
}

// changed asks for a refresh soon. It never blocks.
func (r *refresher) changed() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
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

// reviewSoon asks for a review with the next refresh.
func (r *refresher) reviewSoon() {
	r.outdated.Store(true)
	r.changed()
}

// refresh computes and publishes once and returns how long that took. On an
// error the last snapshot stays up.
func (r *refresher) refresh(ctx context.Context) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := time.Now()
	err := r.publishNext(ctx)
	took := time.Since(start)
	if ctx.Err() != nil {
		return took
	}
	// A computation needs many times the memory of its result, and the next
	// one is minutes away.
	debug.FreeOSMemory()
	r.failure.Store(nil)
	if err != nil {
		r.counts.StoreError()
		text := err.Error()
		r.failure.Store(&text)
		r.logger.Error("Refreshing the numbers failed, the last ones stay up", "err", err)
	}
	return took
}

// publishNext publishes a snapshot, and once more where a review was due: the
// numbers of now must not wait for those of the past.
func (r *refresher) publishNext(ctx context.Context) error {
	start := time.Now()
	snap, recorded, err := r.compute(ctx)
	if err != nil || snap == nil {
		return err
	}
	r.publish(snap, nil)
	r.counts.SnapshotComputed(time.Since(start))
	r.logger.Debug("Published a snapshot", "took", time.Since(start))
	if outdated := r.outdated.Swap(false); !outdated && !r.past.due(snap, recorded) {
		return nil
	}
	return r.review(ctx, snap)
}

// compute returns nil while no connector has ever been read completely: there
// is nothing to say yet. It also returns how many records there are.
func (r *refresher) compute(ctx context.Context) (snap *alignment.Snapshot, recorded int, err error) {
	size, err := r.store.Size(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read store size: %w", err)
	}
	r.counts.StoreSize(size)
	err = r.store.View(ctx, func(v store.View) error {
		recorded = v.Recorded()
		watermarks := v.Watermarks()
		if len(watermarks) == 0 {
			return nil
		}
		snap = alignment.Compute(alignment.Input{
			Tickets: v, Rules: r.rules(), Watermarks: watermarks, Now: time.Now(), Review: r.past.last,
		})
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("compute snapshot: %w", err)
	}
	return snap, recorded, nil
}
