package connectors_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"alignd/connectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "lin_s3cret"

// step answers one attempt.
type step func(*http.Request) (*http.Response, error)

func reply(status int, body string, header ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

func fail(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// tracker plays steps, the last one for ever, and watches the client.
type tracker struct {
	mu        sync.Mutex
	steps     []step
	at        []time.Duration // of each attempt, since the start
	bodies    []string
	start     time.Time
	codes     []int
	throttled time.Duration
	limits    []connectors.Limit
	daily     []int
	removals  []string
}

func (tr *tracker) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		tr.bodies = append(tr.bodies, string(body))
	}
	tr.at = append(tr.at, time.Since(tr.start))
	return tr.steps[min(len(tr.at), len(tr.steps))-1](req)
}

func (tr *tracker) Request(_, _ string, code int, _ time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.codes = append(tr.codes, code)
}

func (tr *tracker) RateLimit(_, resource string, limit, remaining float64, reset time.Time) {
	tr.limits = append(tr.limits, connectors.Limit{Resource: resource, Limit: limit, Remaining: remaining, Reset: reset})
}

func (tr *tracker) Throttled(_ string, waited time.Duration) { tr.throttled += waited }

func (tr *tracker) DailyRequests(_ string, used, _ int) { tr.daily = append(tr.daily, used) }

func (tr *tracker) Removal(_, endpoint string, at time.Time) {
	tr.removals = append(tr.removals, endpoint+" "+at.UTC().Format(time.DateOnly))
}

func (tr *tracker) client(edit func(*connectors.ClientConfig)) *http.Client {
	tr.start = time.Now()
	base, _ := url.Parse("https://tracker.example/api")
	cfg := connectors.ClientConfig{
		Connector: "acme", BaseURL: base, Observer: tr, Transport: tr, RequestsPerSecond: 1000,
		Authorize: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
	}
	if edit != nil {
		edit(&cfg)
	}
	return connectors.NewClient(cfg)
}

func get(ctx context.Context, c *http.Client, address string) (string, error) {
	ctx = connectors.WithEndpoint(ctx, "search")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(`{"q":1}`))
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

const address = "https://tracker.example/api/search"

