package sandbox_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// at is so many hours after Monday morning.
func at(hours float64) time.Time { return monday.Add(time.Duration(hours * float64(time.Hour))) }

func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

// smallSite has one issue with everything in its history, and a few others.
func smallSite() *sandbox.World {
	w := sandbox.NewWorld(fixed(at(24)))
	s := w.Jira
	s.AddProject(sandbox.NewProject{Key: "PAY", Name: "Payments"})
	s.AddProject(sandbox.NewProject{Key: "BILL", Name: "Billing", TeamManaged: true, Category: "Money"})
	s.AddSprint("Sprint 1", at(0), at(336))
	s.CreateIssue(at(0), sandbox.NewIssue{Project: "PAY", Type: "Epic", Title: "Checkout", Labels: []string{"goal-checkout"}})
	key := s.CreateIssue(at(1), sandbox.NewIssue{
		Project: "PAY", Title: "Pay faster", Labels: []string{"b", "a"}, Components: []string{"Web"}, Parent: "PAY-1",
		Points: new(3.0), Sprint: "Sprint 1", Due: "2026-03-20",
	})
	s.AddLabel(at(2), key, "c")
	s.RemoveLabel(at(3), key, "a")
	s.Transition(at(4), key, "In Progress")
	s.Estimate(at(5), key, new(5.5))
	s.SetParent(at(6), key, "")
	s.Touch(at(7), key)
	s.Assign(at(7.5), key)
	s.Transition(at(8), key, "Done")
	s.Transition(at(9), key, "In Progress")
	key = s.Move(at(10), key, "BILL")
	s.SetSprint(at(11), key, "Sprint 1")
	s.SetPriority(at(12), key, "High")
	s.AddComponent(at(13), key, "Core")
	s.SetTitle(at(14), key, "Pay much faster")
	s.SetDue(at(15), key, "")
	for i := range 7 {
		s.CreateIssue(at(16+float64(i)/10), sandbox.NewIssue{Project: "PAY", Type: "Bug", Title: "Bug " + strconv.Itoa(i)})
	}
	return w
}

// search walks through all pages and returns the keys.
func search(f *fake, jql string, size int) []string {
	f.t.Helper()
	var keys []string
	token := ""
	for range 1000 {
		body := obj{"jql": jql, "maxResults": size, "fields": arr{"summary"}}
		if token != "" {
			body["nextPageToken"] = token
		}
		r := f.jira(http.MethodPost, "/rest/api/3/search/jql", body)
		if r.status != 200 {
			f.t.Fatalf("search %q: %d %s", jql, r.status, r.body)
		}
		doc := r.doc(f.t)
		for _, is := range doc["issues"].(arr) {
			keys = append(keys, is.(obj)["key"].(string))
		}
		if doc["isLast"] == true {
			if v, there := doc["nextPageToken"]; there && v != nil {
				f.t.Errorf("last page has token %v", v)
			}
			return keys
		}
		token = doc["nextPageToken"].(string)
	}
	f.t.Fatalf("search %q never ends", jql)
	return nil
}

func TestJiraEveryEndpointKeepsTheContract(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{Record: contract(t)})
	for _, r := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", "/rest/api/3/search/jql?jql=" + url.QueryEscape("project = PAY") + "&fields=*all&expand=changelog", nil, 200},
		{"POST", "/rest/api/3/search/jql", obj{"jql": "project in (PAY, BILL)", "fields": arr{"*all"}, "maxResults": 3}, 200},
		{"GET", "/rest/api/3/search/jql?jql=nonsense", nil, 400},
		{"POST", "/rest/api/3/search/jql", obj{"jql": "order by created"}, 400},
		{"GET", "/rest/api/3/search?jql=x", nil, 410},
		{"POST", "/rest/api/3/search", obj{"jql": "x"}, 410},
		{"POST", "/rest/api/3/search/approximate-count", obj{"jql": "project = PAY"}, 200},
		{"POST", "/rest/api/3/issue/bulkfetch", obj{"issueIdsOrKeys": arr{"PAY-1", "PAY-2", "NO-1"}, "fields": arr{"*all"}}, 200},
		{"POST", "/rest/api/3/changelog/bulkfetch", obj{"issueIdsOrKeys": arr{"PAY-1", "BILL-1"}, "maxResults": 4}, 200},
		{"GET", "/rest/api/3/issue/PAY-2?expand=changelog", nil, 200},
		{"GET", "/rest/api/3/issue/PAY-99", nil, 404},
		{"GET", "/rest/api/3/issue/PAY-2/changelog?startAt=2&maxResults=3", nil, 200},
		{"GET", "/rest/api/3/field", nil, 200},
		{"GET", "/rest/api/3/status", nil, 200},
		{"GET", "/rest/api/3/project/search?keys=PAY&maxResults=1", nil, 200},
		{"GET", "/rest/api/3/project/search?maxResults=1", nil, 200},
		{"GET", "/rest/api/3/serverInfo", nil, 200},
		{"GET", "/rest/api/3/myself", nil, 200},
		{"GET", "/rest/api/3/mypermissions?permissions=BROWSE_PROJECTS&projectKey=PAY", nil, 200},
		{"GET", "/rest/api/3/mypermissions", nil, 400},
	} {
		if got := f.jira(r.method, r.path, r.body); got.status != r.status {
			t.Errorf("%s %s: status %d, want %d: %s", r.method, r.path, got.status, r.status, got.body)
		}
	}
}

