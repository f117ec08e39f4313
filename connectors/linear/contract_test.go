package linear_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/contracttest"
	"alignd/connectors/linear"
	"alignd/ticket"
)

func TestConformance(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, baseURL string, opts connectors.Options) connectors.Connector {
			cfg := linear.Config{URL: baseURL + "/graphql", Auth: linear.Auth{APIKeyFile: secretFile(t, connectortest.Credential)}}
			cfg.Name = connectortest.Name
			c, err := linear.New(cfg, opts)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Serve:  func(t *testing.T, site connectortest.Site) http.Handler { return ofSite(t, site) },
		IsList: func(_ *http.Request, body []byte) bool { return strings.Contains(string(body), "{issues(first: 50") },
	})
}

// ofSite returns a fake that holds the site, with persons wherever Linear has
// some.
func ofSite(t *testing.T, site connectortest.Site) *fake {
	f := company()
	f.t, f.now, f.pageSize = t, site.Now, site.PageSize
	delete(f.lists, "projects")
	delete(f.lists, "initiatives")
	person := obj{"id": connectortest.Person.ID, "name": connectortest.Person.Name, "email": connectortest.Person.Email}
	for i, is := range site.Issues {
		f.lists["issueLabels"] = append(f.lists["issueLabels"], obj{"id": is.Label, "name": is.Label, "creator": person})
		issue := newIssue(i, obj{
			"id": is.UID, "title": is.Title, "labelIds": []string{is.Label}, "updatedAt": stamp(is.Updated),
			// the newest comes first, the story wants its own order
			"createdAt": stamp(at(1, 0).Add(-time.Duration(i) * time.Minute)),
			"creator":   person, "assignee": person,
			"history": []obj{{
				"createdAt": stamp(is.Updated), "actor": person, "actorId": connectortest.Person.ID,
				"toAssignee": person, "toAssigneeId": connectortest.Person.ID, "addedLabelIds": []string{is.Label},
			}},
		})
		if is.Poison {
			issue["priority"] = "high"
		}
		f.lists["issues"] = append(f.lists["issues"], issue)
	}
	return f
}

// Each kind of query is valid, selects no person, and costs less than Linear
// allows, by the strictest reading of the formula.
func TestComplexity(t *testing.T) {
	contract := contracttest.Linear(t)
	entry := obj{"createdAt": stamp(at(2, 0)), "toPriority": 1.0}
	f := company(newIssue(1, obj{"history": slices.Repeat([]obj{entry}, 120)}))
	walk(t, f.connect(t, func(cfg *linear.Config) { cfg.Teams = []string{"PLT"} }, connectors.Options{}), at(1, 0))
	if _, err := f.connect(t, nil, connectors.Options{}).Count(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range f.requests {
		points, err := contract.Complexity(r.Query)
		if err != nil {
			t.Fatal(err)
		}
		got[queryKind(r.Query)] = points
	}
	want := map[string]int{"catalogs": 6896, "issues": 8227, "histories": 8845, "count": 601}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
}

func queryKind(query string) string {
	switch {
	case strings.Contains(query, "workflowStates"):
		return "catalogs"
	case strings.Contains(query, "identifier"):
		return "issues"
	case strings.Contains(query, "first: 250"):
		return "count"
	}
	return "histories"
}

func TestRateLimitHeaders(t *testing.T) {
	f := company()
	f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
		for key, value := range map[string]string{
			"X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "2498", "X-RateLimit-Requests-Reset": "1719353261037",
			"X-RateLimit-Complexity-Limit": "3000000", "X-RateLimit-Complexity-Remaining": "2999555",
		} {
			w.Header().Set(key, value)
		}
		return false
	}
	o := &watcher{}
	walk(t, f.connect(t, nil, connectors.Options{Observer: o}), time.Time{})
	want := map[string]connectors.Limit{
		"requests":   {Resource: "requests", Limit: 2500, Remaining: 2498, Reset: time.UnixMilli(1719353261037).UTC()},
		"complexity": {Resource: "complexity", Limit: 3000000, Remaining: 2999555},
	}
	if diff := cmp.Diff(want, o.limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

// Answers that were recorded from Linear itself: status, headers, and body.
// They lack what the recording client did not ask for, which is added.
func TestRecorded(t *testing.T) {
	doc := recorded(t, "issues.json")
	var body struct {
		Data struct{ Issues struct{ Nodes []obj } }
	}
	if err := json.Unmarshal([]byte(doc.Data), &body); err != nil {
		t.Fatal(err)
	}
	nodes := body.Data.Issues.Nodes
	for i, node := range nodes {
		node["id"] = uid("recorded", i) // all the same in the recording
		node["team"], node["state"] = obj{"id": "team-plt"}, obj{"id": "state-todo", "type": "unstarted"}
	}
	f := company(nodes...)
	f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
		for key, value := range doc.Headers {
			w.Header().Set(key, value)
		}
		return false
	}
	o := &watcher{}
	pages := walk(t, f.connect(t, nil, connectors.Options{Observer: o}), time.Time{})
	page := pages[0]
	issues := slices.DeleteFunc(page.Tickets, func(tk ticket.Ticket) bool { return tk.Container })
	if diff := cmp.Diff(fromRecording(t, nodes), issues); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
	if want := time.Date(2024, 6, 25, 21, 7, 41, 0, time.UTC); !page.Clock.Equal(want) {
		t.Errorf("clock = %v, want %v", page.Clock, want)
	}
	want := map[string]connectors.Limit{
		"requests":   {Resource: "requests", Limit: 1500, Remaining: 1499, Reset: time.UnixMilli(1719353261037).UTC()},
		"complexity": {Resource: "complexity", Limit: 3000000, Remaining: 2999555, Reset: time.UnixMilli(1719353261037).UTC()},
	}
	if diff := cmp.Diff(want, o.limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

// fromRecording says what tickets the nodes become.
func fromRecording(t *testing.T, nodes []obj) []ticket.Ticket {
	var want []ticket.Ticket
	for _, node := range nodes {
		when := func(key string) time.Time {
			at, err := time.Parse(time.RFC3339, node[key].(string))
			if err != nil {
				t.Fatal(err)
			}
			return at.UTC()
		}
		priority := node["priorityLabel"].(string)
		if priority == "No priority" {
			priority = ""
		}
		want = append(want, ticket.Ticket{
			ID:  ticket.ID{Connector: "acme-linear", UID: node["id"].(string)},
			Key: node["identifier"].(string), Title: node["title"].(string), Type: "Issue", Priority: priority,
			Project: "team-plt", Status: "state-todo", State: ticket.StateTodo,
			Created: when("createdAt"), Updated: when("updatedAt"),
		})
	}
	return want
}

// A recorded answer as it is, with none of what the conversion needs, skips
// each issue and fails nothing.
func TestRecordedAsItIs(t *testing.T) {
	doc := recorded(t, "issues.json")
	f := company()
	f.answer = func(n int, w http.ResponseWriter, _ string) bool {
		if n == 1 {
			return false
		}
		_, _ = io.WriteString(w, doc.Data)
		return true
	}
	pages := walk(t, f.connect(t, nil, connectors.Options{}), time.Time{})
	if got := len(pages[0].Skipped); got != 13 {
		t.Errorf("skipped %d of 13 issues", got)
	}
}
