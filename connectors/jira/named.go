package jira

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"alignd/connectors"
)

// named reads tickets by id or key, whichever field says, and returns them by
// what was asked for. What does not exist or may not be seen is left out. A
// search may refuse the whole list for one that does not exist, and its index
// may not know one that does; so those it did not find are asked for singly.
func (c *Connector) named(ctx context.Context, field string, refs, fields, expand []string) (map[string]json.RawMessage, error) {
	found := make(map[string]json.RawMessage, len(refs))
	for some := range slices.Chunk(refs, bulkSize) {
		if err := c.findNamed(ctx, field, some, fields, expand, found); err != nil {
			return nil, err
		}
	}
	for _, ref := range refs {
		if _, ok := found[ref]; ok {
			continue
		}
		raw, err := c.single(ctx, ref, fields, expand)
		if err != nil {
			return nil, err
		}
		if raw != nil {
			found[ref] = raw
		}
	}
	return found, nil
}

// findNamed searches. A list that is refused is halved, down to single ones.
func (c *Connector) findNamed(ctx context.Context, field string, refs, fields, expand []string, found map[string]json.RawMessage) error {
	place := offsets{}
	for {
		items, last, err := place.page(ctx, c, offsetRequest{
			JQL: namedJQL(field, refs), MaxResults: bulkSize, Fields: fields, Expand: expand, ValidateQuery: new(bool),
		})
		switch refused := isStatus(err, http.StatusBadRequest) || errors.Is(err, connectors.ErrTooLarge); {
		case refused && len(refs) == 1:
			return nil
		case refused:
			half := len(refs) / 2
			if err := c.findNamed(ctx, field, refs[:half], fields, expand, found); err != nil {
				return err
			}
			return c.findNamed(ctx, field, refs[half:], fields, expand, found)
		case err != nil:
			return err
		}
		rows, err := rowsOf(items)
		if err != nil {
			return err
		}
		for i, r := range rows {
			ref := r.id
			if field == "key" {
				ref = r.key
			}
			found[ref] = items[i]
		}
		if last {
			return nil
		}
	}
}

func namedJQL(field string, refs []string) string {
	quoted := make([]string, len(refs))
	for i, ref := range refs {
		quoted[i] = `"` + ref + `"`
	}
	return field + " in (" + strings.Join(quoted, ", ") + ")" + order
}

// single reads one ticket by id or by a key it has or had, from the database.
// It returns nothing if there is none to be seen.
func (c *Connector) single(ctx context.Context, ref string, fields, expand []string) (json.RawMessage, error) {
	query := url.Values{"fields": {strings.Join(fields, ",")}}
	if len(expand) > 0 {
		query.Set("expand", strings.Join(expand, ","))
	}
	raw, err := c.call(ctx, "issue", http.MethodGet, "issue/"+url.PathEscape(ref)+"?"+query.Encode(), nil)
	if isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusForbidden) {
		return nil, nil
	}
	return raw, err
}

func isStatus(err error, status int) bool {
	bad, ok := errors.AsType[*connectors.StatusError](err)
	return ok && bad.Status == status
}
