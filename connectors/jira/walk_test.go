package jira_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/contracttest"
	"alignd/connectors/jira"
	"alignd/ticket"
)

// wire carries requests to a handler without a socket, so that it works in a
// synctest bubble.
type wire struct {
	http.Handler
	took  time.Duration // for each request
	hosts []string
	paths []string
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(w.took)
	served := req.Clone(req.Context())
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		served.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.hosts, w.paths = append(w.hosts, req.URL.Host), append(w.paths, req.URL.Path)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, served)
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

// site is a connector with its fake, in a bubble.
type site struct {
	*testing.T
	*fakeJira
	wire *wire
	conn *jira.Connector
}

func inSite(t *testing.T, edit func(*jira.Config), fn func(s *site)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Now)
		w := &wire{Handler: contracttest.JiraIfPresent(t).Handler(t, f)}
		cfg := config("https://acme.example")
		if edit != nil {
			edit(&cfg)
		}
		fn(&site{T: t, fakeJira: f, wire: w, conn: newConnector(t, cfg, connectors.Options{Transport: w})})
	})
}

// walk reads all pages and returns the tickets in the order they came.
func (s *site) walk(since time.Time) ([]ticket.Ticket, []connectors.Skipped) {
	s.Helper()
	var tickets []ticket.Ticket
	var skipped []connectors.Skipped
	for q := (connectors.Query{Since: since}); ; {
		page, err := s.conn.Page(s.Context(), q)
		if err != nil {
			s.Fatalf("page: %v", err)
		}
		tickets, skipped = append(tickets, page.Tickets...), append(skipped, page.Skipped...)
		if q.Token = page.Next; q.Token == "" {
			return tickets, skipped
		}
	}
}

func (s *site) wantCounts(want map[string]int) {
	s.Helper()
	if diff := cmp.Diff(want, s.counts); diff != "" {
		s.Errorf("requests (-want +got):\n%s", diff)
	}
	clear(s.counts)
}

func uids(tickets []ticket.Ticket) []string {
	var all []string
	for _, tk := range tickets {
		all = append(all, tk.ID.UID)
	}
	return all
}

func TestFirstSyncRequests(t *testing.T) {
	skipIfShort(t)
	inSite(t, nil, func(s *site) {
		const n = 2345
		for i := range n {
			issue := newIssue(1+i, time.Now().Add(-time.Hour))
			if i < n-1 {
				set(issue, "parent", object{"id": fmt.Sprint(n)}) // younger than its children
			}
			s.issues = append(s.issues, issue)
		}
		tickets, _ := s.walk(time.Time{})
		if len(tickets) != n {
			t.Errorf("%d tickets, want %d", len(tickets), n)
		}
		s.wantCounts(map[string]int{"field": 1, "status": 1, "mypermissions": 1, "search/jql": 24, "changelog/bulkfetch": 3})
	})
}

func TestIdlePollRequests(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.issues = append(s.issues, newIssue(1, time.Now().Add(-time.Hour)))
		s.walk(time.Time{})
		clear(s.counts)
		time.Sleep(2 * time.Minute)
		s.walk(time.Now().Add(-7 * time.Minute))
		s.wantCounts(map[string]int{"search/jql": 1, "mypermissions": 1})
		if got, want := s.queries[1], `project in ("PAY") AND updated >= -9m ORDER BY created ASC, key ASC`; got != want {
			t.Errorf("query is %s, want %s", got, want)
		}

		set(s.issues[0], "updated", stamp(time.Now()))
		s.walk(time.Now().Add(-7 * time.Minute))
		s.wantCounts(map[string]int{"search/jql": 1, "changelog/bulkfetch": 1})

		time.Sleep(time.Hour)
		s.walk(time.Now().Add(-7 * time.Minute))
		s.wantCounts(map[string]int{"search/jql": 1, "mypermissions": 1})

		set(s.issues[0], "updated", stamp(time.Now()))
		s.walk(time.Now().Add(-7 * time.Minute))
		s.wantCounts(map[string]int{"search/jql": 1, "changelog/bulkfetch": 1, "field": 1, "status": 1})

		for range 40 {
			time.Sleep(2 * time.Minute)
			set(s.issues[0], "updated", stamp(time.Now()))
			s.walk(time.Now().Add(-7 * time.Minute))
		}
		if diff := cmp.Diff(map[string]int{"search/jql": 40, "changelog/bulkfetch": 40, "field": 1, "status": 1, "mypermissions": 1}, s.counts); diff != "" {
			t.Errorf("requests of a busy hour (-want +got):\n%s", diff)
		}
	})
}

