package jira_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
)

// answers serves the fake with one path answered otherwise.
func (s *site) answers(path string, fn http.HandlerFunc) {
	next := s.wire.Handler
	s.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/rest/api/3/"+path {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		fn(w, r)
	})
}

func TestPermission(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		lost   bool // the credential
		fails  bool
	}{
		"has it":             {200, `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true}}}`, false, false},
		"has it not":         {200, `{"permissions":{"BROWSE_PROJECTS":{"havePermission":false}}}`, true, true},
		"no answer":          {200, `{"permissions":{}}`, false, true},
		"null":               {200, `{"permissions":{"BROWSE_PROJECTS":{"havePermission":null}}}`, false, true},
		"no JSON object":     {200, `[]`, false, true},
		"refused":            {401, `{"errorMessages":["Client must be authenticated"]}`, true, true},
		"scope is too small": {401, `{"code":401,"message":"Unauthorized; scope does not match"}`, false, false},
		"may not ask":        {403, `{}`, false, false},
		"no such endpoint":   {404, `{}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			inSite(t, nil, func(s *site) {
				s.answers("mypermissions", func(w http.ResponseWriter, r *http.Request) {
					if got := r.URL.RawQuery; got != "permissions=BROWSE_PROJECTS" {
						t.Errorf("asked for %s", got)
					}
					w.WriteHeader(tc.status)
					_, _ = fmt.Fprint(w, tc.body)
				})
				_, err := s.conn.Page(s.Context(), connectors.Query{})
				if (err != nil) != tc.fails || connectors.Unauthenticated(err) != tc.lost {
					t.Errorf("error is %v", err)
				}
			})
		})
	}
}

// Jira tells in a header that it did not accept the credential, although it
// answers.
func TestAnswerForVisitors(t *testing.T) {
	for reason, lost := range map[string]bool{"OK": false, "OUT": false, "AUTHENTICATED_FAILED": true, "AUTHENTICATION_DENIED": true} {
		inSite(t, nil, func(s *site) {
			s.answers("search/jql", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Seraph-LoginReason", reason)
				_, _ = fmt.Fprint(w, `{"issues":[],"isLast":true}`)
			})
			if _, err := s.conn.Page(s.Context(), connectors.Query{}); connectors.Unauthenticated(err) != lost {
				t.Errorf("%s: error is %v", reason, err)
			}
		})
	}
}

// A field with estimates that was made since the catalog was read is asked
// for at once: the tickets of the search that noticed it come again with it.
func TestNewFieldIsAskedFor(t *testing.T) {
	inSite(t, func(c *jira.Config) { c.StoryPointsField = "" }, func(s *site) {
		s.issues = append(s.issues, newIssue(1, time.Now().Add(-time.Hour)))
		s.walk(time.Time{})
		time.Sleep(2 * time.Hour)
		s.fields = append(s.fields, object{"id": "customfield_10999", "name": "Story point estimate", "schema": object{"type": "number"}})
		set(set(s.issues[0], "updated", stamp(time.Now())), "customfield_10999", 5)
		clear(s.counts)
		tickets, _ := s.walk(time.Now().Add(-7 * time.Minute))
		if len(tickets) != 1 || tickets[0].Estimate.Micros != 5e6 {
			t.Errorf("tickets are %+v, want one with 5 points", tickets)
		}
		want := map[string]int{"field": 1, "status": 1, "search/jql": 2, "changelog/bulkfetch": 1}
		if diff := cmp.Diff(want, s.counts); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// Where a project is public, a visitor finds tickets and may browse: full
// answers must not pass for those of the account.
func TestVisitorOfPublicProject(t *testing.T) {
	world := smallWorld(3)
	world.Jira.PublishProject("PAY")
	server, cloud := startSandbox(t, world)
	for _, cfg := range []jira.Config{cloud, dataCenter(t, server, cloud)} {
		server.SetFaults(sandbox.Faults{})
		conn, err := jira.New(cfg, connectors.Options{Transport: held(t, nil)})
		if err != nil {
			t.Fatal(err)
		}
		read := func(since time.Time) error {
			q := connectors.Query{Since: since}
			page, err := conn.Page(t.Context(), q)
			if err == nil && page.Next != "" {
				t.Errorf("there is more: %s", page.Next)
			}
			return err
		}
		if _, err := conn.Count(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if err := read(time.Time{}); err != nil {
			t.Fatal(err)
		}
		server.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{Anonymous: true}})
		for _, since := range []time.Time{{}, time.Now()} {
			if err := read(since); !connectors.Unauthenticated(err) {
				t.Errorf("%s: walk since %v: error is %v", cfg.URL, since, err)
			}
		}
		if page, err := conn.Count(t.Context(), ""); !connectors.Unauthenticated(err) {
			t.Errorf("%s: census: %d tickets, error %v", cfg.URL, len(page.UIDs), err)
		}
	}
}