func TestRetry(t *testing.T) {
	for name, tc := range map[string]struct {
		steps    []step
		codes    []int
		waits    [][2]time.Duration // least and most before the second, third, ... attempt
		status   int                // of the error, 0 for none
		waited   bool
		contains string
	}{
		"success":             {steps: []step{reply(200, `{}`)}, codes: []int{200}},
		"network error, then": {steps: []step{fail(io.ErrUnexpectedEOF), reply(200, `{}`)}, codes: []int{0, 200}, waits: between("1.4s", "2.6s")},
		"backoff doubles and ends": {
			steps: []step{reply(503, `{}`)}, codes: []int{503, 503, 503, 503}, status: 503,
			waits: between("1.4s", "2.6s", "2.8s", "5.2s", "5.6s", "10.4s"),
		},
		"429 without header":   {steps: []step{reply(429, ``), reply(200, `{}`)}, codes: []int{429, 200}, waits: between("1.4s", "2.6s"), waited: true},
		"Retry-After 0":        {steps: []step{reply(429, ``, "Retry-After", "0"), reply(200, `{}`)}, codes: []int{429, 200}, waits: between("1.4s", "2.6s"), waited: true},
		"Retry-After is floor": {steps: []step{reply(429, ``, "Retry-After", "20"), reply(200, `{}`)}, codes: []int{429, 200}, waits: between("20s", "20s"), waited: true},
		"Retry-After no ceiling": {
			steps: []step{reply(429, ``, "Retry-After", "1"), reply(200, `{}`)}, codes: []int{429, 200},
			waits: between("1.4s", "2.6s"), waited: true,
		},
		"Retry-After as a date on the server's clock": {
			steps: []step{reply(503, ``, "Date", "Mon, 02 Jan 2040 10:00:00 GMT", "Retry-After", "Mon, 02 Jan 2040 10:00:45 GMT"), reply(200, `{}`)},
			codes: []int{503, 200}, waits: between("45s", "45s"),
		},
		"Retry-After too long":    {steps: []step{reply(429, ``, "Retry-After", "301")}, codes: []int{429}, status: 429},
		"Retry-After is nonsense": {steps: []step{reply(429, ``, "Retry-After", "soon"), reply(200, `{}`)}, codes: []int{429, 200}, waits: between("1.4s", "2.6s"), waited: true},
		"Retry-After overflows":   {steps: []step{reply(429, ``, "Retry-After", "1e300")}, codes: []int{429}, status: 429},
		"Retry-After negative":    {steps: []step{reply(429, ``, "Retry-After", "-5"), reply(200, `{}`)}, codes: []int{429, 200}, waits: between("1.4s", "2.6s"), waited: true},
		"500 is final":            {steps: []step{reply(500, `oops`, "Content-Type", "text/plain")}, codes: []int{500}, status: 500, contains: "oops"},
		"400 is final":            {steps: []step{reply(400, `{"errorMessages":["bad  \n query"]}`)}, codes: []int{400}, status: 400, contains: `"bad \n query"`},
		"410 is final":            {steps: []step{reply(410, `{}`)}, codes: []int{410}, status: 410},
		"304 is an error":         {steps: []step{reply(304, ``)}, codes: []int{304}, status: 304},
		"HTML is no answer":       {steps: []step{reply(200, `<html>`, "Content-Type", "text/html")}, codes: []int{200}, status: 200, contains: "not JSON"},
		"no content type":         {steps: []step{reply(200, `{}`, "Content-Type", "")}, codes: []int{200}, status: 200, contains: "not JSON"},
		"GraphQL's type":          {steps: []step{reply(200, `{}`, "Content-Type", "application/graphql-response+json; charset=utf-8")}, codes: []int{200}},
		"HTML is not repeated":    {steps: []step{reply(403, `<html>`, "Content-Type", "text/html")}, codes: []int{403}, status: 403, contains: "Forbidden"},
		"credential echoed":       {steps: []step{reply(401, `"no such token `+token+`"`)}, codes: []int{401}, status: 401, contains: "<secret>"},
		"too large":               {steps: []step{reply(200, `"`+strings.Repeat("x", 2000)+`"`)}, codes: []int{200}, status: 200, contains: "too large"},
		"broken body":             {steps: []step{brokenBody, reply(200, `{}`)}, codes: []int{0, 200}, waits: between("1.4s", "2.6s")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &tracker{steps: tc.steps}
				client := tr.client(func(c *connectors.ClientConfig) { c.MaxBody = 1000 })
				_, err := get(t.Context(), client, address)
				checkStatus(t, err, tc.status, tc.contains)
				if diff := cmp.Diff(tc.codes, tr.codes); diff != "" {
					t.Errorf("attempts observed (-want +got):\n%s", diff)
				}
				for i, w := range tc.waits {
					if got := tr.at[i+1] - tr.at[i]; got < w[0] || got > w[1] {
						t.Errorf("wait %d was %v, want %v to %v", i+1, got, w[0], w[1])
					}
				}
				for _, body := range tr.bodies {
					if body != `{"q":1}` {
						t.Errorf("body sent is %q", body)
					}
				}
				if (tr.throttled > 0) != tc.waited {
					t.Errorf("%v reported as throttled, want %t", tr.throttled, tc.waited)
				}
			})
		})
	}
}

func between(texts ...string) [][2]time.Duration {
	var all [][2]time.Duration
	for i := 0; i < len(texts); i += 2 {
		low, _ := time.ParseDuration(texts[i])
		high, _ := time.ParseDuration(texts[i+1])
		all = append(all, [2]time.Duration{low, high})
	}
	return all
}

