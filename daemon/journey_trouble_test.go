package daemon_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

// acme is the sandbox's company at an instant that never passes.
func acme(t *testing.T) *traveller {
	t.Helper()
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	c := sandbox.NewCompany(7, now)
	c.World.SetClock(func() time.Time { return now })
	tr := newTraveller(t, c.World, 3)
	tr.configure(sandbox.CompanyJira, sandbox.CompanyProjects(), sandbox.CompanyLinear, sandbox.CompanyTeams())
	tr.write("mapping.yml", c.Mapping())
	return tr
}

// settled waits until all connectors were read to the end by this process, the
// result was computed after that, and the history looked at, and returns it.
func (r *running) settled() scrape {
	r.t.Helper()
	r.until("/metrics", `alignd_work_watermark_timestamp_seconds\{team="all"\} `)
	r.until("/metrics", `alignd_drift_overdispersion_ratio\{team="all"\} `)
	for read := 0.0; ; time.Sleep(100 * time.Millisecond) {
		got := r.scrape()
		// When both were read for the first time: they are read again and again.
		if reads := got.with("alignd_sync_last_success_timestamp_seconds"); read == 0 && len(reads) == 2 {
			read = max(reads[0].value, reads[1].value)
		}
		if computed, _ := got.value("alignd_snapshot_timestamp_seconds"); read > 0 && computed > read {
			return got
		}
	}
}

// sameNumbers compares what is computed from tickets.
func sameNumbers(t *testing.T, when string, before, after scrape) {
	t.Helper()
	if len(before.business()) < 100 {
		t.Errorf("%s: only %d series before", when, len(before.business()))
	}
	if diff := cmp.Diff(before.business(), after.business()); diff != "" {
		t.Errorf("%s (-before +after):\n%.3000s", when, diff)
	}
}

// A reading of everything, a mapping with mistakes and a restart: nothing has
// changed in the trackers, so no number changes either.
func TestRestartChangesNothing(t *testing.T) {
	t.Parallel()
	tr := acme(t)
	r := tr.start(nil)
	before := r.settled()

	tr.write("mapping.yml", "goals: [{id: checkout, target: 140%}]\n")
	if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusInternalServerError || !strings.Contains(body, "target") {
		t.Errorf("reload: %d %s", status, body)
	}
	after := r.scrape()
	sameNumbers(t, "after a bad mapping", before, after)
	if v, ok := after.value("alignd_config_last_reload_successful"); !ok || v != 0 {
		t.Errorf("the reload counts as successful: %v", v)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	tr.write("mapping.yml", sandbox.NewCompany(7, tr.world.Now()).Mapping())
	second := tr.start(nil)
	second.until("/-/ready", "is ready")
	sameNumbers(t, "after a restart", before, second.scrape())
	again := second.settled()
	sameNumbers(t, "after reading again", before, again)
	if want := before.lines(isLimit); len(want) < 100 || !slices.Equal(want, again.lines(isLimit)) {
		t.Errorf("of %d limits (-before +after):\n%.3000s", len(want), cmp.Diff(want, again.lines(isLimit)))
	}
	tr.noPerson(second, "PAY-1", ofTheCompany)
}

// A tracker in trouble costs no number: the last ones stay up, dated, and the
// reason is counted.
func TestTrackerInTrouble(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason string
		fault  sandbox.Fault
		passes bool // the trouble is over after one attempt
	}{
		"error":      {reason: "server", fault: sandbox.Fault{Kind: sandbox.ServerError, Times: 1}, passes: true},
		"token":      {reason: "auth", fault: sandbox.Fault{Kind: sandbox.Unauthorized}},
		"limit":      {reason: "rate_limit", fault: sandbox.Fault{Kind: sandbox.TooMany, RetryAfter: "400"}},
		"login page": {reason: "other", fault: sandbox.Fault{Kind: sandbox.LoginPage}},
		"redirect":   {reason: "other", fault: sandbox.Fault{Kind: sandbox.Redirect}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			now := time.Now()
			h.world.SetClock(func() time.Time { return now })
			r := h.start(nil)
			before := r.settled()
			tc.fault.Tracker, tc.fault.Endpoint = "jira", "search"
			h.server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{tc.fault}})
			r.until("/metrics", `alignd_sync_failures_total\{connector="acme",reason="`+tc.reason+`"\} [1-9]`)
			after := r.scrape()
			sameNumbers(t, "in trouble", before, after)
			const dated = "alignd_sync_watermark_timestamp_seconds"
			then, _ := before.value(dated, "connector", "acme")
			if at, ok := after.value(dated, "connector", "acme"); !ok || at != then {
				t.Errorf("the watermark went from %v to %v", then, at)
			}
			success, _ := after.value("alignd_sync_last_success_timestamp_seconds", "connector", "acme")
			attempt, _ := after.value("alignd_sync_last_attempt_timestamp_seconds", "connector", "acme")
			if attempt <= success {
				t.Errorf("the last success, %v, is not older than the last attempt, %v", success, attempt)
			}
			if status, body := r.get("/-/ready"); status != http.StatusOK {
				t.Errorf("ready: %d %s", status, body)
			}
			if _, page := r.get("/"); !tc.passes && !strings.Contains(page, "The last attempt failed") {
				t.Error("the page does not tell of the trouble")
			}
			if h.server.Leaks() > 0 {
				t.Error("the credential went to another host")
			}
			if tc.passes {
				h.world.Jira.CreateIssue(now, sandbox.NewIssue{Project: "PAY", Title: "Made after the trouble"})
				r.until("/metrics", `alignd_tickets\{connector="acme",state="todo",team="payments"\} 1`)
			}
		})
	}
}
