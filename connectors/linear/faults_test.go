package linear_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/linear"
	"alignd/sandbox"
	"alignd/ticket"
)

// faulty damages the answers to some requests, and counts open bodies.
type faulty struct {
	*fake
	n      int // requests so far
	hits   func(n int) bool
	damage func(*http.Response, []byte) error
	open   atomic.Int64
}

func (f *faulty) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, req)
	resp := rec.Result()
	resp.Request = req
	f.n++
	if f.hits != nil && f.hits(f.n) {
		body, _ := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if err := f.damage(resp, body); err != nil {
			return nil, err
		}
	}
	f.open.Add(1)
	resp.Body = &counted{resp.Body, f}
	return resp, nil
}

type counted struct {
	io.ReadCloser
	f *faulty
}

func (c *counted) Close() error {
	c.f.open.Add(-1)
	return c.ReadCloser.Close()
}

// says has the answer say something else.
func says(resp *http.Response, body string) {
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// drip gives a byte now and then, and no end.
type drip struct{ done <-chan struct{} }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.done:
		return 0, errors.New("the request was given up")
	case <-time.After(5 * time.Second):
		p[0] = ' '
		return 1, nil
	}
}

func (d drip) Close() error { return nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// troubles are what can be wrong with one answer.
var troubles = map[string]func(*http.Response, []byte) error{
	"500":       func(r *http.Response, _ []byte) error { r.StatusCode = 500; return nil },
	"503":       func(r *http.Response, _ []byte) error { r.StatusCode = 503; return nil },
	"truncated": func(r *http.Response, b []byte) error { says(r, string(b[:len(b)/2])); return nil },
	"nothing":   func(r *http.Response, _ []byte) error { says(r, ""); return nil },
	"null":      func(r *http.Response, _ []byte) error { says(r, "null"); return nil },
	"object":    func(r *http.Response, _ []byte) error { says(r, "{}"); return nil },
	"no data":   func(r *http.Response, _ []byte) error { says(r, `{"data":{}}`); return nil },
	"no lists": func(r *http.Response, b []byte) error {
		var doc struct{ Data map[string]any }
		_ = json.Unmarshal(b, &doc)
		for name := range doc.Data {
			doc.Data[name] = obj{}
		}
		text, _ := json.Marshal(obj{"data": doc.Data})
		says(r, string(text))
		return nil
	},
	"login page": func(r *http.Response, _ []byte) error {
		r.Header.Set("Content-Type", "text/html")
		says(r, "<html>Log in</html>")
		return nil
	},
	"wrong content type": func(r *http.Response, _ []byte) error { r.Header.Set("Content-Type", "text/plain"); return nil },
	"no connection":      func(*http.Response, []byte) error { return errors.New("connection refused") },
	"reset": func(r *http.Response, b []byte) error {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), broken{}))
		return nil
	},
	"slow":                           func(r *http.Response, _ []byte) error { r.Body = drip{r.Request.Context().Done()}; return nil },
	"invalid UTF-8 outside of texts": func(r *http.Response, b []byte) error { says(r, "\xff\xfe"+string(b)); return nil },
	"two documents":                  func(r *http.Response, b []byte) error { says(r, string(b)+string(b)); return nil },
	"partial data": func(r *http.Response, b []byte) error {
		says(r, `{"errors":[{"message":"try later"}],`+string(b[1:]))
		return nil
	},
}

