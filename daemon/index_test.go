package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/sandbox"
)

// planned is a house with three teams, one for each kind of tracker, whose
// tickets have due dates and belong to sprints or cycles:
//
//	               created     sprint or cycle       due
//	early          day -30     days -21 to -7        day -3, moved on day -12
//	in time        day -20     days -21 to -7        day -5
//	late           day -8      days -21 to -7        none
//	running        day -1      days -2 to 12         day 20
//	moved early    day -60     none                  day -5, moved on day -40 to day -4
//
// So one of three was late, and one date of four was moved on short notice.
func planned(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	j, l := h.world.Jira, h.world.Linear
	j.AddProject(sandbox.NewProject{Key: "OPS", Name: "Operations"})
	now := time.Now().UTC()
	at := func(day int) time.Time { return now.AddDate(0, 0, day) }
	date := func(day int) string { return at(day).Format(time.DateOnly) }
	j.AddSprint("Over", at(-21), at(-7))
	j.AddSprint("Running", at(-2), at(12))
	cycles := map[string]int{"Over": l.AddCycle("PLT", at(-21), at(-7)), "Running": l.AddCycle("PLT", at(-2), at(12)), "": 0}
	for _, tk := range []struct {
		created int
		span    string
		due     int
		moved   int
		to      int
	}{{-30, "Over", -3, -12, 20}, {-20, "Over", -5, 0, 0}, {-8, "Over", 0, 0, 0}, {-1, "Running", 20, 0, 0}, {-60, "", -5, -40, -4}} {
		due := ""
		if tk.due != 0 {
			due = date(tk.due)
		}
		refs := []string{
			j.CreateIssue(at(tk.created), sandbox.NewIssue{Project: "PAY", Title: "Planned", Sprint: tk.span, Due: due}),
			j.CreateIssue(at(tk.created), sandbox.NewIssue{Project: "OPS", Title: "Planned", Sprint: tk.span, Due: due}),
		}
		id := l.CreateIssue(at(tk.created), sandbox.NewLinearIssue{Team: "PLT", Title: "Planned", Cycle: cycles[tk.span], Due: due})
		if tk.moved == 0 {
			continue
		}
		for _, ref := range refs {
			j.SetDue(at(tk.moved), ref, date(tk.to))
		}
		l.SetDue(at(tk.moved), id, date(tk.to))
	}
	h.write("pat", sandbox.DataCenterToken)
	third := fmt.Sprintf(`    - {name: acme-dc, url: %q, auth: {bearer_file: pat}, projects: [OPS], deployment: datacenter,
       poll_interval: 1s, overlap: 1s, requests_per_second: 1000}
`, h.server.DataCenterURL)
	h.write("alignd.yml", strings.Replace(h.config("[PAY]"), "  linear:", third+"  linear:", 1))
	return h
}

// surprises are the items that come from plans, as "value of observations".
func surprises(items []alignment.IndexItem) map[string]string {
	got := map[string]string{}
	for _, x := range items {
		if x.Item != "late_scope" && x.Item != "short_notice" {
			continue
		}
		got[x.Item] = fmt.Sprintf("none of %d", x.Observations)
		if x.Ratio != nil {
			got[x.Item] = fmt.Sprintf("%.4f of %d", x.Ratio.Value, x.Observations)
		}
	}
	return got
}

// Surprises in plans can be measured on what trackers really send.
func TestIndexOfPlans(t *testing.T) {
	h := planned(t)
	h.write("mapping.yml", `
period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}
teams:
  - {id: payments, owns: {acme: [PAY]}}
  - {id: warehouse, owns: {acme-dc: [OPS]}}
  - {id: platform, owns: {acme-linear: [PLT]}}
`)
	r := h.start(nil)
	one := map[string]string{"late_scope": "0.3333 of 3", "short_notice": "0.2500 of 4"}
	want := map[string]map[string]string{
		"payments": one, "warehouse": one, "platform": one,
		alignment.AllTeams: {"late_scope": "0.3333 of 9", "short_notice": "0.2500 of 12"},
	}
	got := map[string]map[string]string{}
	for id, items := range r.indexed(len(want)) {
		got[id] = surprises(items)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
}

// Where no ticket has a plan there is nothing to be surprised by.
func TestIndexWithoutPlans(t *testing.T) {
	r := newHouse(t).start(nil)
	for id, items := range r.indexed(3) {
		if got := surprises(items); len(got) > 0 {
			t.Errorf("%s has %v", id, got)
		}
	}
}

// indexed waits for the index of that many teams, all of them included.
func (r *running) indexed(teams int) map[string][]alignment.IndexItem {
	r.t.Helper()
	for {
		if snap := r.Snapshot(); snap != nil && snap.Review != nil && len(snap.Review.Index) == teams {
			return snap.Review.Index
		}
		select {
		case <-r.t.Context().Done():
			r.t.Fatal("no such index")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
