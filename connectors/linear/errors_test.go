package linear_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/linear"
)

func TestErrors(t *testing.T) {
	const authentication = `{"errors":[{"message":"Authentication required, not authenticated","extensions":{"type":"authentication error","code":"AUTHENTICATION_ERROR","userPresentableMessage":"You need to authenticate to access this operation."}}]}`
	tests := []struct {
		name   string
		status int
		body   string
		want   string // in the error
		code   int    // of the StatusError, 0 for none
		kind   *linear.Error
	}{
		{
			name: "bad credentials", status: 401, body: authentication, want: "need to authenticate", code: 401,
			kind: &linear.Error{Type: "authentication error", Code: "AUTHENTICATION_ERROR", Message: "You need to authenticate to access this operation."},
		},
		{name: "bad credentials with another status", status: 400, body: authentication, want: "HTTP 401", code: 401},
		{name: "bad credentials with success", status: 200, body: authentication, want: "HTTP 401", code: 401},
		{
			name: "too complex", status: 400, code: 400, want: "Query too complex (INPUT_ERROR)",
			body: `{"errors":[{"message":"Query too complex","extensions":{"type":"invalid input","code":"INPUT_ERROR"}}]}`,
			kind: &linear.Error{Type: "invalid input", Code: "INPUT_ERROR", Message: "Query too complex"},
		},
		{
			name: "partial data", status: 200, want: "no such team at issues.nodes.3.team",
			body: `{"data":{"teams":{"nodes":[],"pageInfo":{"hasNextPage":false}}},"errors":[{"message":"no such team","path":["issues","nodes",3,"team"]}]}`,
			kind: &linear.Error{Message: "no such team", Path: "issues.nodes.3.team"},
		},
		{name: "null data", status: 200, body: `{"data":null}`, want: "neither data nor errors"},
		{name: "no data", status: 200, body: `{}`, want: "neither data nor errors"},
		{name: "strange errors", status: 200, body: `{"errors":["oops"]}`, want: "oops"},
		{name: "other lists", status: 200, body: `{"data":{}}`, want: "answer without teams"},
		{name: "lists of another shape", status: 200, body: `{"data":[]}`, want: "decode answer"},
		{name: "cut off", status: 200, body: `{"data":{"teams`, want: "unexpected EOF"},
		{name: "server down", status: 500, body: `{}`, want: "HTTP 500", code: 500},
		{name: "echoed key", status: 400, body: `{"errors":[{"message":"bad key ` + apiKey + `"}]}`, want: "bad key <secret>", code: 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := company()
			f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return true
			}
			page, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error = %v, want it to contain %q", err, tt.want)
			}
			if diff := cmp.Diff(connectors.Page{}, page); diff != "" {
				t.Errorf("page besides an error:\n%s", diff)
			}
			var status *connectors.StatusError
			if errors.As(err, &status); tt.code != 0 && (status == nil || status.Status != tt.code) || tt.code == 0 && status != nil {
				t.Errorf("StatusError = %+v, want status %d", status, tt.code)
			}
			var kind *linear.Error
			if errors.As(err, &kind); tt.kind != nil {
				if diff := cmp.Diff(tt.kind, kind); diff != "" {
					t.Errorf("linear.Error (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestNoClock(t *testing.T) {
	f := company()
	f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
		w.Header()["Date"] = nil
		return false
	}
	_, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
	if err == nil || !strings.Contains(err.Error(), "Date header") {
		t.Errorf("error = %v", err)
	}
}

func TestCursors(t *testing.T) {
	const page = `{"data":{"issues":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":`
	tests := []struct {
		name    string
		cursors []string // of the pages of issues
		want    string
	}{
		{"empty", []string{`""`}, "another page but not where"},
		{"null", []string{`null`}, "another page but not where"},
		{"repeated", []string{`"a"`, `"a"`}, "same page cursor twice"},
		{"circle", []string{`"a"`, `"b"`, `"c"`, `"a"`}, "same page cursor twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := company()
			f.answer = func(n int, w http.ResponseWriter, _ string) bool {
				if n == 1 {
					return false
				}
				_, _ = io.WriteString(w, page+tt.cursors[n-2]+"}}}}")
				return true
			}
			c := f.connect(t, nil, connectors.Options{})
			var err error
			q := connectors.Query{}
			for range tt.cursors {
				var p connectors.Page
				if p, err = c.Page(t.Context(), q); err != nil {
					break
				}
				q.Token = p.Next
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

// Cursors of nested lists are guarded too.
func TestNestedCursors(t *testing.T) {
	for _, cursor := range []any{"", nil, "same"} {
		f := company(newIssue(1, obj{"history": forever(cursor)}))
		_, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
		if err == nil || !strings.Contains(err.Error(), "read longer histories: tracker") {
			t.Errorf("cursor %v: error = %v", cursor, err)
		}
	}
}

// forever is a connection that never ends.
func forever(cursor any) obj {
	return obj{"nodes": []obj{}, "pageInfo": obj{"hasNextPage": true, "endCursor": cursor}}
}

func TestPoison(t *testing.T) {
	f := company(
		newIssue(1, nil),
		newIssue(2, obj{"createdAt": "0", "updatedAt": "yesterday"}),
		newIssue(3, obj{"team": nil}),
		newIssue(4, obj{"state": nil}),
		newIssue(5, obj{"estimate": -1.0}),
		newIssue(6, obj{"labelIds": "none"}),
		newIssue(7, obj{"history": []obj{{"createdAt": nil}}}),
		newIssue(8, obj{"stateHistory": []obj{{"startedAt": nil}}}),
		newIssue(9, obj{"identifier": ""}),
		newIssue(10, obj{"history": []obj{{"createdAt": stamp(at(2, 0)), "toEstimate": 1e300}}}),
	)
	f.lists["projects"] = append(f.lists["projects"],
		obj{"id": "project-3", "createdAt": stamp(at(1, 0))},
		obj{"id": "project-4", "createdAt": 7},
	)
	pages := walk(t, f.connect(t, nil, connectors.Options{}), time.Time{})
	if diff := cmp.Diff([]string{"PLT-1"}, keys(pages)); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
	var got []string
	for _, s := range pages[0].Skipped {
		got = append(got, s.UID+": "+s.Err.Error())
	}
	want := []string{
		`project-4: decode one of projects: Time.UnmarshalJSON`,
		`project-3: no creation or update date`,
		`issue-0006: decode issue: json: cannot unmarshal string`,
		`issue-0002: decode issue: parsing time "0"`,
		`issue-0010: convert issue: estimate 1e+300 out of range`,
		`issue-0009: convert issue: no identifier`,
		`issue-0008: convert issue: state span without a date or state`,
		`issue-0007: convert issue: history entry without a date`,
		`issue-0005: convert issue: estimate -1 out of range`,
		`issue-0004: convert issue: no state`,
		`issue-0003: convert issue: no team`,
	}
	if diff := cmp.Diff(want, got, prefixes); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// prefixes compares texts as far as the shorter one goes.
var prefixes = cmp.Comparer(func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) })

// watcher is a connectors.Observer that remembers.
type watcher struct {
	mu     sync.Mutex
	codes  []int
	names  []string
	limits map[string]connectors.Limit
}

func (o *watcher) Request(_, endpoint string, code int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.codes, o.names = append(o.codes, code), append(o.names, endpoint)
}

func (o *watcher) RateLimit(_, resource string, limit, remaining float64, reset time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.limits == nil {
		o.limits = map[string]connectors.Limit{}
	}
	o.limits[resource] = connectors.Limit{Resource: resource, Limit: limit, Remaining: remaining, Reset: reset}
}

func (o *watcher) Throttled(string, time.Duration) {}

func (o *watcher) DailyRequests(string, int, int) {}

func (o *watcher) Removal(string, string, time.Time) {}

func TestRateLimitIsWaitedFor(t *testing.T) {
	for _, status := range []int{200, 400, 429} {
		t.Run(strconv.Itoa(status), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { waitForRateLimit(t, status) }) })
	}
}

func waitForRateLimit(t *testing.T, status int) {
	f := company(newIssue(1, nil))
	f.answer = func(n int, w http.ResponseWriter, _ string) bool {
		if n != 2 {
			return false
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"errors":[{"message":"Rate limit exceeded","extensions":{"type":"ratelimited","code":"RATELIMITED"}}]}`)
		return true
	}
	o := &watcher{}
	pages := walk(t, f.connect(t, nil, connectors.Options{Observer: o}), time.Time{})
	if got := keys(pages); len(got) != 1 {
		t.Errorf("read %v", got)
	}
	if diff := cmp.Diff([]int{200, status, 200}, o.codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"catalogs", "issues", "issues"}, o.names); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}

// A refusal that asks for more patience than a request has ends the walk.
func TestRateLimitIsReported(t *testing.T) {
	f := company()
	f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":[{"message":"Rate limit exceeded","extensions":{"code":"RATELIMITED"}}]}`)
		return true
	}
	_, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
	var status *connectors.StatusError
	if !errors.As(err, &status) || !status.Throttled || status.RetryAfter != time.Hour || status.Endpoint != "catalogs" {
		t.Errorf("error = %+v", status)
	}
}

func TestNoSecretInLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		f := company()
		f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"errors":[{"message":"`+apiKey+`"}]}`)
			return true
		}
		_, err := f.connect(t, nil, connectors.Options{Logger: logger}).Page(t.Context(), connectors.Query{})
		if err == nil || log.Len() == 0 || strings.Contains(err.Error()+log.String(), apiKey) {
			t.Errorf("error %v, log:\n%s", err, &log)
		}
	})
}

// A refusal without Retry-After is waited for until the budget that has no room
// for another query is reset, a short wait within the request.
func TestWaitsForTheReset(t *testing.T) {
	type header = map[string]string
	for name, tc := range map[string]struct {
		headers func(now time.Time) header
		want    time.Duration
	}{
		"complexity": {func(now time.Time) header {
			return header{
				"X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "2400", "X-RateLimit-Requests-Reset": fmt.Sprint(now.Add(time.Minute).UnixMilli()),
				"X-RateLimit-Complexity-Limit": "3000000", "X-RateLimit-Complexity-Remaining": "5371", "X-RateLimit-Complexity-Reset": fmt.Sprint(now.Add(40 * time.Minute).UnixMilli()),
			}
		}, 40 * time.Minute},
		"both": {func(now time.Time) header {
			return header{
				"X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": fmt.Sprint(now.Add(50 * time.Minute).UnixMilli()),
				"X-RateLimit-Complexity-Limit": "3000000", "X-RateLimit-Complexity-Remaining": "0", "X-RateLimit-Complexity-Reset": fmt.Sprint(now.Add(40 * time.Minute).UnixMilli()),
			}
		}, 50 * time.Minute},
		"Retry-After wins": {func(now time.Time) header {
			return header{
				"Retry-After": "600", "X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "0",
				"X-RateLimit-Requests-Reset": fmt.Sprint(now.Add(50 * time.Minute).UnixMilli()),
			}
		}, 10 * time.Minute},
		"another limit": {func(now time.Time) header {
			return header{"X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "2400", "X-RateLimit-Requests-Reset": fmt.Sprint(now.Add(50 * time.Minute).UnixMilli())}
		}, 0},
		"no reset": {func(time.Time) header {
			return header{"X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Requests-Remaining": "0"}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const ahead = 3 * time.Hour // the tracker's clock
				f := company()
				f.now = func() time.Time { return time.Now().Add(ahead) }
				f.answer = func(_ int, w http.ResponseWriter, _ string) bool {
					for key, value := range tc.headers(f.now()) {
						w.Header().Set(key, value)
					}
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"errors":[{"message":"Rate limit exceeded","extensions":{"type":"ratelimited","code":"RATELIMITED"}}]}`)
					return true
				}
				_, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
				status, ok := errors.AsType[*connectors.StatusError](err)
				if !ok || !status.Throttled {
					t.Fatalf("err = %v", err)
				}
				if off := tc.want - status.RetryAfter; off < 0 || off > time.Second {
					t.Errorf("to be asked again after %s, want %s", status.RetryAfter, tc.want)
				}
				if want := map[bool]int{true: 1, false: 4}[tc.want > 5*time.Minute]; len(f.requests) != want {
					t.Errorf("%d requests, want %d", len(f.requests), want)
				}
			})
		})
	}
}