// troubled is a workspace with several pages of issues, one with a long
// history, and a parent in another team.
func troubled(t *testing.T) (*faulty, *linear.Connector) {
	var issues []obj
	for i := range 60 {
		issues = append(issues, newIssue(1+i, obj{"parent": obj{"id": "above", "team": obj{"id": "team-app"}}}))
	}
	var entries []obj
	for i := range 130 {
		entries = append(entries, obj{"createdAt": stamp(at(2, 0).Add(time.Duration(-i) * time.Minute)), "addedLabelIds": []string{"label-bug"}})
	}
	issues[7]["history"] = entries
	issues = append(issues, newIssue(500, obj{"id": "above", "team": obj{"id": "team-app"}}))
	f := company(issues...)
	f.t, f.now = t, func() time.Time { return clock }
	cfg := linear.Config{
		Common: connectors.Common{Name: "acme-linear", RequestsPerSecond: 1e6}, URL: "https://linear.example/graphql",
		Auth: linear.Auth{APIKeyFile: secretFile(t, apiKey)}, Teams: []string{"PLT"},
	}
	w := &faulty{fake: f}
	c, err := linear.New(cfg, connectors.Options{Transport: w})
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

// tryWalk reads everything, or as much as comes before an error.
func tryWalk(t *testing.T, conn connectors.Connector) (map[string]ticket.Ticket, error) {
	got := map[string]ticket.Ticket{}
	for q := (connectors.Query{}); ; {
		page, err := conn.Page(t.Context(), q)
		if err != nil {
			if len(page.Tickets)+len(page.Gone) > 0 || page.Next != "" {
				t.Errorf("a failed page was returned: %+v", page)
			}
			return got, err
		}
		for _, s := range page.Skipped {
			got["skipped "+s.UID] = ticket.Ticket{}
		}
		for _, tk := range page.Tickets {
			got[tk.ID.UID] = tk
		}
		if q.Token = page.Next; q.Token == "" {
			return got, nil
		}
	}
}

// Each request of a walk in turn goes wrong in each way, once or for ever. The
// walk tells the truth or fails with a reason, and the next one, when all is
// well again, tells the truth.
func TestEveryFaultEverywhere(t *testing.T) {
	skipIfShort(t)
	for name, damage := range troubles {
		t.Run(name, func(t *testing.T) {
			var want map[string]ticket.Ticket
			requests := 0
			synctest.Test(t, func(t *testing.T) {
				w, conn := troubled(t)
				var err error
				if want, err = tryWalk(t, conn); err != nil || len(want) < 61 {
					t.Fatalf("%d tickets, error %v", len(want), err)
				}
				requests = w.n
			})
			for at := 1; at <= requests+1; at++ {
				for _, forever := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						w, conn := troubled(t)
						w.damage, w.hits = damage, func(n int) bool { return n == at || forever && n > at }
						got, err := tryWalk(t, conn)
						if err == nil {
							if diff := cmp.Diff(want, got); diff != "" {
								t.Errorf("request %d: no error, but wrong tickets (-want +got):\n%.2000s", at, diff)
							}
						}
						for uid, tk := range got {
							if diff := cmp.Diff(want[uid], tk); diff != "" {
								t.Errorf("request %d: wrong ticket (-want +got):\n%s", at, diff)
							}
						}
						w.hits = nil
						got, err = tryWalk(t, conn)
						if diff := cmp.Diff(want, got); diff != "" || err != nil {
							t.Errorf("request %d: the walk after: %v (-want +got):\n%.2000s", at, err, diff)
						}
						if n := w.open.Load(); n != 0 {
							t.Errorf("request %d: %d bodies are open", at, n)
						}
					})
				}
			}
		})
	}
}

func TestInvalidUTF8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, conn := troubled(t)
		w.hits = func(int) bool { return true }
		w.damage = func(r *http.Response, b []byte) error {
			says(r, strings.ReplaceAll(string(b), `"Issue 1"`, "\"T\xc3\x28\xff\""))
			return nil
		}
		got, err := tryWalk(t, conn)
		if tk := got[uid("issue", 1)]; err != nil || tk.Title != "T\ufffd(\ufffd" {
			t.Errorf("title %q, error %v", tk.Title, err)
		}
	})
}

// Thousands of polls that fail leave nothing behind.
func TestFaultyPollsLeaveNothing(t *testing.T) {
	skipIfShort(t)
	names := slices.Sorted(maps.Keys(troubles))
	synctest.Test(t, func(t *testing.T) {
		f := company(newIssue(1, nil))
		f.t, f.now = t, func() time.Time { return clock }
		w := &faulty{fake: f}
		cfg := linear.Config{URL: "https://linear.example/graphql", Auth: linear.Auth{APIKeyFile: secretFile(t, apiKey)}}
		cfg.RequestsPerSecond = 1e6
		conn, err := linear.New(cfg, connectors.Options{Transport: w})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10_000 {
			w.damage, w.n = troubles[names[i%len(names)]], 0
			w.hits = func(n int) bool { return n > i%3 }
			_, _ = tryWalk(t, conn)
			f.requests = nil
		}
		if n := w.open.Load(); n != 0 {
			t.Errorf("%d bodies are open", n)
		}
	})
}

