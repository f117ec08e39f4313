package jira

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/connectors"
)

// Ancestors outside of the scope may change while none of their descendants
// does. A search for what changed asks for them beside the scope, by id, which
// costs no request. Jira refuses the whole query for one id that does not
// exist; then they are read in bulk, which tells which one it was.

// maxBeside bounds the length of a query. Where there are more, they take
// turns.
const maxBeside = 500

// replace makes uids the tickets outside that are known.
func (a ancestors) replace(uids []string) {
	outside := make(idSet, len(uids))
	for _, uid := range uids {
		if id, ok := numeric(uid); ok {
			outside.add(id)
			if known, ok := a[id]; !ok || known.inScope {
				a[id] = ancestor{hops: 1, found: true} // as known up to the watermark
			}
		}
	}
	maps.DeleteFunc(a, func(id uint64, known ancestor) bool { return !known.inScope && !outside.has(id) })
}

// watch chooses what to ask for beside the scope, and how far back.
func (a ancestors) watch(since time.Time) (idSet, time.Time) {
	var ids []uint64
	for id, known := range a {
		if known.found && !known.inScope {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y uint64) int { return cmp.Or(a[x].asked.Compare(a[y].asked), cmp.Compare(x, y)) })
	watched := idSet{}
	for _, id := range ids[:min(len(ids), maxBeside)] {
		watched.add(id)
		if asked := a[id].asked; len(ids) > maxBeside && !asked.IsZero() && asked.Before(since) {
			since = asked
		}
	}
	return watched, since
}

// asked notes that the search is over.
func (a ancestors) asked(beside idSet, since time.Time) {
	for id := range beside {
		known := a[id]
		known.asked = since
		a[id] = known
	}
}

// query returns the query of the walk in progress.
func (c *Connector) query() string {
	if len(c.walk.beside)+len(c.walk.renamed) == 0 {
		return buildJQL(c.cfg.Projects, c.cfg.JQL, c.walk.minutes)
	}
	scope := strings.TrimSuffix(buildJQL(c.cfg.Projects, c.cfg.JQL, 0), order)
	if len(c.walk.beside) > 0 {
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(c.walk.beside)) {
			ids = append(ids, strconv.FormatUint(id, 10))
		}
		scope = "(" + scope + " OR id in (" + strings.Join(ids, ", ") + "))"
	}
	return scope + " AND " + c.changedSince(fmt.Sprintf("updated >= -%dm", c.walk.minutes)) + order
}

// plain makes the query ask for nothing that might not exist. The ancestors
// are read in bulk by this walk instead.
func (c *Connector) plain() {
	c.names.forget(c.walk.renamed)
	c.walk.renamed = nil
	for id := range c.walk.beside {
		known := c.ancestors[id]
		known.found, known.read = false, time.Time{}
		c.ancestors[id] = known
		c.walk.climb.want(id, known.hops)
	}
	c.walk.beside = nil
}

// markBeside finds out which tickets of a page came from beside the scope. One
// that has changed may have moved into it.
func (c *Connector) markBeside(ctx context.Context, page *connectors.Page) error {
	var ids []int64
	for i := range page.Tickets {
		tk := &page.Tickets[i]
		if id, _ := numeric(tk.ID.UID); c.walk.beside.has(id) {
			ids = append(ids, int64(id))
		} else {
			c.homes[tk.Project] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	members, err := c.members(ctx, ids)
	if err != nil {
		return err
	}
	for i := range page.Tickets {
		tk := &page.Tickets[i]
		if id, _ := numeric(tk.ID.UID); c.walk.beside.has(id) {
			known := c.ancestors[id]
			known.read, known.inScope = time.Now(), members[tk.ID.UID]
			c.ancestors[id] = known
			tk.Outside = !known.inScope
		}
	}
	return nil
}
