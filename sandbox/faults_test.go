package sandbox_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

const askPay = "/rest/api/3/search/jql?jql=project%3DPAY&fields=summary"

func TestHTTPFaults(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	for name, tc := range map[string]struct {
		fault  sandbox.Fault
		status int
		holds  string
		header map[string]string
	}{
		"429":              {sandbox.Fault{Kind: sandbox.TooMany}, 429, "errorMessages", map[string]string{"Retry-After": ""}},
		"429 with wait":    {sandbox.Fault{Kind: sandbox.TooMany, RetryAfter: "3"}, 429, "errorMessages", map[string]string{"Retry-After": "3"}},
		"429 with no wait": {sandbox.Fault{Kind: sandbox.TooMany, RetryAfter: "0"}, 429, "errorMessages", map[string]string{"Retry-After": "0"}},
		"429, a page":      {sandbox.Fault{Kind: sandbox.TooManyHTML}, 429, "<html>", map[string]string{"Content-Type": "text/html;charset=utf-8"}},
		"500":              {sandbox.Fault{Kind: sandbox.ServerError}, 500, "errorMessages", nil},
		"503":              {sandbox.Fault{Kind: sandbox.ServerError, Status: 503}, 503, "errorMessages", nil},
		"401":              {sandbox.Fault{Kind: sandbox.Unauthorized}, 401, "authenticated", nil},
		"login":            {sandbox.Fault{Kind: sandbox.LoginPage}, 200, "<form", map[string]string{"Content-Type": "text/html;charset=UTF-8"}},
		"redirect":         {sandbox.Fault{Kind: sandbox.Redirect}, 302, "", nil},
		"slow":             {sandbox.Fault{Kind: sandbox.Slow, Delay: time.Millisecond}, 200, "issues", nil},
		"other endpoint":   {sandbox.Fault{Kind: sandbox.ServerError, Endpoint: "field"}, 200, "issues", nil},
		"other tracker":    {sandbox.Fault{Kind: sandbox.ServerError, Tracker: "linear"}, 200, "issues", nil},
		"matching":         {sandbox.Fault{Kind: sandbox.ServerError, Tracker: "jira", Endpoint: "search"}, 500, "", nil},
	} {
		f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{tc.fault}})
		r := f.jira("GET", askPay, nil)
		if r.status != tc.status || !strings.Contains(string(r.body), tc.holds) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		for header, want := range tc.header {
			if got := r.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestFaultsStrikeWhenTheyShould(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, After: 2, Times: 2}}})
	var got []int
	for range 6 {
		got = append(got, f.jira("GET", askPay, nil).status)
	}
	if diff := cmp.Diff([]int{200, 200, 500, 500, 200, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestBrokenBodies(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.Truncate}}})
	r := f.jira("GET", askPay, nil)
	if r.status != 200 || json.Valid(r.body) {
		t.Errorf("truncated: %d %s", r.status, r.body)
	}
	f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.Reset}}})
	req := f.request("GET", f.JiraURL+askPay, "")
	req.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("reset: no error")
	}
}

func TestRedirectNoticesLeaks(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.Redirect}}})
	to := f.jira("GET", askPay, nil).header.Get("Location")
	f.do(f.request("GET", to, ""))
	if n := f.Leaks(); n != 0 {
		t.Errorf("%d leaks, want none", n)
	}
	req := f.request("GET", to, "")
	req.SetBasicAuth("a", "b")
	f.do(req)
	if n := f.Leaks(); n != 1 {
		t.Errorf("%d leaks, want 1", n)
	}
}

func TestGzip(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	f.SetFaults(sandbox.Faults{Gzip: true})
	req := f.request("GET", f.JiraURL+"/rest/api/3/field", "")
	req.Header.Set("Accept-Encoding", "gzip")
	r := f.do(req)
	z, err := gzip.NewReader(strings.NewReader(string(r.body)))
	if err != nil || r.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", err)
	}
	if body, err := io.ReadAll(z); err != nil || !json.Valid(body) {
		t.Errorf("body: %v %s", err, body)
	}
}

