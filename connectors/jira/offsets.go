package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"alignd/connectors"
)

// Data Center numbers the rows of a search, and each page is a search of its
// own. A ticket that leaves the result while it is read (it is deleted or
// moved, or the query's reach slides over it) moves all rows behind it up, so
// that the next page would begin too late. Therefore each page begins with
// rows that were read before. If it does not, it is read again from further
// up: since the order of the rows never changes, nothing can hide between a
// row that was read and the one after it.

const (
	overlapRows = 5    // read again with each page
	keptRows    = 1000 // remembered, to know them again
	rowIDs      = 1000 // ids that are asked for at once; servers allow no more
	// expandHistories has histories sent with tickets, whole.
	expandHistories = "changelog"
)

type offsetRequest struct {
	JQL        string   `json:"jql"`
	StartAt    int      `json:"startAt"`
	MaxResults int      `json:"maxResults"`
	Fields     []string `json:"fields"`
	Expand     []string `json:"expand,omitempty"`

	// ValidateQuery false has most versions pass over ids that do not exist.
	ValidateQuery *bool `json:"validateQuery,omitempty"`
}

// offsets is a place in the rows of a search.
type offsets struct {
	at     int   // rows before this one were read
	size   int   // of the latest page, as Jira allowed it
	recent []row // read last, in their order
}

// row knows a ticket again. One that has moved may stand at another place.
type row struct{ id, key string }

var (
	errNoRows = errors.New("jira counts tickets but gives none: is jira.search.views.default.max at least 2?")
	errNoEnd  = errors.New("jira gives fewer tickets than it should, again and again")
)

// page reads the rows that follow. It reports whether they are the last.
func (o *offsets) page(ctx context.Context, c *Connector, req offsetRequest) (items []json.RawMessage, last bool, err error) {
	for back := min(overlapRows, o.size/2); ; back *= 10 {
		if back > keptRows {
			*o = offsets{}
		}
		req.StartAt = max(0, o.at-back)
		got, err := c.rows(ctx, req)
		if err != nil {
			return nil, false, err
		}
		rows, err := rowsOf(got.items)
		if err != nil {
			return nil, false, err
		}
		again := 0
		for again < min(o.at-req.StartAt, len(rows)) && slices.Contains(o.recent, rows[again]) {
			again++
		}
		switch end := req.StartAt + len(rows); {
		case req.StartAt > 0 && again == 0:
			continue
		case end >= got.total:
			return got.items[again:], true, nil
		case len(rows) == 0 || got.size < 2:
			return nil, false, fmt.Errorf("read search: %w", errNoRows)
		case end <= o.at && back <= overlapRows && len(rows) < got.size:
			return nil, false, fmt.Errorf("read search: %w", errNoEnd)
		default:
			o.at, o.size = end, got.size
			o.remember(rows[again:])
			return got.items[again:], false, nil
		}
	}
}

func (o *offsets) remember(rows []row) {
	o.recent = append(o.recent, rows...)
	o.recent = slices.Clone(o.recent[max(0, len(o.recent)-keptRows):])
}

// rowsOf reads the names of tickets and nothing behind them.
func rowsOf(items []json.RawMessage) ([]row, error) {
	rows := make([]row, len(items))
	for i, raw := range items {
		r := &rows[i]
		err := members(raw, func(key string, value json.RawMessage) error {
			switch key {
			case "id":
				r.id = text(value)
			case "key":
				r.key = text(value)
			}
			if r.id != "" && r.key != "" {
				return errFound
			}
			return nil
		})
		if err != nil && !errors.Is(err, errFound) {
			return nil, fmt.Errorf("decode search: %w", err)
		}
		if r.id == "" {
			return nil, fmt.Errorf("decode search: %w: a ticket without id", errShape)
		}
	}
	return rows, nil
}

var errFound = errors.New("found")

// rows makes one search.
func (c *Connector) rows(ctx context.Context, req offsetRequest) (envelope, error) {
	got, err := c.list(ctx, "search", "search", "issues", req)
	if err != nil {
		return envelope{}, err
	}
	switch {
	case !got.counted:
		return envelope{}, fmt.Errorf("decode search: %w: no total", errShape)
	case len(got.items) > 0 && got.start != req.StartAt:
		return envelope{}, fmt.Errorf("decode search: %w: row %d instead of %d", errShape, got.start, req.StartAt)
	}
	if got.size <= 0 || got.size > req.MaxResults {
		got.size = min(len(got.items), req.MaxResults)
	}
	return got, nil
}

// idRows is the place in the latest search for ids.
type idRows struct {
	offsets
	jql   string
	pages int
}

const errOtherCensus = connectors.WalkError("it does not belong to the present census")

// searchRowIDs is searchIDs for Data Center.
func (c *Connector) searchRowIDs(ctx context.Context, req searchRequest) (ids []string, next string, err error) {
	if req.NextPageToken == "" {
		c.idRows = idRows{jql: req.JQL}
	}
	if c.idRows.jql != req.JQL {
		return nil, "", fmt.Errorf("page token %.20q: %w", req.NextPageToken, errOtherCensus)
	}
	ask := offsetRequest{JQL: req.JQL, MaxResults: min(req.MaxResults, rowIDs), Fields: req.Fields}
	if len(req.ReconcileIssues) > 0 { // one of them may be gone by now
		ask.ValidateQuery = new(bool)
	}
	items, last, err := c.idRows.page(ctx, c, ask)
	if err != nil {
		return nil, "", err
	}
	rows, err := rowsOf(items)
	if err != nil {
		return nil, "", err
	}
	for _, r := range rows {
		if _, ok := numeric(r.id); !ok {
			return nil, "", fmt.Errorf("decode search: %w", errShape)
		}
		ids = append(ids, r.id)
	}
	c.idRows.pages++
	if !last {
		next = "rows" + strconv.Itoa(c.idRows.pages)
	}
	return ids, next, nil
}

// searchRows is search for Data Center. Its tokens say nothing: the place is
// kept in the walk.
func (c *Connector) searchRows(ctx context.Context, jql string, at *spot) (envelope, error) {
	if at.token == "" {
		at.rows = offsets{}
	}
	items, last, err := at.rows.page(ctx, c, offsetRequest{
		JQL: jql, MaxResults: c.walk.size, Fields: c.catalog.fields(), Expand: []string{expandHistories},
	})
	return envelope{items: items, last: last, token: "rows" + strconv.Itoa(c.walk.searches)}, err
}
