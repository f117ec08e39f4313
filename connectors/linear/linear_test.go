package linear_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/linear"
	"alignd/ticket"
)

func TestFirstPage(t *testing.T) {
	f := company(newIssue(1, obj{
		"estimate": 2.5, "labelIds": []string{"label-checkout", "label-jane"}, "project": obj{"id": "project-1"},
		"parent": obj{"id": "issue-0099", "team": obj{"id": "team-app"}},
	}))
	c := f.connect(t, func(cfg *linear.Config) { cfg.IgnoreLabels = []string{"for-*"} }, connectors.Options{})
	got, err := c.Page(t.Context(), connectors.Query{})
	if err != nil {
		t.Fatal(err)
	}
	id := func(uid string) ticket.ID { return ticket.ID{Connector: "acme-linear", UID: uid} }
	want := connectors.Page{
		Tickets: []ticket.Ticket{
			{
				ID: id("initiative-1"), Container: true, Type: "Initiative", Title: "Mobile", Labels: []string{"label-board"},
				Groups: []string{"initiative-2"}, Status: "Active", State: ticket.StateActive, Created: at(1, 0), Updated: at(1, 0),
			},
			{
				ID: id("initiative-2"), Container: true, Type: "Initiative", Title: "Growth",
				Status: "Planned", State: ticket.StateTodo, Created: at(1, 0), Updated: at(1, 0),
			},
			{
				ID: id("project-1"), Container: true, Type: "Project", Title: "SDK", Labels: []string{"label-strategic"},
				Groups: []string{"initiative-1"}, Status: "status-1", State: ticket.StateActive, Created: at(1, 0), Updated: at(1, 0),
			},
			{
				ID: id("issue-0001"), Key: "PLT-1", Title: "Issue 1", Type: "Issue", Priority: "High", Labels: []string{"label-checkout"},
				Project: "team-plt", Status: "state-doing", State: ticket.StateActive, Estimate: ticket.Points{Set: true, Micros: 2_500_000},
				Parent: "issue-0099", Groups: []string{"project-1"}, Created: at(1, 0).Add(time.Minute), Updated: at(2, 0).Add(time.Minute),
			},
		},
		Gone: []string{"project-2"},
		Names: map[string]string{
			"team-plt": "PLT", "team-app": "APP", "state-todo": "Todo", "state-doing": "In Progress", "state-done": "Done",
			"state-dup": "Duplicate", "label-goal": "Goal", "label-checkout": "Goal/Checkout", "label-bug": "bug",
			"label-strategic": "strategic", "label-board": "board", "status-1": "Going",
		},
		Clock: clock,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	if got := f.requests[0].Header.Get("Authorization"); got != apiKey {
		t.Errorf("Authorization of an API key = %q, want it bare", got)
	}
}

func TestBearer(t *testing.T) {
	f := company()
	t.Setenv("LINEAR_TEST_TOKEN", "token")
	c := f.connect(t, func(cfg *linear.Config) { cfg.Auth = linear.Auth{BearerEnv: "LINEAR_TEST_TOKEN"} }, connectors.Options{})
	walk(t, c, time.Time{})
	if got := f.requests[0].Header.Get("Authorization"); got != "Bearer token" {
		t.Errorf("Authorization = %q", got)
	}
}

func TestWalkReadsAllPages(t *testing.T) {
	f := company()
	for n := range 120 {
		f.lists["issues"] = append(f.lists["issues"], newIssue(n, nil))
	}
	c := f.connect(t, nil, connectors.Options{})
	if got := keys(walk(t, c, time.Time{})); len(got) != 120 {
		t.Errorf("read %d issues, want 120", len(got))
	}
	if got := f.count(); got != 4 {
		t.Errorf("%d requests, want 4: catalogs and three pages", got)
	}

	// A second walk begins anew and reads only what changed, to the millisecond.
	got := keys(walk(t, c, at(2, 0).Add(118*time.Minute)))
	if diff := cmp.Diff([]string{"PLT-119", "PLT-118"}, got); diff != "" {
		t.Errorf("incremental walk (-want +got):\n%s", diff)
	}
	if got := f.count(); got != 6 {
		t.Errorf("%d requests, want 2 more", got)
	}
}

// keys returns the keys of the issues in all pages.
func keys(pages []connectors.Page) []string {
	var keys []string
	for _, p := range pages {
		for _, tk := range p.Tickets {
			if !tk.Container {
				keys = append(keys, tk.Key)
			}
		}
	}
	return keys
}

// An issue that is updated or created while the pages are read moves none of
// the others.
func TestWalkDoesNotDrift(t *testing.T) {
	f := company()
	for n := range 60 {
		f.lists["issues"] = append(f.lists["issues"], newIssue(n, nil))
	}
	c := f.connect(t, nil, connectors.Options{})
	first, err := c.Page(t.Context(), connectors.Query{Since: at(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	f.lists["issues"][30]["updatedAt"] = stamp(at(3, 0))
	second, err := c.Page(t.Context(), connectors.Query{Since: at(1, 0), Token: first.Next})
	if err != nil {
		t.Fatal(err)
	}
	got := keys([]connectors.Page{first, second})
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 60 {
		t.Errorf("read %d different issues, want 60", len(got))
	}
}

// A token outlives the connector that gave it.
func TestWalkResumes(t *testing.T) {
	f := company()
	for n := range 60 {
		f.lists["issues"] = append(f.lists["issues"], newIssue(n, nil))
	}
	first, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{Token: first.Next})
	if err != nil {
		t.Fatal(err)
	}
	if got := keys([]connectors.Page{first, second}); len(got) != 60 {
		t.Errorf("read %d issues, want 60", len(got))
	}
}

func TestLargeCatalogs(t *testing.T) {
	f := company()
	for n := range 600 {
		f.lists["issueLabels"] = append(f.lists["issueLabels"], obj{"id": uid("label", n), "name": fmt.Sprintf("l%d", n)})
		if n < 300 {
			f.lists["projects"] = append(f.lists["projects"], obj{"id": uid("project", n), "name": "P", "createdAt": stamp(at(1, 0)), "updatedAt": stamp(at(1, 0))})
		}
	}
	c := f.connect(t, nil, connectors.Options{})
	pages := walk(t, c, time.Time{})
	if got := pages[0].Names["label-0599"]; got != "l599" {
		t.Errorf("name of the last label = %q", got)
	}
	if got := len(pages[0].Tickets); got != 303 {
		t.Errorf("%d containers, want 303", got)
	}
	var asked [][]string
	for _, r := range f.requests {
		asked = append(asked, r.roots(t))
	}
	want := [][]string{catalogNames, {"issueLabels", "projects"}, {"issueLabels"}, {"issues"}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requested lists (-want +got):\n%s", diff)
	}
}

func TestTeams(t *testing.T) {
	other := obj{"team": obj{"id": "team-app"}}
	up := newIssue(3, other)
	up["parent"] = obj{"id": "issue-0004", "team": obj{"id": "team-app"}}
	f := company(
		newIssue(1, obj{"parent": obj{"id": "issue-0003", "team": obj{"id": "team-app"}}}),
		newIssue(2, other), up, newIssue(4, other),
	)
	c := f.connect(t, func(cfg *linear.Config) { cfg.Teams = []string{"plt"} }, connectors.Options{})
	got := keys(walk(t, c, time.Time{}))
	if diff := cmp.Diff([]string{"PLT-1", "PLT-3", "PLT-4"}, got); diff != "" {
		t.Errorf("issues of the team and those above them (-want +got):\n%s", diff)
	}

	// An update of a parent in another team is seen without its child, and
	// what is above it is read along.
	up["updatedAt"] = stamp(at(5, 0))
	before := f.count()
	if diff := cmp.Diff([]string{"PLT-3", "PLT-4"}, keys(walk(t, c, at(4, 0)))); diff != "" {
		t.Errorf("second walk (-want +got):\n%s", diff)
	}
	if got := f.count() - before; got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}

func TestUnknownTeam(t *testing.T) {
	c := company().connect(t, func(cfg *linear.Config) { cfg.Teams = []string{"PLT", "PTL"} }, connectors.Options{})
	_, err := c.Page(t.Context(), connectors.Query{})
	want := "team PTL is not visible with this credential; visible are: APP, PLT"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestTrashed(t *testing.T) {
	f := company(newIssue(1, obj{"trashed": true, "archivedAt": stamp(at(2, 0))}), newIssue(2, obj{"archivedAt": stamp(at(2, 0))}))
	pages := walk(t, f.connect(t, nil, connectors.Options{}), time.Time{})
	if diff := cmp.Diff([]string{"project-2", "issue-0001"}, pages[0].Gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"PLT-2"}, keys(pages)); diff != "" {
		t.Errorf("an archived issue stays (-want +got):\n%s", diff)
	}
}

func TestLongHistories(t *testing.T) {
	f := company()
	lengths := []int{0, 19, 20, 21, 99, 100, 101, 350, 30, 31, 32, 33, 34, 35, 36}
	for n, length := range lengths {
		var entries, spans []obj
		for i := range length {
			when := at(2, 0).Add(time.Duration(i) * time.Minute)
			entries = append(entries, obj{"createdAt": stamp(when), "toPriority": float64(i)})
			spans = append(spans, obj{"startedAt": stamp(when), "stateId": []string{"state-todo", "state-doing"}[i%2]})
		}
		slices.Reverse(entries)
		f.lists["issues"] = append(f.lists["issues"], newIssue(n, obj{
			"history": entries, "stateHistory": spans, "updatedAt": stamp(at(3, 0)),
			"state": obj{"id": []string{"state-doing", "state-todo"}[length%2], "type": "x"},
		}))
	}
	pages := walk(t, f.connect(t, nil, connectors.Options{}), time.Time{})
	for _, tk := range pages[0].Tickets {
		var n int
		if _, err := fmt.Sscanf(tk.Key, "PLT-%d", &n); err != nil {
			continue
		}
		got := map[ticket.Field]int{}
		for _, ch := range tk.Changes {
			got[ch.Field]++
		}
		want := map[ticket.Field]int{ticket.FieldPlan: lengths[n], ticket.FieldState: max(0, lengths[n]-1)}
		if lengths[n] == 0 {
			want = map[ticket.Field]int{}
		} else if lengths[n] == 1 {
			delete(want, ticket.FieldState)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("history of length %d (-want +got):\n%s", lengths[n], diff)
		}
	}
	// 13 issues have more than 10 spans: two requests for all of them, then
	// one for the issue of 101 and three for that of 350.
	if got := f.count(); got != 2+2+1+3 {
		t.Errorf("%d requests, want 8", got)
	}
}
