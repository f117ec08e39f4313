package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// quota is the budget of an app on Jira Cloud: points in each hour of the
// clock, one for a request and one for each issue in its answer.
type quota struct {
	mu   sync.Mutex
	hour time.Time
	used int
}

// take charges points to the hour and returns how many were used before.
func (q *quota) take(now time.Time, points int) (before int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if hour := now.UTC().Truncate(time.Hour); !hour.Equal(q.hour) {
		q.hour, q.used = hour, 0
	}
	before = q.used
	q.used += points
	return before
}

// withinQuota serves a request, or refuses it where the points of the hour are
// spent. Whoever asks until then pays nothing.
func (h *jiraHandler) withinQuota(c *jiraCall, serve func() answer) answer {
	limit := c.faults.Jira.PointsPerHour
	if limit == 0 {
		return serve()
	}
	if h.quota.take(c.now, 0) >= limit {
		return spentQuota(c, limit)
	}
	a := serve()
	var lists struct{ Issues, IssueChangeLogs []json.RawMessage }
	_ = json.Unmarshal(a.body, &lists) // lists of fields and statuses are no issues
	h.quota.take(c.now, 1+len(lists.Issues)+len(lists.IssueChangeLogs))
	return a
}

func spentQuota(c *jiraCall, limit int) answer {
	reset := c.now.UTC().Truncate(time.Hour).Add(time.Hour)
	a := refuse(http.StatusTooManyRequests, "Rate limit exceeded.")
	a.header = http.Header{}
	a.header.Set("RateLimit-Reason", "jira-quota-tenant-based")
	a.header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	a.header.Set("X-RateLimit-Remaining", "0")
	a.header.Set("X-RateLimit-Reset", reset.Format("2006-01-02T15:04Z07:00"))
	if !c.faults.Jira.NoRetryAfter {
		a.header.Set("Retry-After", strconv.Itoa(1+int(reset.Sub(c.now)/time.Second)))
	}
	return a
}
