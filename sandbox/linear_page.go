package sandbox

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connection is a list that is handed out in pages. Nodes are objects.
type connection struct {
	node   string // GraphQL type of the nodes
	nodes  []any
	sorted bool // keep the order; otherwise newest first by orderBy
}

// Page sizes of every connection.
const (
	defaultFirst = 50
	maxFirst     = 250
)

// page cuts one page out of a connection: filtered, without archived nodes
// unless they are asked for, newest first.
func (x *execution) page(con connection, args arguments, root bool) (any, error) {
	first, f := pageFirst(args)
	if f != nil {
		return nil, f
	}
	nodes, err := x.wanted(con, args)
	if err != nil {
		return nil, err
	}
	byUpdate := args["orderBy"] == "updatedAt"
	if !con.sorted {
		slices.SortFunc(nodes, func(a, b any) int { return newestFirst(placeOf(a, byUpdate), placeOf(b, byUpdate)) })
	}
	after, _ := args["after"].(string)
	from, f := start(nodes, con, after, byUpdate)
	if f != nil {
		return nil, f
	}
	to := min(from+first, len(nodes))
	info := map[string]any{"hasNextPage": to < len(nodes), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if from < to {
		info["startCursor"], info["endCursor"] = cursor(nodes[from], con, byUpdate), cursor(nodes[to-1], con, byUpdate)
	}
	if root && to < len(nodes) {
		if x.c.faults.Linear.NoCursor {
			info["endCursor"] = nil
		}
		if x.c.faults.Linear.RepeatCursor && after != "" {
			info["endCursor"] = after
		}
	}
	edges := []any{}
	for _, n := range nodes[from:to] {
		edges = append(edges, record{con.node + "Edge", map[string]any{"node": n, "cursor": cursor(n, con, byUpdate)}})
	}
	return record{con.node + "Connection", map[string]any{
		"nodes": slices.Clone(nodes[from:to]), "edges": edges, "pageInfo": record{"PageInfo", info},
	}}, nil
}

func pageFirst(args arguments) (int, *failure) {
	if args["last"] != nil || args["before"] != nil {
		return 0, argumentError("last", "the sandbox pages forward only")
	}
	if args["sort"] != nil {
		return 0, argumentError("sort", "sort is internal")
	}
	v, given := args["first"]
	if !given || v == nil {
		return defaultFirst, nil
	}
	n, ok := number(v)
	if !ok || n < 1 || n > maxFirst {
		return 0, argumentError("first", "first must not be less than 1 and not be greater than 250")
	}
	return int(n), nil
}

// argumentError is answered with status 200.
func argumentError(property, message string) *failure {
	return &failure{
		status: http.StatusOK, message: "Argument Validation Error", kind: "invalid input", code: "INVALID_INPUT", data: true,
		more: map[string]any{"validationErrors": []any{map[string]any{"property": property, "constraints": map[string]any{"custom": message}}}},
	}
}

// wanted returns the nodes that are wanted, in a slice of their own.
func (x *execution) wanted(con connection, args arguments) ([]any, error) {
	archived, _ := args["includeArchived"].(bool)
	filter, _ := args["filter"].(map[string]any)
	nodes := make([]any, 0, len(con.nodes))
	for _, n := range con.nodes {
		if isArchived(n) && !archived && con.node != "IssueHistory" {
			continue
		}
		ok, err := x.matches(con.node, n, filter)
		if err != nil {
			return nil, err
		}
		if ok {
			nodes = append(nodes, n)
		}
	}
	return nodes, nil
}

// isArchived reports whether only those see a node who ask for what is
// archived. With a team everything in it is.
func isArchived(node any) bool {
	switch n := node.(type) {
	case *linearIssue:
		return !n.archived.IsZero() || !n.team.archived.IsZero()
	case *linearState:
		return !n.archived.IsZero() || !n.team.archived.IsZero()
	}
	b := baseOf(node)
	return b != nil && !b.archived.IsZero()
}

func baseOf(node any) *thing {
	if o, ok := node.(interface{ base() *thing }); ok {
		return o.base()
	}
	return nil
}

// place is where a node stands in the order of a connection.
type place struct {
	at time.Time
	id string
}

func placeOf(node any, byUpdate bool) place {
	b := baseOf(node)
	if byUpdate {
		return place{b.updated, b.id}
	}
	return place{b.created, b.id}
}

func newestFirst(a, b place) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.id, b.id)) }

// cursor is opaque, and differs between connections: that of issues says where
// the node stood, the others name the node.
func cursor(node any, con connection, byUpdate bool) string {
	p := placeOf(node, byUpdate)
	if con.node != "Issue" {
		return p.id
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s", p.at.UnixMilli(), p.id))
}

// start returns the index of the first node after the cursor. An issue updated
// in the middle of a walk by updatedAt jumps before it and is missed.
func start(nodes []any, con connection, after string, byUpdate bool) (int, *failure) {
	if after == "" {
		return 0, nil
	}
	if con.node != "Issue" {
		i := slices.IndexFunc(nodes, func(n any) bool { return baseOf(n).id == after })
		if i < 0 {
			return 0, argumentError("after", "the cursor is not valid")
		}
		return i + 1, nil
	}
	raw, _ := base64.RawURLEncoding.DecodeString(after)
	ms, id, _ := strings.Cut(string(raw), "|")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return 0, argumentError("after", "the cursor is not valid")
	}
	last := place{time.UnixMilli(n), id}
	i := slices.IndexFunc(nodes, func(n any) bool { return newestFirst(placeOf(n, byUpdate), last) > 0 })
	if i < 0 {
		i = len(nodes)
	}
	return i, nil
}
