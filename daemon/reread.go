package daemon

import (
	"context"
	"fmt"
	"time"

	"alignd/connectors"
	"alignd/store"
	"alignd/web"
)

// rereadCensuses is in how many census intervals everything in scope is read
// again by its id, whatever the tracker says of changes.
const rereadCensuses = 7

// begun is a re-reading that starts from a first walk.
func begun(at time.Time) store.Reread { return store.Reread{At: at, Began: at, Verified: at} }

// rereadIfDue reads a part of what is known again if it is time for one. An
// error was logged; it is returned for its Retry-After.
func (p *poller) rereadIfDue(ctx context.Context) error {
	if time.Now().Before(p.reread) {
		return nil
	}
	err := p.rereadPart(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		p.reread = time.Now().Add(p.pause(err, 1))
		p.countStoreError(err)
		p.logger.Warn("Reading known tickets again failed, trying again later", "err", err)
	}
	return err
}

// rereadPart reads the part that is due, and samples, and plans the next. At
// first it reads only samples.
func (p *poller) rereadPart(ctx context.Context) error {
	if time.Since(p.sampled) >= time.Duration(p.account.CensusInterval) {
		if err := p.readSamples(ctx); err != nil {
			return err
		}
		p.sampled = time.Now()
	}
	r, part, err := p.nextPart(ctx)
	if err != nil {
		return err
	}
	pause := jitter(part.pause(time.Duration(p.account.CensusInterval)), 0.1)
	if p.reread.IsZero() {
		p.showReread(r, 0)
		last := r.At
		if now := time.Now(); last.After(now) { // the host's clock was wrong
			last = now
		}
		if p.reread = last.Add(pause); time.Now().Before(p.reread) {
			return nil
		}
	}
	if len(part.uids) > 0 {
		if err := p.readAgain(ctx, part.uids); err != nil {
			return err
		}
	}
	err = p.writeCensus(ctx, func(c *store.Census) {
		c.Reread.At, c.Reread.After = time.Now().UTC().Round(0), part.last
		if part.last == "" {
			c.Reread.Verified, c.Reread.Began = c.Reread.Began, c.Reread.At
		}
		r = c.Reread
	})
	if err != nil {
		return err
	}
	p.showReread(r, len(part.uids))
	p.reread = r.At.Add(pause)
	return nil
}

func (p *poller) showReread(r store.Reread, n int) {
	p.counts.TicketsReread(p.account.Name, n, r.Verified)
	p.update(func(s *web.ConnectorStatus) { s.Verified, s.Repaired = r.Verified, r.Repaired })
}

// part is what is read again at once.
type part struct {
	uids  []string
	total int    // tickets in scope
	last  string // of uids, empty if nothing follows
}

// pause is how long a part may take if the parts of a pass are spread evenly.
func (pt *part) pause(interval time.Duration) time.Duration {
	if pt.total == 0 {
		return interval
	}
	return time.Duration(float64(rereadCensuses*interval) * float64(len(pt.uids)) / float64(pt.total))
}

// nextPart returns the tickets that follow those that were read again last:
// as many as a census interval may bring, if they fit into one look.
func (p *poller) nextPart(ctx context.Context) (r store.Reread, next part, err error) {
	err = p.store.View(ctx, func(v store.View) error {
		r = v.Census(p.account.Name).Reread
		for tk := range v.Tickets() {
			if tk.ID.Connector != p.account.Name || tk.Outside {
				continue
			}
			next.total++
			if tk.ID.UID > r.After && len(next.uids) <= connectors.LookSize {
				next.uids = append(next.uids, tk.ID.UID)
			}
		}
		return nil
	})
	if err != nil {
		return r, next, &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	size := min(connectors.LookSize, (next.total+rereadCensuses-1)/rereadCensuses)
	if len(next.uids) > size {
		next.uids = next.uids[:size]
		next.last = next.uids[size-1]
	}
	return r, next, nil
}
