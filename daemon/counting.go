package daemon

import (
	"context"
	"fmt"
	"time"

	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// counting is a count that is not complete yet. One that is longer than a
// budget of the tracker goes on where it stopped, as walks do.
type counting struct {
	began       time.Time
	token       string // of the page that is due
	tokens      map[string]bool
	found, gone map[string]struct{}
	confirms    *tally // the count before, where this is a second one
}

// firstCount returns the count that a second one, which was stopped, is to
// confirm; without one it counts. What the tracker called deleted then may be
// back, as in countingOn.
func (p *poller) firstCount(ctx context.Context) (*tally, error) {
	if c := p.counting; c != nil && c.confirms != nil && !p.isOld(c) {
		c.confirms.gone, c.confirms.members = nil, 0
		return c.confirms, nil
	}
	return p.count(ctx)
}

// isOld reports whether a stopped count is no longer good.
func (p *poller) isOld(c *counting) bool {
	return time.Since(c.began) >= time.Duration(p.account.CensusInterval)
}

// countingOn returns the count that was stopped, or a new one. A stopped one is
// good for one census interval: what leaves behind its back is noticed by the
// next, so it must not take the place of that.
func (p *poller) countingOn() *counting {
	c := p.counting
	p.counting = nil
	if c == nil || p.isOld(c) {
		return &counting{began: time.Now(), tokens: map[string]bool{}, found: map[string]struct{}{}, gone: map[string]struct{}{}}
	}
	clear(c.gone) // may be back by now, as a walk may have told; if not, it is missing, and that needs proof
	return c
}

// met notes tickets that a walk brings while a count is stopped. They may be
// new to pages that were counted before, and are no less in scope for that.
func (c *counting) met(tickets []ticket.Ticket) {
	if c == nil {
		return
	}
	for i := range tickets {
		if !tickets[i].Outside {
			c.found[tickets[i].ID.UID] = struct{}{}
		}
	}
}

// count asks the tracker for all ids in scope and compares.
func (p *poller) count(ctx context.Context) (*tally, error) {
	c := p.countingOn()
	if err := p.countOn(ctx, c); err != nil {
		if c.token != "" && connectors.Resumable(err) {
			p.counting = c
		}
		return nil, fmt.Errorf("count tickets: %w", err)
	}
	var t *tally
	err := p.store.View(ctx, func(v store.View) error {
		t = compare(v, p.account.Name, c.found, c.gone)
		return nil
	})
	if err != nil {
		return nil, &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	return t, nil
}

// countOn reads the pages that are left.
func (p *poller) countOn(ctx context.Context, c *counting) error {
	for {
		page, err := p.connector.Count(ctx, c.token)
		if err != nil {
			return err
		}
		for _, uid := range page.UIDs {
			c.found[uid] = struct{}{}
		}
		for _, uid := range page.Gone {
			c.gone[uid] = struct{}{}
		}
		if c.token = page.Next; c.token == "" {
			return nil
		}
		if c.tokens[c.token] {
			return errRepeatedToken
		}
		c.tokens[c.token] = true
	}
}
