package sandbox

import (
	"strings"
	"testing"
	"time"
)

// FuzzJQL checks that no query makes the parser or the search panic, and that
// a query and its opposite share no issue.
func FuzzJQL(f *testing.F) {
	for _, seed := range []string{
		"project = PAY", "labels not in (a, 'b c') or updated >= -15m", `not (key = PAY-1 and created < "2026-03-02 08:00") order by key`,
		"((labels is empty))", "status != Done AND NOT labels = x", "not not !labels = x", "project in (", "order by", "\"", "-1w 2d",
	} {
		f.Add(seed)
	}
	w := NewWorld(nil)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	w.Jira.AddProject(NewProject{Key: "PAY", Name: "Payments"})
	w.Jira.CreateIssue(now, NewIssue{Project: "PAY", Labels: []string{"x"}})
	w.Jira.CreateIssue(now, NewIssue{Project: "PAY"})
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseJQL(text)
		if err != nil {
			if err.Error() == "" || q != nil {
				t.Fatalf("%q: %v, %v", text, q, err)
			}
			return
		}
		if strings.TrimSpace(text) == "" {
			t.Fatalf("%q is accepted", text)
		}
		if q.where.bind(w.Jira) != nil {
			return
		}
		view := &jqlView{site: w.Jira, now: now}
		for _, is := range w.Jira.issues {
			if q.where.match(view, is) && q.where.negate().match(view, is) {
				t.Errorf("%q and its opposite match %s", text, is.key)
			}
		}
	})
}
