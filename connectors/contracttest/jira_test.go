package contracttest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"alignd/connectors/contracttest"
)

const (
	searchPath       = "/rest/api/3/search/jql"
	serverSearchPath = "/rest/api/2/search"
)

func get(t *testing.T, path string) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
}

func getWith(t *testing.T, path, body string) *http.Request {
	r := post(t, path, body)
	r.Method = http.MethodGet
	return r
}

func post(t *testing.T, path, body string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestJiraRequests(t *testing.T) {
	jira := contracttest.Jira(t)
	for name, tc := range map[string]struct {
		request *http.Request
		want    string // in the error; nothing if there is none
	}{
		"search":             {post(t, searchPath, `{"jql":"project = X","fields":["summary"],"maxResults":100}`), ""},
		"through gateway":    {post(t, "/ex/jira/1-2"+searchPath, `{"jql":"project = X"}`), ""},
		"get":                {get(t, "/rest/api/3/field"), ""},
		"bulk of tickets":    {post(t, "/rest/api/3/issue/bulkfetch", `{"issueIdsOrKeys":["1"],"fields":["summary"]}`), ""},
		"bulk of changelogs": {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["1"],"maxResults":10000}`), ""},
		"too many histories": {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["1"],"maxResults":10001}`), "maxResults"},
		"no ids":             {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":[]}`), "issueIdsOrKeys"},
		"wrong type":         {post(t, searchPath, `{"maxResults":"100"}`), "maxResults"},
		"old paging":         {post(t, searchPath, `{"jql":"project = X","startAt":100}`), "startAt"},
		"not JSON":           {post(t, searchPath, `{`), "not JSON"},
		"person":             {post(t, searchPath, `{"jql":"project = X","fields":["assignee"]}`), "person: assignee"},
		"all fields":         {post(t, searchPath, `{"jql":"project = X","fields":["*all"]}`), "person: *all"},
		"person by address":  {get(t, "/rest/api/3/issue/X-1?fields=summary%2Creporter"), "person: reporter"},
		"fields not named":   {get(t, "/rest/api/3/issue/X-1?expand=names"), "names no fields"},
		"unknown parameter":  {get(t, "/rest/api/3/mypermissions?permission=X"), `no parameter "permission"`},
		"body with a get":    {getWith(t, "/rest/api/3/field", `{}`), "body not allowed"},
		"no such path":       {post(t, "/rest/api/3/nonsense", `{}`), "find operation"},
		"elsewhere":          {get(t, "/elsewhere/rest/api/3/field"), "find operation"},
		"no person there":    {get(t, "/elsewhere?fields=creator"), "person: creator"},
		"removed search":     {post(t, "/rest/api/3/search", `{"jql":"project = X","fields":["id"]}`), "deprecated"},

		"server: info":               {get(t, "/rest/api/2/serverInfo"), ""},
		"server: below its host":     {get(t, "/jira/rest/api/2/field"), ""},
		"server: statuses":           {get(t, "/rest/api/2/status"), ""},
		"server: permissions":        {get(t, "/rest/api/2/mypermissions?permissions=BROWSE_PROJECTS"), ""},
		"server: ticket":             {get(t, "/rest/api/2/issue/X-1?fields=summary&expand=changelog"), ""},
		"server: search":             {post(t, serverSearchPath, `{"jql":"project = X","startAt":5,"maxResults":9,"fields":["id"],"expand":["changelog"],"validateQuery":false}`), ""},
		"server: strict by word":     {post(t, serverSearchPath, `{"jql":"project = X","fields":["id"],"validateQuery":"strict"}`), "validateQuery"},
		"server: new paging":         {post(t, serverSearchPath, `{"jql":"project = X","fields":["id"],"nextPageToken":"x"}`), "nextPageToken"},
		"server: reconciled":         {post(t, serverSearchPath, `{"jql":"project = X","fields":["id"],"reconcileIssues":[1]}`), "reconcileIssues"},
		"server: Cloud's member":     {post(t, serverSearchPath, `{"jql":"project = X","fields":["id"],"fieldsByKeys":true}`), "fieldsByKeys"},
		"server: expand as one text": {post(t, serverSearchPath, `{"jql":"project = X","fields":["id"],"expand":"changelog"}`), "expand"},
		"server: wrong type":         {post(t, serverSearchPath, `{"startAt":"5","fields":["id"]}`), "startAt"},
		"server: Cloud's parameter":  {get(t, "/rest/api/2/issue/X-1?fields=id&failFast=true"), `no parameter "failFast"`},
		"server: unknown parameter":  {get(t, "/rest/api/2/field?id=1"), `no parameter "id"`},
		"server: Cloud's search":     {post(t, "/rest/api/2/search/jql", `{"jql":"project = X","fields":["id"]}`), "find operation"},
		"server: Cloud's bulk":       {post(t, "/rest/api/2/issue/bulkfetch", `{"issueIdsOrKeys":["1"],"fields":["id"]}`), "find operation"},
		"server: no such path":       {get(t, "/rest/api/2/nonsense"), "find operation"},
		"server: other method":       {post(t, "/rest/api/2/field", `{}`), "find operation"},
		"server: person":             {post(t, serverSearchPath, `{"jql":"project = X","fields":["id","creator"]}`), "person: creator"},
		"server: person by address":  {get(t, "/jira/rest/api/2/issue/X-1?fields=assignee"), "person: assignee"},
		"server: fields not named":   {post(t, serverSearchPath, `{"jql":"project = X"}`), "names no fields"},
	} {
		t.Run(name, func(t *testing.T) {
			err := jira.CheckRequest(tc.request)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}

// Without the document persons are refused all the same.
func TestJiraPersonsWithoutContract(t *testing.T) {
	var none *contracttest.JiraContract
	if err := none.CheckRequest(post(t, serverSearchPath, `{"fields":["assignee"]}`)); err == nil {
		t.Error("a person was not refused")
	}
	if err := none.CheckRequest(post(t, serverSearchPath, `{"fields":["summary"]}`)); err != nil {
		t.Error(err)
	}
}

func TestJiraAnswers(t *testing.T) {
	jira := contracttest.Jira(t)
	header := http.Header{"Content-Type": {"application/json"}}
	for body, ok := range map[string]bool{
		`{"issues":[{"id":"1","key":"A-1","fields":{"summary":"x","parent":null}}],"isLast":true}`: true,
		`{"issues":[],"nextPageToken":null,"isLast":true}`:                                         true,
		`{"issues":[],"total":0}`:       false,
		`{"issues":[{"id":1}]}`:         false,
		`{"issues":[],"isLast":"true"}`: false,
		`<html>`:                        false,
	} {
		err := jira.CheckAnswer(post(t, searchPath, `{}`), http.StatusOK, header, []byte(body))
		if (err == nil) != ok {
			t.Errorf("%s: error is %v, want ok %t", body, err, ok)
		}
	}
	for body, ok := range map[string]bool{
		`{"issues":[{"id":"1","changelog":{"histories":[]}}],"startAt":0,"maxResults":9,"total":1}`: true,
		`{"issues":[],"isLast":true}`:  false,
		`{"issues":[],"startAt":"0"}`:  false,
		`{"issues":[{"id":1}]}`:        false,
		`{"issues":[],"total":"many"}`: false,
	} {
		err := jira.CheckAnswer(post(t, serverSearchPath, `{}`), http.StatusOK, header, []byte(body))
		if (err == nil) != ok {
			t.Errorf("server: %s: error is %v, want ok %t", body, err, ok)
		}
	}
	if err := jira.CheckAnswer(post(t, searchPath, `{}`), http.StatusTooManyRequests, nil, []byte(`<html>`)); err != nil {
		t.Errorf("a refusal: %v", err)
	}
}