// The same with sockets: neither files nor goroutines grow.
func TestFaultyPollsLeaveNoSockets(t *testing.T) {
	polls := 10_000
	if testing.Short() {
		polls = 200
	}
	world := sandbox.NewWorld(nil)
	world.Linear.AddTeam("PLT", "Platform", "UTC")
	for range 60 {
		world.Linear.CreateIssue(time.Now().Add(-time.Hour), sandbox.NewLinearIssue{Team: "PLT", Title: "x"})
	}
	server, err := sandbox.Start(world, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	before := goleak.IgnoreCurrent()
	transport := &http.Transport{}
	cfg := linear.Config{URL: server.LinearURL, Auth: linear.Auth{APIKeyFile: secretFile(t, sandbox.LinearAPIKey)}}
	cfg.RequestsPerSecond = 1e6
	conn, err := linear.New(cfg, connectors.Options{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for i := range polls {
		kind := []sandbox.Kind{sandbox.Truncate, sandbox.LoginPage, sandbox.ServerError, sandbox.Unauthorized, sandbox.Redirect}[i%5]
		server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: kind, After: i % 3}}})
		_, _ = tryWalk(t, conn)
		if i == 20 {
			files = connectortest.OpenFiles(t)
		}
	}
	connectortest.AwaitFiles(t, files+5)
	server.SetFaults(sandbox.Faults{})
	if got, err := tryWalk(t, conn); err != nil || len(got) != 60 {
		t.Errorf("%d tickets, error %v", len(got), err)
	}
	transport.CloseIdleConnections()
	_ = server.Close()
	goleak.VerifyNone(t, before)
}

// What comes of a null in each place of an answer stands in a golden file: the
// answer or the issue is refused, or the null changes only the facts it is
// about.
func TestNulls(t *testing.T) {
	skipIfShort(t)
	catalogs := read(t, "testdata/catalogs.json")
	for _, name := range []string{"issues-facts", "issues-history"} {
		t.Run(name, func(t *testing.T) {
			doc := read(t, "testdata/"+name+".json")
			was, err := linear.ConvertPage(catalogs, doc)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			nulled(t, doc, func(path string, text []byte) {
				page, err := linear.ConvertPage(catalogs, text)
				switch is := changedTickets(was, page); {
				case err != nil:
					fmt.Fprintf(&out, "%s: refused: %v\n", path, err)
				case len(is) > 0:
					fmt.Fprintf(&out, "%s: %s\n", path, strings.Join(is, ", "))
				}
			})
			file := "testdata/nulls-" + name + ".golden"
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, file)), out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// nulled calls fn with the document, each time with another value in it null.
func nulled(t *testing.T, doc []byte, fn func(path string, doc []byte)) {
	t.Helper()
	var root any
	if err := json.Unmarshal(doc, &root); err != nil {
		t.Fatal(err)
	}
	var visit func(path string, v any)
	try := func(path string, put func(any), old any) {
		put(nil)
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		fn(path, text)
		put(old)
		visit(path, old)
	}
	visit = func(path string, v any) {
		switch v := v.(type) {
		case obj:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				try(path+"."+key, func(x any) { v[key] = x }, v[key])
			}
		case []any:
			for i, old := range v {
				try(fmt.Sprintf("%s[%d]", path, i), func(x any) { v[i] = x }, old)
			}
		}
	}
	visit("", root)
}

// changedTickets names what differs between two readings.
func changedTickets(a, b connectors.Page) []string {
	index := func(p connectors.Page) map[string]map[string]any {
		all := map[string]map[string]any{}
		for _, tk := range p.Tickets {
			text, _ := json.Marshal(tk)
			facts := map[string]any{}
			_ = json.Unmarshal(text, &facts)
			all[tk.ID.UID] = facts
		}
		return all
	}
	var is []string
	was, now := index(a), index(b)
	for _, uid := range slices.Sorted(maps.Keys(was)) {
		if now[uid] == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(was[uid])) {
			if !cmp.Equal(was[uid][name], now[uid][name]) {
				is = append(is, uid+" "+name)
			}
		}
	}
	for _, s := range b.Skipped[min(len(a.Skipped), len(b.Skipped)):] {
		is = append(is, fmt.Sprintf("skipped %q: %v", s.UID, s.Err))
	}
	if gone := len(b.Gone) - len(a.Gone); gone != 0 {
		is = append(is, fmt.Sprintf("%+d gone", gone))
	}
	return is
}
