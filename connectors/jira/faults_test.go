package jira_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
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
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// faulty damages the answers to some requests, and counts open bodies.
type faulty struct {
	*wire
	n      int // requests so far
	hits   func(n int) bool
	damage func(*http.Response, []byte) error
	open   atomic.Int64
}

func (f *faulty) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.wire.RoundTrip(req)
	if err != nil {
		return nil, err
	}
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
type drip struct{ ctx <-chan struct{} }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.ctx:
		return 0, errors.New("the request was given up")
	case <-time.After(5 * time.Second):
		p[0] = ' '
		return 1, nil
	}
}

func (d drip) Close() error { return nil }

// troubles are what can be wrong with one answer.
var troubles = map[string]func(*http.Response, []byte) error{
	"400": func(r *http.Response, _ []byte) error { // as for an expired page token
		r.StatusCode = 400
		says(r, `{"errorMessages":["The provided next page token is invalid or expired."],"errors":{}}`)
		return nil
	},
	"500":       func(r *http.Response, _ []byte) error { r.StatusCode = 500; return nil },
	"503":       func(r *http.Response, _ []byte) error { r.StatusCode = 503; return nil },
	"truncated": func(r *http.Response, b []byte) error { says(r, string(b[:len(b)/2])); return nil },
	"nothing":   func(r *http.Response, _ []byte) error { says(r, ""); return nil },
	"null":      func(r *http.Response, _ []byte) error { says(r, "null"); return nil },
	"object":    func(r *http.Response, _ []byte) error { says(r, "{}"); return nil },
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
	"slow": func(r *http.Response, _ []byte) error { r.Body = drip{r.Request.Context().Done()}; return nil },
	"invalid UTF-8 outside of texts": func(r *http.Response, b []byte) error {
		says(r, "\xff\xfe"+string(b))
		return nil
	},
	"two documents": func(r *http.Response, b []byte) error { says(r, string(b)+string(b)); return nil },
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// troubled is a site with three pages, ancestors and histories.
func troubled(t *testing.T, deployment jira.Deployment) (*faulty, *jira.Connector) {
	f := newFake(time.Now)
	f.pageSize = 3
	for i := range 8 {
		f.issues = append(f.issues, set(newIssue(1+i, time.Now().Add(-time.Hour)), "parent", object{"id": "50", "key": "ROAD-50"}))
		f.logs[fmt.Sprint(1+i)] = []object{history(1+i, time.Now().Add(-2*time.Hour), object{
			"field": "status", "fieldId": "status", "from": "1", "fromString": "Backlog", "to": "3", "toString": "In Progress",
		})}
	}
	above := set(newIssue(50, time.Now().Add(-time.Hour)), "project", object{"key": "ROAD"})
	above["outside"] = true
	f.issues = append(f.issues, above)
	w := &faulty{wire: &wire{Handler: f}}
	cfg := config("https://jira.example")
	cfg.Deployment = deployment
	return w, newConnector(t, cfg, connectors.Options{Transport: w})
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
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		for name, damage := range troubles {
			t.Run(string(deployment)+" "+name, func(t *testing.T) {
				var want map[string]ticket.Ticket
				requests := 0
				synctest.Test(t, func(t *testing.T) {
					w, conn := troubled(t, deployment)
					var err error
					want, err = tryWalk(t, conn)
					if _, above := want["50"]; err != nil || len(want) < 8 || above != (deployment == jira.Cloud) {
						t.Fatalf("%d tickets, error %v", len(want), err)
					}
					requests = w.n
				})
				for at := 1; at <= requests+2; at++ {
					for _, forever := range []bool{false, true} {
						synctest.Test(t, func(t *testing.T) {
							w, conn := troubled(t, deployment)
							w.damage, w.hits = damage, func(n int) bool { return n == at || forever && n > at }
							got, err := tryWalk(t, conn)
							switch {
							case err == nil:
								if diff := cmp.Diff(want, got); diff != "" {
									t.Errorf("request %d: no error, but wrong tickets (-want +got):\n%s", at, diff)
								}
							case err.Error() == "" || strings.Contains(err.Error(), "panic"):
								t.Errorf("request %d: error %q", at, err)
							}
							for uid, tk := range got {
								if diff := cmp.Diff(want[uid], tk); diff != "" {
									t.Errorf("request %d: wrong ticket (-want +got):\n%s", at, diff)
								}
							}
							w.hits = nil
							got, err = tryWalk(t, conn)
							if diff := cmp.Diff(want, got); diff != "" || err != nil {
								t.Errorf("request %d: the walk after: %v (-want +got):\n%s", at, err, diff)
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
}

// Texts may hold anything: what is no UTF-8 is replaced, and costs nothing.
func TestInvalidUTF8(t *testing.T) {
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		synctest.Test(t, func(t *testing.T) {
			w, conn := troubled(t, deployment)
			w.hits = func(int) bool { return true }
			w.damage = func(r *http.Response, b []byte) error {
				says(r, strings.ReplaceAll(string(b), "Ticket", "T\xc3\x28\xff"))
				return nil
			}
			got, err := tryWalk(t, conn)
			if err != nil || !strings.HasPrefix(got["1"].Title, "T\ufffd(\ufffd") {
				t.Errorf("title %q, error %v", got["1"].Title, err)
			}
		})
	}
}

// Thousands of polls that fail leave nothing behind.
func TestFaultyPollsLeaveNothing(t *testing.T) {
	skipIfShort(t)
	names := slices.Sorted(maps.Keys(troubles))
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		synctest.Test(t, func(t *testing.T) {
			w, conn := troubled(t, deployment)
			f := w.Handler.(*fakeJira)
			f.issues, f.pageSize = []object{f.issues[0], f.issues[8]}, 1
			for i := range 10_000 {
				w.damage = troubles[names[i%len(names)]]
				w.n = 0
				w.hits = func(n int) bool { return n > i%5 }
				_, _ = tryWalk(t, conn)
			}
			if n := w.open.Load(); n != 0 {
				t.Errorf("%d bodies are open", n)
			}
		})
	}
}

// The same with sockets: neither files nor goroutines grow.
func TestFaultyPollsLeaveNoSockets(t *testing.T) {
	polls := 5_000 // on each deployment
	if testing.Short() {
		polls = 200
	}
	world := smallWorld(30)
	server, cfg := startSandbox(t, world)
	before := goleak.IgnoreCurrent()
	transport := &http.Transport{}
	for _, cfg := range []jira.Config{cfg, dataCenter(t, server, cfg)} {
		conn, err := jira.New(cfg, connectors.Options{Transport: held(t, transport)})
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
		if got, err := tryWalk(t, conn); err != nil || len(got) != 30 {
			t.Errorf("%d tickets, error %v", len(got), err)
		}
	}
	transport.CloseIdleConnections()
	_ = server.Close()
	goleak.VerifyNone(t, before)
}

// A ticket of ten megabytes, and pages that are too large: less is asked for
// at once, and nothing is lost.
func TestHugeTickets(t *testing.T) {
	skipIfShort(t)
	huge := strings.Repeat("x", 10<<20)
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(time.Now)
			for i := range 20 {
				f.issues = append(f.issues, newIssue(1+i, time.Now()))
				if i < 8 {
					set(f.issues[i], "priority", object{"name": "Low", "description": "HUGE"})
				}
				text := []string{"", "HUGE"}[i%2]
				f.logs[fmt.Sprint(1+i)] = []object{history(1+i, time.Now(), object{"field": "description", "fieldId": "description", "toString": text})}
			}
			cfg := config("https://jira.example")
			cfg.Deployment = deployment
			w := &faulty{wire: &wire{Handler: f}, hits: func(int) bool { return true }}
			w.damage = func(r *http.Response, b []byte) error {
				says(r, strings.ReplaceAll(string(b), "HUGE", huge))
				return nil
			}
			got, err := tryWalk(t, newConnector(t, cfg, connectors.Options{Transport: w}))
			if len(got) != 20 || err != nil {
				t.Errorf("%d tickets, error %.300v", len(got), err)
			}
			if diff := cmp.Diff("Low", got["1"].Priority); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// nulled calls fn with the document, each time with another value in it null.
func nulled(t *testing.T, doc []byte, fn func(path string, doc json.RawMessage)) {
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
		case object:
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

// What comes of a null in each place of a ticket stands in a golden file: it
// is refused, or changes only the facts it is about.
func TestNulls(t *testing.T) {
	for _, name := range []string{"plain", "history", "datacenter_story", "datacenter_epic"} {
		t.Run(name, func(t *testing.T) {
			doc := readDocument(t, "testdata/"+name+".json")
			convert, err := jira.Converter(doc.config(), doc.Config.Keys, doc.Fields, doc.Statuses)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := json.Marshal(object{"issue": doc.Issue, "histories": doc.Histories})
			if err != nil {
				t.Fatal(err)
			}
			was, err := convert(doc.Issue, doc.Histories)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			nulled(t, whole, func(path string, text json.RawMessage) {
				var parts struct {
					Issue     json.RawMessage
					Histories []json.RawMessage
				}
				if err := json.Unmarshal(text, &parts); err != nil {
					t.Fatal(err)
				}
				tk, err := convert(parts.Issue, parts.Histories)
				switch is := changedFacts(was, tk); {
				case err != nil:
					fmt.Fprintf(&out, "%s: refused: %v\n", path, err)
				case len(is) > 0:
					checkWhole(t, tk)
					fmt.Fprintf(&out, "%s: %s\n", path, strings.Join(is, ", "))
				}
			})
			file := "testdata/nulls_" + name + ".golden"
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// changedFacts names the facts in which two tickets differ.
func changedFacts(a, b ticket.Ticket) []string {
	var names []string
	var facts [2]map[string]any
	for i, tk := range []ticket.Ticket{a, b} {
		text, _ := json.Marshal(tk)
		_ = json.Unmarshal(text, &facts[i])
	}
	for _, name := range slices.Sorted(maps.Keys(facts[0])) {
		if !cmp.Equal(facts[0][name], facts[1][name]) {
			names = append(names, name)
		}
	}
	return names
}

// A null in each place of an envelope is an error, or says nothing new.
func TestNullsAroundTickets(t *testing.T) {
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		for at, more := 1, true; more; at++ {
			more = false
			for _, key := range []string{"issues", "issueErrors", "nextPageToken", "isLast", "startAt", "maxResults", "total", "issueChangeLogs"} {
				synctest.Test(t, func(t *testing.T) {
					_, conn := troubled(t, deployment)
					want, err := tryWalk(t, conn)
					if err != nil {
						t.Fatal(err)
					}
					w, conn := troubled(t, deployment)
					w.hits = func(n int) bool { return n == at }
					w.damage = func(r *http.Response, b []byte) error {
						more = true
						var doc object
						if json.Unmarshal(b, &doc) == nil && doc[key] != nil {
							doc[key] = nil
							text, _ := json.Marshal(doc)
							says(r, string(text))
						}
						return nil
					}
					got, err := tryWalk(t, conn)
					if diff := cmp.Diff(want, got); diff != "" && err == nil {
						t.Errorf("%s, request %d: %s is null, and the tickets are wrong (-want +got):\n%s", deployment, at, key, diff)
					}
				})
			}
		}
	}
}