// Parents outside of the scope are read up to the top, with their histories.
func TestAncestors(t *testing.T) {
	inSite(t, nil, func(s *site) {
		outside := func(id int, parent any) {
			is := set(set(newIssue(id, time.Now().Add(-1000*time.Hour)), "parent", parent), "project", object{"key": "ROAD"})
			is["outside"] = true
			s.issues = append(s.issues, is)
		}
		parent := func(id int) object { return object{"id": fmt.Sprint(id), "key": fmt.Sprintf("ROAD-%d", id)} }
		s.issues = append(s.issues, set(newIssue(1, time.Now()), "parent", parent(50)), set(newIssue(2, time.Now()), "parent", parent(60)))
		for id := 50; id < 60; id++ { // 50 to 55 are within reach
			outside(id, parent(id+1))
		}
		outside(60, parent(70))
		outside(70, nil)
		s.hidden = map[string]bool{"70": true}
		s.logs["50"] = []object{history(1, time.Now().Add(-time.Hour), object{"field": "labels", "fieldId": "labels", "fromString": "", "toString": "goal-checkout"})}

		tickets, _ := s.walk(time.Time{})
		want := []string{"1", "2", "50", "60", "51", "52", "53", "54", "55"}
		if diff := cmp.Diff(want, uids(tickets)); diff != "" {
			t.Errorf("tickets (-want +got):\n%s", diff)
		}
		if len(tickets[2].Changes) != 1 || tickets[2].Changes[0].To != "goal-checkout" {
			t.Errorf("the parent's history is %+v", tickets[2].Changes)
		}
		s.wantCounts(map[string]int{"field": 1, "status": 1, "mypermissions": 1, "search/jql": 1, "issue/bulkfetch": 6, "changelog/bulkfetch": 7})

		time.Sleep(2 * time.Minute)
		set(s.issues[0], "updated", stamp(time.Now()))
		s.walk(time.Now().Add(-time.Minute))
		s.wantCounts(map[string]int{"search/jql": 1, "changelog/bulkfetch": 1})

		// A whole walk delivers them again, since what it leaves out is gone.
		if tickets, _ = s.walk(time.Time{}); len(tickets) != len(want) {
			t.Errorf("%d tickets in the second whole walk, want %d", len(tickets), len(want))
		}
	})
}

