package linear

import (
	"errors"

	"github.com/shurcooL/graphql"

	"alignd/connectors"
)

// cursor steps through a connection and sees to it that this ends.
type cursor struct {
	at   string // empty for the first page
	seen map[string]bool
}

func (c *cursor) after() *graphql.String {
	if c.at == "" {
		return nil
	}
	return new(graphql.String(c.at))
}

var errNoCursor = errors.New("tracker says there is another page but not where")

const errRepeatedCursor = connectors.WalkError("tracker gave the same page cursor twice")

// advance moves to the next page and reports whether there is one.
func (c *cursor) advance(p pageInfo) (bool, error) {
	switch {
	case !p.HasNextPage:
		return false, nil
	case p.EndCursor == "":
		return false, errNoCursor
	case c.seen[p.EndCursor] || p.EndCursor == c.at:
		return false, errRepeatedCursor
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[p.EndCursor] = true
	c.at = p.EndCursor
	return true, nil
}
