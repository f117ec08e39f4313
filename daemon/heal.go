package daemon

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// Some things happen without any walk being told: an edit of a ticket that was
// hidden before it was read and is shown again, a parent that is restored, a
// name that stands in many tickets, a mistake of the tracker that it corrects.
// Here tickets are read by their ids, and what that changes is counted.

// recover reads tickets that the census found and no walk has delivered, and
// returns how many of them could not be understood.
func (p *poller) recover(ctx context.Context, uids []string) (unread int, err error) {
	for some := range slices.Chunk(uids, connectors.LookSize) {
		page, err := p.look(ctx, some, false)
		if err != nil {
			return 0, err
		}
		for _, s := range page.Skipped {
			if slices.Contains(some, s.UID) {
				unread++
			}
		}
		if _, _, err := p.repair(ctx, some, page.Tickets); err != nil {
			return 0, err
		}
	}
	return unread, nil
}

// heal reads what a census gives reason to doubt: tickets that are back after
// they were missing, tickets that could not be understood once, and parents
// that tickets name and nobody knows.
func (p *poller) heal(ctx context.Context, t *tally, last store.Census) error {
	doubtful, err := p.doubtful(ctx, t, last)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(doubtful, connectors.LookSize) {
		if err := p.readAgain(ctx, some); err != nil {
			return err
		}
	}
	asked := map[string]bool{}
	for {
		uids, err := p.unknownParents(ctx, asked)
		if err != nil || len(uids) == 0 {
			return err
		}
		if _, err := p.recover(ctx, uids); err != nil {
			return err
		}
	}
}