func TestJiraPagingFaults(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	want := search(f, "project = PAY order by key", 3)
	for name, faults := range map[string]sandbox.JiraFaults{
		"short":      {ShortPages: true},
		"empty":      {EmptyPages: true},
		"null token": {NullToken: true},
		"all":        {ShortPages: true, EmptyPages: true, NullToken: true},
	} {
		f.SetFaults(sandbox.Faults{Jira: faults})
		f.ResetRequests()
		if diff := cmp.Diff(want, search(f, "project = PAY order by key", 3)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := f.Requests()["jira search"]; n <= 3 && name != "null token" {
			t.Errorf("%s: %d requests only", name, n)
		}
	}
	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{RepeatToken: true}})
	body := obj{"jql": "project = PAY", "maxResults": 2}
	body["nextPageToken"] = f.jira("POST", "/rest/api/3/search/jql", body).doc(t)["nextPageToken"]
	if next := f.jira("POST", "/rest/api/3/search/jql", body).doc(t)["nextPageToken"]; next != body["nextPageToken"] {
		t.Errorf("token %v does not repeat", next)
	}
}

func TestJiraIndexFaults(t *testing.T) {
	w := smallSite() // its clock stands at hour 24
	f := start(t, w, sandbox.Options{})
	w.Jira.Touch(at(23.9), "PAY-1")
	fresh := w.Jira.CreateIssue(at(23.95), sandbox.NewIssue{Project: "PAY", Title: "New"})
	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{IndexLag: 30 * time.Minute}})
	if got := search(f, "project = PAY and updated >= -15m", 100); got != nil {
		t.Errorf("lagging index finds %v", got)
	}
	doc := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project = PAY and updated >= -15m", "fields": arr{"key"}, "reconcileIssues": arr{10001}}).doc(t)
	if n := len(doc["issues"].(arr)); n != 1 {
		t.Errorf("reconciled search finds %v", doc)
	}
	if r := f.jira("GET", "/rest/api/3/issue/"+fresh, nil); r.status != 200 {
		t.Errorf("the database lags: %d", r.status)
	}
	f.SetFaults(sandbox.Faults{})
	if diff := cmp.Diff([]string{"PAY-1", fresh}, search(f, "project = PAY and updated >= -15m order by key", 100)); diff != "" {
		t.Errorf("without lag (-want +got):\n%s", diff)
	}

	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{Flicker: true}})
	seen := map[string]bool{}
	for range 3 {
		seen[strings.Join(search(f, "project in (PAY, BILL)", 100), " ")] = true
	}
	if len(seen) < 2 {
		t.Error("visibility does not flicker")
	}
}

func TestJiraDocumentFaults(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	ask := func(faults sandbox.JiraFaults) obj {
		t.Helper()
		f.SetFaults(sandbox.Faults{Jira: faults})
		return f.jira("GET", "/rest/api/3/issue/BILL-1?expand=changelog", nil).doc(t)
	}
	if v, there := ask(sandbox.JiraFaults{NullParent: true})["fields"].(obj)["parent"]; !there || v != nil {
		t.Errorf("parent is %v", v)
	}
	doc := ask(sandbox.JiraFaults{Poison: map[string]string{"BILL-1": "summary"}})
	if _, ok := doc["fields"].(obj)["summary"].(string); ok {
		t.Error("summary is not poisoned")
	}
	items := func(doc obj) string { return encode(t, doc["changelog"]) }
	if got := items(ask(sandbox.JiraFaults{})); !strings.Contains(got, `"fieldId"`) || !strings.Contains(got, `"from":null`) {
		t.Errorf("history: %s", got)
	}
	got := items(ask(sandbox.JiraFaults{NoFieldIDs: true, NoNulls: true, LegacyParent: true}))
	if strings.Contains(got, `"fieldId"`) || strings.Contains(got, "null") || !strings.Contains(got, `"Epic Link"`) {
		t.Errorf("history: %s", got)
	}
	if slices.Equal(historyIDs(ask(sandbox.JiraFaults{})), historyIDs(ask(sandbox.JiraFaults{Shuffle: true}))) {
		t.Error("history is not shuffled")
	}
	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{Anonymous: true}})
	if r := f.jira("GET", askPay, nil); r.status != 200 || len(r.doc(t)["issues"].(arr)) != 0 || r.header.Get("X-AAccountId") != "" {
		t.Errorf("anonymous: %d %s", r.status, r.body)
	}
}

