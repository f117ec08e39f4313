package linear_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"alignd/connectors"
	"alignd/connectors/contracttest"
	"alignd/connectors/linear"
)

const apiKey = "lin_api_0123456789abcdef"

// obj is an object as Linear has it: what is asked for is taken out of it, a
// []obj is a connection, anything absent is null.
type obj = map[string]any

// fake is a small Linear: it runs queries on its lists, page by page, newest
// first.
type fake struct {
	t     testing.TB
	lists map[string][]obj
	now   func() time.Time // for the Date header

	pageSize int // of issues, if smaller than asked for

	// answer, if set, may answer a request itself: n counts from 1.
	answer func(n int, w http.ResponseWriter, query string) bool

	mu       sync.Mutex
	requests []request
}

type request struct {
	Query     string
	Variables map[string]any
	Header    http.Header
}

// roots returns the names of the lists a request asks for.
func (r request) roots(t testing.TB) []string {
	var names []string
	for _, f := range parse(t, r.Query) {
		names = append(names, f.(*ast.Field).Name)
	}
	return names
}

func parse(t testing.TB, query string) ast.SelectionSet {
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Errorf("parse query: %v", err)
		return nil
	}
	return doc.Operations[0].SelectionSet
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sent request
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		f.t.Errorf("decode request: %v", err)
	}
	sent.Header = r.Header
	f.mu.Lock()
	f.requests = append(f.requests, sent)
	n := len(f.requests)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", f.now().UTC().Format(http.TimeFormat))
	if f.answer != nil && f.answer(n, w, sent.Query) {
		return
	}
	data := f.project(parse(f.t, sent.Query), f.root(sent.Variables), sent.Variables)
	if err := json.NewEncoder(w).Encode(obj{"data": data}); err != nil {
		f.t.Errorf("encode answer: %v", err)
	}
}

// root returns all lists, the issues filtered.
func (f *fake) root(variables map[string]any) obj {
	all := obj{}
	for name, list := range f.lists {
		all[name] = list
	}
	for _, name := range catalogNames {
		if all[name] == nil {
			all[name] = []obj{}
		}
	}
	var issues []obj
	for _, issue := range f.lists["issues"] {
		if filter, _ := variables["filter"].(obj); selects(filter, issue) {
			issues = append(issues, issue)
		}
	}
	all["issues"] = issues
	return all
}

var catalogNames = []string{
	"teams", "workflowStates", "issueLabels", "projectLabels", "initiativeLabels",
	"projects", "initiatives", "initiativeToProjects",
}

// selects runs the part of Linear's filters that the connector uses.
func selects(filter, issue obj) bool {
	for key, want := range filter {
		ok := false
		switch key {
		case "updatedAt":
			ok = issue["updatedAt"].(string) >= want.(obj)["gte"].(string)
		case "id":
			ok = slices.Contains(want.(obj)["in"].([]any), issue["id"])
		case "team":
			team, _ := issue["team"].(obj)
			ok = selects(want.(obj), team)
		case "or":
			ok = slices.ContainsFunc(want.([]any), func(f any) bool { return selects(f.(obj), issue) })
		}
		if !ok {
			return false
		}
	}
	return true
}

// project takes out of an object what is asked for.
func (f *fake) project(selections ast.SelectionSet, from obj, variables map[string]any) obj {
	result := obj{}
	for _, s := range selections {
		field := s.(*ast.Field)
		result[field.Name] = f.value(field, from[field.Name], variables)
	}
	return result
}

func (f *fake) value(field *ast.Field, from any, variables map[string]any) any {
	switch from := from.(type) {
	case obj:
		if from["pageInfo"] != nil {
			return from // a page as it is
		}
		return f.project(field.SelectionSet, from, variables)
	case []obj:
		return f.page(field, from, variables)
	case nil:
		if field.Arguments.ForName("first") != nil {
			return f.page(field, nil, variables)
		}
	}
	return from
}

// page cuts a list. Cursors look different for each list.
func (f *fake) page(field *ast.Field, list []obj, variables map[string]any) any {
	size, _ := strconv.Atoi(field.Arguments.ForName("first").Value.Raw)
	if f.pageSize > 0 && field.Name == "issues" {
		size = min(size, f.pageSize)
	}
	if order := field.Arguments.ForName("orderBy"); order != nil {
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b obj) int { return strings.Compare(text(b[order.Value.Raw]), text(a[order.Value.Raw])) })
	}
	from := 0
	if after := field.Arguments.ForName("after"); after != nil {
		cursor, _ := variables[after.Value.Raw].(string)
		from, _ = strconv.Atoi(strings.TrimPrefix(cursor, field.Name+":"))
	}
	from = min(from, len(list))
	to := min(from+size, len(list))
	nodes := []obj{}
	var inner ast.SelectionSet
	for _, s := range field.SelectionSet {
		if sub := s.(*ast.Field); sub.Name == "nodes" {
			inner = sub.SelectionSet
		}
	}
	for _, node := range list[from:to] {
		nodes = append(nodes, f.project(inner, node, variables))
	}
	info := obj{"hasNextPage": to < len(list), "endCursor": nil}
	if to > from {
		info["endCursor"] = fmt.Sprintf("%s:%d", field.Name, to)
	}
	return obj{"nodes": nodes, "pageInfo": info}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

