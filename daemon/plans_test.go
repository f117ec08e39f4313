package daemon

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// plan is what a ticket says of when it should be done.
type plan struct {
	Due    string
	Dues   [][2]string // from, to
	Others int         // other changes of plan
	Spans  []ticket.Span
}

func planOf(tk ticket.Ticket) plan {
	p := plan{Due: tk.Due, Spans: tk.Spans}
	for _, c := range tk.Changes {
		switch c.Field {
		case ticket.FieldDue:
			p.Dues = append(p.Dues, [2]string{c.From, c.To})
		case ticket.FieldPlan:
			p.Others++
		}
	}
	return p
}

// Due dates with their history, and the times of sprints, cycles and
// milestones, come from each tracker into the store.
func TestPlans(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	day := func(n int) time.Time { return w.past.Truncate(24*time.Hour).AddDate(0, 0, n).UTC() }
	first, second := ticket.Span{From: day(0), To: day(14)}, ticket.Span{From: day(14), To: day(28)}
	j.AddSprint("One", first.From, first.To)
	j.AddSprint("Two", second.From, second.To)
	cycle := l.AddCycle("PLT", first.From, first.To)
	l.AddProject(w.past, sandbox.NewLinearProject{Name: "SDK", Teams: []string{"PLT"}, Start: "2026-01-05"})
	l.AddMilestone(w.past, "SDK", "Beta", "2026-01-30")

	key := j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Pay", Sprint: "One", Due: "2026-02-01"})
	j.SetDue(w.past.Add(1*time.Hour), key, "2026-02-20")
	j.SetDue(w.past.Add(2*time.Hour), key, "")
	j.SetDue(w.past.Add(3*time.Hour), key, "2026-03-01")
	j.SetSprint(w.past.Add(4*time.Hour), key, "Two")
	id := l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Scale", Project: "SDK", Cycle: cycle, Due: "2026-02-01"})
	l.SetDue(w.past.Add(1*time.Hour), id, "2026-02-20")
	l.SetDue(w.past.Add(2*time.Hour), id, "")
	l.SetDue(w.past.Add(3*time.Hour), id, "2026-03-01")
	l.SetMilestone(w.past.Add(4*time.Hour), id, "Beta")

	server := w.jira
	server.URL, server.Deployment = w.server.DataCenterURL, jira.DataCenter
	t.Setenv("JIRA_PAT", sandbox.DataCenterToken)
	server.Auth = jira.Auth{BearerEnv: "JIRA_PAT"}
	dc := w.rig(server)
	w.poll()
	dc.walk(t)

	dues := [][2]string{{"2026-02-01", "2026-02-20"}, {"2026-02-20", ""}, {"", "2026-03-01"}}
	milestone := ticket.Span{From: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}
	for name, test := range map[string]struct {
		got   ticket.Ticket
		spans []ticket.Span
	}{
		"cloud":       {w.acme.find(t, key), []ticket.Span{first, second}},
		"data center": {dc.find(t, key), []ticket.Span{first, second}},
		"linear":      {w.plt.find(t, id), []ticket.Span{milestone, first}},
	} {
		want := plan{Due: "2026-03-01", Dues: dues, Others: 1, Spans: test.spans}
		if diff := gocmp.Diff(want, planOf(test.got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A sprint gets its dates when it is started, which touches none of its
// tickets. It takes one of them to show it, then all follow with the next poll.
func TestSprintStarts(t *testing.T) {
	w := newTown(t)
	j := w.world.Jira
	j.AddSprint("Next", time.Time{}, time.Time{})
	for _, title := range []string{"one", "two", "three"} {
		j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: title, Sprint: "Next"})
	}
	server := w.jira
	server.URL, server.Deployment = w.server.DataCenterURL, jira.DataCenter
	t.Setenv("JIRA_PAT", sandbox.DataCenterToken)
	server.Auth = jira.Auth{BearerEnv: "JIRA_PAT"}
	dc := w.rig(server)
	walk := func() {
		w.acme.walk(t)
		dc.walk(t)
	}
	walk()
	if got := w.acme.find(t, "PAY-1").Spans; len(got) != 0 {
		t.Errorf("a sprint without dates has %v", got)
	}
	span := ticket.Span{From: w.past.UTC().Truncate(time.Second), To: w.past.UTC().Truncate(time.Second).AddDate(0, 0, 14)}
	j.PlanSprint("Next", span.From, span.To)
	j.Touch(time.Now(), "PAY-2")
	walk()
	walk()
	for _, r := range []*rig{w.acme, dc} {
		if diff := gocmp.Diff([]ticket.Span{span}, r.find(t, "PAY-1").Spans); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	}
	w.wantFresh("after the start")
}
