package jira_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// Whichever request of a walk fails, the page may be asked for again, and the
// walk delivers what it would have.
func TestPagesMayBeAskedForAgain(t *testing.T) {
	company := sandbox.NewCompany(1, time.Now())
	server, cloud := startSandbox(t, company.World)
	for name, cfg := range map[string]jira.Config{"cloud": cloud, "data center": dataCenter(t, server, cloud)} {
		for _, since := range []time.Time{{}, time.Now().Add(-60 * 24 * time.Hour)} {
			t.Run(fmt.Sprint(name, " since ", since.Format("2006")), func(t *testing.T) {
				habits := sandbox.JiraFaults{ShortPages: true, MaxResults: 20}
				server.SetFaults(sandbox.Faults{Jira: habits})
				want, _ := connectortest.WalkOn(t, newSandboxConnector(t, cfg), since, nil)
				server.ResetRequests()
				_, _ = connectortest.WalkOn(t, newSandboxConnector(t, cfg), since, nil)
				total := 0
				for _, n := range server.Requests() {
					total += n
				}
				again := 0
				step := 3 // one after the other takes long
				if testing.Short() {
					step = 10
				}
				for n := 0; n < total; n += step {
					server.SetFaults(sandbox.Faults{Jira: habits, HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, After: n, Times: 1}}})
					got, failed := connectortest.WalkOn(t, newSandboxConnector(t, cfg), since, nil)
					again += failed
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("request %d of %d failed (-want +got):\n%.2000s", n+1, total, diff)
					}
				}
				t.Logf("%d tickets, %d requests, %d failed pages", len(want), total, again)
				if again < (total+step-1)/step {
					t.Errorf("%d of %d requests failed a page", again, total)
				}
			})
		}
	}
}

// On Data Center tickets that vanish while a walk is stopped shift the rows
// behind them; none of the others is passed over.
func TestRowsShiftWhileAWalkIsStopped(t *testing.T) {
	for n := range 30 {
		world := smallWorld(120)
		server, cloud := startSandbox(t, world)
		cfg := dataCenter(t, server, cloud)
		habits := sandbox.JiraFaults{MaxResults: 10}
		server.SetFaults(sandbox.Faults{Jira: habits, HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, Endpoint: "search", After: n, Times: 1}}})
		keys := world.Jira.Keys()
		gone := map[string]bool{}
		got, failed := connectortest.WalkOn(t, newSandboxConnector(t, cfg), time.Time{}, func() {
			for _, key := range keys[:40] {
				gone[world.Jira.ID(key)] = true
				world.Jira.Delete(key)
			}
		})
		if failed == 0 {
			break
		}
		isGone := func(id string, _ ticket.Ticket) bool { return gone[id] }
		maps.DeleteFunc(got, isGone)
		server.SetFaults(sandbox.Faults{})
		if diff := cmp.Diff(walkSandbox(t, cfg, time.Time{}), got); diff != "" {
			t.Errorf("search %d failed (-want +got):\n%.2000s", n+1, diff)
		}
	}
}

// hourly lets so many tickets and histories through in each hour of the clock.
type hourly struct {
	*wire
	limit, used, stops int
	hour               time.Time
}

func (h *hourly) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now()
	if hour := now.Truncate(time.Hour); !hour.Equal(h.hour) {
		h.hour, h.used = hour, 0
	}
	if h.used >= h.limit {
		h.stops++
		left := int(h.hour.Add(time.Hour).Sub(now).Seconds()) + 1
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {fmt.Sprint(left)}},
			Body: http.NoBody, Request: req,
		}, nil
	}
	resp, err := h.wire.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var lists struct{ Issues, IssueChangeLogs []json.RawMessage }
	_ = json.Unmarshal(body, &lists)
	h.used += 1 + len(lists.Issues) + len(lists.IssueChangeLogs)
	return resp, err
}

// The query of a walk for what changed reaches back from the moment Jira reads
// it. Where it has stopped for so long that it no longer reaches far enough, it
// begins anew and reaches farther, which costs no more than the walk itself.
func TestCatchingUpAcrossHours(t *testing.T) {
	times := []time.Duration{time.Hour, 10 * time.Hour, 100 * time.Hour}
	if testing.Short() {
		times = times[:1]
	}
	for _, away := range times {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(time.Now)
			f.slides = true
			since := time.Now().Add(-away)
			for i := range 6000 {
				f.issues = append(f.issues, newIssue(1+i, since.Add(time.Duration(i)*time.Second/2)))
			}
			w := &hourly{wire: &wire{Handler: f}, limit: 4000}
			cfg := config("https://jira.example")
			cfg.Deployment = jira.Cloud
			conn := newConnector(t, cfg, connectors.Options{Transport: w})
			got := map[string]bool{}
			start := time.Now()
			for q := (connectors.Query{Since: since}); ; {
				page, err := conn.Page(t.Context(), q)
				if status, ok := errors.AsType[*connectors.StatusError](err); ok && status.Throttled && w.stops < 30 {
					time.Sleep(max(status.RetryAfter, time.Second))
					continue
				}
				if err != nil {
					t.Fatalf("away for %s, after %d stops: %v", away, w.stops, err)
				}
				for _, tk := range page.Tickets {
					got[tk.ID.UID] = true
				}
				if q.Token = page.Next; q.Token == "" {
					break
				}
			}
			t.Logf("away for %s: %d requests, %d stops, in %s", away, len(w.paths), w.stops, time.Since(start).Round(time.Minute))
			if len(got) != 6000 {
				t.Errorf("away for %s: %d tickets", away, len(got))
			}
			// 66 for all tickets, and what the stops have cost.
			if most := 2*66 + 12*w.stops + 4; len(w.paths) > most {
				t.Errorf("away for %s: %d requests with %d stops, want at most %d", away, len(w.paths), w.stops, most)
			}
		})
	}
}
