package alignment_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
)

// TestHistoryEqualsSumsOverTickets: a History keeps no tickets, but its windows
// are those that the tickets add up to, their sampling units included.
func TestHistoryEqualsSumsOverTickets(t *testing.T) {
	rules, err := mapping.Parse("model.yml", []byte(modelMapping))
	if err != nil {
		t.Fatal(err)
	}
	teams := []string{alignment.AllTeams}
	for _, team := range rules.Teams() {
		teams = append(teams, team.ID)
	}
	rapid.Check(t, func(t *rapid.T) {
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		for _, team := range teams {
			got, want := alignment.ClosedWindows(in, team, rapid.IntRange(9, 20).Draw(t, "every"))
			alike := cmp.Options{cmpopts.EquateApprox(1e-12, 0), cmpopts.IgnoreFields(alignment.Work{}, "Overdispersion")}
			if diff := cmp.Diff(want, got, alike); diff != "" {
				t.Fatalf("windows of %s (-ticket by ticket +history):\n%s", team, diff)
			}
		}
	})
}

// TestLookBackInParts: looking back on one team after the other finds the same
// as looking back on all at once.
func TestLookBackInParts(t *testing.T) {
	rules, err := mapping.Parse("model.yml", []byte(modelMapping))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		whole := alignment.LookBack(in)
		want, _ := alignment.Judge(in, whole, alignment.Log{})
		history := alignment.LookBackAtOnce(in, rapid.IntRange(1, 8).Draw(t, "at once"))
		got, _ := alignment.Judge(in, history, alignment.Log{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("review (-at once +in parts):\n%s", diff)
		}
		for _, team := range append(rules.Teams(), mapping.Team{ID: alignment.AllTeams}) {
			first, last, ok := history.Range(team.ID)
			for day := first + 27; ok && day <= last; day += 91 {
				if diff := cmp.Diff(whole.Window(team.ID, day, 28), history.Window(team.ID, day, 28)); diff != "" {
					t.Fatalf("%s, %s (-at once +in parts):\n%s", team.ID, day, diff)
				}
			}
		}
	})
}

// TestHistoryKeepsNoTickets: what stays in memory between two reviews are sums,
// not the tickets of two years.
func TestHistoryKeepsNoTickets(t *testing.T) {
	const tickets = 5000
	in := companyInput(index(companyTickets(tickets, 730, 4, 20)), companyMapping(t, 4, 5, 20))
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	short := in
	short.Tickets = index(companyTickets(tickets/10, 730, 4, 20))
	before := heap()
	few := alignment.LookBack(short)
	between := heap()
	many := alignment.LookBack(in)
	after := heap()
	kept := (after - between) - (between - before)
	runtime.KeepAlive(few)
	runtime.KeepAlive(many)
	runtime.KeepAlive(in)
	if perTicket := kept / (tickets - tickets/10); perTicket > 300 {
		t.Errorf("a history keeps %d bytes for each ticket more, want a few sums", perTicket)
	}
}

// TestHistoryHasWholeWindowsOnly: a window that begins before the history
// would hold less work than it says.
func TestHistoryHasWholeWindowsOnly(t *testing.T) {
	weeks := steady(120, 14)
	in := chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks))
	h := alignment.LookBack(in)
	first, _, _ := h.Range("t")
	got := map[mapping.Date][]string{}
	for _, day := range []mapping.Date{0, 5, 6, 26, 27, 89, 90} {
		names := []string{}
		for _, w := range h.Snapshot(first + day).Teams[0].Windows {
			names = append(names, w.Name)
		}
		got[day] = names
	}
	want := map[mapping.Date][]string{0: {}, 5: {}, 6: {"7d"}, 26: {"7d"}, 27: {"7d", "28d"}, 89: {"7d", "28d"}, 90: {"7d", "28d", "91d"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("windows by days since the history began (-want +got):\n%s", diff)
	}
}
