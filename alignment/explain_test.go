package alignment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

const explainMapping = `
period: {name: Q1, from: 2026-01-01, to: 2026-03-31}
teams: [{id: payments, owns: {jira: [PAY]}}]
goals:
  - {id: checkout, name: Checkout}
  - {id: mobile, name: Mobile, status: [{from: 2026-01-01, is: active}, {from: 2026-03-04, is: paused}]}
rules:
  - {name: checkout label, when: {labels: {any: [checkout]}}, goal: checkout}
  - {name: mobile label, when: {labels: {any: [mobile]}}, goal: mobile}
  - {name: copies, when: {labels: {any: [copy]}}, exclude: true}
`

func explainInput(t *testing.T, tks list) alignment.Input {
	t.Helper()
	rules, err := mapping.Parse("mapping.yml", []byte(explainMapping))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC)
	return alignment.Input{Tickets: tks, Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
}

func day(d int) time.Time { return time.Date(2026, 3, d, 9, 0, 0, 0, time.UTC) }

func issue(uid, key string, labels ...string) ticket.Ticket {
	return ticket.Ticket{
		ID: ticket.ID{Connector: "jira", UID: uid}, Key: key, Title: "Title of " + key, Type: "Story",
		Project: "PAY", Status: "Doing", State: ticket.StateActive, Labels: labels, Created: day(1), Updated: day(1),
	}
}

