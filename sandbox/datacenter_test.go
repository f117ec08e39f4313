package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

// server calls Data Center with the bot's token.
func (f *fake) server(method, path string, body any) reply {
	f.t.Helper()
	req := f.request(method, f.DataCenterURL+path, encode(f.t, body))
	req.Header.Set("Authorization", "Bearer "+sandbox.DataCenterToken)
	return f.do(req)
}

func hierarchy(t *testing.T) *fake {
	t.Helper()
	world := sandbox.NewWorld(nil)
	at := time.Now().Add(-100 * time.Hour)
	world.Jira.AddProject(sandbox.NewProject{Key: "PAY", Name: "Payments"})
	world.Jira.AddSprint("Sprint 1", at, at.Add(time.Hour))
	parent := ""
	for _, kind := range []string{"Initiative", "Epic", "Story", "Sub-task"} {
		parent = world.Jira.CreateIssue(at, sandbox.NewIssue{Project: "PAY", Type: kind, Title: kind, Parent: parent, Sprint: "Sprint 1"})
	}
	for i := range 60 {
		world.Jira.Touch(at.Add(time.Duration(i)*time.Minute), "PAY-3")
	}
	world.Jira.SetParent(at.Add(2*time.Hour), "PAY-3", "")
	world.Jira.SetParent(at.Add(3*time.Hour), "PAY-3", "PAY-2")
	return start(t, world, sandbox.Options{})
}

func TestDataCenterSearch(t *testing.T) {
	f := hierarchy(t)
	ask := func(body obj) obj {
		t.Helper()
		r := f.server(http.MethodPost, "/rest/api/2/search", body)
		if r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return r.doc(t)
	}
	got := ask(obj{"jql": "project = PAY ORDER BY key", "expand": arr{"changelog"}, "fields": arr{"*all"}})
	if got["total"] != 4.0 || got["maxResults"] != 50.0 || got["startAt"] != 0.0 {
		t.Errorf("total %v, maxResults %v, startAt %v", got["total"], got["maxResults"], got["startAt"])
	}
	type place struct{ Parent, EpicLink, ParentLink, EpicName any }
	want := []place{
		{nil, nil, nil, nil}, {nil, nil, "PAY-1", "Epic"}, {nil, "PAY-2", nil, nil}, {"PAY-3", nil, nil, nil},
	}
	for i, v := range got["issues"].(arr) {
		is := v.(obj)
		fields := is["fields"].(obj)
		p := place{nil, fields["customfield_10014"], fields["customfield_10018"], fields["customfield_10011"]}
		if parent, ok := fields["parent"].(obj); ok {
			p.Parent = parent["key"]
		}
		if diff := cmp.Diff(want[i], p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", is["key"], diff)
		}
		text := fmt.Sprint(is)
		for _, cloud := range []string{"hierarchyLevel", "accountId", "fieldId", "IssueParentAssociation", "statuscategorychangedate", "/rest/api/3/"} {
			if strings.Contains(text, cloud) {
				t.Errorf("%s has %s, which only the Cloud has", is["key"], cloud)
			}
		}
		if sprint := fields["customfield_10020"].(arr)[0].(string); !strings.Contains(sprint, "Sprint@") || !strings.Contains(sprint, "name=Sprint 1") {
			t.Errorf("sprint %s", sprint)
		}
	}
	story := got["issues"].(arr)[2].(obj)["changelog"].(obj)
	if n := len(story["histories"].(arr)); n != 62 || story["total"] != 62.0 {
		t.Errorf("%d of %v histories, want all 62", n, story["total"])
	}

	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{MaxResults: 3}})
	got = ask(obj{"jql": "project = PAY ORDER BY key", "startAt": 2, "maxResults": 100})
	if n := len(got["issues"].(arr)); n != 2 || got["maxResults"] != 3.0 || got["startAt"] != 2.0 {
		t.Errorf("%d issues, maxResults %v, startAt %v", n, got["maxResults"], got["startAt"])
	}
	for name, tc := range map[string]struct {
		body obj
		want int
	}{
		"behind the end": {obj{"jql": "project = PAY", "startAt": 9}, 0},
		"none wanted":    {obj{"jql": "project = PAY", "maxResults": 0}, 0},
		"missing id":     {obj{"jql": "id in (10001, 99)", "validateQuery": false}, 1},
		"by key":         {obj{"jql": `key in ("PAY-1", "PAY-2")`}, 2},
		"with a link":    {obj{"jql": "cf[10018] is not EMPTY"}, 1},
		"in an epic":     {obj{"jql": `"Epic Link" = PAY-2`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if n := len(ask(tc.body)["issues"].(arr)); n != tc.want {
				t.Errorf("%d issues, want %d", n, tc.want)
			}
		})
	}
	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{StrictQueries: true}})
	for _, body := range []obj{
		{"jql": "id in (10001, 99)", "validateQuery": false},
		{"jql": "project = NOPE"},
		{"jql": "cf[99] is EMPTY"},
		{"jql": "project = PAY", "startAt": -1},
		{"jql": "project = PAY", "nextPageToken": "x"},
	} {
		if r := f.server(http.MethodPost, "/rest/api/2/search", body); r.status != http.StatusBadRequest {
			t.Errorf("%v: %d, want 400", body, r.status)
		}
	}
	query := url.Values{"jql": {"project = PAY"}, "maxResults": {"1"}, "fields": {"summary"}}
	if r := f.server(http.MethodGet, "/rest/api/2/search?"+query.Encode(), nil); len(r.doc(t)["issues"].(arr)) != 1 {
		t.Errorf("by GET: %s", r.body)
	}
}

func TestDataCenterEndpoints(t *testing.T) {
	f := hierarchy(t)
	for path, want := range map[string]int{
		"/rest/api/2/serverInfo": 200, "/rest/api/2/field": 200, "/rest/api/2/status": 200, "/rest/api/2/myself": 200,
		"/rest/api/2/mypermissions?permissions=BROWSE_PROJECTS": 200, "/rest/api/2/issue/PAY-1": 200, "/rest/api/2/issue/PAY-99": 404,
		"/rest/api/3/field": 404, "/rest/api/2/search/jql": 404, "/rest/api/2/issue/PAY-1/changelog": 404, "/elsewhere": 404,
	} {
		if r := f.server(http.MethodGet, path, nil); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
	}
	if info := f.server(http.MethodGet, "/rest/api/2/serverInfo", nil).doc(t); info["deploymentType"] == "Cloud" {
		t.Error("it says that it is the Cloud")
	}
	if info := f.jira(http.MethodGet, "/rest/api/2/serverInfo", nil).doc(t); info["deploymentType"] != "Cloud" {
		t.Error("the Cloud says that it is not")
	}
	for want, authorize := range map[int]func(*http.Request){
		200: func(r *http.Request) { r.SetBasicAuth(sandbox.DataCenterUser, sandbox.DataCenterPassword) },
		401: func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken) },
	} {
		req := f.request(http.MethodGet, f.DataCenterURL+"/rest/api/2/myself", "")
		authorize(req)
		if r := f.do(req); r.status != want {
			t.Errorf("%d, want %d", r.status, want)
		}
	}
}
