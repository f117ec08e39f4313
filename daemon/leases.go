package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"alignd/metrics"
	"alignd/store"
)

const (
	// longestBeat is the longest time between two looks at what other replicas
	// do. It is part of what a take-over takes.
	longestBeat = time.Second
	// handOver bounds how long the end waits for a store that is away, to give
	// a lease back that would run out anyway.
	handOver = 2 * time.Second
)

// sharing divides the connectors between the replicas on one store, and takes
// in what others write.
type sharing struct {
	store   store.Store
	lease   time.Duration
	counts  *metrics.Process
	logger  *slog.Logger
	changed func(context.Context) // another replica has written something

	failure atomic.Pointer[string] // why others could not be followed, nil if they were

	mu         sync.Mutex // guards the rest
	replicas   int        // alive, this one included
	connectors int        // configured here
	held       map[string]bool
	asked      map[string]time.Time // when a lease beyond our part was last asked for, or given up
	kept       map[string]bool      // held beyond our part, since nobody else wanted it
}

func newSharing(st store.Store, lease time.Duration, counts *metrics.Process, logger *slog.Logger, changed func(context.Context)) *sharing {
	return &sharing{
		store: st, lease: lease, counts: counts, logger: logger, changed: changed,
		held: map[string]bool{}, asked: map[string]time.Time{}, kept: map[string]bool{},
	}
}

// beat is the time between two looks.
func (s *sharing) beat() time.Duration { return min(longestBeat, s.lease/3) }

// run follows the other replicas until ctx ends.
func (s *sharing) run(ctx context.Context) {
	ticker := time.NewTicker(s.beat())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.follow(ctx)
	}
}

// follow takes in what others have written, and counts them. Views show what
// was known before if that fails.
func (s *sharing) follow(ctx context.Context) {
	changed, err := s.store.Follow(ctx)
	err = errors.Join(err, s.count(ctx))
	if ctx.Err() != nil {
		return
	}
	s.note(err)
	if changed {
		s.changed(ctx)
	}
}

// note counts an error, and tells when a row of them begins and ends.
func (s *sharing) note(err error) {
	before := s.failure.Load()
	switch {
	case err != nil:
		s.counts.StoreError()
		text := err.Error()
		s.failure.Store(&text)
		if before == nil {
			s.logger.Error("The store cannot be reached, the last numbers stay up", "err", err)
		}
	case before != nil:
		s.failure.Store(nil)
		s.logger.Info("The store can be reached again")
	}
}

// count finds out how many replicas there are.
func (s *sharing) count(ctx context.Context) error {
	n, err := s.store.Replicas(ctx, s.lease)
	if err != nil {
		return err
	}
	s.counts.Replicas(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != s.replicas {
		s.logger.Debug("The number of replicas has changed", "before", s.replicas, "now", n)
		s.replicas = n
		clear(s.kept) // somebody may want it now
	}
	return nil
}

func (s *sharing) configure(connectors int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connectors = connectors
}

// part is how many connectors are enough for one replica.
func (s *sharing) part() int {
	n := max(1, s.replicas)
	return (s.connectors + n - 1) / n
}

// claim reports whether to ask for a lease. Somebody who has less to do takes
// it sooner if it is free; beyond our part we only look, now and then, whether
// nobody has.
func (s *sharing) claim(connector string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[connector] || len(s.held) < s.part() {
		return true
	}
	now := time.Now()
	since, waiting := s.asked[connector]
	if !waiting {
		s.asked[connector] = now
	}
	if !waiting || now.Sub(since) < s.lease {
		return false
	}
	s.asked[connector], s.kept[connector] = now, true
	return true
}

// granted notes that a lease was granted, and reports whether to keep it: we
// may have asked for several at once.
func (s *sharing) granted(connector string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held[connector] && len(s.held) >= s.part() && !s.kept[connector] {
		return false
	}
	s.held[connector] = true
	return true
}

// done notes that a lease is not held.
func (s *sharing) done(connector string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, connector)
	delete(s.kept, connector)
}

// yield reports whether to give up a lease that is held, because there are
// replicas with less to do. What nobody wanted is not offered again to the
// same ones.
func (s *sharing) yield(connector string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) <= s.part() || s.kept[connector] {
		return false
	}
	delete(s.held, connector)
	delete(s.kept, connector)
	s.asked[connector] = time.Now()
	return true
}

// leased is the store as one holder of a lease writes to it.
type leased struct {
	store.Store
	epoch int64
	lost  func()
}

// Apply implements store.Store. There is no use in going on with a walk whose
// lease is lost.
func (l leased) Apply(ctx context.Context, b store.Batch) (store.Applied, error) {
	b.Epoch = l.epoch
	applied, err := l.Store.Apply(ctx, b)
	if errors.Is(err, store.ErrLeaseLost) {
		l.lost()
	}
	return applied, err
}