// An ancestor outside that changes comes by itself although no child changed,
// and costs an idle walk nothing. This holds for what was known before too.
func TestAncestorChanges(t *testing.T) {
	inSite(t, nil, func(s *site) {
		for id := 50; id < 52; id++ {
			is := set(newIssue(id, time.Now().Add(-1000*time.Hour)), "project", object{"key": "ROAD"})
			is["outside"] = true
			s.issues = append(s.issues, is)
		}
		s.issues = append(s.issues, set(newIssue(1, time.Now()), "parent", object{"id": "50"}))
		s.walk(time.Time{})
		walk := func(outside ...string) map[string]bool {
			s.Helper()
			page, err := s.conn.Page(s.Context(), connectors.Query{Since: time.Now().Add(-time.Minute), Outside: outside})
			for err == nil && page.Next != "" {
				var next connectors.Page
				next, err = s.conn.Page(s.Context(), connectors.Query{Since: time.Now().Add(-time.Minute), Token: page.Next})
				page.Tickets, page.Next = append(page.Tickets, next.Tickets...), next.Next
			}
			if err != nil {
				s.Fatal(err)
			}
			got := map[string]bool{}
			for _, tk := range page.Tickets {
				got[tk.ID.UID] = tk.Outside
			}
			return got
		}
		want := func(name string, want, got map[string]bool, counts map[string]int) {
			s.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				s.Errorf("%s: tickets, and whether outside (-want +got):\n%s", name, diff)
			}
			s.wantCounts(counts)
		}
		time.Sleep(10 * time.Minute)
		clear(s.counts)
		want("told of one more", map[string]bool{}, walk("50", "51"), map[string]int{"search/jql": 1, "mypermissions": 1})
		for range 3 {
			time.Sleep(2 * time.Hour)
			want("nothing changed", map[string]bool{}, walk(), map[string]int{"search/jql": 1, "mypermissions": 1})
		}
		set(s.issues[1], "updated", stamp(time.Now()))
		want("it changed", map[string]bool{"51": true}, walk(), map[string]int{"field": 1, "status": 1, "search/jql": 2, "changelog/bulkfetch": 1})

		time.Sleep(time.Hour)
		set(s.issues[1], "updated", stamp(time.Now()))
		delete(set(s.issues[1], "project", object{"key": "PAY"}), "outside")
		want("it moved into scope", map[string]bool{"51": false}, walk(), map[string]int{"field": 1, "status": 1, "search/jql": 2, "changelog/bulkfetch": 1})

		time.Sleep(time.Hour)
		s.hidden = map[string]bool{"50": true}
		want("one cannot be seen", map[string]bool{}, walk(), map[string]int{"search/jql": 2, "mypermissions": 1, "issue/bulkfetch": 1})
		time.Sleep(2 * time.Minute)
		want("after that", map[string]bool{}, walk(), map[string]int{"search/jql": 1, "mypermissions": 1})
		want("no longer wanted", map[string]bool{}, walk([]string{}...), map[string]int{"search/jql": 1, "mypermissions": 1})
	})
}

// A parent in scope that did not change is read once per process; from then on
// the search tells.
func TestParentInScope(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.issues = append(s.issues, newIssue(9, time.Now().Add(-99*time.Hour)),
			set(newIssue(1, time.Now()), "parent", object{"id": "9"}))
		tickets, _ := s.walk(time.Now().Add(-time.Minute))
		if diff := cmp.Diff([]string{"1", "9"}, uids(tickets)); diff != "" {
			t.Errorf("tickets (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Hour)
		clear(s.counts)
		set(s.issues[1], "updated", stamp(time.Now()))
		s.walk(time.Now().Add(-time.Minute))
		s.wantCounts(map[string]int{"field": 1, "status": 1, "search/jql": 1, "changelog/bulkfetch": 1})
	})
}

func TestAncestorNotDelivered(t *testing.T) {
	inSite(t, nil, func(s *site) {
		epic := newIssue(9, time.Now())
		epic["outside"] = true
		s.issues = append(s.issues, set(newIssue(1, time.Now()), "parent", object{"id": "9"}), epic)
		s.failing = map[string]bool{"9": true}
		tickets, skipped := s.walk(time.Time{})
		if len(tickets) != 1 || len(skipped) != 1 || skipped[0].UID != "9" {
			t.Errorf("tickets %v, skipped %v", uids(tickets), skipped)
		}
	})
}

// A status that is newer than the catalog makes it be read again, once.
func TestNewStatus(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.issues = append(s.issues, newIssue(1, time.Now()))
		s.walk(time.Time{})
		clear(s.counts)
		s.statuses = append(s.statuses, status("77", "QA", "indeterminate"))
		change := func(id int, from, to string) object {
			return history(id, time.Now(), object{"field": "status", "fieldId": "status", "from": from, "fromString": "a", "to": to, "toString": "b"})
		}
		s.logs["1"] = []object{change(1, "1", "77"), change(2, "77", "666"), change(3, "666", "1")}
		for range 2 {
			tickets, _ := s.walk(time.Time{})
			var states []ticket.State
			for _, c := range tickets[0].Changes {
				states = append(states, c.ToState)
			}
			if diff := cmp.Diff([]ticket.State{ticket.StateActive, ticket.StateUnknown, ticket.StateTodo}, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		}
		s.wantCounts(map[string]int{"status": 1, "search/jql": 2, "changelog/bulkfetch": 2})
	})
}

