package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/daemon"
	"alignd/sandbox"
)

// Somebody deletes tickets in the trackers, and then an administrator takes a
// project away from the account.
func TestTicketsThatDisappear(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.world.Jira.AddProject(sandbox.NewProject{Key: "BILL", Name: "Billing"})
	for range 15 {
		h.world.Jira.CreateIssue(time.Now().Add(-24*time.Hour), sandbox.NewIssue{Project: "BILL", Title: "Bill"})
	}
	h.write("alignd.yml", strings.ReplaceAll(h.config("[PAY, BILL]"), "poll_interval: 1s", "poll_interval: 1s, census_interval: 1s"))
	r := h.start(nil)
	known := func(n int) string {
		return fmt.Sprintf(`alignd_tickets\{connector="acme",state="done",team="payments"\} %d\n`, n)
	}
	r.until("/metrics", known(12))
	r.until("/metrics", `alignd_sync_completeness_ratio\{connector="acme"\} 1`)

	h.world.Jira.Delete("PAY-1")
	h.world.Jira.Hide("PAY-2", true)
	h.world.Linear.Purge("PLT-1")
	r.until("/metrics", known(10))
	r.until("/metrics", `alignd_tickets_removed_total\{cause="gone",connector="acme"\} 2`)
	r.until("/metrics", `alignd_tickets_removed_total\{cause="gone",connector="acme-linear"\} 1`)

	key := h.world.Jira.Move(time.Now(), "PAY-3", "BILL")
	r.until("/metrics", known(9))
	if status, body := r.get("/api/v1/explain?key=PAY-3"); status != http.StatusOK || !strings.Contains(body, key) {
		t.Errorf("the old key explains %d %s", status, body)
	}

	accept := func() (int, string) { return r.do(http.MethodPost, "/-/accept?connector=acme") }
	if status, body := accept(); status != http.StatusConflict {
		t.Errorf("accept while nothing shrank: %d %s", status, body)
	}
	if status, body := r.do(http.MethodPost, "/-/accept?connector=nobody"); status != http.StatusNotFound {
		t.Errorf("accept for nobody: %d %s", status, body)
	}
	for _, key := range h.world.Jira.Keys() {
		if strings.HasPrefix(key, "BILL") {
			h.world.Jira.Hide(key, true)
		}
	}
	r.until("/metrics", `alignd_sync_scope_shrunk\{connector="acme"\} 1`)
	r.until("/", "The scope shrank: 16 tickets cannot be found.*alignd accept acme")
	r.until("/metrics", `alignd_tickets_outside\{connector="acme"\} 16`)
	if status, body := accept(); status != http.StatusOK {
		t.Errorf("accept: %d %s", status, body)
	}
	r.until("/metrics", `alignd_sync_scope_shrunk\{connector="acme"\} 0`)
	r.until("/metrics", `alignd_tickets_removed_total\{cause="gone",connector="acme"\} 18`)
}

func TestAcceptIsOffByDefault(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(func(o *daemon.Options) { o.EnableLifecycle = false })
	if status, body := r.do(http.MethodPost, "/-/accept?connector=acme"); status != http.StatusForbidden || !strings.Contains(body, "--web.enable-lifecycle") {
		t.Errorf("accept: %d %s", status, body)
	}
}
