package jira_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/contracttest"
	"alignd/connectors/jira"
)

func TestStory(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, baseURL string, opts connectors.Options) connectors.Connector {
			return newConnector(t, config(baseURL), opts)
		},
		Serve: func(t *testing.T, site connectortest.Site) http.Handler {
			return contracttest.JiraIfPresent(t).Handler(t, fakeOf(site))
		},
		IsList: func(r *http.Request, _ []byte) bool { return strings.HasSuffix(r.URL.Path, "/search/jql") },
	})
}

func TestStoryDataCenter(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{
		New: func(t *testing.T, baseURL string, opts connectors.Options) connectors.Connector {
			cfg := config(baseURL + "/jira")
			cfg.Deployment = jira.DataCenter
			cfg.Auth = jira.Auth{Username: "bot", PasswordEnv: "JIRA_TOKEN"}
			return newConnector(t, cfg, opts)
		},
		Serve: func(t *testing.T, site connectortest.Site) http.Handler {
			return contracttest.JiraIfPresent(t).Handler(t, fakeOf(site))
		},
		IsList: func(r *http.Request, _ []byte) bool { return r.URL.Path == "/jira/rest/api/2/search" },
	})
}

func config(baseURL string) jira.Config {
	return jira.Config{
		Common:     connectors.Common{Name: connectortest.Name, RequestsPerSecond: 1000},
		URL:        baseURL,
		Auth:       jira.Auth{Email: "bot@robot.example", TokenEnv: "JIRA_TOKEN"},
		Deployment: jira.Cloud,
		Projects:   []string{"PAY"},
	}
}

func newConnector(t *testing.T, cfg jira.Config, opts connectors.Options) *jira.Connector {
	t.Helper()
	t.Setenv("JIRA_TOKEN", connectortest.Credential)
	opts.Transport = held(t, opts.Transport)
	c, err := jira.New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fakeOf(site connectortest.Site) *fakeJira {
	f := newFake(site.Now)
	f.pageSize = site.PageSize
	for i, is := range site.Issues {
		id, _ := strconv.Atoi(is.UID)
		issue := set(set(newIssue(id, is.Updated), "summary", is.Title), "labels", []string{is.Label})
		if is.Poison {
			set(issue, "updated", "yesterday, by "+connectortest.Person.Name)
		}
		f.issues = append(f.issues, issue)
		f.logs[is.UID] = []object{history(1000+i, is.Updated.Add(-time.Hour),
			object{
				"field": "assignee", "fieldId": "assignee", "fieldtype": "jira", "from": nil, "fromString": nil,
				"to": connectortest.Person.ID, "toString": connectortest.Person.Name,
			})}
	}
	return f
}

// held returns a transport that holds every request against the contract,
// whoever answers it. Next is nil for one with connections of its own.
func held(t testing.TB, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		t.Cleanup(own.CloseIdleConnections)
		next = own
	}
	return holder{t, contracttest.JiraIfPresent(t), next}
}

type holder struct {
	t        testing.TB
	contract *contracttest.JiraContract
	next     http.RoundTripper
}

func (h holder) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := h.contract.CheckRequest(req); err != nil {
		h.t.Errorf("%s %s breaks Jira's contract: %v", req.Method, req.URL.Path, err)
	}
	return h.next.RoundTrip(req)
}
