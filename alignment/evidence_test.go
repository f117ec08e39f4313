package alignment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// counted returns the evidence of team one in completed tickets.
func counted(t testing.TB, tks list, text string) alignment.EvidenceWork {
	t.Helper()
	e := alignment.Compute(caseInput(t, tks, text)).Teams[0].Evidence
	if e == nil {
		t.Fatal("there is no evidence")
	}
	return e.Units[alignment.UnitTickets]
}

func TestDepths(t *testing.T) {
	epic := story("E", "03-02 09:00, A, g")
	epic.Container = true
	child := story("P", "03-02 09:00, A", "04-01 11:00 done")
	child.Parent = "E"
	far := story("F", "03-02 09:00, A", "04-01 10:00 done")
	far.Parent = "Q"
	middle := story("Q", "03-02 09:00, A")
	middle.Parent = "E"
	tks := list{
		epic, child, far, middle,
		story("own", "03-02 09:00, A, h", "04-01 10:00 done"),
		story("why", "03-02 09:00, A, incident", "04-01 10:00 done"),
		story("conflict", "03-02 09:00, A, g, h", "04-01 10:00 done"),
		story("several", "03-02 09:00, A, h, also-h", "04-01 10:00 done"),
		story("none", "03-02 09:00, A, noise", "04-01 10:00 done"),
		story("copy", "03-02 09:00, A, copy", "04-01 10:00 done"),
		story("other team", "03-02 09:00, B, h", "04-01 10:00 done"),
		story("open", "03-02 09:00, A, h"),
	}
	got := counted(t, tks, caseMapping+"  - {name: also h, when: {labels: {any: [also-h]}}, goal: h}\n")
	want := alignment.EvidenceWork{Total: 7e6, Completed: 7e6, Depths: [6]int64{
		alignment.DepthSeveral: 1e6, alignment.DepthOwn: 2e6, alignment.DepthParent: 1e6,
		alignment.DepthAncestor: 1e6, alignment.DepthConflict: 1e6, alignment.DepthNone: 1e6,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("completed tickets by evidence (-want +got):\n%s", diff)
	}
}

func TestLateLabels(t *testing.T) {
	epic := story("E", "03-02 09:00, A", "04-02 10:00 +g")
	epic.Container = true
	child := story("inherits late", "03-02 09:00, A", "04-01 10:00 done")
	child.Parent = "E"
	for name, tc := range map[string]struct {
		tks  list
		late int64
	}{
		"before":                  {list{story("1", "03-02 09:00, A", "03-30 10:00 +g", "04-01 10:00 done")}, 0},
		"with the closing":        {list{story("1", "03-02 09:00, A", "04-01 10:00 done", "04-01 10:00 +g")}, 0},
		"after":                   {list{story("1", "03-02 09:00, A", "04-01 10:00 done", "04-01 10:01 +g")}, 1e6},
		"reason after":            {list{story("1", "03-02 09:00, A", "04-01 10:00 done", "04-02 10:00 +incident")}, 1e6},
		"from off-plan to a goal": {list{story("1", "03-02 09:00, A, incident", "04-01 10:00 done", "04-02 10:00 +g")}, 1e6},
		"only the reason":         {list{story("1", "03-02 09:00, A, off", "04-01 10:00 done", "04-02 10:00 +incident")}, 0},
		"one more goal":           {list{story("1", "03-02 09:00, A, g", "04-01 10:00 done", "04-02 10:00 +h")}, 1e6},
		"something else":          {list{story("1", "03-02 09:00, A, g", "04-01 10:00 done", "04-02 10:00 +noise")}, 0},
		"taken off":               {list{story("1", "03-02 09:00, A, g", "04-01 10:00 done", "04-02 10:00 -g")}, 0},
		"opened again, then done": {list{story("1", "03-02 09:00, A", "04-01 10:00 done", "04-02 10:00 +g", "04-03 10:00 doing", "04-04 10:00 done")}, 0},
		"inherited":               {list{epic, child}, 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			got := counted(t, tc.tks, caseMapping)
			if got.Late != tc.late || got.Completed != 1e6 {
				t.Errorf("%d of %d completed tickets were decided late, want %d of 1e6", got.Late, got.Completed, tc.late)
			}
		})
	}
}

// labelled tells n completed tickets that got a label minutes apart.
func labelled(n int, project, created, at string, minutes int, label string) (tks list) {
	for i := range n {
		tk := story(fmt.Sprintf("%s%s%d", project, at, i), created+", "+project, "04-09 10:00 done")
		put := story("", "03-02 09:00, A", at+" +"+label).Changes[0]
		put.At = put.At.Add(time.Duration(i*minutes) * time.Minute)
		tk.Changes = append(tk.Changes, put)
		slices.SortStableFunc(tk.Changes, func(a, b ticket.Change) int { return a.At.Compare(b.At) })
		tk.Labels = append(tk.Labels, label)
		tks = append(tks, tk)
	}
	return tks
}