func TestExplain(t *testing.T) {
	epic := issue("1", "PAY-1", "checkout")
	epic.Container, epic.Type = true, "Epic"
	story := issue("2", "PAY-2")
	story.Parent = "1"
	task := issue("3", "PAY-3")
	task.Parent = "2"
	late := issue("4", "PAY-4", "mobile")
	late.Changes = []ticket.Change{{At: day(5), Field: ticket.FieldLabel, To: "mobile"}}
	loop := issue("5", "PAY-5")
	loop.Parent = "5"
	copied := issue("6", "PAY-6", "copy")
	orphan := issue("7", "PAY-7")
	orphan.Parent = "404"
	in := explainInput(t, list{epic, story, task, late, loop, copied, orphan})

	aligned := func(goal string) []alignment.CellShare {
		return []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.Aligned, Goal: goal}, Share: 1}}
	}
	unmapped := []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.Unmapped}, Share: 1}}
	notNow := []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.NotNow, Goal: "mobile"}, Share: 1}}
	byEpic := &alignment.Ancestor{Key: "PAY-1", Title: "Title of PAY-1", Type: "Epic"}
	at := func(distance int) *alignment.Ancestor {
		a := *byEpic
		a.Distance = distance
		return &a
	}
	now := time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC)
	for key, want := range map[string]struct {
		now     alignment.Verdict
		history []alignment.Verdict
	}{
		"PAY-1": {
			alignment.Verdict{From: now, Cells: aligned("checkout"), Rules: []string{"checkout label"}},
			[]alignment.Verdict{{From: day(1), Cells: aligned("checkout"), Rules: []string{"checkout label"}}},
		},
		"pay-2": {
			alignment.Verdict{From: now, Cells: aligned("checkout"), Rules: []string{"checkout label"}, Ancestor: at(1)},
			[]alignment.Verdict{{From: day(1), Cells: aligned("checkout"), Rules: []string{"checkout label"}, Ancestor: at(1)}},
		},
		"PAY-3": {
			alignment.Verdict{From: now, Cells: aligned("checkout"), Rules: []string{"checkout label"}, Ancestor: at(2)},
			[]alignment.Verdict{{From: day(1), Cells: aligned("checkout"), Rules: []string{"checkout label"}, Ancestor: at(2)}},
		},
		"PAY-4": {
			alignment.Verdict{From: now, Cells: notNow, Rules: []string{"mobile label"}},
			[]alignment.Verdict{
				{From: day(1), Cells: aligned("mobile"), Rules: []string{"mobile label"}, Backfilled: true},
				{From: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Cells: notNow, Rules: []string{"mobile label"}, Backfilled: true},
				{From: day(5), Cells: notNow, Rules: []string{"mobile label"}},
			},
		},
		"PAY-5": {alignment.Verdict{From: now, Cells: unmapped}, []alignment.Verdict{{From: day(1), Cells: unmapped}}},
		"PAY-6": {
			alignment.Verdict{From: now, Excluded: true, Rules: []string{"copies"}},
			[]alignment.Verdict{{From: day(1), Excluded: true, Rules: []string{"copies"}}},
		},
		"PAY-7": {alignment.Verdict{From: now, Cells: unmapped}, []alignment.Verdict{{From: day(1), Cells: unmapped}}},
	} {
		t.Run(key, func(t *testing.T) {
			got := alignment.Explain(in, key)
			if len(got) != 1 {
				t.Fatalf("%d explanations, want 1", len(got))
			}
			if got[0].Team != "payments" || !got[0].Watermark.Equal(now) {
				t.Errorf("team %q, watermark %s", got[0].Team, got[0].Watermark)
			}
			if diff := cmp.Diff(want.now, got[0].Now, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("now (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want.history, got[0].History, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
	if got := alignment.Explain(in, "PAY-99"); len(got) != 0 {
		t.Errorf("an unknown key is explained: %+v", got)
	}
}

// Excluded tickets are out of all accounts, and counted.
func TestExcludedTicketsAreCountedOnly(t *testing.T) {
	s := alignment.Compute(explainInput(t, list{issue("1", "PAY-1", "copy"), issue("2", "PAY-2")}))
	if diff := cmp.Diff(map[string]int{"jira": 1}, s.Excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
	week := s.Teams[0].Windows[0]
	want := []alignment.CellAmount{{Cell: alignment.Cell{Class: alignment.Unmapped}, Amount: week.Capacity}}
	if diff := cmp.Diff(want, week.Units[alignment.UnitTime].Cells[alignment.Then]); diff != "" {
		t.Errorf("work of the week (-want +got):\n%s", diff)
	}
	if s.Rules[2].Tickets != 1 {
		t.Errorf("the exclude rule is used by %d tickets, want 1", s.Rules[2].Tickets)
	}
}

// A team is not reported on before all of its connectors have been read.
func TestTeamsWithoutAWatermarkAreUnknown(t *testing.T) {
	in := explainInput(t, list{issue("1", "PAY-1")})
	in.Watermarks = nil
	s := alignment.Compute(in)
	if s.Teams[0].Known || s.Company.Known || s.Teams[0].Windows != nil {
		t.Errorf("numbers from nowhere: %+v", s.Teams[0])
	}
	if len(s.Tickets) != 1 || s.Tickets[0].Count != 1 {
		t.Errorf("known tickets are not counted: %+v", s.Tickets)
	}
}

// A ticket out of scope hands down and is nobody's work.
func TestOutsideCarriesNoWork(t *testing.T) {
	above, below := issue("1", "PAY-1", "checkout"), issue("2", "PAY-2")
	above.Outside, below.Parent = true, "1"
	in := explainInput(t, list{above, below})
	snap := alignment.Compute(in)
	if n := snap.Tickets[0].Count; len(snap.Tickets) != 1 || n != 1 {
		t.Errorf("counted %+v, want one ticket", snap.Tickets)
	}
	if team := snap.Teams[0]; team.ActiveFresh+team.ActiveStale != 1 {
		t.Errorf("%d and %d active tickets, want one", team.ActiveFresh, team.ActiveStale)
	}
	if e := alignment.Explain(in, "PAY-2")[0]; e.Now.Ancestor == nil || e.Now.Ancestor.Key != "PAY-1" {
		t.Errorf("inherited from %+v", e.Now.Ancestor)
	}
}

func TestExplainFormerKey(t *testing.T) {
	moved := issue("1", "PAY-1")
	moved.Former = []string{"OLD-7", ""}
	in := explainInput(t, list{moved, issue("2", "PAY-2")})
	for key, want := range map[string]int{"old-7": 1, "PAY-1": 1, "OLD-8": 0, "": 0} {
		if got := alignment.Explain(in, key); len(got) != want {
			t.Errorf("%q explains %d tickets, want %d", key, len(got), want)
		}
	}
}