func historyIDs(doc obj) []string {
	var ids []string
	for _, h := range doc["changelog"].(obj)["histories"].(arr) {
		ids = append(ids, h.(obj)["id"].(string))
	}
	return ids
}

func TestJiraChangelogFaults(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	walk := func(faults sandbox.JiraFaults) (ids []string, created []any, requests int) {
		t.Helper()
		f.SetFaults(sandbox.Faults{Jira: faults})
		body := obj{"issueIdsOrKeys": arr{"BILL-1", "PAY-1"}}
		for {
			requests++
			doc := f.jira("POST", "/rest/api/3/changelog/bulkfetch", body).doc(t)
			for _, g := range doc["issueChangeLogs"].(arr) {
				for _, h := range g.(obj)["changeHistories"].(arr) {
					ids = append(ids, h.(obj)["id"].(string))
					created = append(created, h.(obj)["created"])
				}
			}
			if doc["nextPageToken"] == nil {
				return ids, created, requests
			}
			body["nextPageToken"] = doc["nextPageToken"]
		}
	}
	whole, _, _ := walk(sandbox.JiraFaults{})
	paged, dates, requests := walk(sandbox.JiraFaults{ChangePages: 4, EpochDates: true})
	if diff := cmp.Diff(whole, paged); diff != "" || requests != 4 {
		t.Errorf("in %d requests (-whole +paged):\n%s", requests, diff)
	}
	if dates[0] != float64(at(2).UnixMilli()) {
		t.Errorf("first date %v", dates[0])
	}
}

func TestLinearFaults(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{LinearRequests: 3})
	const ask = `query ($after: String) { issues(first: 2, after: $after) { nodes { identifier project { id } estimate history { nodes { id } } } pageInfo { hasNextPage endCursor } } }`
	run := func(faults sandbox.LinearFaults, vars obj) (int, obj) {
		t.Helper()
		f.SetFaults(sandbox.Faults{Linear: faults})
		r := f.linear(ask, vars)
		return r.status, r.doc(t)
	}
	issues := func(doc obj) obj { return doc["data"].(obj)["issues"].(obj) }
	if status, doc := run(sandbox.LinearFaults{NullData: true}, nil); status != 200 || doc["errors"] == nil || doc["data"] != nil {
		t.Errorf("null data: %d %v", status, doc)
	}
	if status, doc := run(sandbox.LinearFaults{PartialData: true}, nil); status != 200 || doc["errors"] == nil || len(issues(doc)["nodes"].(arr)) != 2 {
		t.Errorf("partial data: %d %v", status, doc)
	}
	if _, doc := run(sandbox.LinearFaults{NoCursor: true}, nil); issues(doc)["pageInfo"].(obj)["endCursor"] != nil {
		t.Errorf("no cursor: %v", doc)
	}
	_, doc := run(sandbox.LinearFaults{RepeatCursor: true}, nil)
	cursor := issues(doc)["pageInfo"].(obj)["endCursor"]
	if _, doc := run(sandbox.LinearFaults{RepeatCursor: true}, obj{"after": cursor}); issues(doc)["pageInfo"].(obj)["endCursor"] != cursor {
		t.Errorf("cursor does not repeat: %v", doc)
	}
	_, doc = run(sandbox.LinearFaults{Poison: map[string]string{"PLT-7": "estimate"}}, nil)
	if _, ok := issues(doc)["nodes"].(arr)[0].(obj)["estimate"].(obj); !ok {
		t.Errorf("not poisoned: %v", doc)
	}
	status, doc := run(sandbox.LinearFaults{EnforceLimits: true}, nil)
	if status != 400 || !strings.Contains(encode(t, doc), "RATELIMITED") {
		t.Errorf("beyond the limit: %d %v", status, doc)
	}
	f.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.RateLimited}}})
	r := f.linear(ask, nil)
	if r.status != 400 || r.header.Get("X-RateLimit-Requests-Reset") == "" || !strings.Contains(string(r.body), "RATELIMITED") {
		t.Errorf("rate limited: %d %s", r.status, r.body)
	}
}

