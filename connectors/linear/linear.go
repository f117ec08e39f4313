// Package linear reads a Linear workspace: its issues with their histories,
// and what stands around them (teams, states, labels, projects, initiatives).
package linear

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/shurcooL/graphql"

	"alignd/connectors"
	"alignd/ticket"
)

// Connector is a connectors.Connector for one workspace.
type Connector struct {
	name    string
	teams   []string // keys; empty means all
	ignore  connectors.LabelFilter
	client  *graphql.Client
	current *walk
	census  *census
	lists   lists
	outside map[string]bool // parents in other teams that were met so far
	settled map[string]bool // former parents that were asked for, in scope or not there
}

var _ connectors.Connector = (*Connector)(nil)

// walk is what the pages of one walk share.
type walk struct {
	converter
	client *graphql.Client
	teams  []string // ids of the configured teams; empty means all
	filter IssueFilter
	cursor cursor
	asked  map[string]bool // parents in other teams
	former map[string]bool // parents that issues had once
}

// New returns a connector for a valid configuration. It reads the credential
// and sends nothing.
func New(cfg Config, opts connectors.Options) (*Connector, error) {
	base, err := newHTTPClient(cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("connector %s: %w", cfg.Name, err)
	}
	client := &http.Client{Transport: capture{base.Transport}, CheckRedirect: base.CheckRedirect}
	return &Connector{
		name:   cfg.Name,
		teams:  cfg.Teams,
		ignore: connectors.NewLabelFilter(cfg.IgnoreLabels),
		client: graphql.NewClient(cmp.Or(cfg.URL, DefaultURL), client),

		lists: lists{overlap: time.Duration(cfg.Common.WithDefaults().Overlap)},

		outside: map[string]bool{}, settled: map[string]bool{},
	}, nil
}

// Name implements connectors.Connector.
func (c *Connector) Name() string { return c.name }

// Page implements connectors.Connector. The first page of a walk reads the
// catalogs too: two requests, unless much changed in a long list or a history
// is unusually long.
func (c *Connector) Page(ctx context.Context, q connectors.Query) (connectors.Page, error) {
	var page connectors.Page
	whole := q.Token == "" && q.Since.IsZero()
	if whole {
		c.settled = map[string]bool{} // a whole walk delivers all of them again
	}
	if q.Token == "" || c.current == nil || c.current.cursor.at != q.Token {
		w, err := c.begin(ctx, q, whole, &page)
		if err != nil {
			return connectors.Page{}, err
		}
		c.current = w
	}
	asked := maps.Clone(c.current.asked)
	if err := c.readOn(ctx, &page); err != nil {
		c.current.asked = asked // without what was noted and did not come
		return connectors.Page{}, err
	}
	maps.Copy(c.outside, c.current.asked)
	return page, nil
}

// readOn adds the next page of issues, and with the last one what ends a walk.
func (c *Connector) readOn(ctx context.Context, page *connectors.Page) error {
	if err := c.current.issues(ctx, page); err != nil {
		return fmt.Errorf("read issues: %w", err)
	}
	if page.Next != "" {
		return nil
	}
	return c.formerParents(ctx, c.current, page)
}

// begin reads the catalogs, whole or what is new in them, into the first page
// of a walk, or of the rest of a walk that this connector has not begun itself.
func (c *Connector) begin(ctx context.Context, q connectors.Query, whole bool, page *connectors.Page) (*walk, error) {
	if err := c.lists.refresh(ctx, c.client, whole); err != nil {
		return nil, err
	}
	cat := c.lists.catalog()
	teams, err := cat.teamIDs(c.teams)
	if err != nil {
		return nil, err
	}
	ignored := cat.ignored(c.ignore)
	if q.Outside != nil {
		c.outside = map[string]bool{}
		for _, uid := range q.Outside {
			c.outside[uid] = true
		}
	}
	w := &walk{
		converter: converter{c.name, cat, ignored},
		client:    c.client,
		teams:     teams,
		filter:    c.filter(q.Since, teams),
		cursor:    cursor{at: q.Token},
		asked:     map[string]bool{},
		former:    map[string]bool{},
	}
	page.Clock, page.Names, page.Skipped = c.lists.clock, cat.names(ignored), cat.skipped
	w.containers(page)
	return w, nil
}

// filter selects what changed since in the teams, and of the issues above
// them that were met before.
func (c *Connector) filter(since time.Time, teams []string) IssueFilter {
	filter := IssueFilter{}
	if !since.IsZero() {
		filter["updatedAt"] = map[string]any{"gte": since.UTC().Format(milliseconds)}
	}
	switch {
	case len(teams) > 0 && len(c.outside) > 0:
		outside := slices.Sorted(maps.Keys(c.outside))
		filter["or"] = []IssueFilter{{"team": IssueFilter{"id": anyOf(teams)}}, {"id": anyOf(outside)}}
	case len(teams) > 0:
		filter["team"] = IssueFilter{"id": anyOf(teams)}
	}
	return filter
}

func anyOf(ids []string) map[string]any { return map[string]any{"in": ids} }

// milliseconds is the precision Linear filters with. Formatting cuts what is
// finer, which moves a lower bound in the safe direction.
const milliseconds = "2006-01-02T15:04:05.000Z"

// containers adds the projects and initiatives to the page.
func (w *walk) containers(page *connectors.Page) {
	add := func(tk ticket.Ticket, trashed bool, err error) {
		switch {
		case err != nil:
			page.Skipped = append(page.Skipped, connectors.Skipped{UID: tk.ID.UID, Err: err})
		case trashed:
			page.Gone = append(page.Gone, tk.ID.UID)
		default:
			page.Tickets = append(page.Tickets, tk)
		}
	}
	for _, i := range w.catalog.initiatives {
		tk, err := w.initiative(i)
		add(tk, i.Trashed, err)
	}
	for _, p := range w.catalog.projects {
		tk, err := w.project(p)
		add(tk, p.Trashed, err)
	}
}