// An answer for a visitor is not an empty site.
func TestVisitor(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.issues = append(s.issues, newIssue(1, time.Now()))
		s.visitor = true
		_, err := s.conn.Page(s.Context(), connectors.Query{})
		var bad *connectors.StatusError
		if !errors.As(err, &bad) || bad.Status != http.StatusUnauthorized {
			t.Errorf("error is %v, want 401", err)
		}
	})
}

// The query's reach is relative to the moment Jira reads it. In a walk that
// takes long it must not slide over changes that were not read yet.
func TestLongWalkLosesNothing(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.wire.took = 20 * time.Second
		s.pageSize, s.slides = 1, true
		since := time.Now().Add(-5 * time.Minute)
		var want []string
		for i := 1; i <= 40; i++ {
			s.issues = append(s.issues, newIssue(i, since.Add(time.Duration(i)*time.Second)))
			want = append(want, fmt.Sprint(i))
		}
		got := map[string]bool{}
		tickets, _ := s.walk(since)
		for _, tk := range tickets {
			got[tk.ID.UID] = true
		}
		for _, uid := range want {
			if !got[uid] {
				t.Errorf("ticket %s was lost", uid)
			}
		}
	})
}

// A machine that slept has an old idea of the tracker's clock.
func TestClockJump(t *testing.T) {
	inSite(t, nil, func(s *site) {
		s.issues = append(s.issues, newIssue(1, time.Now()))
		s.walk(time.Time{})
		since := time.Now()
		s.now = func() time.Time { return time.Now().Add(3 * time.Hour) }
		tickets, _ := s.walk(since)
		if diff := cmp.Diff([]string{"1"}, uids(tickets)); diff != "" {
			t.Errorf("tickets (-want +got):\n%s", diff)
		}
	})
}

func TestOddPaging(t *testing.T) {
	script := func(answers ...string) http.Handler {
		n := 0
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Type", "application/json")
			switch {
			case !strings.HasSuffix(r.URL.Path, "/search/jql"):
				_, _ = io.WriteString(w, map[bool]string{true: "[]", false: `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true}}}`}[r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "mypermissions")])
			default:
				_, _ = io.WriteString(w, answers[min(n, len(answers)-1)])
				n++
			}
		})
	}
	for name, tc := range map[string]struct {
		answers []string
		want    string
	}{
		"token absent without isLast": {[]string{`{"issues":[]}`}, ""},
		"token null":                  {[]string{`{"issues":[],"nextPageToken":null,"isLast":true}`}, ""},
		"last with a token":           {[]string{`{"issues":[],"nextPageToken":"a","isLast":true}`}, ""},
		"empty pages":                 {[]string{`{"issues":[],"nextPageToken":"a"}`, `{"issues":[],"nextPageToken":"b"}`, `{"issues":[]}`}, ""},
		"same token again":            {[]string{`{"issues":[],"nextPageToken":"a"}`}, "same page token"},
		"cycle of tokens":             {[]string{`{"issues":[],"nextPageToken":"a"}`, `{"issues":[],"nextPageToken":"b"}`, `{"issues":[],"nextPageToken":"a"}`}, "same page token"},
		"not the right shape":         {[]string{`{"issues":{}}`}, "decode search"},
		"not an object":               {[]string{`[]`}, "decode search"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := newConnector(t, config("https://acme.example"), connectors.Options{Transport: &wire{Handler: script(tc.answers...)}})
				_, err := conn.Page(t.Context(), connectors.Query{})
				switch {
				case tc.want == "" && err != nil:
					t.Errorf("error: %v", err)
				case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
					t.Errorf("error is %v, want %q", err, tc.want)
				}
			})
		})
	}
}

func TestEndlessWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Type", "application/json")
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(w, "[]")
				return
			}
			n++
			_, _ = fmt.Fprintf(w, `{"issues":[],"nextPageToken":"%d"}`, n)
		})
		conn := newConnector(t, config("https://acme.example"), connectors.Options{Transport: &wire{Handler: endless}})
		var err error
		for q := (connectors.Query{}); err == nil; {
			var page connectors.Page
			page, err = conn.Page(t.Context(), q)
			q.Token = page.Next
		}
		if !strings.Contains(err.Error(), "no end") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestForeignToken(t *testing.T) {
	inSite(t, nil, func(s *site) {
		if _, err := s.conn.Page(s.Context(), connectors.Query{Token: "of another process"}); err == nil {
			t.Error("no error")
		}
	})
}

func TestGatewayAndBearer(t *testing.T) {
	inSite(t, func(cfg *jira.Config) {
		cfg.CloudID = "11111111-2222"
		cfg.GatewayURL = "https://gateway.example"
		cfg.Auth = jira.Auth{BearerEnv: "JIRA_TOKEN"}
	}, func(s *site) {
		authorization := ""
		next := s.wire.Handler
		s.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			authorization = r.Header.Get("Authorization")
			next.ServeHTTP(w, r)
		})
		s.issues = append(s.issues, newIssue(1, time.Now()))
		if tickets, _ := s.walk(time.Time{}); len(tickets) != 1 {
			t.Errorf("%d tickets", len(tickets))
		}
		if s.wire.hosts[0] != "gateway.example" || s.wire.paths[0] != "/ex/jira/11111111-2222/rest/api/3/field" {
			t.Errorf("asked %s%s", s.wire.hosts[0], s.wire.paths[0])
		}
		if authorization != "Bearer "+connectortest.Credential {
			t.Error("bearer was not sent")
		}
	})
}

func TestStoryPointsFieldMissing(t *testing.T) {
	for _, name := range []string{"No such field", "summary"} {
		inSite(t, func(cfg *jira.Config) { cfg.StoryPointsField = name }, func(s *site) {
			_, err := s.conn.Page(s.Context(), connectors.Query{})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestLogHoldsNoPersonOrCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Now)
		f.issues = append(f.issues, newIssue(1, time.Now()), set(newIssue(2, time.Now()), "created", connectortest.Person.Name))
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		conn := newConnector(t, config("https://acme.example"), connectors.Options{Transport: &wire{Handler: f}, Logger: logger})
		if _, err := conn.Page(t.Context(), connectors.Query{}); err != nil {
			t.Fatal(err)
		}
		noPerson(t, log.String())
		if strings.Contains(log.String(), connectortest.Credential) || log.Len() == 0 {
			t.Errorf("log is %q", log.String())
		}
	})
}

// limits remembers what was said about budgets.
type limits struct{ seen []string }

func (l *limits) Request(string, string, int, time.Duration) {}
func (l *limits) Throttled(string, time.Duration)            {}
func (l *limits) DailyRequests(string, int, int)             {}
func (l *limits) Removal(string, string, time.Time)          {}
func (l *limits) RateLimit(connector, resource string, limit, remaining float64, reset time.Time) {
	l.seen = append(l.seen, fmt.Sprint(connector, " ", resource, " ", limit, " ", remaining, " ", reset.Format(time.RFC3339)))
}

// A quota is over until its reset, which may lack seconds. Without Retry-After
// the reset says how long to wait.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Date", "Fri, 06 Feb 2026 10:20:00 GMT")
			h.Set("X-RateLimit-Limit", "65000")
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-Reset", "2026-02-06T11:00Z")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		said := &limits{}
		conn := newConnector(t, config("https://acme.example"), connectors.Options{Transport: &wire{Handler: refuse}, Observer: said})
		_, err := conn.Page(t.Context(), connectors.Query{})
		var bad *connectors.StatusError
		if !errors.As(err, &bad) || bad.RetryAfter != 40*time.Minute || !bad.Throttled {
			t.Errorf("error is %+v, want throttled for 40m", err)
		}
		if diff := cmp.Diff([]string{"story requests 65000 0 2026-02-06T11:00:00Z"}, said.seen); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
	})
}