func TestSweeps(t *testing.T) {
	const made = "03-02 09:00"
	inherits := labelled(10, "A", made, "04-01 10:00", 1, "g")
	for name, tc := range map[string]struct {
		tks    list
		swept  int64 // tickets of team one
		sweeps int   // of team one
	}{
		"ten within the hour":     {labelled(10, "A", made, "04-01 10:00", 6, "g"), 10e6, 1},
		"nine":                    {labelled(9, "A", made, "04-01 10:00", 6, "g"), 0, 0},
		"over more than an hour":  {labelled(10, "A", made, "04-01 10:00", 7, "g"), 0, 0},
		"young tickets":           {labelled(10, "A", "03-31 09:00", "04-01 10:00", 1, "g"), 0, 0},
		"another label":           {labelled(10, "A", made, "04-01 10:00", 1, "noise"), 0, 0},
		"reasons":                 {labelled(10, "A", made, "04-01 10:00", 1, "incident"), 0, 0},
		"two goals, five each":    {slices.Concat(labelled(5, "A", made, "04-01 10:00", 1, "g"), labelled(5, "A", made, "04-01 10:05", 1, "h")), 0, 0},
		"over two teams":          {slices.Concat(labelled(4, "A", made, "04-01 10:00", 1, "g"), labelled(6, "B", made, "04-01 10:05", 1, "g")), 4e6, 1},
		"twice":                   {slices.Concat(labelled(10, "A", made, "04-01 10:00", 1, "g"), labelled(12, "A", made, "04-02 10:00", 1, "g")), 22e6, 2},
		"a straggler comes first": {slices.Concat(labelled(1, "A", made, "04-01 08:30", 1, "g"), labelled(10, "A", made, "04-01 09:29", 1, "g")), 10e6, 1},
		"other tickets beside it": {append(inherits, story("own", made+", A, g", "04-09 10:00 done")), 10e6, 1},
		"taken off again":         {takenOff(labelled(10, "A", made, "04-01 10:00", 1, "g")), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := alignment.Compute(caseInput(t, tc.tks, caseMapping)).Teams[0].Evidence
			if got := e.Units[alignment.UnitTickets].Swept; got != tc.swept || e.Sweeps != tc.sweeps {
				t.Errorf("%d tickets in %d sweeps, want %d in %d", got, e.Sweeps, tc.swept, tc.sweeps)
			}
		})
	}
}

func takenOff(tks list) list {
	for i := range tks {
		tks[i].Labels = nil
		tks[i].Changes = append(tks[i].Changes, story("", "03-02 09:00, A, g", "04-09 12:00 -g").Changes...)
	}
	return tks
}

func TestNoEvidence(t *testing.T) {
	snap := alignment.Compute(caseInput(t, list{story("1", "03-02 09:00, A, g")}, caseMapping))
	for _, team := range append(snap.Teams, snap.Company) {
		if team.Evidence != nil {
			t.Errorf("%s has evidence of no work: %+v", team.ID, team.Evidence)
		}
	}
}

// TestEvidenceAgreesWithTheSlowModel looks at each ticket behind the numbers
// of the same window, and judges it with the model.
func TestEvidenceAgreesWithTheSlowModel(t *testing.T) {
	rules, err := mapping.Parse("model.yml", []byte(modelMapping))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{rules: rules, tks: drawTickets(t)}
		m.end = modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		m.tks = slices.DeleteFunc(m.tks, func(tk ticket.Ticket) bool { return tk.Updated.After(m.end) })
		in := alignment.Input{Tickets: m.tks, Rules: m.rules, Watermarks: map[string]time.Time{"jira": m.end}, Now: m.end}
		snap := alignment.Compute(in)
		for _, team := range append(snap.Teams, snap.Company) {
			want := m.evidence(t, in, team.ID)
			got := team.Evidence
			if got == nil {
				got = &alignment.Evidence{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("evidence of %s (-want +got):\n%s", team.ID, diff)
			}
		}
	})
}

// evidence has no sweeps: the tickets of the model are too few.
func (m *model) evidence(t *rapid.T, in alignment.Input, team string) *alignment.Evidence {
	type member struct{ uid, team string }
	amounts := map[member]*[2]int64{}
	for u := range alignment.UnitPoints {
		for _, tk := range ask(t, in, alignment.Question{Team: team, Window: "91d", Unit: u, Basis: alignment.Now}).Tickets {
			k := member{tk.ID.UID, tk.Team}
			if amounts[k] == nil {
				amounts[k] = new([2]int64)
			}
			amounts[k][u] += tk.Amount
		}
	}
	out := &alignment.Evidence{}
	for k, sums := range amounts {
		i := m.find(k.uid)
		for u, amount := range sums {
			w := &out.Units[u]
			w.Total += amount
			w.Depths[m.depth(i)] += amount
			if sums[alignment.UnitTickets] > 0 {
				w.Completed += amount
				if m.late(i) {
					w.Late += amount
				}
			}
		}
	}
	return out
}

func (m *model) depth(i int) alignment.Depth {
	for distance, x := range m.line(i, m.end) {
		f := m.fact(x, m.end)
		got := m.rules.Match(&mapping.Facts{Connector: "jira", Project: f.Project, Status: f.Status, Type: f.Type, Labels: f.Labels})
		switch {
		case got.Kind == mapping.NoMatch || !m.exists(x, m.end):
			continue
		case got.Conflict:
			return alignment.DepthConflict
		case distance == 0 && len(got.Rules) > 1:
			return alignment.DepthSeveral
		}
		return []alignment.Depth{alignment.DepthOwn, alignment.DepthParent, alignment.DepthAncestor}[min(distance, 2)]
	}
	return alignment.DepthNone
}

// late compares what is known at the end with what was at the completion.
func (m *model) late(i int) bool {
	var done time.Time
	state := ticket.StateUnknown
	for _, at := range m.instants(time.UTC) {
		if !m.exists(i, at) {
			continue
		}
		if now := m.fact(i, at).State; now != state {
			state = now
			if now == ticket.StateDone {
				done = at
			}
		}
	}
	then, now := m.match(i, done), m.match(i, m.end)
	return now.Kind != mapping.NoMatch && (then.Kind != now.Kind || !slices.Equal(then.Goals, now.Goals))
}
