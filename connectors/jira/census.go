package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"alignd/connectors"
)

const (
	// countSize is what Jira gives at most, and only if nothing but ids is
	// asked for.
	countSize = 5000
	// reconcileSize is how many tickets a search can be made to see as they
	// are, however far its index is behind.
	reconcileSize = 50
)

// Count implements connectors.Connector: one request for up to 5000 tickets.
func (c *Connector) Count(ctx context.Context, token string) (connectors.CountPage, error) {
	if token == "" {
		c.counted = 0
	}
	ids, next, err := c.searchIDs(ctx, searchRequest{
		JQL: buildJQL(c.cfg.Projects, c.cfg.JQL, 0), MaxResults: countSize, NextPageToken: token,
	})
	if err != nil {
		return connectors.CountPage{}, err
	}
	if c.counted += len(ids); c.counted == 0 && next == "" {
		if err := c.vouch(ctx); err != nil {
			return connectors.CountPage{}, err
		}
	}
	return connectors.CountPage{UIDs: ids, Next: next}, nil
}

// searchIDs runs a search for ids only.
func (c *Connector) searchIDs(ctx context.Context, req searchRequest) (ids []string, next string, err error) {
	req.Fields = []string{"id"}
	if err := c.settle(ctx); err != nil {
		return nil, "", err
	}
	if c.deployment == DataCenter {
		return c.searchRowIDs(ctx, req)
	}
	got, err := c.list(ctx, "search_ids", "search/jql", "issues", req)
	if err != nil {
		return nil, "", err
	}
	for _, raw := range got.items {
		var is struct{ ID string }
		if err := json.Unmarshal(raw, &is); err != nil {
			return nil, "", fmt.Errorf("decode search_ids: %w", err)
		}
		if _, ok := numeric(is.ID); !ok {
			return nil, "", fmt.Errorf("decode search_ids: %w", errShape)
		}
		ids = append(ids, is.ID)
	}
	if got.last {
		got.token = ""
	}
	return ids, got.token, nil
}

// Look implements connectors.Connector. Bulk reads come from Jira's database;
// which of the tickets are in scope only a search can tell for sure.
func (c *Connector) Look(ctx context.Context, uids []string, known bool) (connectors.Page, error) {
	if time.Since(c.catalog.read) >= catalogAge {
		if err := c.refreshCatalog(ctx); err != nil {
			return connectors.Page{}, err
		}
	}
	var ids []uint64
	for _, uid := range uids {
		if id, ok := numeric(uid); ok {
			ids = append(ids, id)
		}
	}
	raws, undelivered, err := c.fetchMany(ctx, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	if len(raws)+len(undelivered) == 0 {
		return connectors.Page{}, c.vouch(ctx)
	}
	var found batch
	found.parse(raws, c.catalog.customFields)
	c.walk = walk{climb: newClimb()}
	page, err := c.assemble(ctx, found)
	if err != nil {
		return connectors.Page{}, err
	}
	page.Skipped = append(page.Skipped, undelivered...)
	if err := c.markOutside(ctx, &page, known); err != nil {
		return connectors.Page{}, err
	}
	return page, c.addAncestors(ctx, &page)
}

// markOutside finds out which tickets of a page are in scope. Those that were
// are asked about only if their project is not known to be.
func (c *Connector) markOutside(ctx context.Context, page *connectors.Page, known bool) error {
	var ids []int64
	asked := map[string]bool{}
	for i := range page.Tickets {
		tk := &page.Tickets[i]
		if known && c.homes[tk.Project] {
			continue
		}
		id, _ := numeric(tk.ID.UID)
		ids, asked[tk.ID.UID] = append(ids, int64(id)), true
	}
	members, err := c.members(ctx, ids)
	if err != nil {
		return err
	}
	for i := range page.Tickets {
		tk := &page.Tickets[i]
		tk.Outside = asked[tk.ID.UID] && !members[tk.ID.UID]
		if !tk.Outside {
			c.homes[tk.Project] = true
			continue
		}
		if id, _ := numeric(tk.ID.UID); !known {
			c.ancestors[id] = ancestor{read: time.Now(), hops: 1, found: true}
		}
	}
	return nil
}

// members returns which of the tickets, all of which exist, are in scope.
func (c *Connector) members(ctx context.Context, ids []int64) (map[string]bool, error) {
	members := map[string]bool{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), reconcileSize)]
		ids = ids[len(some):]
		texts := make([]string, len(some))
		for i, id := range some {
			texts[i] = strconv.FormatInt(id, 10)
		}
		scope := strings.TrimSuffix(buildJQL(c.cfg.Projects, c.cfg.JQL, 0), order)
		req := searchRequest{
			JQL:             "id in (" + strings.Join(texts, ", ") + ") AND " + scope + order,
			MaxResults:      reconcileSize,
			ReconcileIssues: some,
		}
		for seen := map[string]bool{}; ; {
			found, next, err := c.searchIDs(ctx, req)
			if err != nil {
				return nil, err
			}
			for _, id := range found {
				members[id] = true
			}
			if next == "" {
				break
			}
			if seen[next] {
				return nil, fmt.Errorf("read search_ids: %w", errRepeatedToken)
			}
			seen[next], req.NextPageToken = true, next
		}
	}
	return members, nil
}

// addAncestors reads what stands above the tickets of a page that are in
// scope, as the end of a walk does.
func (c *Connector) addAncestors(ctx context.Context, page *connectors.Page) error {
	c.walk.climb = newClimb()
	for i := range page.Tickets {
		tk := &page.Tickets[i]
		if tk.Outside {
			id, _ := numeric(tk.ID.UID)
			c.walk.climb.read.add(id)
			continue
		}
		c.walk.climb.note(tk)
	}
	for c.nextAncestors() != "" {
		above, err := c.ancestorPage(ctx)
		if err != nil {
			return err
		}
		page.Tickets = append(page.Tickets, above.Tickets...)
		page.Skipped = append(page.Skipped, above.Skipped...)
	}
	return nil
}
