package daemon

import (
	"context"
	"fmt"
	"slices"

	"alignd/config"
	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// leaveScope lets go of what changed settings leave out, counted twice since it
// leaves at once. Whatever else is missing stays so: no settings hide a ticket.
func (p *poller) leaveScope(ctx context.Context, t *tally, last store.Census) error {
	was, known := config.ParseScope(last.Scope)
	is, _ := config.ParseScope(p.account.Scope())
	if !known || is.SameTickets(was) || len(t.missing) == 0 {
		return nil
	}
	again, err := p.count(ctx)
	if err != nil {
		if p.counting != nil {
			p.counting.confirms = t
		}
		return err
	}
	t.confirm(again)
	var dropped, unclear []string
	for uid, project := range t.missing {
		pt := t.projects[project]
		_, before := last.Missing[uid]
		switch {
		case is.Keeps(was, project):
		case is.Drops(was, project) && pt.missing == pt.known: // else it is listed by another name as well
			dropped = append(dropped, uid)
		case !before: // or the settings are not why
			unclear = append(unclear, uid)
		}
	}
	slices.Sort(dropped)
	slices.Sort(unclear)
	p.told = false
	if err := p.letGo(ctx, t, dropped); err != nil {
		return err
	}
	for some := range slices.Chunk(unclear, connectors.LookSize) {
		if err := p.leaveIfOutside(ctx, t, some); err != nil {
			return err
		}
	}
	return nil
}

// leaveIfOutside reads missing tickets and lets go of those that are there and
// not asked for.
func (p *poller) leaveIfOutside(ctx context.Context, t *tally, uids []string) error {
	page, err := p.look(ctx, uids, false)
	if err != nil {
		return err
	}
	if _, _, err := p.repair(ctx, uids, page.Tickets); err != nil {
		return err
	}
	outside := map[string]bool{}
	for i := range page.Tickets {
		outside[page.Tickets[i].ID.UID] = page.Tickets[i].Outside
	}
	return p.letGo(ctx, t, slices.DeleteFunc(slices.Clone(uids), func(uid string) bool { return !outside[uid] }))
}

// letGo lets go of missing tickets that the settings leave out.
func (p *poller) letGo(ctx context.Context, t *tally, uids []string) error {
	t.leave(uids)
	return p.removed(ctx, store.Batch{Left: uids}, causeScope, len(uids))
}

// lookForMissing reads what two censuses in a row have missed, and the tickets
// outside, which no census counts. It tells what has moved from what is gone.
func (p *poller) lookForMissing(ctx context.Context, t *tally, last store.Census, next *store.Census) error {
	suspects := slices.Clone(t.outside)
	for uid := range t.missing {
		if next.Missing[uid].Times >= 2 {
			suspects = append(suspects, uid)
		}
	}
	slices.Sort(suspects)
	for some := range slices.Chunk(suspects, connectors.LookSize) {
		page, err := p.look(ctx, some, false)
		if err != nil {
			return err
		}
		if err := p.judge(ctx, t, some, &page, last, next); err != nil {
			return err
		}
	}
	return nil
}

// judge decides about suspects that were looked at.
func (p *poller) judge(ctx context.Context, t *tally, suspects []string, page *connectors.Page, last store.Census, next *store.Census) error {
	found := map[string]*ticket.Ticket{}
	for i := range page.Tickets {
		found[page.Tickets[i].ID.UID] = &page.Tickets[i]
	}
	unreadable := map[string]bool{}
	for _, s := range page.Skipped {
		unreadable[s.UID] = true
	}
	var left, gone []string
	members := 0 // of gone, in scope until now
	for _, uid := range suspects {
		_, member := t.missing[uid]
		if !member && found[uid] == nil && !unreadable[uid] {
			next.Missing[uid] = again(last, uid, next.At)
		}
		switch tk := found[uid]; {
		case unreadable[uid]: // it is there, but not to be understood
		case tk != nil && member && tk.Outside:
			left = append(left, uid)
			delete(next.Missing, uid)
		case tk != nil: // only the index is behind
			delete(next.Missing, uid)
		case next.Missing[uid].Times >= 2:
			gone = append(gone, uid)
			delete(next.Missing, uid)
			if member {
				members++
			}
		}
	}
	if _, _, err := p.repair(ctx, suspects, page.Tickets); err != nil {
		return err
	}
	if err := p.removed(ctx, store.Batch{Left: left}, causeMoved, len(left)); err != nil {
		return err
	}
	return p.removed(ctx, store.Batch{Gone: gone}, causeGone, members)
}

// Why tickets leave.
const (
	causeMoved = "moved" // still there, but no longer in scope
	causeGone  = "gone"  // deleted, or hidden from the account
	causeScope = "scope" // the configuration no longer asks for them
)

// removed writes a batch that lets go of n tickets in scope.
func (p *poller) removed(ctx context.Context, b store.Batch, cause string, n int) error {
	if err := p.write(ctx, b, "removal"); err != nil {
		return err
	}
	p.counts.TicketsRemoved(p.account.Name, cause, n)
	if n > 0 {
		p.logger.Info("Removed tickets", "cause", cause, "tickets", n)
	}
	return nil
}

// write applies a batch of the census.
func (p *poller) write(ctx context.Context, b store.Batch, what string) error {
	b.Connector = p.account.Name
	applied, err := p.store.Apply(ctx, b)
	if err != nil {
		return &storeError{fmt.Errorf("apply %s: %w", what, err)}
	}
	p.counts.BatchApplied(p.account.Name, applied)
	if len(b.Tickets)+len(b.Gone)+len(b.Left) > 0 {
		p.changed()
	}
	return nil
}
