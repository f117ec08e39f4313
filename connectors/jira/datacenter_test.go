package jira_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// dataCenter returns the configuration for the same site as Data Center, which
// it has to find out.
func dataCenter(t *testing.T, server *sandbox.Server, cfg jira.Config) jira.Config {
	t.Helper()
	t.Setenv("JIRA_PAT", sandbox.DataCenterToken)
	cfg.URL, cfg.Deployment = server.DataCenterURL, ""
	cfg.Auth = jira.Auth{BearerEnv: "JIRA_PAT"}
	return cfg
}

// One company, read through both deployments, gives the same tickets, whatever
// the habits of the server.
func TestDataCenterLikeCloud(t *testing.T) {
	skipIfShort(t)
	company := sandbox.NewCompany(1, time.Now())
	server, cfg := startSandbox(t, company.World)
	want := walkSandbox(t, cfg, time.Time{})
	cfg = dataCenter(t, server, cfg)
	for name, faults := range map[string]sandbox.JiraFaults{
		"plain":           {},
		"small pages":     {MaxResults: 7},
		"smallest pages":  {MaxResults: 2},
		"strict queries":  {StrictQueries: true},
		"null parent":     {NullParent: true},
		"no nulls":        {NoNulls: true},
		"shuffled":        {Shuffle: true},
		"too many at all": {MaxResults: 5000},
	} {
		t.Run(name, func(t *testing.T) {
			server.SetFaults(sandbox.Faults{Jira: faults, Gzip: true})
			if diff := cmp.Diff(want, walkSandbox(t, cfg, time.Time{})); diff != "" {
				t.Errorf("tickets (-cloud +data center):\n%.3000s", diff)
			}
		})
	}
	text, _ := json.Marshal(want)
	for _, person := range sandbox.Persons() {
		if bytes.Contains(text, []byte(person)) {
			t.Errorf("tickets hold %q", person)
		}
	}
	if n := server.Requests()["datacenter unknown"]; n > 0 {
		t.Errorf("%d requests for what does not exist there", n)
	}
}

func TestDataCenterPassword(t *testing.T) {
	world := smallWorld(3)
	server, cfg := startSandbox(t, world)
	cfg = dataCenter(t, server, cfg)
	t.Setenv("JIRA_PASSWORD", sandbox.DataCenterPassword)
	cfg.Auth = jira.Auth{Username: sandbox.DataCenterUser, PasswordEnv: "JIRA_PASSWORD"}
	if got := walkSandbox(t, cfg, time.Time{}); len(got) != 3 {
		t.Errorf("%d tickets, want 3", len(got))
	}
}