// doubtful returns the tickets that the census found, and that the one before
// missed or somebody could not understand.
func (p *poller) doubtful(ctx context.Context, t *tally, last store.Census) (uids []string, err error) {
	suspects := maps.Clone(p.skipped)
	for uid := range last.Missing {
		suspects[uid] = true
	}
	err = p.store.View(ctx, func(v store.View) error {
		for uid := range suspects {
			tk, known := v.Ticket(ticket.ID{Connector: p.account.Name, UID: uid})
			if _, missing := t.missing[uid]; known && !tk.Outside && !missing {
				uids = append(uids, uid)
			}
		}
		return nil
	})
	if err != nil {
		return nil, &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	slices.Sort(uids)
	return uids, nil
}

// unknownParents returns parents that are not known, nor among asked, and adds
// them there.
func (p *poller) unknownParents(ctx context.Context, asked map[string]bool) (uids []string, err error) {
	err = p.store.View(ctx, func(v store.View) error {
		for uid := range familyOf(v, p.account.Name).unknown {
			if !asked[uid] {
				asked[uid] = true
				uids = append(uids, uid)
			}
		}
		return nil
	})
	if err != nil {
		return nil, &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	slices.Sort(uids)
	return uids, nil
}

// readAgain reads tickets that are known as in scope, and what has to be read
// again for what they tell. Whether they left is not decided here: that needs
// the proof of a census.
func (p *poller) readAgain(ctx context.Context, uids []string) error {
	asked := make(map[string]bool, len(uids))
	tickets, err := p.lookAgain(ctx, uids, asked)
	if err != nil {
		return err
	}
	before, after, err := p.repair(ctx, uids, tickets)
	if err != nil {
		return err
	}
	return p.follow(ctx, renamed(before, after), asked)
}

// lookAgain reads tickets that are known as in scope and notes them as asked
// for. Those that are not in scope any more are left out.
func (p *poller) lookAgain(ctx context.Context, uids []string, asked map[string]bool) ([]ticket.Ticket, error) {
	for _, uid := range uids {
		asked[uid] = true
	}
	page, err := p.look(ctx, uids, true)
	return slices.DeleteFunc(page.Tickets, func(tk ticket.Ticket) bool { return tk.Outside && asked[tk.ID.UID] }), err
}

func (p *poller) look(ctx context.Context, uids []string, known bool) (connectors.Page, error) {
	page, err := p.connector.Look(ctx, uids, known)
	if err != nil {
		return page, fmt.Errorf("look at tickets: %w", err)
	}
	for _, uid := range uids {
		delete(p.skipped, uid)
	}
	p.skip(page.Skipped)
	return page, p.write(ctx, store.Batch{Names: page.Names}, "names")
}

// takeIn stores tickets and returns them as they were known, and as they are.
func (p *poller) takeIn(ctx context.Context, tickets []ticket.Ticket) (before, after map[string]ticket.Ticket, watermark time.Time, err error) {
	if before, _, err = p.stored(ctx, tickets); err != nil {
		return nil, nil, watermark, err
	}
	if err = p.write(ctx, store.Batch{Tickets: tickets}, "tickets"); err != nil {
		return nil, nil, watermark, err
	}
	after, watermark, err = p.stored(ctx, tickets)
	return before, after, watermark, err
}

// repair takes in the tickets that were looked at for these UIDs, and counts
// those that the walks should have brought: what is dated after the watermark
// they still may bring. It returns the tickets as they were known, and as they
// are.
func (p *poller) repair(ctx context.Context, uids []string, tickets []ticket.Ticket) (before, after map[string]ticket.Ticket, err error) {
	before, after, watermark, err := p.takeIn(ctx, tickets)
	if err != nil {
		return nil, nil, err
	}
	n := 0
	for i := range tickets {
		uid := tickets[i].ID.UID
		tk, known := after[uid]
		switch {
		case !known || !newest(&tk).Before(watermark) || reflect.DeepEqual(before[uid], tk):
		case tickets[i].Outside && noRepair(uid, before, uids):
		default:
			n++
			p.logger.Debug("Repaired a ticket", "uid", uid, "was", before[uid].Updated, "is", tk.Updated,
				"outside", tk.Outside, "changes_before", len(before[uid].Changes), "changes", len(tk.Changes), "watermark", watermark)
		}
	}
	return before, after, p.countRepaired(ctx, n)
}

// newest is the date of the newest that a ticket tells. A history is read
// after the rest and may have a change that the rest is too old for.
func newest(tk *ticket.Ticket) time.Time {
	if n := len(tk.Changes); n > 0 && tk.Changes[n-1].At.After(tk.Updated) {
		return tk.Changes[n-1].At
	}
	return tk.Updated
}

func (p *poller) countRepaired(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	p.logger.Info("Repaired tickets that walks had left otherwise than the tracker has them", "tickets", n)
	p.counts.TicketsRepaired(p.account.Name, n)
	return p.writeCensus(ctx, func(c *store.Census) { c.Reread.Repaired += n })
}

// noRepair tells of a ticket outside that a walk could not have brought: one
// that left the scope; an ancestor that was known, since walks may ask for
// those in turns; or one that came along, because a ticket that changed a
// moment ago is below it now.
func noRepair(uid string, before map[string]ticket.Ticket, uids []string) bool {
	_, known := before[uid]
	return known || !slices.Contains(uids, uid)
}

// stored returns what is known of tickets.
func (p *poller) stored(ctx context.Context, tickets []ticket.Ticket) (known map[string]ticket.Ticket, watermark time.Time, err error) {
	known = make(map[string]ticket.Ticket, len(tickets))
	err = p.store.View(ctx, func(v store.View) error {
		watermark = v.Watermarks()[p.account.Name]
		for i := range tickets {
			if tk, ok := v.Ticket(tickets[i].ID); ok {
				known[tk.ID.UID] = tk
			}
		}
		return nil
	})
	return known, watermark, readError(err)
}

// readError marks a failure to read tickets from the store as ours.
func readError(err error) error {
	if err == nil {
		return nil
	}
	return &storeError{fmt.Errorf("read tickets: %w", err)}
}

// family says how tickets outside hang together with those in scope.
type family struct {
	unattached map[string]bool // outside, and among the ancestors, present or past, of none in scope
	unknown    map[string]bool // named as an ancestor, and not known
}

func familyOf(v store.View, connector string) family {
	f := family{unattached: map[string]bool{}, unknown: map[string]bool{}}
	seen := map[string]bool{}
	var due []string
	reach := func(tk *ticket.Ticket) {
		for uid := range tk.Parents() {
			if !seen[uid] {
				seen[uid] = true
				due = append(due, uid)
			}
		}
	}
	for tk := range v.Tickets() {
		switch {
		case tk.ID.Connector != connector:
		case tk.Outside:
			f.unattached[tk.ID.UID] = true
		default:
			reach(tk)
		}
	}
	for len(due) > 0 {
		uid := due[len(due)-1]
		due = due[:len(due)-1]
		switch tk, known := v.Ticket(ticket.ID{Connector: connector, UID: uid}); {
		case !known:
			f.unknown[uid] = true
		case tk.Outside:
			delete(f.unattached, uid)
			reach(&tk)
		}
	}
	return f
}

// sweep forgets tickets outside that no longer stand above one in scope.
func (p *poller) sweep(ctx context.Context) error {
	var gone []string
	err := p.store.View(ctx, func(v store.View) error {
		gone = slices.Sorted(maps.Keys(familyOf(v, p.account.Name).unattached))
		return nil
	})
	if err != nil {
		return &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	if len(gone) == 0 {
		return nil
	}
	return p.write(ctx, store.Batch{Gone: gone}, "removal")
}
