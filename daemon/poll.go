package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"alignd/config"
	"alignd/connectors"
	"alignd/metrics"
	"alignd/store"
	"alignd/web"
)

// poller reads one connector again and again. It knows when to read and where
// the result goes; the connector knows how.
type poller struct {
	account   config.Account
	connector connectors.Connector
	connect   connect
	daily     *connectors.Daily
	store     store.Store // in a term: under its lease
	counts    *metrics.Process
	zone      zoneOf // for telling late changes
	changed   func() // something was applied
	logger    *slog.Logger
	bell      doorbell

	memory

	sharing *sharing
	term    *term       // nil while another replica reads
	epoch   int64       // of the memory
	resting atomic.Bool // between two walks, with none to go on with

	mu     sync.Mutex // guards status
	status web.ConnectorStatus

	cancel context.CancelFunc // set by start
	done   chan struct{}      // closed when run has returned
}

// run walks now and then after each pause, until ctx ends. A tracker that is
// down is not an error of the daemon: it is logged and counted here, and tried
// again.
func (p *poller) run(ctx context.Context) {
	failures := 0
	for {
		p.bell.quiet()
		err := p.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil || p.suspended != nil && p.suspended.moved {
			failures = 0
		}
		if err != nil {
			failures++
		}
		pause, wait := p.pause(err, failures), time.Duration(0)
		if err == nil {
			wait = retryAfter(p.checkIfDue(ctx))
			pause = max(pause, wait)
		}
		p.update(func(s *web.ConnectorStatus) { s.NextAttempt = time.Now().Add(pause) })
		p.resting.Store(p.suspended == nil) // another replica would have to begin it anew
		alive := p.bell.rest(ctx, pause, err == nil && wait == 0)
		p.resting.Store(false)
		if !alive {
			return
		}
	}
}

// checkIfDue does what does not trust walks, after one that was complete. An
// error was logged; it is returned for its Retry-After.
func (p *poller) checkIfDue(ctx context.Context) error {
	if err := p.censusIfDue(ctx); err != nil {
		return err
	}
	return p.rereadIfDue(ctx)
}

// attempt makes one walk and accounts for it. It returns nil if it was stopped
// from outside, which is neither success nor failure.
func (p *poller) attempt(ctx context.Context) error {
	start := time.Now()
	p.counts.SyncStarted(p.account.Name)
	p.update(func(s *web.ConnectorStatus) {
		s.Walking, s.Read, s.LastAttempt, s.NextAttempt = true, p.suspended.soFar(), start, time.Time{}
	})
	w, err := p.walk(ctx)
	p.update(func(s *web.ConnectorStatus) {
		s.Walking, s.Stopped, s.Throttled = false, p.suspended.soFar() > 0, connectors.Throttled(err)
	})
	if ctx.Err() != nil {
		return nil
	}
	p.finish(w, err, time.Since(start))
	return err
}

// finish counts, logs and shows how a walk ended.
func (p *poller) finish(w *walk, err error, took time.Duration) {
	if err != nil {
		about := []any{"kind", w.kind, "pages", w.pages, "tickets", w.tickets, "took", took, "goes_on_there", p.suspended != nil, "err", err}
		if ours := (*storeError)(nil); errors.As(err, &ours) {
			p.counts.SyncFailedByStore(p.account.Name, w.kind, took)
			p.logger.Error("The store failed, its last state stays in force; trying again later", about...)
		} else {
			p.counts.SyncFinished(p.account.Name, w.kind, took, err)
			p.logFailure(err, about)
		}
		p.update(func(s *web.ConnectorStatus) { s.Error = err.Error() })
		return
	}
	p.counts.SyncFinished(p.account.Name, w.kind, took, nil)
	level := slog.LevelDebug
	if w.kind == fullWalk {
		level = slog.LevelInfo
	}
	about := []any{"kind", w.kind, "pages", w.pages, "tickets", w.tickets, "took", w.spent}
	if w.stops > 0 {
		about = append(about, "stops", w.stops, "since", w.began)
	}
	p.logger.Log(context.Background(), level, "Read the tracker", about...)
	p.update(func(s *web.ConnectorStatus) { s.Error, s.LastSuccess = "", time.Now() })
}