// clock is what the fake's Date header says.
var clock = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// RoundTrip implements http.RoundTripper: the fake needs no socket. Requests
// are held to the contract where it is present.
func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	contracttest.LinearIfPresent(f.t).Handler(f.t, f).ServeHTTP(rec, req)
	resp := rec.Result()
	resp.Request = req
	return resp, req.Context().Err()
}

// connect returns a connector for the fake.
func (f *fake) connect(t testing.TB, change func(*linear.Config), opts connectors.Options) *linear.Connector {
	t.Helper()
	f.t = t
	cfg := linear.Config{URL: "https://linear.example/graphql", Auth: linear.Auth{APIKeyFile: secretFile(t, apiKey)}}
	cfg.Name = "acme-linear"
	cfg.RequestsPerSecond = 1e6
	if change != nil {
		change(&cfg)
	}
	if f.now == nil {
		f.now = func() time.Time { return clock }
	}
	opts.Transport = f
	c, err := linear.New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func secretFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// walk reads all pages.
func walk(t testing.TB, c connectors.Connector, since time.Time) []connectors.Page {
	t.Helper()
	var pages []connectors.Page
	q := connectors.Query{Since: since}
	for {
		p, err := c.Page(t.Context(), q)
		if err != nil {
			t.Fatalf("page %d: %v", len(pages)+1, err)
		}
		pages = append(pages, p)
		if p.Next == "" {
			return pages
		}
		q.Token = p.Next
	}
}

// uid returns a UUID that a test can read.
func uid(kind string, n int) string { return fmt.Sprintf("%s-%04d", kind, n) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// at returns a time of the tests' week.
func at(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// newIssue returns an issue as Linear has it, in progress.
func newIssue(n int, change obj) obj {
	issue := obj{
		"id": uid("issue", n), "identifier": fmt.Sprintf("PLT-%d", n), "title": fmt.Sprintf("Issue %d", n),
		"priority": 2.0, "labelIds": []string{}, "createdAt": stamp(at(1, 0).Add(time.Duration(n) * time.Minute)),
		"updatedAt": stamp(at(2, 0).Add(time.Duration(n) * time.Minute)),
		"team":      obj{"id": "team-plt"}, "state": obj{"id": "state-doing", "type": "started"},
	}
	maps.Copy(issue, change)
	return issue
}

// company returns a fake with the usual surroundings.
func company(issues ...obj) *fake {
	created := stamp(at(1, 0))
	return &fake{lists: map[string][]obj{
		"teams": {{"id": "team-plt", "key": "PLT"}, {"id": "team-app", "key": "APP"}},
		"workflowStates": {
			{"id": "state-todo", "name": "Todo", "type": "unstarted"},
			{"id": "state-doing", "name": "In Progress", "type": "started"},
			{"id": "state-done", "name": "Done", "type": "completed"},
			{"id": "state-dup", "name": "Duplicate", "type": "duplicate"},
		},
		"issueLabels": {
			{"id": "label-goal", "name": "Goal"},
			{"id": "label-checkout", "name": "Checkout ", "parent": obj{"id": "label-goal"}},
			{"id": "label-bug", "name": "bug"},
			{"id": "label-jane", "name": "for-jane"},
		},
		"projectLabels":    {{"id": "label-strategic", "name": "strategic"}},
		"initiativeLabels": {{"id": "label-board", "name": "board"}},
		"projects": {
			{"id": "project-1", "name": "SDK", "createdAt": created, "updatedAt": created, "labelIds": []string{"label-strategic"}, "status": obj{"id": "status-1", "name": "Going", "type": "started"}},
			{"id": "project-2", "name": "Old", "createdAt": created, "updatedAt": created, "trashed": true},
		},
		"initiatives": {
			{"id": "initiative-1", "name": "Mobile", "createdAt": created, "updatedAt": created, "labelIds": []string{"label-board"}, "status": "Active", "parentInitiative": obj{"id": "initiative-2"}},
			{"id": "initiative-2", "name": "Growth", "createdAt": created, "updatedAt": created, "status": "Planned"},
		},
		"initiativeToProjects": {
			{"project": obj{"id": "project-1"}, "initiative": obj{"id": "initiative-1"}},
		},
		"issues": issues,
	}}
}
