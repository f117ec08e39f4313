package jira

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"alignd/connectors"
	"alignd/ticket"
)

const (
	ancestorAge = time.Hour // how long it is believed that an ancestor cannot be seen
	maxHops     = 6         // parents above a ticket in scope
	// ancestorToken is not a token of Jira's.
	ancestorToken = "ancestors"
)

// idSet holds ids as numbers, to be small: a first walk meets every ticket.
type idSet map[uint64]struct{}

func (s idSet) add(id uint64) { s[id] = struct{}{} }

func (s idSet) has(id uint64) bool {
	_, ok := s[id]
	return ok
}

// numeric returns the number behind an id, which Jira keeps for ever.
func numeric(uid string) (uint64, bool) {
	n, err := strconv.ParseUint(uid, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == uid
}

// climb finds the ancestors that a walk's search did not deliver. Parents may
// come later than their children, so it starts when the search is over.
type climb struct {
	read   idSet          // tickets delivered in this walk
	wanted map[uint64]int // parents met since the last step, with their hops
	hops   map[uint64]int // of ancestors asked for, above a ticket in scope
	due    []uint64
	pages  int
}

func newClimb() climb {
	return climb{read: idSet{}, wanted: map[uint64]int{}, hops: map[uint64]int{}}
}

// note takes in a ticket that was delivered, and wants its parents: the one it
// has, and those it had, since what it inherited then still counts for then.
func (cl *climb) note(tk *ticket.Ticket) {
	id, _ := numeric(tk.ID.UID)
	cl.read.add(id)
	for uid := range tk.Parents() {
		parent, ok := numeric(uid)
		if hops := cl.hops[id] + 1; ok && hops <= maxHops {
			cl.want(parent, hops)
		}
	}
}

func (cl *climb) noteAll(tickets []ticket.Ticket) {
	for i := range tickets {
		cl.note(&tickets[i])
	}
}

func (cl *climb) want(id uint64, hops int) {
	if known, ok := cl.wanted[id]; !ok || hops < known {
		cl.wanted[id] = hops
	}
}

// ancestors remembers the tickets that are somebody's ancestor and were read
// for that reason, in this walk or an earlier one, whether found or not.
type ancestors map[uint64]ancestor

type ancestor struct {
	read    time.Time
	asked   time.Time // Query.Since of the latest search that asked for it beside the scope
	hops    int
	found   bool // it can be seen
	inScope bool // the search tells when it changes
}

// fresh reports whether an ancestor need not be read: what is in scope or
// asked for beside it comes by itself when it changes.
func (c *Connector) fresh(id uint64) bool {
	known, ok := c.ancestors[id]
	return ok && (known.inScope || known.found || time.Since(known.read) < ancestorAge)
}

// remember notes that the ids were asked for, and which of them the search
// would have delivered: with a JQL of the user's only Jira can tell.
func (c *Connector) remember(ctx context.Context, ids []uint64, found []ticket.Ticket) error {
	var doubtful []int64
	for i := range found {
		if id, _ := numeric(found[i].ID.UID); c.cfg.JQL == "" && !c.homes[found[i].Project] && slices.Contains(c.cfg.Projects, found[i].Project) {
			doubtful = append(doubtful, int64(id)) // an archived project can be read but not searched
		}
	}
	members, err := c.members(ctx, doubtful)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c.ancestors[id] = ancestor{read: time.Now(), hops: c.walk.climb.hops[id]}
	}
	for i := range found {
		id, _ := numeric(found[i].ID.UID)
		known := c.ancestors[id]
		known.found = true
		known.inScope = c.cfg.JQL == "" && c.homes[found[i].Project] || members[found[i].ID.UID]
		c.ancestors[id] = known
	}
	return nil
}

// nextAncestors returns the token of the page of ancestors to read next, or
// nothing if there is none.
func (c *Connector) nextAncestors() string {
	cl := &c.walk.climb
	if len(cl.due) == 0 {
		for id, hops := range cl.wanted {
			if !c.fresh(id) && !cl.read.has(id) {
				cl.due, cl.hops[id] = append(cl.due, id), hops
			}
		}
		slices.Sort(cl.due)
		clear(cl.wanted)
	}
	if len(cl.due) == 0 {
		return ""
	}
	cl.pages++
	return ancestorToken + strconv.Itoa(cl.pages)
}

// ancestorPage reads up to changelogSize ancestors, with their histories.
func (c *Connector) ancestorPage(ctx context.Context) (connectors.Page, error) {
	cl := &c.walk.climb
	ids := cl.due[:min(len(cl.due), changelogSize)]
	raws, undelivered, err := c.fetchMany(ctx, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	var found batch
	found.parse(raws, c.catalog.customFields)
	page, err := c.assemble(ctx, found)
	if err != nil {
		return connectors.Page{}, err
	}
	page.Skipped = append(page.Skipped, undelivered...)
	if err := c.remember(ctx, ids, page.Tickets); err != nil {
		return connectors.Page{}, err
	}
	cl.noteAll(page.Tickets)
	for i := range page.Tickets {
		id, _ := numeric(page.Tickets[i].ID.UID)
		page.Tickets[i].Outside = !c.ancestors[id].inScope
	}
	cl.due = cl.due[len(ids):]
	c.walk.next = c.nextAncestors()
	page.Next = c.walk.next
	return page, nil
}

func (c *Connector) fetchMany(ctx context.Context, ids []uint64) ([]json.RawMessage, []connectors.Skipped, error) {
	var raws []json.RawMessage
	var skipped []connectors.Skipped
	for len(ids) > 0 {
		texts := make([]string, 0, bulkSize)
		for _, id := range ids[:min(len(ids), bulkSize)] {
			texts = append(texts, strconv.FormatUint(id, 10))
		}
		ids = ids[len(texts):]
		got, missed, err := c.fetch(ctx, texts)
		if err != nil {
			return nil, nil, err
		}
		raws, skipped = append(raws, got...), append(skipped, missed...)
	}
	return raws, skipped, nil
}
