package linear

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"alignd/connectors"
)

// issues adds the next page of issues and moves the walk on.
func (w *walk) issues(ctx context.Context, page *connectors.Page) error {
	list, err := w.fetch(ctx, w.filter, &w.cursor, page)
	if err != nil {
		return err
	}
	if err := w.take(ctx, list.Nodes, page); err != nil {
		return err
	}
	more, err := w.cursor.advance(list.PageInfo) // last, since a page that fails is asked for again
	if more {
		page.Next = w.cursor.at
	}
	return err
}

// fetch asks for one page of the issues that the filter selects.
func (w *walk) fetch(ctx context.Context, filter IssueFilter, at *cursor, page *connectors.Page) (*connection[json.RawMessage], error) {
	got, err := query(ctx, w.client, "issues", &issuesQuery{}, map[string]any{"after": at.after(), "filter": filter})
	if err != nil {
		return nil, err
	}
	if page.Clock.IsZero() {
		page.Clock = got.clock
	}
	return decodeIssues(got.data)
}

// take adds issues to the page, and those above them that are in other teams
// than the configured ones: what is inherited must not end at a team.
func (w *walk) take(ctx context.Context, nodes []json.RawMessage, page *connectors.Page) error {
	for {
		found, skipped := decodeEach[wireIssue](nodes)
		page.Skipped = append(page.Skipped, skipped...)
		found, err := w.complete(ctx, found, page)
		if err != nil {
			return fmt.Errorf("read longer histories: %w", err)
		}
		w.add(found, page)
		above := w.above(found)
		if len(above) == 0 {
			return nil
		}
		list, err := w.fetch(ctx, IssueFilter{"id": anyOf(above)}, &cursor{}, page)
		if err != nil {
			return fmt.Errorf("read parents in other teams: %w", err)
		}
		nodes = list.Nodes
	}
}

// above returns the parents outside the configured teams that this walk has
// not asked for yet. They are at most as many as the issues of a page.
func (w *walk) above(found []*wireIssue) []string {
	var ids []string
	for _, issue := range found {
		p := issue.Parent
		if len(w.teams) == 0 || p == nil || p.Team == nil || slices.Contains(w.teams, p.Team.ID) || w.asked[p.ID] {
			continue
		}
		w.asked[p.ID] = true
		ids = append(ids, p.ID)
	}
	return ids
}

var errNoIssues = errors.New("answer without issues")

// decodeIssues takes an answer apart as far as the single issues.
func decodeIssues(data json.RawMessage) (*connection[json.RawMessage], error) {
	var answer struct {
		Issues *connection[json.RawMessage]
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if answer.Issues == nil || answer.Issues.Nodes == nil {
		return nil, errNoIssues
	}
	return answer.Issues, nil
}

// decodeEach decodes issue by issue, so that a bad one costs only itself.
func decodeEach[N any](nodes []json.RawMessage) (found []*N, skipped []connectors.Skipped) {
	for _, raw := range nodes {
		node := new(N)
		if err := json.Unmarshal(raw, node); err != nil {
			skipped = append(skipped, connectors.Skipped{UID: uidOf(raw), Err: fmt.Errorf("decode issue: %w", err)})
			continue
		}
		found = append(found, node)
	}
	return found, skipped
}

// add converts the issues into the page.
func (w *walk) add(found []*wireIssue, page *connectors.Page) {
	for _, issue := range found {
		if issue.Trashed && issue.ID != "" {
			page.Gone = append(page.Gone, issue.ID)
			continue
		}
		tk, err := w.issue(issue)
		if err != nil {
			page.Skipped = append(page.Skipped, connectors.Skipped{UID: issue.ID, Err: fmt.Errorf("convert issue: %w", err)})
			continue
		}
		w.remember(issue)
		tk.Outside = len(w.teams) > 0 && !slices.Contains(w.teams, issue.Team.ID)
		page.Tickets = append(page.Tickets, tk)
	}
}
