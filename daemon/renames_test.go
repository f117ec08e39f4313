package daemon

import (
	"fmt"
	"testing"
	"time"

	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

// What is renamed while alignd is stopped, which touches no ticket, follows in
// the first cycle after its start, whatever was edited besides, and costs what
// a change of these tickets would.
func TestRenamedWhileStopped(t *testing.T) {
	for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
		t.Run(string(deployment), func(t *testing.T) {
			w := newTown(t)
			if deployment == jira.DataCenter {
				t.Setenv("JIRA_TOKEN", sandbox.DataCenterToken)
				w.jira.URL, w.jira.Deployment, w.jira.Auth = w.server.DataCenterURL, deployment, jira.Auth{BearerEnv: "JIRA_TOKEN"}
				w.use(w.acme, w.jira)
			}
			j, l := w.world.Jira, w.world.Linear
			l.AddInitiative(w.past, sandbox.NewInitiative{Name: "Growth"})
			l.AddProject(w.past, sandbox.NewLinearProject{Name: "SDK", Teams: []string{"PLT"}, Initiatives: []string{"Growth"}})
			epic := j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Fast checkout"})
			const n = 250
			for i := range n {
				key := j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: fmt.Sprint(i), Components: []string{"web"}, Parent: epic})
				j.Transition(w.past.Add(time.Hour), key, []string{"In Review", "Blocked"}[i%2])
				j.Transition(w.past.Add(2*time.Hour), key, []string{"Done", "In Progress"}[i%2])
				l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: fmt.Sprint(i), Project: "SDK", Labels: []string{"goal-a"}})
			}
			w.poll()

			now := time.Now()
			j.RenameComponent("PAY", "web", "shop")
			j.RenameStatus("In Progress", "Doing")
			j.SetCategory("In Review", "done") // matters to histories only
			j.RenameProject("PAY", "SHOP")
			j.SetTitle(now, epic, "Checkout in under a minute")
			j.Touch(now, "PAY-7") // shows some of it
			l.RenameLabel(now, "goal-a", "goal-b")
			l.RenameProject(now, "SDK", "SDK 2")

			w.restart()
			w.server.ResetRequests()
			w.poll()
			for _, r := range []*rig{w.acme, w.plt} {
				if err := r.rereadIfDue(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			requests := 0
			for _, count := range w.server.Requests() {
				requests += count
			}
			// A catalog, a poll, samples, all tickets, and the catalog and samples of Linear.
			if most := 2*(ceil(n, 100)+ceil(n, 1000)) + 20; requests > most {
				t.Errorf("%d requests, want at most %d: %v", requests, most, w.server.Requests())
			}
			w.wantFresh("after the first cycle")
			if tk := w.acme.find(t, "SHOP-9"); tk.Project != "SHOP" || tk.Components[0] != "shop" {
				t.Errorf("ticket %+v", tk)
			}
			if tk := w.acme.find(t, epic); tk.Title != "Checkout in under a minute" {
				t.Errorf("the goal is called %q", tk.Title)
			}
			w.server.ResetRequests()
			w.poll()
			for tracker, n := range w.server.Requests() {
				if n > 2 {
					t.Errorf("%d requests to %s of the next poll", n, tracker)
				}
			}
		})
	}
}

// A reading that shows a new name has all tickets with the old one read, and is
// not counted as a walk that missed something but for the one that showed it.
func TestRenameShownByReadingAgain(t *testing.T) {
	r, tr := newTracked(t, 2500)
	var all []ticket.Ticket
	for uid, tk := range tr.tickets {
		tk.Components = []string{"web"}
		tr.tickets[uid] = tk
		all = append(all, tk)
	}
	if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: all}); err != nil {
		t.Fatal(err)
	}
	for uid, tk := range tr.tickets {
		tk.Components = []string{"shop"}
		tr.tickets[uid] = tk
	}
	if err := r.readAgain(t.Context(), []string{"7"}); err != nil {
		t.Fatal(err)
	}
	for _, tk := range r.all(t) {
		if tk.Components[0] != "shop" {
			t.Fatalf("%s has %v", tk.ID, tk.Components)
		}
	}
	r.wantCounter(t, "alignd_tickets_repaired_total", 1)
	if len(tr.looks) != 4 {
		t.Errorf("%d looks, want 4", len(tr.looks))
	}
}
