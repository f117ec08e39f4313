package daemon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/sandbox"
)

const known = `alignd_connector_authenticated\{connector="acme"\} `

// A credential that is refused, or no longer recognised without a word, costs
// no number and is told; a new one is taken at a reload.
func TestLostCredential(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Faults{
		"refused":      {HTTP: []sandbox.Fault{{Kind: sandbox.Unauthorized, Tracker: "jira"}}},
		"unrecognised": {Jira: sandbox.JiraFaults{Anonymous: true}},
		"public":       {Jira: sandbox.JiraFaults{Anonymous: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			now := time.Now()
			h.world.SetClock(func() time.Time { return now })
			r := h.start(nil)
			before := r.settled()
			r.until("/metrics", known+"1")

			if name == "public" { // visitors see everything, and still are not us
				h.world.Jira.PublishProject("PAY")
			}
			h.server.SetFaults(fault)
			h.world.Jira.CreateIssue(now, sandbox.NewIssue{Project: "PAY", Title: "Made while nobody could look"})
			r.until("/metrics", known+"0")
			after := r.scrape()
			sameNumbers(t, "without a credential", before, after)
			const dated = "alignd_sync_watermark_timestamp_seconds"
			was, _ := before.value(dated, "connector", "acme")
			if is, ok := after.value(dated, "connector", "acme"); !ok || is != was {
				t.Errorf("the watermark went from %v to %v", was, is)
			}

			h.server.SetFaults(sandbox.Faults{})
			h.write("alignd.yml", strings.Replace(h.config("[PAY]"), "name: acme,", "name: acme, timeout: 59s,", 1))
			if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
				t.Fatalf("reload: %d %s", status, body)
			}
			r.until("/metrics", known+"1")
			r.until("/metrics", `alignd_tickets\{connector="acme",state="todo",team="payments"\} 1`)
		})
	}
}

// An endpoint that was removed is a metric, and a line in the log that says
// what to do.
func TestRemovedEndpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(nil)
	r.settled()
	h.server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, Status: http.StatusGone, Tracker: "jira", Endpoint: "search"}}})
	r.until("/metrics", `alignd_api_removal_timestamp_seconds\{connector="acme",endpoint="search"\} 1\.`)
	if log := r.log.String(); strings.Count(log, "has removed an endpoint that alignd uses: install a newer alignd") != 1 {
		t.Errorf("log:\n%s", log)
	}
}