func brokenBody(req *http.Request) (*http.Response, error) {
	resp, err := reply(200, "")(req)
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a`), errReader{}))
	return resp, err
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func checkStatus(t *testing.T, err error, status int, contains string) {
	t.Helper()
	if status == 0 {
		if err != nil {
			t.Errorf("error: %v", err)
		}
		return
	}
	var bad *connectors.StatusError
	if !errors.As(err, &bad) {
		t.Fatalf("error is %v, want a StatusError", err)
	}
	if bad.Status != status || bad.Endpoint != "search" || !strings.Contains(bad.Message, contains) {
		t.Errorf("error is %+v, want status %d and %q", bad, status, contains)
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("error shows the credential: %v", err)
	}
}

func TestInspect(t *testing.T) {
	reset := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	own := errors.New("the tracker's own words")
	synctest.Test(t, func(t *testing.T) {
		tr := &tracker{steps: []step{reply(400, `{"errors":"RATELIMITED"}`), reply(200, `{"errors":"own"}`), reply(200, `{}`)}}
		client := tr.client(func(c *connectors.ClientConfig) {
			c.Inspect = func(_ *http.Response, body []byte) connectors.Inspection {
				found := connectors.Inspection{Limits: []connectors.Limit{{Resource: "points", Limit: 10, Remaining: 3, Reset: reset}}}
				found.Throttled = bytes.Contains(body, []byte("RATELIMITED"))
				if found.Throttled {
					found.RetryAfter = 30 * time.Second
				}
				if bytes.Contains(body, []byte("own")) {
					found.Err = own
				}
				return found
			}
		})
		if _, err := get(t.Context(), client, address); !errors.Is(err, own) {
			t.Errorf("error is %v", err)
		}
		if wait := tr.at[1] - tr.at[0]; wait != 30*time.Second || tr.throttled != wait {
			t.Errorf("waited %v, reported %v", wait, tr.throttled)
		}
		if diff := cmp.Diff([]connectors.Limit{{"points", 10, 3, reset}, {"points", 10, 3, reset}}, tr.limits); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
		if _, err := get(t.Context(), client, address); err != nil {
			t.Error(err)
		}
	})
}

func TestBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &tracker{steps: []step{reply(200, `{}`)}}
		client := tr.client(func(c *connectors.ClientConfig) { c.RequestsPerSecond = 0.5 })
		for range 6 {
			if _, err := get(t.Context(), client, address); err != nil {
				t.Fatal(err)
			}
		}
		want := []time.Duration{0, 0, 0, 2 * time.Second, 4 * time.Second, 6 * time.Second}
		if diff := cmp.Diff(want, tr.at); diff != "" {
			t.Errorf("attempts at (-want +got):\n%s", diff)
		}
		if tr.throttled != 6*time.Second {
			t.Errorf("%v reported as throttled, want 6s", tr.throttled)
		}
	})
}

func TestCancel(t *testing.T) {
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	for name, first := range map[string]step{
		"while waiting": reply(429, ``, "Retry-After", "100"),
		"while reading": hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Second, cancel)
				tr := &tracker{steps: []step{first}}
				client := tr.client(nil)
				if _, err := get(ctx, client, address); !errors.Is(err, context.Canceled) {
					t.Errorf("error is %v", err)
				}
				if took := time.Since(tr.start); took != 10*time.Second || len(tr.at) != 1 {
					t.Errorf("ended after %v and %d attempts", took, len(tr.at))
				}
			})
		})
	}
}

// Each attempt has the timeout for itself.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		tr := &tracker{steps: []step{hang, reply(200, `{}`)}}
		client := tr.client(func(c *connectors.ClientConfig) { c.Timeout = 5 * time.Second })
		if _, err := get(t.Context(), client, address); err != nil {
			t.Error(err)
		}
		if tr.at[1] < 6*time.Second || tr.at[1] > 8*time.Second {
			t.Errorf("second attempt at %v", tr.at[1])
		}
	})
}

func TestRedirects(t *testing.T) {
	for name, tc := range map[string]struct {
		location string
		follow   bool
	}{
		"same host":      {"/api/elsewhere", true},
		"other host":     {"https://login.example/sso?x=1", false},
		"other port":     {"https://tracker.example:8443/", false},
		"to http":        {"http://tracker.example/api", false},
		"no location":    {"", false},
		"broken":         {"http://[::1", false},
		"user in it":     {"https://tracker.example@evil.example/", false},
		"with subdomain": {"https://tracker.example.evil.example/", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &tracker{steps: []step{reply(302, ``, "Location", tc.location), reply(200, `{}`)}}
				_, err := get(t.Context(), tr.client(nil), address)
				if tc.follow {
					if err != nil || len(tr.at) != 2 {
						t.Errorf("%d attempts, error %v", len(tr.at), err)
					}
					return
				}
				checkStatus(t, err, 302, "redirect")
				if len(tr.at) != 1 || strings.Contains(err.Error(), "sso") {
					t.Errorf("%d attempts, error %v", len(tr.at), err)
				}
			})
		})
	}
}

func TestOtherHostIsRefused(t *testing.T) {
	tr := &tracker{steps: []step{reply(200, `{}`)}}
	if _, err := get(t.Context(), tr.client(nil), "https://elsewhere.example/api"); err == nil || len(tr.at) > 0 {
		t.Errorf("%d attempts, error %v", len(tr.at), err)
	}
}

// On a real socket: gzip is asked for and unpacked, and the cap holds for what
// comes out of it.
func TestGzip(t *testing.T) {
	for name, tc := range map[string]struct {
		size   int
		status int
	}{"small": {1000, 0}, "bomb": {50 << 20, 200}} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("Accept") != "application/json" || r.UserAgent() != "alignd/test" {
					t.Errorf("header is %v", r.Header)
				}
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "gzip")
				zw := gzip.NewWriter(w)
				_, _ = zw.Write(bytes.Repeat([]byte(" "), tc.size))
				_, _ = io.WriteString(zw, "{}")
				_ = zw.Close()
			}))
			defer server.Close()
			base, _ := url.Parse(server.URL)
			client := connectors.NewClient(connectors.ClientConfig{Connector: "acme", BaseURL: base, MaxBody: 1 << 20, UserAgent: "alignd/test"})
			defer client.CloseIdleConnections()
			var clock time.Time
			ctx := connectors.WithHeader(t.Context(), func(h http.Header) { clock, _ = connectors.ServerTime(h) })
			body, err := get(ctx, client, server.URL+"/search")
			checkStatus(t, err, tc.status, "too large")
			if tc.status == 0 && (len(body) != tc.size+2 || clock.IsZero()) {
				t.Errorf("%d bytes, clock %v", len(body), clock)
			}
		})
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		tr := &tracker{steps: []step{reply(503, token, "Content-Type", "text/plain")}}
		client := tr.client(func(c *connectors.ClientConfig) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		if _, err := get(t.Context(), client, address); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("error is %v", err)
		}
		if strings.Contains(log.String(), token) || strings.Count(log.String(), "level=DEBUG") != 3 {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"0", "3", "NaN", "-1", "Mon, 02 Jan 2040 10:00:00 GMT", "1e999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\n\x00") {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			tr := &tracker{steps: []step{reply(429, ``, "Retry-After", text), reply(200, `{}`)}}
			_, err := get(t.Context(), tr.client(nil), address)
			var bad *connectors.StatusError
			if errors.As(err, &bad) && bad.RetryAfter <= 5*time.Minute {
				t.Errorf("gave up on %s", strconv.Quote(text))
			}
			if tr.throttled < 0 || tr.throttled > 6*time.Minute {
				t.Errorf("waited %v", tr.throttled)
			}
		})
	})
}