func TestLinearShuffle(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{})
	const ask = `{ issue(id: "SUP-1") { history { nodes { id } } stateHistory { nodes { id } } } }`
	sorted := encode(t, data(f, ask, nil))
	f.SetFaults(sandbox.Faults{Linear: sandbox.LinearFaults{Shuffle: true}})
	if sorted == encode(t, data(f, ask, nil)) {
		t.Error("history is not shuffled")
	}
}

func TestRecordAndCounts(t *testing.T) {
	var seen []string
	f := start(t, smallSite(), sandbox.Options{Record: func(x sandbox.Exchange) {
		body, err := io.ReadAll(x.Request.Body)
		if err != nil || string(body) != string(x.RequestBody) {
			t.Errorf("request body %q, recorded %q: %v", body, x.RequestBody, err)
		}
		if !json.Valid(x.ResponseBody) || x.Header.Get("Date") == "" {
			t.Errorf("%s: %s", x.Endpoint, x.ResponseBody)
		}
		seen = append(seen, x.Tracker+" "+x.Endpoint+" "+http.StatusText(x.Status))
	}})
	f.SetFaults(sandbox.Faults{Gzip: true})
	f.jira("GET", askPay, nil)
	f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project = PAY"})
	f.jira("GET", "/nowhere", nil)
	f.linear(`{ viewer { id } }`, nil)
	if diff := cmp.Diff([]string{"jira search OK", "jira search OK", "jira unknown Not Found", "linear graphql OK"}, seen); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"jira search": 2, "jira unknown": 1, "linear graphql": 1}, f.Requests()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if date := f.jira("GET", askPay, nil).header.Get("Date"); date != "Tue, 03 Mar 2026 08:00:00 GMT" {
		t.Errorf("date %s", date)
	}
}

// The points of an hour are one for a request and one for each issue; when they
// are spent, nothing comes until the next hour of the clock begins.
func TestPointsPerHour(t *testing.T) {
	w := smallSite()
	f := start(t, w, sandbox.Options{})
	now := at(24).Add(40 * time.Minute)
	w.SetClock(func() time.Time { return now })
	for _, quiet := range []bool{false, true} {
		now = now.Add(time.Hour)
		f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{PointsPerHour: 5, NoRetryAfter: quiet}})
		var got []int
		var last reply
		for range 8 {
			last = f.jira("GET", "/rest/api/3/field", nil)
			got = append(got, last.status)
		}
		if diff := cmp.Diff([]int{200, 200, 200, 200, 200, 429, 429, 429}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		want := map[bool]string{false: "1201", true: ""}[quiet]
		if after := last.header.Get("Retry-After"); after != want {
			t.Errorf("Retry-After = %q, want %q", after, want)
		}
		if reset := last.header.Get("X-RateLimit-Reset"); reset != now.Add(20*time.Minute).UTC().Format("2006-01-02T15:04Z") {
			t.Errorf("reset = %q at %s", reset, now)
		}
	}
	now = now.Add(time.Hour)
	issues := len(w.Jira.Keys())
	f.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{PointsPerHour: 2}})
	if r := f.jira("GET", askPay, nil); r.status != 200 || issues < 2 {
		t.Errorf("search: %d, of %d issues", r.status, issues)
	}
	if r := f.jira("GET", askPay, nil); r.status != 429 {
		t.Errorf("after a search that took all points: %d", r.status)
	}
}