// logFailure tells a walk that has to wait for the tracker's next budget, which
// is as usual for a long one, from trouble.
func (p *poller) logFailure(err error, about []any) {
	if wait := retryAfter(err); p.suspended != nil && wait > 0 && connectors.Throttled(err) {
		p.logger.Info("The tracker's budget is spent, reading goes on there with the next one", append(about, "wait", wait)...)
		return
	}
	p.logger.Error("Reading the tracker failed, trying again later", about...)
}

// watermark returns how far which scope has been read, zero for never.
func (p *poller) watermark(ctx context.Context) (at time.Time, scope string, err error) {
	err = p.store.View(ctx, func(v store.View) error {
		at, scope = v.Watermarks()[p.account.Name], v.Scope(p.account.Name)
		return nil
	})
	if err != nil {
		return at, scope, &storeError{fmt.Errorf("read watermark: %w", err)}
	}
	p.showWatermark(at)
	return at, scope, nil
}

// since is what a walk asks from: the watermark, or before it while the
// tracker's clock has not come back to where it was.
func (p *poller) since(watermark time.Time) time.Time {
	if !p.mark.IsZero() && p.mark.Before(watermark) {
		return p.mark
	}
	return watermark
}

// setBack has the walk after this one read again what may have changed by a
// clock of the tracker's that was set back: this one asked from a time that is
// still to come. Nobody knows by how much, nor since when; what is older than a
// census interval the re-reading finds.
func (p *poller) setBack(w *walk, since time.Time) {
	w.mark = w.mark.Add(-time.Duration(p.account.CensusInterval))
	p.logger.Warn("The tracker's clock was set back, what may have changed since is read again", "clock", w.clock, "asked_from", since, "from", w.mark)
}

// twice is up to when the tracker's changes have been read twice once a walk
// that begins at the watermark ends: up to the walk before, which began an
// overlap later than its watermark at least, less what its index may have been
// behind. An index may overlook a change once, and only what is within the
// overlap is read again anyway.
func (p *poller) twice(watermark time.Time) time.Time {
	overlap := time.Duration(p.account.Overlap)
	switch {
	case !p.latest.IsZero():
		return p.latest.Add(-overlap / 2)
	case !watermark.IsZero():
		return watermark.Add(overlap / 2)
	}
	return time.Time{}
}

func (p *poller) showWatermark(at time.Time) {
	if at.IsZero() {
		return
	}
	p.counts.SyncWatermark(p.account.Name, at)
	p.update(func(s *web.ConnectorStatus) { s.Watermark = at })
}

// apply stores one page; with the last one it moves the watermark.
func (p *poller) apply(ctx context.Context, w *walk, page *connectors.Page) error {
	p.skip(page.Skipped)
	batch := store.Batch{Connector: p.account.Name, Tickets: page.Tickets, Gone: page.Gone, Names: page.Names}
	if page.Next == "" {
		batch.Watermark, batch.Scope = w.watermark, p.account.Scope()
		if w.first { // so that a change of scope before the first census is noticed
			batch.Census = &store.Census{Scope: batch.Scope, Reread: begun(w.began)}
		}
	}
	applied, err := p.store.Apply(ctx, batch)
	if err != nil {
		return &storeError{fmt.Errorf("apply page %d: %w", w.pages, err)}
	}
	w.tickets += len(page.Tickets)
	p.counting.met(page.Tickets)
	p.counts.BatchApplied(p.account.Name, applied)
	p.counts.TicketsRemoved(p.account.Name, causeGone, applied.Gone)
	if !w.first {
		p.counts.LateChanges(p.account.Name, lateChanges(applied.Changes, page, p.account.Name, p.zone))
	}
	p.showWatermark(batch.Watermark)
	p.update(func(s *web.ConnectorStatus) { s.Read = w.tickets })
	p.changed()
	return nil
}

// storeError marks failures that are ours and not the tracker's.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

func (p *poller) skip(skipped []connectors.Skipped) {
	for _, s := range skipped {
		p.counts.TicketSkipped(p.account.Name)
		if !p.skipped[s.UID] {
			p.skipped[s.UID] = true
			p.logger.Warn("Skipped a ticket that could not be understood", "uid", s.UID, "err", s.Err)
		}
	}
}

func (p *poller) update(change func(*web.ConnectorStatus)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

func (p *poller) state() web.ConnectorStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}
