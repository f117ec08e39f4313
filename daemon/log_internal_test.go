package daemon

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alignd/connectors"
)

// Three days of a tracker in which a ticket changes before each poll and two are
// deleted each day: polls, counts and readings are no news, what leaves is.
func TestDaysOfLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const days, secret = 3, "Salary of the board"
		r, tr := newTracked(t, 200)
		r.connector.page = func(connectors.Query) (connectors.Page, error) {
			page := connectors.Page{Clock: time.Now()}
			uids := slices.Sorted(maps.Keys(tr.tickets))
			tk := tr.tickets[uids[len(r.connector.times)%len(uids)]]
			tk.Title, tk.Updated = secret, time.Now()
			tr.tickets[tk.ID.UID] = tk
			page.Tickets = append(page.Tickets, tk)
			return page, nil
		}
		for range days {
			r.runFor(t, 24*time.Hour)
			for _, uid := range slices.Sorted(maps.Keys(tr.tickets))[:2] {
				delete(tr.tickets, uid)
			}
		}
		if polls := len(r.connector.times); polls < days*24*29 {
			t.Fatalf("only %d polls", polls)
		}
		log := r.log.String()
		if n := strings.Count(log, "level=INFO"); n == 0 || n > days*12 {
			t.Errorf("%d lines at info:\n%s", n, log)
		}
		if strings.Contains(log, secret) || strings.Contains(log, "PAY-") || strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
			t.Errorf("the log says too much:\n%s", log)
		}
	})
}