// The deployment is asked for once, and costs nothing where it is configured.
func TestDetection(t *testing.T) {
	for name, tc := range map[string]struct {
		info, want string
	}{
		"cloud":      {`{"deploymentType":"Cloud","version":"1001.0.0"}`, "/rest/api/3/field"},
		"server":     {`{"deploymentType":"Server","version":"8.20.1"}`, "/rest/api/2/field"},
		"new name":   {`{"deploymentType":"DataCenter","version":"11.0.0"}`, "/rest/api/2/field"},
		"older":      {`{"version":"7.1.0"}`, "/rest/api/2/field"},
		"not Jira":   {`{"hello":"world"}`, ""},
		"not at all": {`[]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
					w.Header().Set("Content-Type", "application/json")
					switch {
					case strings.HasSuffix(r.URL.Path, "serverInfo"):
						_, _ = io.WriteString(w, tc.info)
					case strings.Contains(r.URL.Path, "search"):
						_, _ = io.WriteString(w, `{"issues":[],"startAt":0,"maxResults":100,"total":0}`)
					case strings.HasSuffix(r.URL.Path, "mypermissions"):
						_, _ = io.WriteString(w, `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true}}}`)
					default:
						_, _ = io.WriteString(w, `[]`)
					}
				})}
				cfg := config("https://jira.example/jira")
				cfg.Deployment = ""
				conn := newConnector(t, cfg, connectors.Options{Transport: w})
				for range 2 {
					if _, err := conn.Page(t.Context(), connectors.Query{}); (err == nil) != (tc.want != "") {
						t.Fatalf("error is %v", err)
					}
				}
				asked := strings.Join(w.paths, " ")
				if tc.want != "" && (strings.Count(asked, "serverInfo") != 1 || !strings.Contains(asked, "/jira"+tc.want)) {
					t.Errorf("asked for %s", asked)
				}
			})
		})
	}
}

// A Data Center that is called a Cloud site has none of its paths. Where it was
// not called one, the setting is not blamed.
func TestWrongDeployment(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*jira.Config)
		blame bool
	}{
		"called Cloud":     {func(cfg *jira.Config) { cfg.Deployment = jira.Cloud }, true},
		"found to be":      {func(cfg *jira.Config) { cfg.Deployment = "" }, false},
		"behind a gateway": {func(cfg *jira.Config) { cfg.CloudID, cfg.GatewayURL = "1-2", cfg.URL }, false},
		"Data Center":      {func(cfg *jira.Config) { cfg.Deployment = jira.DataCenter }, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config("https://jira.example")
			tc.edit(&cfg)
			w := &wire{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "serverInfo") {
					reply(w, http.StatusOK, object{"deploymentType": "Cloud", "version": "1001.0.0"})
					return
				}
				reply(w, http.StatusNotFound, object{"errorMessages": []string{"dead link"}})
			})}
			_, err := newConnector(t, cfg, connectors.Options{Transport: w}).Page(t.Context(), connectors.Query{})
			status, ok := errors.AsType[*connectors.StatusError](err)
			if !ok || status.Status != http.StatusNotFound {
				t.Fatalf("error is %v", err)
			}
			if got := strings.Contains(err.Error(), "deployment: cloud is configured"); got != tc.blame {
				t.Errorf("error is %v, want it to name the setting: %t", err, tc.blame)
			}
		})
	}
}

// smallWorld has n tickets in PAY, all of the same instant.
func smallWorld(n int) *sandbox.World {
	world := sandbox.NewWorld(nil)
	at := time.Now().Add(-1000 * time.Hour)
	for _, key := range []string{"PAY", "AAA", "ZZZ"} {
		world.Jira.AddProject(sandbox.NewProject{Key: key, Name: key})
	}
	for range n {
		world.Jira.CreateIssue(at, sandbox.NewIssue{Project: "PAY", Title: "x"})
	}
	return world
}

// While the pages are read, tickets are deleted, moved away, made and touched.
// Nobody else may be missed, on either deployment.
func TestPagesShift(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
				r := rand.New(rand.NewPCG(seed, 1))
				world := smallWorld(150 + r.IntN(200))
				keys := world.Jira.Keys()
				r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
				gone := map[string]bool{}
				var mu sync.Mutex
				meddle := func(x sandbox.Exchange) {
					mu.Lock()
					defer mu.Unlock()
					if x.Endpoint != "search" || len(keys) < 60 {
						return
					}
					for range r.IntN(30) {
						key := keys[0]
						keys = keys[1:]
						gone[world.Jira.ID(key)] = true
						switch r.IntN(4) {
						case 0:
							world.Jira.Delete(key)
						case 1:
							world.Jira.Move(time.Now(), key, []string{"AAA", "ZZZ"}[r.IntN(2)])
						case 2:
							world.Jira.Touch(time.Now(), key)
						default:
							world.Jira.CreateIssue(time.Now(), sandbox.NewIssue{Project: "PAY", Title: "new"})
						}
					}
				}
				server, err := sandbox.Start(world, sandbox.Options{Record: meddle})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = server.Close() })
				server.SetFaults(sandbox.Faults{Jira: sandbox.JiraFaults{MaxResults: 10 + r.IntN(30), ShortPages: true}})
				cfg := config(server.JiraURL)
				cfg.Auth.Email = sandbox.JiraEmail
				t.Setenv("JIRA_TOKEN", sandbox.JiraToken)
				if deployment == jira.DataCenter {
					cfg = dataCenter(t, server, cfg)
				}
				all := map[string]bool{}
				for _, key := range world.Jira.Keys() {
					all[world.Jira.ID(key)] = true
				}
				got := walkSandbox(t, cfg, time.Time{})
				for id := range all {
					if _, ok := got[id]; !ok && !gone[id] {
						t.Errorf("%s: ticket %s was missed", deployment, id)
					}
				}
			}
		})
	}
}

// scripted answers searches one after the other; the last one again and again.
func scripted(answers ...string) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "mypermissions"):
			_, _ = io.WriteString(w, `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true}}}`)
		case !strings.HasSuffix(r.URL.Path, "/search"):
			_, _ = io.WriteString(w, "[]")
		default:
			_, _ = io.WriteString(w, answers[min(n, len(answers)-1)])
			n++
		}
	})
}

func TestOddOffsets(t *testing.T) {
	row := func(id int) string {
		doc := bare([]object{newIssue(id, time.Now())})[0]
		doc["changelog"] = object{"histories": []object{}}
		text, _ := json.Marshal(doc)
		return string(text)
	}
	rows := func(start, size, total int, ids ...int) string {
		var list []string
		for _, id := range ids {
			list = append(list, row(id))
		}
		return fmt.Sprintf(`{"startAt":%d,"maxResults":%d,"total":%d,"issues":[%s]}`, start, size, total, strings.Join(list, ","))
	}
	for name, tc := range map[string]struct {
		answers []string
		want    string // the error, or the ids
	}{
		"one page":              {[]string{rows(0, 100, 2, 1, 2)}, "1 2"},
		"lowered":               {[]string{rows(0, 2, 3, 1, 2), rows(1, 2, 3, 2, 3)}, "1 2 3"},
		"short page":            {[]string{rows(0, 4, 3, 1), rows(0, 4, 3, 1, 2, 3)}, "1 2 3"},
		"last page moved up":    {[]string{rows(0, 4, 6, 1, 2, 3, 4), rows(2, 4, 4, 5, 6), rows(0, 4, 4, 3, 4, 5, 6)}, "1 2 3 4 5 6"},
		"rest vanished":         {[]string{rows(0, 4, 9, 1, 2, 3, 4), rows(2, 4, 2), rows(0, 4, 2, 1, 2)}, "1 2 3 4"},
		"total grows":           {[]string{rows(0, 2, 2, 1, 2)}, "1 2"},
		"empty":                 {[]string{rows(0, 100, 0)}, ""},
		"maxResults 0":          {[]string{rows(0, 0, 7)}, "gives none"},
		"maxResults 0, nothing": {[]string{rows(0, 0, 0)}, ""},
		"maxResults 1":          {[]string{rows(0, 1, 7, 1)}, "gives none"},
		"no total":              {[]string{`{"startAt":0,"maxResults":100,"issues":[]}`}, "no total"},
		"null total":            {[]string{`{"startAt":0,"maxResults":100,"total":null,"issues":[]}`}, "no total"},
		"startAt not heeded":    {[]string{rows(0, 2, 9, 1, 2)}, "row 0 instead of 1"},
		"no end":                {[]string{rows(0, 4, 9, 1, 2, 3, 4), rows(2, 4, 9, 3), rows(0, 4, 9, 1), rows(0, 4, 9, 1)}, "fewer tickets"},
		"no maxResults":         {[]string{`{"startAt":0,"total":1,"issues":[` + row(1) + `]}`}, "1"},
		"a ticket without id":   {[]string{`{"startAt":0,"maxResults":9,"total":1,"issues":[{"key":"PAY-1"}]}`}, "without id"},
		"ticket is no object":   {[]string{`{"startAt":0,"maxResults":9,"total":1,"issues":[7]}`}, "shape"},
		"old dialect":           {[]string{`{"issues":[],"isLast":true}`}, "no total"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config("https://jira.example")
				cfg.Deployment = jira.DataCenter
				conn := newConnector(t, cfg, connectors.Options{Transport: &wire{Handler: scripted(tc.answers...)}})
				page, err := conn.Page(t.Context(), connectors.Query{})
				got := strings.Join(uids(page.Tickets), " ")
				if err != nil {
					got = err.Error()
				}
				if page.Next != "" || got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
					t.Errorf("%q, next %q, want %q", got, page.Next, tc.want)
				}
			})
		})
	}
}

// Levels and parents of Data Center come from links alone.
func TestLevels(t *testing.T) {
	world := smallWorld(0)
	world.Jira.AddProject(sandbox.NewProject{Key: "TOP", Name: "TOP"})
	at := time.Now().Add(-1000 * time.Hour)
	make := func(project, kind, parent string) string {
		return world.Jira.CreateIssue(at, sandbox.NewIssue{Project: project, Type: kind, Title: kind, Parent: parent})
	}
	lone := make("PAY", "Initiative", "") // has no child: only its type tells
	top := make("TOP", "Initiative", "")
	epic := make("PAY", "Epic", top)
	story := make("PAY", "Story", epic)
	make("PAY", "Sub-task", story)
	hidden := make("TOP", "Epic", "")
	orphan := make("PAY", "Story", hidden)
	world.Jira.Hide(hidden, true)
	moved := make("PAY", "Epic", "")
	child := make("PAY", "Story", moved)
	moved = world.Jira.Move(at.Add(time.Hour), moved, "ZZZ")

	server, cfg := startSandbox(t, world)
	cfg.Projects = []string{"PAY"}
	cfg = dataCenter(t, server, cfg)
	got := walkSandbox(t, cfg, time.Time{})
	type place struct {
		container bool
		parent    string
	}
	want := map[string]place{
		lone: {true, ""}, top: {true, ""}, epic: {true, world.Jira.ID(top)}, story: {false, world.Jira.ID(epic)},
		"PAY-4": {false, world.Jira.ID(story)}, orphan: {false, ""}, moved: {true, ""}, child: {false, world.Jira.ID(moved)},
	}
	places := map[string]place{}
	for _, tk := range got {
		places[tk.Key] = place{tk.Container, tk.Parent}
	}
	if diff := cmp.Diff(want, places, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// A type that becomes one of containers while the program runs.
func TestNewLevel(t *testing.T) {
	world := smallWorld(0)
	at := time.Now().Add(-1000 * time.Hour)
	top := world.Jira.CreateIssue(at, sandbox.NewIssue{Project: "PAY", Type: "Initiative", Title: "t"})
	epic := world.Jira.CreateIssue(at, sandbox.NewIssue{Project: "PAY", Type: "Epic", Title: "e"})
	server, cfg := startSandbox(t, world)
	cfg.Projects = []string{"PAY"}
	conn := newSandboxConnector(t, dataCenter(t, server, cfg))
	if tk := walkWith(t, conn, time.Time{})[world.Jira.ID(top)]; tk.Container {
		t.Error("nothing said that it is a container")
	}
	world.Jira.SetParent(time.Now(), epic, top)
	got := walkWith(t, conn, time.Now().Add(-time.Minute))
	if tk := got[world.Jira.ID(top)]; !tk.Container {
		t.Errorf("it is known to be a container by now: %+v", tk)
	}
	if tk := got[world.Jira.ID(epic)]; tk.Parent != world.Jira.ID(top) {
		t.Errorf("the parent is %q", tk.Parent)
	}
}

// A token bucket that says "0" and a page of HTML.
func TestDataCenterThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Now)
		f.issues = append(f.issues, newIssue(1, time.Now()))
		refusals := 2
		w := &wire{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/search") && refusals > 0 {
				refusals--
				for name, value := range map[string]string{
					"Retry-After": "0", "X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0",
					"X-RateLimit-Interval-Seconds": "1", "X-RateLimit-FillRate": "5", "Content-Type": "text/html;charset=utf-8",
				} {
					w.Header().Set(name, value)
				}
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, "<!doctype html><title>HTTP Status 429</title>")
				return
			}
			f.ServeHTTP(w, r)
		})}
		cfg := config("https://jira.example")
		cfg.Deployment = jira.DataCenter
		seen := &limits{}
		conn := newConnector(t, cfg, connectors.Options{Transport: w, Observer: seen})
		start := time.Now()
		page, err := conn.Page(t.Context(), connectors.Query{})
		if err != nil || len(page.Tickets) != 1 {
			t.Errorf("%d tickets, error %v", len(page.Tickets), err)
		}
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("it took %v: the refusals were not waited for", took)
		}
		if len(seen.seen) == 0 || !strings.HasPrefix(seen.seen[0], "story requests 5 0") {
			t.Errorf("limits %q", seen.seen)
		}
	})
}

func newSandboxConnector(t *testing.T, cfg jira.Config) *jira.Connector {
	t.Helper()
	conn, err := jira.New(cfg, connectors.Options{Transport: held(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func walkWith(t *testing.T, conn *jira.Connector, since time.Time) map[string]ticket.Ticket {
	t.Helper()
	got := map[string]ticket.Ticket{}
	for q := (connectors.Query{Since: since}); ; {
		page, err := conn.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, tk := range page.Tickets {
			got[tk.ID.UID] = tk
		}
		if q.Token = page.Next; q.Token == "" {
			return got
		}
	}
}

func TestDataCenterRequests(t *testing.T) {
	inSite(t, func(cfg *jira.Config) { cfg.Deployment = jira.DataCenter }, func(s *site) {
		for i := range 1000 {
			s.issues = append(s.issues, newIssue(1+i, time.Now().Add(-time.Hour)))
		}
		if tickets, _ := s.walk(time.Time{}); len(tickets) != 1000 {
			t.Errorf("%d tickets, want 1000", len(tickets))
		}
		s.wantCounts(map[string]int{"field": 1, "status": 1, "mypermissions": 1, "search": 11})
		s.walk(time.Now().Add(-7 * time.Minute))
		s.wantCounts(map[string]int{"search": 1, "mypermissions": 1})
		for i := range 80 {
			set(s.issues[i], "updated", stamp(time.Now()))
		}
		if tickets, _ := s.walk(time.Now().Add(-7 * time.Minute)); len(tickets) != 80 {
			t.Errorf("%d tickets, want 80", len(tickets))
		}
		s.wantCounts(map[string]int{"search": 1})
	})
}

// A census counts the same ids, and a look finds the same tickets.
func TestDataCenterCensus(t *testing.T) {
	world := smallWorld(60)
	server, cfg := startSandbox(t, world)
	cfg.Projects = []string{"PAY"}
	keys := world.Jira.Keys()
	var ids []string
	for _, key := range keys {
		ids = append(ids, world.Jira.ID(key))
	}
	world.Jira.Delete(keys[0])
	world.Jira.Hide(keys[1], true)
	world.Jira.Move(time.Now(), keys[2], "ZZZ")
	read := func(cfg jira.Config) (counted map[string]bool, looked map[string]ticket.Ticket) {
		conn := newSandboxConnector(t, cfg)
		counted, looked = map[string]bool{}, map[string]ticket.Ticket{}
		for token := ""; ; {
			page, err := conn.Count(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range page.UIDs {
				counted[id] = true
			}
			if token = page.Next; token == "" {
				break
			}
		}
		page, err := conn.Look(t.Context(), ids, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, tk := range page.Tickets {
			looked[tk.ID.UID] = tk
		}
		return counted, looked
	}
	for name, faults := range map[string]sandbox.JiraFaults{"plain": {}, "strict, in small pages": {StrictQueries: true, MaxResults: 7}} {
		t.Run(name, func(t *testing.T) {
			server.SetFaults(sandbox.Faults{Jira: faults})
			counted, looked := read(cfg)
			if len(counted) != 57 || len(looked) != 58 {
				t.Errorf("%d counted, %d looked at, want 57 and 58", len(counted), len(looked))
			}
			onServer, lookedOnServer := read(dataCenter(t, server, cfg))
			if diff := cmp.Diff(counted, onServer); diff != "" {
				t.Errorf("counted (-cloud +data center):\n%s", diff)
			}
			if diff := cmp.Diff(looked, lookedOnServer); diff != "" {
				t.Errorf("looked at (-cloud +data center):\n%s", diff)
			}
		})
	}
}
