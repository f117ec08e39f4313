package alignment_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// companyEnd is the watermark of generated companies.
var companyEnd = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

// companyMapping writes a mapping with the given number of teams, goals and
// rules.
func companyMapping(t testing.TB, teams, goals, rules int, extra ...string) *mapping.RuleSet {
	t.Helper()
	var b strings.Builder
	for _, line := range extra {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintf(&b, "period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}\nteams:\n")
	for i := range teams {
		zone := []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata"}[i%3]
		fmt.Fprintf(&b, "  - {id: team%d, owns: {jira: [P%d]}, time_zone: %s, capacity: %d}\n", i, i, zone, 3+i%4)
	}
	fmt.Fprintf(&b, "goals:\n")
	for i := range goals {
		fmt.Fprintf(&b, "  - {id: goal%d, name: Goal %d, target: %.4f", i, i, 0.7/float64(goals))
		if i%5 == 1 {
			fmt.Fprintf(&b, ", status: [{from: 2026-01-01, is: active}, {from: 2026-10-20T11:00:00Z, is: paused}]")
		}
		fmt.Fprintf(&b, "}\n")
	}
	fmt.Fprintf(&b, "reasons: [{id: incident, name: Incident}, {id: customer, name: Customer}]\nrules:\n")
	for i := range rules {
		switch {
		case i%10 == 8:
			fmt.Fprintf(&b, "  - {name: rule %d, when: {labels: {any: [off%d]}}, reason: %s}\n", i, i, []string{"incident", "customer"}[i%2])
		case i%10 == 9:
			fmt.Fprintf(&b, "  - {name: rule %d, when: {labels: {any: [unplanned%d]}}, off_plan: true}\n", i, i)
		default:
			fmt.Fprintf(&b, "  - {name: rule %d, when: {labels: {any: [label%d]}}, goal: goal%d}\n", i, i, i%goals)
		}
	}
	rs, err := mapping.Parse("company.yml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// ruleLabel returns a label that rule i looks for.
func ruleLabel(i int) string {
	switch i % 10 {
	case 8:
		return fmt.Sprintf("off%d", i)
	case 9:
		return fmt.Sprintf("unplanned%d", i)
	}
	return fmt.Sprintf("label%d", i)
}

// companyTickets makes n tickets with six changes each, spread over the days
// before companyEnd; one in fifty is an epic, most others have a parent.
func companyTickets(n, days, teams, rules int) list {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	tks := make(list, n)
	epics := max(1, n/50)
	for i := range tks {
		created := companyEnd.Add(-time.Duration(r.Int64N(int64(days) * int64(24*time.Hour)))).Truncate(time.Millisecond)
		tk := &tks[i]
		*tk = ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: fmt.Sprintf("%08d", 10000+i)}, Key: fmt.Sprintf("P%d-%d", i%teams, i),
			Title: "A ticket title of a usual length", Type: "Story", Priority: "Medium", Project: fmt.Sprintf("P%d", i%teams),
			Container: i < epics, Status: "Done", State: ticket.StateDone, Created: created,
			Labels: []string{ruleLabel(r.IntN(rules)), "backend"},
		}
		if i >= epics && r.IntN(4) > 0 {
			tk.Parent = fmt.Sprintf("%08d", 10000+r.IntN(epics))
			tk.Labels = tk.Labels[1:]
		}
		if i > epics+10 && r.IntN(10) == 0 {
			tk.Parent = fmt.Sprintf("%08d", 10000+epics+r.IntN(i-epics))
		}
		at := created
		next := func(hours int64) time.Time {
			at = at.Add(time.Duration(1 + r.Int64N(hours*int64(time.Hour)))).Truncate(time.Millisecond)
			return at
		}
		tk.Changes = []ticket.Change{
			{At: next(200), Field: ticket.FieldState, From: "To Do", To: "In Progress", FromState: ticket.StateTodo, ToState: ticket.StateActive},
			{At: next(24), Field: ticket.FieldLabel, To: "backend"},
			{At: next(48), Field: ticket.FieldTouch},
			{At: next(48), Field: ticket.FieldEstimate, ToPoints: ticket.Points{Set: true, Micros: 3e6}},
			{At: next(24), Field: ticket.FieldState, From: "In Progress", To: "In Review", FromState: ticket.StateActive, ToState: ticket.StateActive},
			{At: next(96), Field: ticket.FieldState, From: "In Review", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone},
		}
		tk.Estimate = ticket.Points{Set: true, Micros: 3e6}
		tk.Updated = at
	}
	return tks
}

// indexed is a Source with constant-time access to single tickets.
type indexed struct {
	list
	byID map[ticket.ID]int
}

func index(l list) indexed {
	x := indexed{l, make(map[ticket.ID]int, len(l))}
	for i := range l {
		x.byID[l[i].ID] = i
	}
	return x
}

func (x indexed) Ticket(id ticket.ID) (ticket.Ticket, bool) {
	i, ok := x.byID[id]
	if !ok {
		return ticket.Ticket{}, false
	}
	return x.list[i].Clone(), true
}

func companyInput(src alignment.Source, rules *mapping.RuleSet) alignment.Input {
	return alignment.Input{Tickets: src, Rules: rules, Watermarks: map[string]time.Time{"jira": companyEnd}, Now: companyEnd}
}

// BenchmarkCompute computes companies with two years of history, six changes
// a ticket, 20 goals, 200 rules and 10 teams.
func BenchmarkCompute(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("tickets=%d", n), func(b *testing.B) {
			in := companyInput(index(companyTickets(n, 730, 10, 200)), companyMapping(b, 10, 20, 200))
			b.ReportAllocs()
			for b.Loop() {
				if s := alignment.Compute(in); !s.Company.Known {
					b.Fatal("no result")
				}
			}
		})
	}
}

// BenchmarkLookBack computes two years of history of the same companies.
func BenchmarkLookBack(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("tickets=%d", n), func(b *testing.B) {
			in := companyInput(index(companyTickets(n, 730, 10, 200)), companyMapping(b, 10, 20, 200))
			b.ReportAllocs()
			for b.Loop() {
				alignment.LookBack(in)
			}
		})
	}
}
