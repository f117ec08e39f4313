package contracttest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"alignd/connectors/contracttest"
)

const searchPath = "/rest/api/3/search/jql"

func post(t *testing.T, path, body string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestJiraRequests(t *testing.T) {
	jira := contracttest.Jira(t)
	for name, tc := range map[string]struct {
		request *http.Request
		ok      bool
	}{
		"search":             {post(t, searchPath, `{"jql":"project = X","fields":["summary"],"maxResults":100}`), true},
		"through gateway":    {post(t, "/ex/jira/1-2"+searchPath, `{"jql":"project = X"}`), true},
		"get":                {httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/rest/api/3/field", nil), true},
		"bulk of changelogs": {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["1"],"maxResults":10000}`), true},
		"too many histories": {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["1"],"maxResults":10001}`), false},
		"no ids":             {post(t, "/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":[]}`), false},
		"wrong type":         {post(t, searchPath, `{"maxResults":"100"}`), false},
		"old paging":         {post(t, searchPath, `{"jql":"project = X","startAt":100}`), false},
		"not JSON":           {post(t, searchPath, `{`), false},
		"person":             {post(t, searchPath, `{"jql":"project = X","fields":["assignee"]}`), false},
		"all fields":         {post(t, searchPath, `{"jql":"project = X","fields":["*all"]}`), false},
		"no such path":       {post(t, "/rest/api/3/nonsense", `{}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := jira.CheckRequest(tc.request); (err == nil) != tc.ok {
				t.Errorf("error is %v, want ok %t", err, tc.ok)
			}
		})
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
	if err := jira.CheckAnswer(post(t, searchPath, `{}`), http.StatusTooManyRequests, nil, []byte(`<html>`)); err != nil {
		t.Errorf("a refusal: %v", err)
	}
}
