package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alignd/store"
	"alignd/web"
)

const (
	// soon is when a census comes again that found something missing, and when
	// the first one comes.
	soon = 10 * time.Minute
	// lostProject is how many tickets a project needs before it counts as lost
	// when none of them is found: one may leave.
	lostProject = 2
	// lostShare is how many must be missing at least before their share matters.
	lostShare = 10
)

// schedule is when a poller takes its next census.
type schedule struct {
	due      time.Time // zero before the first look at the store
	failures int       // in a row
	accepted bool      // guarded by poller.mu: the next one is believed, whatever is missing
}

// censusIfDue takes a census if it is time for one. It must follow a complete
// walk, since what changed a moment ago may not have been read before. An
// error was logged; it is returned for its Retry-After.
func (p *poller) censusIfDue(ctx context.Context) error {
	if p.census.due.IsZero() {
		last, err := p.lastCensus(ctx)
		if err != nil {
			return p.censusFailed(ctx, err)
		}
		p.plan(last)
	}
	accepted := p.isAccepted()
	if !accepted && time.Now().Before(p.census.due) {
		return nil
	}
	next, err := p.takeCensus(ctx, accepted)
	if err != nil {
		return p.censusFailed(ctx, err)
	}
	p.census.failures = 0
	if accepted { // and not in the meantime
		p.mu.Lock()
		p.census.accepted = false
		p.mu.Unlock()
	}
	p.plan(next)
	return nil
}

// censusFailed puts the census off. Walks go on.
func (p *poller) censusFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	p.countStoreError(err)
	p.census.failures++
	p.census.due = time.Now().Add(p.pause(err, p.census.failures))
	p.logger.Warn("Counting the tickets failed, trying again later", "err", err)
	return err
}

func (p *poller) countStoreError(err error) {
	if ours := (*storeError)(nil); errors.As(err, &ours) {
		p.counts.StoreError()
	}
}

// plan sets when the census after this one is due, and shows this one.
func (p *poller) plan(last store.Census) {
	now, interval := time.Now(), time.Duration(p.account.CensusInterval)
	wait := interval
	if last.At.IsZero() || len(last.Missing) > 0 {
		wait = min(wait, soon)
	}
	begin := last.At
	if begin.IsZero() || begin.After(now) {
		begin = now
	}
	p.census.due = begin.Add(jitter(wait, 0.1))
	if last.Scope != "" && last.Scope != p.account.Scope() {
		p.census.due = now
	}
	p.showCensus(last)
}

func (p *poller) showCensus(last store.Census) {
	if last.At.IsZero() {
		return
	}
	p.counts.CensusTaken(p.account.Name, last)
	p.update(func(s *web.ConnectorStatus) { s.Missing, s.ScopeShrank = len(last.Missing), last.Held })
}

func (p *poller) lastCensus(ctx context.Context) (last store.Census, err error) {
	err = p.store.View(ctx, func(v store.View) error {
		last = v.Census(p.account.Name)
		return nil
	})
	if err != nil {
		return last, &storeError{fmt.Errorf("read census: %w", err)}
	}
	return last, nil
}

// accept has the next census believed, however much is missing. It reports
// whether there is anything to accept.
func (p *poller) accept() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.ScopeShrank {
		p.census.accepted = true
		p.bell.ring()
	}
	return p.status.ScopeShrank
}

func (p *poller) isAccepted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.census.accepted
}

// takeCensus counts the tracker's tickets, reads those that are not known, and
// lets go of those that are no longer there. An accepted one is believed.
func (p *poller) takeCensus(ctx context.Context, accepted bool) (store.Census, error) {
	last, err := p.lastCensus(ctx)
	if err != nil {
		return last, err
	}
	t, err := p.firstCount(ctx)
	if err != nil {
		return last, err
	}
	next := store.Census{At: time.Now().UTC().Round(0), Scope: p.account.Scope(), Found: t.found}
	if next.Unread, err = p.recover(ctx, t.unknown); err != nil {
		return last, err
	}
	if err := p.leaveScope(ctx, t, last); err != nil {
		return last, err
	}
	next.Missing = t.misses(last, next.At)
	if !accepted && t.shrank(float64(p.account.MaxShrink)/100) {
		next.Held = true
		p.warnShrunk(last, t)
		return next, p.closeWith(ctx, &next)
	}
	if last.Held {
		p.logger.Info("The scope is no longer held", "missing", len(t.missing), "accepted", accepted)
	}
	if err := p.lookForMissing(ctx, t, last, &next); err != nil {
		return last, err
	}
	if err := p.heal(ctx, t, last); err != nil {
		return last, err
	}
	p.told = false
	return next, p.closeCensus(ctx, t, &next)
}

// closeCensus lets go of what the tracker itself calls deleted and of what
// nothing hangs on any more, and keeps the result.
func (p *poller) closeCensus(ctx context.Context, t *tally, next *store.Census) error {
	if err := p.removed(ctx, store.Batch{Gone: t.gone}, causeGone, t.members); err != nil {
		return err
	}
	if err := p.sweep(ctx); err != nil {
		return err
	}
	p.logger.Debug("Counted the tickets", "found", t.found, "unknown", len(t.unknown), "unread", next.Unread, "missing", len(next.Missing))
	return p.closeWith(ctx, next)
}

// closeWith keeps the result of a census.
func (p *poller) closeWith(ctx context.Context, next *store.Census) error {
	return p.writeCensus(ctx, func(c *store.Census) {
		next.Reread = c.Reread
		*c = *next
	})
}

// writeCensus changes what is known of censuses.
func (p *poller) writeCensus(ctx context.Context, change func(*store.Census)) error {
	census, err := p.lastCensus(ctx)
	if err != nil {
		return err
	}
	change(&census)
	return p.write(ctx, store.Batch{Census: &census}, "census")
}

// warnShrunk says once what vanished and what to do.
func (p *poller) warnShrunk(last store.Census, t *tally) {
	if last.Held {
		return
	}
	p.logger.Warn("The scope shrank: so many tickets cannot be found that nothing is removed until they come back. "+
		"Check the permissions of the account. If the tickets are really gone, run the command",
		"command", "alignd accept "+p.account.Name, "missing", len(t.missing), "known", t.known, "projects", t.lost())
}