func TestJiraHistoryAsTheTrackerWritesIt(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	doc := f.jira("POST", "/rest/api/3/changelog/bulkfetch", obj{"issueIdsOrKeys": arr{"PAY-2"}}).doc(t)
	var got []string
	for _, h := range doc["issueChangeLogs"].(arr)[0].(obj)["changeHistories"].(arr) {
		for _, i := range h.(obj)["items"].(arr) {
			it := i.(obj)
			text := func(name string) string {
				if v, ok := it[name].(string); ok {
					return v
				}
				return "-"
			}
			if it["field"] == "description" || it["field"] == "assignee" {
				got = append(got, it["field"].(string))
				continue
			}
			got = append(got, strings.Join([]string{
				text("field"), text("fieldId"), text("from"), text("fromString"), text("to"), text("toString"),
			}, "|"))
		}
	}
	want := []string{
		"labels|labels|-|a b|-|a b c",
		"labels|labels|-|a b c|-|b c",
		"status|status|10000|To Do|3|In Progress",
		"Story Points|customfield_10031|-|3|-|5.5",
		"IssueParentAssociation|-|10001|PAY-1|-|-",
		"description",
		"assignee",
		"status|status|3|In Progress|10003|Done",
		"resolution|resolution|-|-|10000|Done",
		"status|status|10003|Done|3|In Progress",
		"resolution|resolution|10000|Done|-|-",
		"project|project|10000|Payments|10001|Billing",
		"Key|-|-|PAY-2|-|BILL-1",
		"Sprint|customfield_10020|101|Sprint 1|101, 101|Sprint 1, Sprint 1",
		"priority|priority|3|Medium|2|High",
		"Component|components|-|-|103|Core",
		"summary|summary|-|Pay faster|-|Pay much faster",
		"duedate|duedate|2026-03-20|2026-03-20 00:00:00.0|-|-",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestJiraDocument(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	doc := f.jira("GET", "/rest/api/3/issue/pay-2", nil).doc(t)
	if doc["key"] != "BILL-1" || doc["id"] != "10002" {
		t.Errorf("old key gives %v %v", doc["key"], doc["id"])
	}
	fields := doc["fields"].(obj)
	got := obj{}
	for _, name := range []string{"created", "labels", "customfield_10016", "customfield_10031", "duedate", "resolution"} {
		got[name] = fields[name]
	}
	want := obj{
		"created": "2026-03-02T01:00:00.000-0800", "labels": arr{"b", "c"},
		"customfield_10016": 5.5, "customfield_10031": nil, "duedate": nil, "resolution": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if _, there := fields["parent"]; there {
		t.Error("a parent that is none should be absent")
	}
	if end := fields["customfield_10020"].(arr)[0].(obj)["endDate"]; end != "2026-03-16T08:00:00.000Z" {
		t.Errorf("sprint ends %v", end)
	}
	if name := fields["reporter"].(obj)["displayName"].(string); !strings.Contains(strings.Join(sandbox.Persons(), ","), name) {
		t.Errorf("reporter %q is not among the persons", name)
	}
}

func TestJiraSearchFieldsAndPages(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	doc := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project = PAY order by key", "maxResults": 2}).doc(t)
	if diff := cmp.Diff(arr{obj{"id": "10001"}, obj{"id": "10003"}}, doc["issues"]); diff != "" {
		t.Errorf("default fields (-want +got):\n%s", diff)
	}
	want := []string{"PAY-1", "PAY-3", "PAY-4", "PAY-5", "PAY-6", "PAY-7", "PAY-8", "PAY-9"}
	if diff := cmp.Diff(want, search(f, "project = PAY order by key", 3)); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
	token := doc["nextPageToken"].(string)
	if r := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project = BILL", "nextPageToken": token}); r.status != 400 {
		t.Errorf("token of another query: status %d", r.status)
	}
}

func TestJiraAccounts(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	const ask = "/rest/api/3/search/jql?jql=project%3DPAY"
	for name, tc := range map[string]struct {
		base   string
		auth   func(*http.Request)
		status int
		issues int
	}{
		"token":             {f.JiraURL, func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken) }, 200, 8},
		"wrong token":       {f.JiraURL, func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, "x") }, 401, 0},
		"bearer":            {f.JiraURL, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+sandbox.JiraBearer) }, 200, 8},
		"anonymous":         {f.JiraURL, func(*http.Request) {}, 200, 0},
		"scoped, site":      {f.JiraURL, func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraScopedToken) }, 401, 0},
		"scoped, gateway":   {f.GatewayURL, func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraScopedToken) }, 200, 8},
		"unscoped, gateway": {f.GatewayURL, func(r *http.Request) { r.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken) }, 401, 0},
	} {
		req := f.request("GET", tc.base+ask, "")
		tc.auth(req)
		r := f.do(req)
		if r.status != tc.status {
			t.Errorf("%s: status %d, want %d", name, r.status, tc.status)
		}
		if r.status == 200 && len(r.doc(t)["issues"].(arr)) != tc.issues {
			t.Errorf("%s: %s", name, r.body)
		}
		if known := r.header.Get("X-AAccountId") != ""; known != (tc.issues > 0) {
			t.Errorf("%s: told who it is: %v", name, known)
		}
	}
	if r := f.do(f.request("GET", f.JiraURL+"/_edge/tenant_info", "")); r.doc(t)["cloudId"] != sandbox.CloudID {
		t.Errorf("tenant info: %s", r.body)
	}
	if r := f.do(f.request("GET", f.JiraURL+"/rest/api/3/myself", "")); r.status != 401 {
		t.Errorf("anonymous myself: status %d", r.status)
	}
}

