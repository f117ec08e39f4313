package linear

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"alignd/connectors"
)

// remember notes the parents that an issue had once. Only their ids stand in
// histories, so whether they are in scope is known when they were read.
func (w *walk) remember(issue *wireIssue) {
	if len(w.teams) == 0 {
		return
	}
	for i := range issue.History.Nodes {
		entry := &issue.History.Nodes[i]
		for _, id := range [2]string{entry.FromParentID, entry.ToParentID} {
			if id != "" && (issue.Parent == nil || issue.Parent.ID != id) {
				w.former[id] = true
			}
		}
	}
}

// formerParents ends a walk with the parents that issues had once and that
// this process has not read yet: what was inherited from them then still
// counts for then. They may have had parents too.
func (c *Connector) formerParents(ctx context.Context, w *walk, page *connectors.Page) error {
	settled := map[string]bool{}
	for {
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(w.former)) {
			if !w.asked[id] && !c.outside[id] && !c.settled[id] && !settled[id] {
				w.asked[id] = true
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			maps.Copy(c.settled, settled)
			return nil
		}
		from := len(page.Tickets)
		for some := range slices.Chunk(ids, issuesPerRequest) {
			if err := w.look(ctx, some, page); err != nil {
				return fmt.Errorf("read former parents: %w", err)
			}
		}
		for _, id := range ids {
			settled[id] = true
			delete(w.asked, id)
		}
		for _, tk := range page.Tickets[from:] {
			if tk.Outside {
				w.asked[tk.ID.UID] = true
			}
		}
	}
}
