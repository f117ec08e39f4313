package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"alignd/connectors"
	"alignd/ticket"
)

// countQuery reads ids only, as many as Linear gives at once.
type countQuery struct {
	Issues connection[wireCounted] `graphql:"issues(first: 250, after: $after, filter: $filter, includeArchived: true, orderBy: createdAt)"`
}

type wireCounted struct {
	ID      string
	Trashed bool
}

// census is the census in progress.
type census struct {
	filter IssueFilter
	cursor cursor
}

// Count implements connectors.Connector: one request for up to 250 issues. The
// lists of teams, projects and initiatives are those of the latest walk, if
// there was one and each fits on a page; otherwise they are read whole. What is
// archived is in scope, what is in the trash is gone.
func (c *Connector) Count(ctx context.Context, token string) (connectors.CountPage, error) {
	var page connectors.CountPage
	if c.census == nil || c.census.cursor.at != token || token == "" {
		if err := c.beginCensus(ctx, token, &page); err != nil {
			return connectors.CountPage{}, err
		}
	}
	got, err := query(ctx, c.client, "count", &countQuery{}, map[string]any{"after": c.census.cursor.after(), "filter": c.census.filter})
	if err != nil {
		return connectors.CountPage{}, fmt.Errorf("count issues: %w", err)
	}
	list, err := decodeIssues(got.data)
	if err != nil {
		return connectors.CountPage{}, fmt.Errorf("count issues: %w", err)
	}
	if err := countIssues(list.Nodes, &page); err != nil {
		return connectors.CountPage{}, fmt.Errorf("count issues: %w", err)
	}
	more, err := c.census.cursor.advance(list.PageInfo)
	if err != nil {
		return connectors.CountPage{}, fmt.Errorf("count issues: %w", err)
	}
	if more {
		page.Next = c.census.cursor.at
	}
	return page, nil
}

func countIssues(nodes []json.RawMessage, page *connectors.CountPage) error {
	for _, raw := range nodes {
		var issue wireCounted
		switch err := json.Unmarshal(raw, &issue); {
		case err != nil:
			return fmt.Errorf("decode issue: %w", err)
		case issue.ID == "":
			return errNoID
		case issue.Trashed:
			page.Gone = append(page.Gone, issue.ID)
		default:
			page.UIDs = append(page.UIDs, issue.ID)
		}
	}
	return nil
}

func (c *Connector) beginCensus(ctx context.Context, token string, page *connectors.CountPage) error {
	if c.lists.clock.IsZero() || token == "" && c.lists.anyLong() {
		if err := c.lists.refresh(ctx, c.client, true); err != nil {
			return err
		}
	}
	cat := c.lists.catalog()
	teams, err := cat.teamIDs(c.teams)
	if err != nil {
		return err
	}
	c.census = &census{filter: IssueFilter{}, cursor: cursor{at: token}}
	if len(teams) > 0 {
		c.census.filter["team"] = IssueFilter{"id": anyOf(teams)}
	}
	cat.count(page)
	return nil
}

// count counts what walks deliver besides issues.
func (c *catalog) count(page *connectors.CountPage) {
	count := func(uid string, trashed bool) {
		switch {
		case uid == "": // reported by each walk
		case trashed:
			page.Gone = append(page.Gone, uid)
		default:
			page.UIDs = append(page.UIDs, uid)
		}
	}
	for _, i := range c.initiatives {
		count(i.ID, i.Trashed)
	}
	for _, p := range c.projects {
		count(p.ID, p.Trashed)
	}
}

// Look implements connectors.Connector. Projects and initiatives that are known
// are left out: each walk brings them anew.
func (c *Connector) Look(ctx context.Context, uids []string, known bool) (connectors.Page, error) {
	var page connectors.Page
	w, err := c.begin(ctx, connectors.Query{}, false, &page)
	if err != nil {
		return connectors.Page{}, err
	}
	page.Tickets = slices.DeleteFunc(page.Tickets, func(tk ticket.Ticket) bool { return known || !slices.Contains(uids, tk.ID.UID) })
	for some := range slices.Chunk(uids, issuesPerRequest) {
		if err := w.look(ctx, some, &page); err != nil {
			return connectors.Page{}, fmt.Errorf("look at issues: %w", err)
		}
	}
	if err := c.formerParents(ctx, w, &page); err != nil {
		return connectors.Page{}, err
	}
	maps.Copy(c.outside, w.asked)
	return page, nil
}

// look adds the issues with these ids to the page, whatever their teams.
func (w *walk) look(ctx context.Context, ids []string, page *connectors.Page) error {
	for at := (&cursor{}); ; {
		list, err := w.fetch(ctx, IssueFilter{"id": anyOf(ids)}, at, page)
		if err != nil {
			return err
		}
		more, err := at.advance(list.PageInfo)
		if err != nil {
			return err
		}
		if err := w.take(ctx, list.Nodes, page); err != nil || !more {
			return err
		}
	}
}
