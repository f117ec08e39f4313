package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/sandbox"
)

// A first walk that waits for the tracker's next budget says so wherever
// somebody may look. A reload that does not concern the connector leaves it
// alone, one that does begins anew.
func TestFirstWalkThatWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	past := time.Now().Add(-48 * time.Hour)
	h.world.Jira.AddProject(sandbox.NewProject{Key: "GOAL", Name: "Goals"})
	epic := h.world.Jira.CreateIssue(past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Goal"})
	h.world.Jira.SetParent(past, h.world.Jira.Keys()[0], epic)
	// The page after the tickets is that of their parents outside.
	spent := sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.TooMany, Tracker: "jira", Endpoint: "bulkfetch", RetryAfter: "3600"}}}
	h.server.SetFaults(spent)
	configure := func(projects, team string) {
		jira, _, _ := strings.Cut(h.config(projects), "  linear:")
		h.write("alignd.yml", jira)
		h.write("mapping.yml", fmt.Sprintf("period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}\nteams: [{id: %s, owns: {acme: [PAY]}}]\n", team))
	}
	configure("[PAY]", "payments")
	r := h.start(nil)
	const words = `First reading has stopped after 12 tickets because a budget of the tracker is spent; it goes on there at \d\d:\d\d:\d\d UTC`
	r.until("/-/ready", `acme: `+words+`\.`)
	r.until("/", words)
	r.until("/metrics", `alignd_sync_failures_total\{connector="acme",reason="rate_limit"\} 1\n`)
	if status, body := r.get("/-/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d %s", status, body)
	}

	searches := func() int { return h.server.Requests()["jira search"] }
	before := searches()
	reload := func() {
		t.Helper()
		if status, body := r.do("POST", "/-/reload"); status != http.StatusOK {
			t.Fatalf("reload: %d %s", status, body)
		}
	}
	configure("[PAY]", "billing")
	reload()
	r.until("/-/ready", words)
	if n := searches(); n != before {
		t.Errorf("%d searches after a reload of the mapping, %d before", n, before)
	}
	h.server.SetFaults(sandbox.Faults{})
	configure("[PAY, GOAL]", "billing")
	reload()
	r.until("/-/ready", `^alignd is ready`)
	if n := searches(); n == before {
		t.Error("another scope did not begin anew")
	}
}
