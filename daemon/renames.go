package daemon

import (
	"context"
	"iter"
	"slices"
	"time"

	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// A name stands in many tickets and belongs to none of them: of a project, a
// status with its category, a component. Whoever changes one touches no ticket.
// So one ticket for each name is read again at the beginning, since much may
// have been renamed meanwhile, and once in a census interval; and where a ticket
// has lost a name without having changed, all tickets that have it are.

// name is such a name as tickets have it.
type name struct {
	of, text string
	state    ticket.State // of a status
}

// namesOf yields the names that a ticket has or had, some of them several
// times. The dates of a sprint are like a name as long as they may change.
func namesOf(tk *ticket.Ticket, now time.Time) iter.Seq[name] {
	all := []name{{of: "project", text: tk.Project}, {of: "type", text: tk.Type}, {of: "priority", text: tk.Priority}, {"status", tk.Status, tk.State}}
	for _, c := range tk.Components {
		all = append(all, name{of: "component", text: c})
	}
	for _, s := range tk.Spans {
		if s.To.After(now) {
			all = append(all, name{of: "span", text: s.From.String() + s.To.String()})
		}
	}
	for i := range tk.Changes {
		if c := &tk.Changes[i]; c.Field == ticket.FieldState {
			all = append(all, name{"status", c.From, c.FromState}, name{"status", c.To, c.ToState})
		}
	}
	return func(yield func(name) bool) {
		for _, n := range all {
			if n.text != "" && !yield(n) {
				return
			}
		}
	}
}

// readSamples reads tickets again that have all names between them.
func (p *poller) readSamples(ctx context.Context) error {
	seen := map[name]bool{}
	samples, err := p.members(ctx, func(tk *ticket.Ticket) bool {
		before := len(seen)
		for n := range namesOf(tk, time.Now()) {
			seen[n] = true
		}
		return len(seen) > before
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(samples, connectors.LookSize) {
		if err := p.readAgain(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// members returns the tickets in scope that are wanted, in the order of their
// ids.
func (p *poller) members(ctx context.Context, wanted func(*ticket.Ticket) bool) (uids []string, err error) {
	err = p.store.View(ctx, func(v store.View) error {
		for tk := range v.Tickets() {
			if tk.ID.Connector == p.account.Name && !tk.Outside && wanted(tk) {
				uids = append(uids, tk.ID.UID)
			}
		}
		return nil
	})
	return uids, readError(err)
}

// renamed returns the names that tickets have lost without having changed.
func renamed(before, after map[string]ticket.Ticket) map[name]bool {
	lost := map[name]bool{}
	for uid, was := range before {
		is, known := after[uid]
		if !known || !is.Updated.Equal(was.Updated) {
			continue
		}
		kept := map[name]bool{}
		for n := range namesOf(&is, time.Time{}) {
			kept[n] = true
		}
		for n := range namesOf(&was, time.Time{}) {
			if !kept[n] {
				lost[n] = true
			}
		}
	}
	return lost
}

// follow reads all tickets again that have one of these names, and those that
// have what they turn out to have lost. What was asked for already is not.
func (p *poller) follow(ctx context.Context, lost map[name]bool, asked map[string]bool) error {
	for len(lost) > 0 {
		uids, err := p.members(ctx, func(tk *ticket.Ticket) bool {
			for n := range namesOf(tk, time.Time{}) {
				if lost[n] {
					return !asked[tk.ID.UID]
				}
			}
			return false
		})
		if err != nil {
			return err
		}
		if len(uids) > 0 {
			p.logger.Info("A name was changed in the tracker, reading all tickets that have it again", "tickets", len(uids))
		}
		clear(lost)
		for some := range slices.Chunk(uids, connectors.LookSize) {
			tickets, err := p.lookAgain(ctx, some, asked)
			if err != nil {
				return err
			}
			was, is, _, err := p.takeIn(ctx, tickets)
			if err != nil {
				return err
			}
			for n := range renamed(was, is) {
				lost[n] = true
			}
		}
	}
	return nil
}
