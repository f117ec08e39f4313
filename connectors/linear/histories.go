package linear

import (
	"context"
	"errors"
	"slices"

	"alignd/connectors"
)

// complete reads the rest of the histories that are longer than what came
// with the issues: for several issues at once, since this is the common case,
// and then the very long ones one by one. It returns the issues whose history
// is whole and reports the others as skipped.
func (w *walk) complete(ctx context.Context, found []*wireIssue, page *connectors.Page) ([]*wireIssue, error) {
	whole := make([]*wireIssue, 0, len(found))
	var long []*wireIssue
	for _, issue := range found {
		if issue.unfinished() && !issue.Trashed {
			long = append(long, issue)
		} else {
			whole = append(whole, issue)
		}
	}
	for some := range slices.Chunk(long, historiesPerRequest) {
		read, err := w.histories(ctx, some, &cursor{}, &cursor{})
		if err != nil {
			return nil, err
		}
		for _, issue := range some {
			err := w.finish(ctx, issue, read)
			var bad unreadable
			switch {
			case errors.As(err, &bad):
				page.Skipped = append(page.Skipped, connectors.Skipped{UID: issue.ID, Err: bad})
			case err != nil:
				return nil, err
			default:
				whole = append(whole, issue)
			}
		}
	}
	return whole, nil
}

func (w *wireIssue) unfinished() bool {
	return w.History.PageInfo.HasNextPage || w.StateHistory.PageInfo.HasNextPage
}

// unreadable is an error that costs one issue, not the walk.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

var errVanished = errors.New("issue vanished while its history was read")

// finish gives the issue the longer pages that were read for it, and then
// reads on to the end.
func (w *walk) finish(ctx context.Context, issue *wireIssue, read histories) error {
	h, err := read.of(issue.ID)
	if err != nil {
		return err
	}
	issue.History, issue.StateHistory = h.History, h.StateHistory
	var history, spans cursor
	for {
		moreHistory, err := history.advance(issue.History.PageInfo)
		if err != nil {
			return err
		}
		moreSpans, err := spans.advance(issue.StateHistory.PageInfo)
		if err != nil || !moreHistory && !moreSpans {
			return err
		}
		read, err := w.histories(ctx, []*wireIssue{issue}, &history, &spans)
		if err != nil {
			return err
		}
		if h, err = read.of(issue.ID); err != nil {
			return err
		}
		if moreHistory {
			issue.History.extend(h.History)
		}
		if moreSpans {
			issue.StateHistory.extend(h.StateHistory)
		}
	}
}

func (c *connection[N]) extend(next connection[N]) {
	c.Nodes = append(c.Nodes, next.Nodes...)
	c.PageInfo = next.PageInfo
}

// histories holds what one request returned, by issue.
type histories struct {
	read   map[string]*wireHistories
	failed map[string]error
}

// of returns the histories of one issue, or why it has none: an unreadable.
func (h histories) of(id string) (*wireHistories, error) {
	if found, ok := h.read[id]; ok {
		return found, nil
	}
	if err, ok := h.failed[id]; ok {
		return nil, unreadable{err}
	}
	return nil, unreadable{errVanished}
}

// histories asks for one page of the histories of the given issues.
func (w *walk) histories(ctx context.Context, of []*wireIssue, history, spans *cursor) (histories, error) {
	ids := make([]string, len(of))
	for i, issue := range of {
		ids[i] = issue.ID
	}
	got, err := query(ctx, w.client, "histories", &historiesQuery{}, map[string]any{
		"filter":  IssueFilter{"id": anyOf(ids)},
		"history": history.after(),
		"spans":   spans.after(),
	})
	if err != nil {
		return histories{}, err
	}
	list, err := decodeIssues(got.data)
	if err != nil {
		return histories{}, err
	}
	answer := histories{map[string]*wireHistories{}, map[string]error{}}
	found, skipped := decodeEach[wireHistories](list.Nodes)
	for _, h := range found {
		answer.read[h.ID] = h
	}
	for _, s := range skipped {
		answer.failed[s.UID] = s.Err
	}
	return answer, nil
}