// An archived project is known, and its issues can be read, but no search finds
// them.
func TestJiraArchivedProject(t *testing.T) {
	w := smallSite()
	f := start(t, w, sandbox.Options{})
	count := func() int {
		cloud := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project in (PAY, BILL)"}).doc(t)["issues"].(arr)
		req := f.request("GET", f.DataCenterURL+"/rest/api/2/search?jql=project+in+(PAY,BILL)", "")
		req.Header.Set("Authorization", "Bearer "+sandbox.DataCenterToken)
		server := f.do(req).doc(t)["issues"].(arr)
		if len(cloud) != len(server) {
			t.Errorf("%d issues on the Cloud, %d on Data Center", len(cloud), len(server))
		}
		return len(cloud)
	}
	before := count()
	w.Jira.ArchiveProject("PAY", true)
	if n := count(); n == 0 || n >= before {
		t.Errorf("%d of %d issues are found", n, before)
	}
	doc := f.jira("POST", "/rest/api/3/issue/bulkfetch", obj{"issueIdsOrKeys": arr{"PAY-3"}}).doc(t)
	if n := len(doc["issues"].(arr)); n != 1 {
		t.Errorf("bulkfetch: %v", doc)
	}
	w.Jira.ArchiveProject("PAY", false)
	if n := count(); n != before {
		t.Errorf("%d of %d issues are found after it was restored", n, before)
	}
}

func TestJiraHiddenAndDeleted(t *testing.T) {
	w := smallSite()
	f := start(t, w, sandbox.Options{})
	w.Jira.Hide("PAY-3", true)
	w.Jira.Delete("PAY-4")
	for _, key := range []string{"PAY-3", "PAY-4"} {
		if r := f.jira("GET", "/rest/api/3/issue/"+key, nil); r.status != 404 {
			t.Errorf("%s: status %d", key, r.status)
		}
	}
	doc := f.jira("POST", "/rest/api/3/issue/bulkfetch", obj{"issueIdsOrKeys": arr{"PAY-3", "PAY-4", "PAY-5"}}).doc(t)
	if n := len(doc["issues"].(arr)); n != 1 || len(doc["issueErrors"].(arr)) != 0 {
		t.Errorf("bulkfetch: %v", doc)
	}
	w.Jira.HideProject("BILL", true)
	if r := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project in (PAY, BILL)"}); r.status != 400 {
		t.Errorf("search in a hidden project: status %d", r.status)
	}
}