// A tracker without a clock cannot give a watermark.
func TestNoDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Now)
		silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, r)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(rec.Body.Bytes())
		})
		conn := newConnector(t, config("https://acme.example"), connectors.Options{Transport: &wire{Handler: silent}})
		if _, err := conn.Page(t.Context(), connectors.Query{}); err == nil || !strings.Contains(err.Error(), "Date") {
			t.Errorf("error is %v", err)
		}
	})
}

// More ancestors outside than fit into a query take turns, and each turn
// reaches back to the one before.
func TestManyAncestorsTakeTurns(t *testing.T) {
	const n = 1201 // three turns
	inSite(t, nil, func(s *site) {
		var outside []string
		for id := 10_000; id < 10_000+n; id++ {
			is := set(newIssue(id, time.Now().Add(-1000*time.Hour)), "project", object{"key": "ROAD"})
			is["outside"] = true
			s.issues, outside = append(s.issues, is), append(outside, fmt.Sprint(id))
		}
		seen := map[string]bool{}
		since := time.Now().Add(-7 * time.Minute)
		poll := func(outside []string) {
			s.Helper()
			clear(s.counts)
			q := connectors.Query{Since: since, Outside: outside}
			since = time.Now().Add(-5 * time.Minute)
			page, err := s.conn.Page(s.Context(), q)
			if err != nil || page.Next != "" {
				s.Fatal(page.Next, err)
			}
			for _, tk := range page.Tickets {
				seen[tk.ID.UID] = true
			}
			if got := s.counts["search/jql"] + s.counts["mypermissions"]; len(page.Tickets) == 0 && got != 2 {
				s.Errorf("an idle walk makes the requests %v", s.counts)
			}
			time.Sleep(2 * time.Minute)
		}
		poll(outside)
		for _, id := range []int{0, 600, 1200} {
			set(s.issues[id], "updated", stamp(time.Now()))
		}
		for range 9 { // far beyond the reach of a single walk
			poll(nil)
		}
		want := map[string]bool{"10000": true, "10600": true, "11200": true}
		if diff := cmp.Diff(want, seen); diff != "" {
			s.Errorf("changed ancestors that came (-want +got):\n%s", diff)
		}
	})
}

// A census goes over the border of a page, which holds 5,000 ids.
// All tickets were made at the same instant, so no order by dates tells them
// apart where a page ends. On Data Center pages overlap, so that shifts are noticed.
func TestCensusPages(t *testing.T) {
	for n, want := range map[int]struct{ cloud, server int }{
		999: {1, 1}, 1000: {1, 1}, 1001: {1, 2}, 4999: {1, 6}, 5000: {1, 6}, 5001: {2, 6}, 10_000: {2, 11}, 10_001: {3, 11},
	} {
		server, cfg := startSandbox(t, smallWorld(n))
		for cfg, want := range map[*jira.Config]int{&cfg: want.cloud, new(dataCenter(t, server, cfg)): want.server} {
			conn := newSandboxConnector(t, *cfg)
			server.ResetRequests()
			found := map[string]bool{}
			for token := ""; ; {
				page, err := conn.Count(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				for _, uid := range page.UIDs {
					found[uid] = true
				}
				if token = page.Next; token == "" {
					break
				}
			}
			got := 0
			for endpoint, n := range server.Requests() {
				if strings.HasSuffix(endpoint, " search") {
					got += n
				}
			}
			if got != want || len(found) != n {
				t.Errorf("%s: %d of %d tickets, with %d requests, want %d: %v", cfg.URL, len(found), n, got, want, server.Requests())
			}
		}
	}
}
