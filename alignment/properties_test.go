package alignment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// The numbers in the names are those of the properties in measures of work.

func TestArrivalOrderIsIrrelevant1(t *testing.T) {
	rules := companyMapping(t, 3, 5, 20)
	tks := companyTickets(2000, 200, 3, 20)
	want := alignment.Compute(companyInput(index(tks), rules))
	for seed := range uint64(3) {
		mixed := slices.Clone(tks)
		rand.New(rand.NewPCG(seed, seed)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		got := alignment.Compute(companyInput(index(mixed), rules))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("shuffled tickets give another snapshot (-want +got):\n%s", diff)
		}
	}
}

func TestConservation7(t *testing.T) {
	tks := index(companyTickets(2000, 200, 3, 20))
	base := alignment.Compute(companyInput(tks, companyMapping(t, 3, 5, 20)))
	for name, rules := range map[string]*mapping.RuleSet{
		"strict":        companyMapping(t, 3, 5, 20, "basis_then: strict"),
		"split first":   companyMapping(t, 3, 5, 20, "split: first"),
		"fewer rules":   companyMapping(t, 3, 5, 2),
		"one goal only": companyMapping(t, 3, 1, 20),
	} {
		got := alignment.Compute(companyInput(tks, rules))
		for i := range base.Teams {
			checkConservation(t, name, base.Teams[i], got.Teams[i])
		}
		checkConservation(t, name, base.Company, got.Company)
	}
}

// checkConservation compares totals, which no rule and no basis may change.
func checkConservation(t *testing.T, name string, base, got alignment.TeamResult) {
	t.Helper()
	for i := range base.Windows {
		x, y := &base.Windows[i], &got.Windows[i]
		if x.Capacity != y.Capacity || x.Idle != y.Idle || y.Idle < 0 || x.FreshTime != y.FreshTime || x.ActiveTime != y.ActiveTime {
			t.Errorf("%s: %s %s: capacity, idle or fresh time changed", name, got.ID, y.Name)
		}
		if work := y.Units[alignment.UnitTime].Total; work+y.Idle != y.Capacity || work == 0 {
			t.Errorf("%s: %s %s: work %d + idle %d is not capacity %d", name, got.ID, y.Name, work, y.Idle, y.Capacity)
		}
		for _, u := range alignment.Units {
			if x.Units[u].Total != y.Units[u].Total {
				t.Errorf("%s: %s %s: total of %s is %d, was %d", name, got.ID, y.Name, u, y.Units[u].Total, x.Units[u].Total)
			}
			for _, b := range alignment.Bases {
				if sum := sumCells(y.Units[u].Cells[b]); sum != y.Units[u].Total {
					t.Errorf("%s: %s %s: cells of %s, %s sum to %d of %d", name, got.ID, y.Name, u, b, sum, y.Units[u].Total)
				}
			}
		}
	}
}

func sumCells(cells []alignment.CellAmount) (sum int64) {
	for _, c := range cells {
		sum += c.Amount
	}
	return sum
}

func TestCellsAddUpOverTeamsAndDays4(t *testing.T) {
	rules := companyMapping(t, 3, 5, 20)
	in := companyInput(index(companyTickets(2000, 200, 3, 20)), rules)
	to := mapping.DateOf(companyEnd) - 3
	whole := alignment.NewWindow(in, alignment.AllTeams, to-21, to)
	parts := map[alignment.Cell]int64{}
	for _, team := range rules.Teams() {
		for d := to - 21; d < to; d++ {
			w := alignment.NewWindow(in, team.ID, d, d+1)
			for _, c := range w.Units[alignment.UnitTime].Cells[alignment.Then] {
				parts[c.Cell] += c.Amount
			}
		}
	}
	for _, c := range whole.Units[alignment.UnitTime].Cells[alignment.Then] {
		if parts[c.Cell] != c.Amount {
			t.Errorf("%v: days and teams sum to %d, the whole is %d", c.Cell, parts[c.Cell], c.Amount)
		}
	}
}

// TestConnectorsAddUp4: as long as no team spans two connectors, each may be
// counted for itself.
func TestConnectorsAddUp4(t *testing.T) {
	rules := modelRules(t, strings.Replace(modelMapping, "goals:", `  - {id: three, owns: {linear: [A]}, capacity: 2}
  - {id: four, owns: {linear: [B, C]}, time_zone: Asia/Tokyo}
goals:`, 1))
	rapid.Check(t, func(t *rapid.T) {
		jira := drawCompany(t, rules)
		linear := jira
		linear.tks = nil
		for _, tk := range drawTickets(t) {
			tk.ID.Connector = "linear"
			linear.tks = append(linear.tks, tk)
		}
		both := jira
		both.tks = slices.Concat(jira.tks, linear.tks)
		parts := jira.booked(everything)
		for name, amount := range linear.booked(everything) {
			if parts[name] != 0 {
				t.Errorf("%s is in both parts", name)
			}
			parts[name] += amount
		}
		sameSums(t, "both connectors together", parts, both.booked(everything))
	})
}

// TestTeamThatSpansConnectors4: its time is split over the tickets of both; each
// connector for itself would count it twice.
func TestTeamThatSpansConnectors4(t *testing.T) {
	rules := modelRules(t, strings.Replace(modelMapping, "owns: {jira: [A]}", "owns: {jira: [A], linear: [A]}", 1))
	rapid.Check(t, func(t *rapid.T) {
		day := time.Date(2026, 3, 2+rapid.IntRange(0, 4).Draw(t, "day"), 0, 0, 0, 0, berlin)
		n := rapid.IntRange(1, 4).Draw(t, "tickets in each")
		var jira, linear list
		for i := range n {
			jira = append(jira, oneDay(fmt.Sprint("J", i), day))
			tk := oneDay(fmt.Sprint("L", i), day)
			tk.ID.Connector = "linear"
			linear = append(linear, tk)
		}
		whole := int64(8 * time.Hour * 3 / 2)
		got := func(tks list) map[string]int64 {
			d := drawn{tks, rules, modelStart.AddDate(0, 0, 31)}
			return d.booked(timeOf(func(k alignment.Booking) string { return k.Ticket.Connector }))
		}
		sameSums(t, "together, half each", map[string]int64{"jira": whole / 2, "linear": whole / 2}, got(slices.Concat(jira, linear)))
		sameSums(t, "jira alone", map[string]int64{"jira": whole}, got(jira))
		sameSums(t, "linear alone", map[string]int64{"linear": whole}, got(linear))
	})
}

// TestOrderAndNames7: the order of rules that do not compete, and the names of
// goals, move no work.
func TestOrderAndNames7(t *testing.T) {
	head, tail, _ := strings.Cut(modelMapping, "rules:\n")
	lines := strings.Split(strings.TrimRight(tail, "\n"), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "name: off,") })
	free, last := slices.Delete(slices.Clone(lines), i, i+1), lines[i] // of the off-plan rules without override the first wins
	rename := strings.NewReplacer("id: g1", "id: new-g1", "goal: g1", "goal: new-g1", "name: One", "name: Uno")
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, modelRules(t, modelMapping))
		before := d.booked(everything)
		order := rapid.Permutation(free).Draw(t, "order")
		d.rules = modelRules(t, rename.Replace(head+"rules:\n"+strings.Join(append(order, last), "\n")+"\n"))
		sameSums(t, "other order and names", before, d.booked(func(k alignment.Booking) string {
			if k.Cell.Goal == "new-g1" {
				k.Cell.Goal = "g1"
			}
			return everything(k)
		}))
	})
}

// drawn is a random small company with its mapping.
type drawn struct {
	tks   list
	rules *mapping.RuleSet
	end   time.Time
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
}

func modelRules(t tester, text string) *mapping.RuleSet {
	t.Helper()
	rules, err := mapping.Parse("model.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func drawCompany(t *rapid.T, rules *mapping.RuleSet) drawn {
	end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
	return drawn{drawTickets(t), rules, end}
}

func (d drawn) input() alignment.Input {
	return alignment.Input{Tickets: d.tks, Rules: d.rules, Watermarks: map[string]time.Time{"jira": d.end, "linear": d.end}, Now: d.end}
}

// with returns the company with another history of one ticket.
func (d drawn) with(i int, change func(tk *ticket.Ticket)) drawn {
	d.tks = slices.Clone(d.tks)
	tk := d.tks[i].Clone()
	change(&tk)
	d.tks[i] = tk
	return d
}

// booked adds up bookings by name; those without a name are left out.
func (d drawn) booked(name func(alignment.Booking) string) map[string]int64 {
	out := map[string]int64{}
	for _, k := range alignment.Bookings(d.input()) {
		if n := name(k); n != "" {
			out[n] += k.Amount
		}
	}
	return out
}

func everything(k alignment.Booking) string {
	return fmt.Sprintf("%s/%s/%s/%s/%s/%s", k.Team, k.Day, k.Unit, k.Basis, k.Ticket.UID, cellName(k.Cell))
}

// timeOf names bookings of team time by more or less detail.
func timeOf(name func(alignment.Booking) string) func(alignment.Booking) string {
	return func(k alignment.Booking) string {
		if k.Unit != alignment.UnitTime || k.Basis != alignment.Then {
			return ""
		}
		return name(k)
	}
}

func byTeamAndDay(k alignment.Booking) string { return fmt.Sprint(k.Team, " ", k.Day) }

func sameSums(t *rapid.T, what string, want, got map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-before +after):\n%s", what, diff)
	}
}

// happens adds an entry to a ticket's history.
func happens(tk *ticket.Ticket, c ticket.Change) {
	i := slices.IndexFunc(tk.Changes, func(x ticket.Change) bool { return x.At.After(c.At) })
	if i < 0 {
		i = len(tk.Changes)
	}
	tk.Changes = slices.Insert(tk.Changes, i, c)
	tk.Updated = later(tk.Updated, c.At)
}

// readings returns the ticket as it would have been read at each instant at
// which it changed.
func readings(tk ticket.Ticket) []ticket.Ticket {
	cuts := []time.Time{tk.Created}
	for _, c := range tk.Changes {
		cuts = append(cuts, c.At)
	}
	m := &model{tks: list{tk}}
	var out []ticket.Ticket
	for i, at := range cuts {
		if i > 0 && at.Equal(cuts[i-1]) {
			continue
		}
		read := m.fact(0, at)
		read.Changes = slices.DeleteFunc(slices.Clone(tk.Changes), func(c ticket.Change) bool { return c.At.After(at) })
		read.Updated = at
		out = append(out, read)
	}
	return out
}

// learn merges a reading into what is known, as the store does.
func learn(known list, read ticket.Ticket) list {
	i := slices.IndexFunc(known, func(tk ticket.Ticket) bool { return tk.ID == read.ID })
	if i < 0 {
		return append(known, read)
	}
	known[i] = ticket.Merge(known[i], read)
	return known
}

func snapshotsAgree(t *rapid.T, what string, want, got drawn) {
	t.Helper()
	if diff := cmp.Diff(alignment.Compute(want.input()), alignment.Compute(got.input())); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(alignment.Bookings(want.input()), alignment.Bookings(got.input())); diff != "" {
		t.Fatalf("bookings, %s (-want +got):\n%s", what, diff)
	}
}

func TestReplayEqualsIncremental2(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		step := drawn{nil, rules, d.end}
		for _, tk := range d.tks {
			for _, read := range readings(tk) {
				step.tks = learn(step.tks, read)
				alignment.Compute(step.input()) // must leave nothing behind
			}
		}
		snapshotsAgree(t, "one by one", d, step)
	})
}

// TestCrashAndResume3: after a crash the readings since the last batch that was
// written come again, in whatever order the tracker likes.
func TestCrashAndResume3(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		var all []ticket.Ticket
		for _, tk := range d.tks {
			all = append(all, readings(tk)...)
		}
		crash := rapid.IntRange(0, len(all)).Draw(t, "crash")
		written := rapid.IntRange(0, crash).Draw(t, "written")
		sent := append(slices.Clone(all[:crash]), rapid.Permutation(all[written:]).Draw(t, "again")...)
		got := drawn{nil, rules, d.end}
		for _, read := range sent {
			got.tks = learn(got.tks, read)
		}
		slices.SortFunc(got.tks, func(a, b ticket.Ticket) int { return strings.Compare(a.ID.UID, b.ID.UID) })
		snapshotsAgree(t, "after a crash", d, got)
	})
}

func TestNeutralTickets5(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		before, sums := d.booked(everything), d.booked(timeOf(everything))
		at := modelStart.Add(time.Duration(rapid.IntRange(0, 30*24).Draw(t, "at")) * time.Hour)
		tk := ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: "neutral"}, Project: "A", Status: "To Do", State: ticket.StateTodo,
			Labels: []string{"g1"}, Created: at, Updated: at,
		}
		idle := d
		idle.tks = append(slices.Clone(d.tks), tk)
		sameSums(t, "a ticket that is never active", before, idle.booked(everything))

		// From 20:00 to 06:00 nobody of team one, in Berlin, works.
		evening := time.Date(2026, 2, 16+rapid.IntRange(0, 20).Draw(t, "day"), 20, 0, 0, 0, berlin).UTC()
		tk.Created = modelStart
		night := d
		happens(&tk, ticket.Change{At: evening, Field: ticket.FieldState, From: "To Do", To: "Doing", FromState: ticket.StateTodo, ToState: ticket.StateActive})
		happens(&tk, ticket.Change{At: evening.Add(10 * time.Hour), Field: ticket.FieldState, From: "Doing", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone})
		tk.Status, tk.State = "Done", ticket.StateDone
		night.tks = append(slices.Clone(d.tks), tk)
		sameSums(t, "a ticket that is active at night", sums, night.booked(timeOf(everything)))
	})
}

// oneDay is a ticket in A that is active from 9:00 to 17:00 of a day.
func oneDay(uid string, day time.Time) ticket.Ticket {
	clock := func(hour int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), hour, 0, 0, 0, day.Location())
	}
	tk := ticket.Ticket{
		ID: ticket.ID{Connector: "jira", UID: uid}, Project: "A", Status: "Doing", State: ticket.StateActive,
		Created: clock(9),
	}
	finish(&tk, clock(17))
	return tk
}

func TestClones6(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 12).Draw(t, "tickets")
		day := time.Date(2026, 3, 2+rapid.IntRange(0, 4).Draw(t, "day"), 0, 0, 0, 0, berlin)
		d := drawn{nil, rules, modelStart.AddDate(0, 0, 31)}
		for i := range m {
			d.tks = append(d.tks, oneDay(fmt.Sprintf("T%02d", i), day))
		}
		uid := func(k alignment.Booking) string { return k.Ticket.UID[:3] }
		before, total := d.booked(timeOf(uid)), d.booked(timeOf(byTeamAndDay))
		d.tks = append(d.tks, oneDay("T00b", day))
		after := d.booked(timeOf(uid))
		sameSums(t, "total", total, d.booked(timeOf(byTeamAndDay)))
		whole := int64(8 * time.Hour * 3 / 2)
		if off := before["T00"]*int64(m) - whole; off < -int64(m) || off > int64(m) {
			t.Errorf("one of %d holds %d of %d", m, before["T00"], whole)
		}
		if off := after["T00"]*int64(m+1) - 2*whole; off < -2*int64(m+1) || off > 2*int64(m+1) {
			t.Errorf("the pair holds %d of %d among %d", after["T00"], whole, m+1)
		}
	})
}

func TestIrrelevantEvents8(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		i := rapid.IntRange(0, len(d.tks)-1).Draw(t, "ticket")
		label := func(at time.Time) drawn {
			return d.with(i, func(tk *ticket.Ticket) {
				happens(tk, ticket.Change{At: at, Field: ticket.FieldLabel, To: "irrelevant"})
				tk.Labels = append(tk.Labels, "irrelevant")
				tk.Updated = d.tks[i].Updated // else that is what keeps it fresh
			})
		}
		touch := func(at time.Time) drawn {
			return d.with(i, func(tk *ticket.Ticket) {
				happens(tk, ticket.Change{At: at, Field: ticket.FieldTouch})
				tk.Updated = d.tks[i].Updated
			})
		}
		at := d.tks[i].Created.Add(time.Duration(rapid.IntRange(0, 30*24).Draw(t, "at")) * time.Hour)
		sameSums(t, "a label instead of a touch", touch(at).booked(everything), label(at).booked(everything))

		known := []time.Time{d.tks[i].Created}
		for _, c := range d.tks[i].Changes {
			known = append(known, c.At)
		}
		at = rapid.SampledFrom(known).Draw(t, "known")
		sameSums(t, "a touch at an event", d.booked(everything), touch(at).booked(everything))
		sameSums(t, "a label at an event", d.booked(everything), label(at).booked(everything))
	})
}

// withoutLoops lets a ticket have parents of a smaller id only.
func (d drawn) withoutLoops() drawn {
	for i := range d.tks {
		elder := func(uid string) string {
			if uid < d.tks[i].ID.UID {
				return uid
			}
			return ""
		}
		d = d.with(i, func(tk *ticket.Ticket) {
			tk.Parent = elder(tk.Parent)
			for k := range tk.Changes {
				if c := &tk.Changes[k]; c.Field == ticket.FieldParent {
					c.From, c.To = elder(c.From), elder(c.To)
				}
			}
		})
	}
	return d
}

// TestFreshnessIsMonotone9: a child of a loop of parents takes over from all
// of it, which leaves more to others. Hence there are none here.
func TestFreshnessIsMonotone9(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules).withoutLoops()
		i := rapid.IntRange(0, len(d.tks)-1).Draw(t, "ticket")
		at := d.tks[i].Created.Add(time.Duration(rapid.IntRange(0, 30*24).Draw(t, "at")) * time.Hour)
		more := d.with(i, func(tk *ticket.Ticket) { happens(tk, ticket.Change{At: at, Field: ticket.FieldTouch}) })
		total := more.booked(timeOf(byTeamAndDay))
		for name, sum := range d.booked(timeOf(byTeamAndDay)) {
			if total[name] < sum {
				t.Errorf("%s: an event lowers the total from %d to %d", name, sum, total[name])
			}
		}
		others := timeOf(func(k alignment.Booking) string {
			if k.Ticket == d.tks[i].ID {
				return ""
			}
			return byTeamAndDay(k) + k.Ticket.UID
		})
		before := d.booked(others)
		for name, sum := range more.booked(others) {
			if sum > before[name]+64 {
				t.Errorf("%s: an event of another ticket raises it from %d to %d", name, before[name], sum)
			}
		}
	})
}

// TestLoopTakesTime9: trackers forbid loops of parents, histories read at
// different times can hold one. No ticket of it is deeper than another, so they
// share the time and do not silence each other.
func TestLoopTakesTime9(t *testing.T) {
	begin := time.Date(2026, 2, 16, 9, 0, 0, 0, berlin)
	active := func(uid, parent string) ticket.Ticket {
		return ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: uid}, Project: "A", Status: "Doing", State: ticket.StateActive, Parent: parent, Created: begin, Updated: begin}
	}
	whole := int64(8 * time.Hour * 3 / 2)
	tests := map[string]struct {
		tks  list
		want map[string]int64
	}{
		"two":              {list{active("a", "b"), active("b", "a")}, map[string]int64{"a": whole / 2, "b": whole / 2}},
		"three":            {list{active("a", "b"), active("b", "c"), active("c", "a")}, map[string]int64{"a": whole / 3, "b": whole / 3, "c": whole / 3}},
		"a child below":    {list{active("a", "b"), active("b", "a"), active("child", "a")}, map[string]int64{"child": whole}},
		"its own parent":   {list{active("a", "a")}, map[string]int64{"a": whole}},
		"one of two quiet": {list{active("a", "b"), {ID: ticket.ID{Connector: "jira", UID: "b"}, Project: "A", Status: "To Do", State: ticket.StateTodo, Parent: "a", Created: begin, Updated: begin}}, map[string]int64{"a": whole}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := drawn{tt.tks, modelRules(t, modelMapping), begin.AddDate(0, 0, 7)}
			got := d.booked(timeOf(func(k alignment.Booking) string {
				if k.Day != mapping.DateOf(begin)+1 {
					return ""
				}
				return k.Ticket.UID
			}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("team time (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFamiliesAndFreshness10(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		begin := time.Date(2026, 2, 16, 9, 0, 0, 0, berlin)
		parent := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: "parent"}, Project: "A", Status: "Doing", State: ticket.StateActive, Created: begin, Updated: begin}
		child := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: "child"}, Project: "A", Status: "To Do", State: ticket.StateTodo, Parent: "parent", Created: begin, Updated: begin}
		d := drawn{list{parent, child}, rules, modelStart.AddDate(0, 0, 31)}
		of := func(uid string) func(alignment.Booking) string {
			return timeOf(func(k alignment.Booking) string {
				if k.Ticket.UID != uid {
					return ""
				}
				return k.Day.String()
			})
		}
		touched := d
		for range rapid.IntRange(1, 5).Draw(t, "events") {
			at := begin.Add(time.Duration(rapid.IntRange(0, 30*24).Draw(t, "at")) * time.Hour)
			touched = touched.with(1, func(tk *ticket.Ticket) { happens(tk, ticket.Change{At: at, Field: ticket.FieldTouch}) })
		}
		sameSums(t, "parent", d.booked(of("parent")), touched.booked(of("parent")))

		// Ten working days after the child began it is stale, and the parent,
		// which is touched then, takes over.
		stale := d.with(1, func(tk *ticket.Ticket) { tk.Status, tk.State = "Doing", ticket.StateActive })
		stale = stale.with(0, func(tk *ticket.Ticket) {
			happens(tk, ticket.Change{At: begin.AddDate(0, 0, 14).Add(time.Duration(rapid.IntRange(-100, 0).Draw(t, "before")) * time.Hour), Field: ticket.FieldTouch})
		})
		got := stale.booked(of("parent"))
		if n := got["2026-02-27"]; n != 0 {
			t.Errorf("the parent takes %d while its child is fresh", n)
		}
		if n, want := got["2026-03-03"], int64(8*time.Hour*3/2); n != want {
			t.Errorf("the parent takes %d of %d although its child is stale", n, want)
		}
	})
}

func TestCapacityScales11(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Int64Range(2, 9).Draw(t, "times")
		small := drawCompany(t, modelRules(t, modelMapping))
		large := small
		large.rules = modelRules(t, strings.NewReplacer("capacity: 1.5", fmt.Sprintf("capacity: %.1f", 1.5*float64(c)), "capacity: 3", fmt.Sprintf("capacity: %d", 3*c)).Replace(modelMapping))
		before := small.booked(timeOf(everything))
		for name, amount := range large.booked(timeOf(everything)) {
			if off := amount - c*before[name]; off < -64*c || off > 64*c {
				t.Errorf("%s is %d, want %d times %d", name, amount, c, before[name])
			}
		}
		x, y := alignment.Compute(small.input()), alignment.Compute(large.input())
		for i := range x.Teams {
			for k := range x.Teams[i].Windows {
				for _, u := range alignment.Units {
					sharesAgree(t, &x.Teams[i].Windows[k].Units[u], &y.Teams[i].Windows[k].Units[u])
				}
			}
		}
	})
}

func sharesAgree(t *rapid.T, x, y *alignment.Work) {
	t.Helper()
	for _, b := range alignment.Bases {
		for _, c := range alignment.Classes {
			before, _ := x.ClassShare(b, c)
			after, _ := y.ClassShare(b, c)
			if diff := cmp.Diff(before, after, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("%s, %s (-before +after):\n%s", b, c, diff)
			}
		}
	}
	if diff := cmp.Diff(x.EffectiveTickets, y.EffectiveTickets, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("n_eff (-before +after):\n%s", diff)
	}
}

var isoDate = regexp.MustCompile(`\d{4}-\d\d-\d\d`)

// shifted moves a company by whole days, with everything declared for it.
func (d drawn) shifted(t tester, text string, days int) drawn {
	move := func(at time.Time) time.Time { return at.AddDate(0, 0, days) }
	out := drawn{end: move(d.end)}
	out.rules = modelRules(t, isoDate.ReplaceAllStringFunc(text, func(s string) string {
		at, _ := time.Parse(time.DateOnly, s)
		return move(at).Format(time.DateOnly)
	}))
	for _, tk := range d.tks {
		tk = tk.Clone()
		tk.Created, tk.Updated = move(tk.Created), move(tk.Updated)
		for i := range tk.Changes {
			tk.Changes[i].At = move(tk.Changes[i].At)
		}
		out.tks = append(out.tks, tk)
	}
	return out
}

func TestTimeShift12(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		base := drawCompany(t, rules)
		const summer = 105 // days to June, far from any change of the clocks
		named := func(days int) func(alignment.Booking) string {
			return func(k alignment.Booking) string {
				k.Day -= mapping.Date(days)
				return everything(k)
			}
		}
		week := 7 * rapid.IntRange(1, 6).Draw(t, "weeks")
		sameSums(t, "shifted by weeks", base.shifted(t, modelMapping, summer).booked(named(summer)),
			base.shifted(t, modelMapping, summer+week).booked(named(summer+week)))
	})
}

// TestWorkingDaysKeepTheirHours12: before and after clocks change, who works
// from nine to five by the clock on the wall works the eight hours that count.
func TestWorkingDaysKeepTheirHours12(t *testing.T) {
	rules := modelRules(t, modelMapping)
	for _, end := range []time.Time{time.Date(2026, 4, 10, 22, 0, 0, 0, time.UTC), time.Date(2026, 11, 13, 23, 0, 0, 0, time.UTC)} {
		d := drawn{nil, rules, end}
		want := map[string]int64{}
		for day := mapping.DateOf(end) - 30; day < mapping.DateOf(end); day++ {
			d.tks = append(d.tks, oneDay(day.String(), day.In(berlin)))
			if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
				want[day.String()] = int64(8*time.Hour) * 3 / 2
			}
		}
		got := d.booked(timeOf(func(k alignment.Booking) string { return k.Ticket.UID }))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// finish makes a ticket that is in progress done.
func finish(tk *ticket.Ticket, at time.Time) {
	happens(tk, ticket.Change{At: at, Field: ticket.FieldState, From: tk.Status, To: "Done", FromState: tk.State, ToState: ticket.StateDone})
	tk.Status, tk.State = "Done", ticket.StateDone
}

func reopen(tk *ticket.Ticket, at time.Time) {
	happens(tk, ticket.Change{At: at, Field: ticket.FieldState, From: tk.Status, To: "Doing", FromState: tk.State, ToState: ticket.StateActive})
	tk.Status, tk.State = "Doing", ticket.StateActive
}

func TestCompletionAtMidnight13(t *testing.T) {
	rules := modelRules(t, modelMapping)
	zones := []*time.Location{rules.Teams()[0].Location, rules.Teams()[1].Location}
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		team := rapid.IntRange(0, 1).Draw(t, "team")
		day := mapping.DateOf(modelStart) + mapping.Date(rapid.IntRange(2, 29).Draw(t, "day"))
		midnight := day.In(zones[team])
		late := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: "Z"}, Project: []string{"A", "B"}[team], Status: "Doing", State: ticket.StateActive, Created: modelStart}
		d.tks = append(d.tks, late)
		ended := func(after int) map[string]int64 {
			return d.with(len(d.tks)-1, func(tk *ticket.Ticket) {
				finish(tk, midnight.Add(time.Duration(after)*time.Microsecond))
			}).booked(func(k alignment.Booking) string {
				if k.Unit != alignment.UnitTickets || k.Basis != alignment.Then || k.Team != rules.Teams()[team].ID {
					return ""
				}
				return k.Day.String()
			})
		}
		before := ended(-rapid.IntRange(1, 3_600_000_000).Draw(t, "before"))
		after := ended(rapid.IntRange(0, 3_600_000_000).Draw(t, "after"))
		const one = 1_000_000
		before[(day - 1).String()] -= one
		before[day.String()] += one
		for _, near := range []mapping.Date{day - 1, day} {
			if before[near.String()] != after[near.String()] {
				t.Errorf("%s: %d, want %d", near, after[near.String()], before[near.String()])
			}
			delete(before, near.String())
			delete(after, near.String())
		}
		sameSums(t, "other days", before, after)
	})
}

func TestMoves14(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		same := d
		for i := range d.tks { // two owns both
			same = same.with(i, func(tk *ticket.Ticket) {
				swap := func(project *string) {
					if *project == "C" {
						*project = "B"
					}
				}
				swap(&tk.Project)
				for k := range tk.Changes {
					if c := &tk.Changes[k]; c.Field == ticket.FieldProject {
						swap(&c.From)
						swap(&c.To)
					}
				}
			})
		}
		sameSums(t, "another project of the team", d.booked(everything), same.booked(everything))

		i := rapid.IntRange(0, len(d.tks)-1).Draw(t, "ticket")
		at := d.tks[i].Updated.Add(time.Duration(rapid.IntRange(0, 20*24).Draw(t, "moved")) * time.Hour)
		moved := d.with(i, func(tk *ticket.Ticket) {
			to := rapid.SampledFrom([]string{"A", "B", "X"}).Draw(t, "to")
			happens(tk, ticket.Change{At: at, Field: ticket.FieldProject, From: tk.Project, To: to})
			tk.Project = to
		})
		before := func(k alignment.Booking) string {
			if k.Day >= mapping.DateOf(at.Add(-24*time.Hour)) {
				return ""
			}
			return everything(k)
		}
		sameSums(t, "before a move", d.booked(before), moved.booked(before))
	})
}

func TestReopening15(t *testing.T) {
	last, first := modelRules(t, modelMapping), modelRules(t, "completion: first\n"+modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		hours := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(1, 200).Draw(t, name)) * time.Hour
		}
		d := drawn{nil, last, modelStart.AddDate(0, 0, 40)}
		for i := range rapid.IntRange(1, 5).Draw(t, "tickets") {
			tk := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: fmt.Sprint("T", i)}, Project: "A", Status: "Doing", State: ticket.StateActive, Created: modelStart}
			finish(&tk, modelStart.Add(hours("done")))
			d.tks = append(d.tks, tk)
		}
		tickets := func(name func(alignment.Booking) string) func(alignment.Booking) string {
			return func(k alignment.Booking) string {
				if k.Unit != alignment.UnitTickets || k.Basis != alignment.Then {
					return ""
				}
				return name(k)
			}
		}
		inTeam := tickets(func(k alignment.Booking) string { return k.Team })
		days := tickets(func(k alignment.Booking) string { return k.Ticket.UID + k.Day.String() })
		again := d.tks[0].Updated.Add(hours("reopened"))
		open := d.with(0, func(tk *ticket.Ticket) { reopen(tk, again) })
		closed := open.with(0, func(tk *ticket.Ticket) { finish(tk, again.Add(hours("closed"))) })

		if was, is := d.booked(inTeam)["one"], open.booked(inTeam)["one"]; is != was-1_000_000 {
			t.Errorf("reopened: %d of %d are left", is, was)
		}
		sameSums(t, "closed again", d.booked(inTeam), closed.booked(inTeam))
		want := d.booked(days)
		delete(want, "T0"+mapping.DateOf(d.tks[0].Updated.In(berlin)).String())
		want["T0"+mapping.DateOf(closed.tks[0].Updated.In(berlin)).String()] = 1_000_000
		sameSums(t, "days of completion", want, closed.booked(days))

		d.rules, open.rules, closed.rules = first, first, first
		sameSums(t, "first completion, reopened", d.booked(days), open.booked(days))
		sameSums(t, "first completion, closed again", d.booked(days), closed.booked(days))
	})
}

func TestResidualPoints16(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{nil, rules, modelStart.AddDate(0, 0, 40)}
		n := rapid.IntRange(1, 12).Draw(t, "tickets")
		held := make([]int64, n) // of the children, then of the subtree
		parents := make([]int, n)
		for i := range n {
			tk := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: fmt.Sprint("T", i)}, Project: "A", Status: "Doing", State: ticket.StateActive, Created: modelStart}
			if parents[i] = -1; i > 0 {
				parents[i] = rapid.IntRange(max(0, i-2), i-1).Draw(t, "parent")
				tk.Parent = fmt.Sprint("T", parents[i])
			}
			if rapid.IntRange(0, 3).Draw(t, "not estimated") > 0 {
				tk.Estimate = ticket.Points{Set: true, Micros: int64(rapid.IntRange(0, 40).Draw(t, "points")) * 500_000}
			}
			finish(&tk, modelStart.Add(time.Duration(rapid.IntRange(1, 700).Draw(t, "done"))*time.Hour))
			d.tks = append(d.tks, tk)
		}
		for i := n - 1; i >= 0; i-- {
			held[i] = max(held[i], d.tks[i].Estimate.Micros)
			if parents[i] >= 0 {
				held[parents[i]] += held[i]
			}
		}
		sum := d.booked(func(k alignment.Booking) string {
			if k.Unit != alignment.UnitPoints || k.Basis != alignment.Then {
				return ""
			}
			return "points"
		})["points"]
		if sum != held[0] {
			t.Errorf("the tree holds %d, its root %d", sum, held[0])
		}
	})
}

func TestParentAndChild17(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{nil, rules, modelStart.AddDate(0, 0, 31)}
		active := func(uid, parent string, from, to int) {
			tk := ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: uid}, Project: "A", Parent: parent, Status: "Doing", State: ticket.StateActive, Created: modelStart.Add(time.Duration(from) * time.Hour)}
			for h := from; h < to; h += 100 {
				happens(&tk, ticket.Change{At: modelStart.Add(time.Duration(h) * time.Hour), Field: ticket.FieldTouch})
			}
			finish(&tk, modelStart.Add(time.Duration(to)*time.Hour))
			d.tks = append(d.tks, tk)
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "others") {
			from := rapid.IntRange(0, 600).Draw(t, "from")
			active(fmt.Sprint("T", i), "", from, from+rapid.IntRange(1, 300).Draw(t, "long"))
		}
		from := rapid.IntRange(0, 300).Draw(t, "parent from")
		to := from + rapid.IntRange(2, 400).Draw(t, "parent long")
		active("a parent", "", from, to)
		family := timeOf(func(k alignment.Booking) string {
			if strings.HasPrefix(k.Ticket.UID, "a ") {
				return "family " + k.Day.String()
			}
			return k.Ticket.UID + k.Day.String()
		})
		total, each := d.booked(timeOf(byTeamAndDay)), d.booked(family)
		begin := rapid.IntRange(from, to-1).Draw(t, "child from")
		active("a child", "a parent", begin, rapid.IntRange(begin+1, to).Draw(t, "child to"))
		sameSums(t, "total", total, d.booked(timeOf(byTeamAndDay)))
		for name, amount := range d.booked(family) {
			if off := amount - each[name]; off < -64 || off > 64 {
				t.Errorf("%s is %d, was %d", name, amount, each[name])
			}
		}
	})
}

func TestPause18(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := modelStart.Add(time.Duration(rapid.IntRange(10*24, 28*24).Draw(t, "pause"))*time.Hour + 17*time.Minute)
		paused := strings.Replace(modelMapping, "name: One, target: 50%", fmt.Sprintf(
			"name: One, target: 50%%, status: [{from: 2026-01-01, is: active}, {from: %q, is: paused}]", at.Format(time.RFC3339)), 1)
		d := drawCompany(t, modelRules(t, modelMapping))
		after := d
		after.rules = modelRules(t, paused)

		isThen := func(k alignment.Booking) bool { return k.Basis == alignment.Then }
		before := func(k alignment.Booking) string {
			if !isThen(k) || k.Day >= mapping.DateOf(at.Add(-24*time.Hour)) {
				return ""
			}
			return everything(k)
		}
		sameSums(t, "before the pause", d.booked(before), after.booked(before))
		totals := func(k alignment.Booking) string { return fmt.Sprint(k.Team, k.Day, k.Unit, k.Basis, k.Ticket.UID) }
		sameSums(t, "totals", d.booked(totals), after.booked(totals))

		merged := func(k alignment.Booking) string {
			if !isThen(k) {
				return ""
			}
			if k.Cell.Goal == "g1" {
				early, late := k.Day < mapping.DateOf(at)-1, k.Day > mapping.DateOf(at)+1
				if early && k.Cell.Class != alignment.Aligned || late && k.Cell.Class != alignment.NotNow {
					t.Errorf("%s on %s, paused at %s", k.Cell.Class, k.Day, at)
				}
				k.Cell.Class = alignment.Aligned
			}
			return everything(k)
		}
		want := d.booked(func(k alignment.Booking) string {
			if !isThen(k) {
				return ""
			}
			return everything(k)
		})
		for name, amount := range after.booked(merged) {
			if off := amount - want[name]; off < -64 || off > 64 {
				t.Errorf("%s is %d, was %d", name, amount, want[name])
			}
		}
	})
}

func TestBackfill19(t *testing.T) {
	then, strict := modelRules(t, modelMapping), modelRules(t, "basis_then: strict\n"+modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, then)
		known := func(k alignment.Booking) string {
			if k.Basis != alignment.Then {
				return ""
			}
			return fmt.Sprintf("%s/%s/%s/%s %s", k.Team, k.Day, k.Unit, k.Ticket.UID, cellName(k.Cell))
		}
		filled := d.booked(known)
		d.rules = strict
		bare := d.booked(known)
		for name := range filled {
			bare[name] += 0
		}
		for name, amount := range bare {
			who, cell, _ := strings.Cut(name, " ")
			switch {
			case strings.HasPrefix(cell, "aligned/"):
				if amount > filled[name]+64 {
					t.Errorf("%s is %d, strict %d", name, filled[name], amount)
				}
			case cell == "unmapped":
				if filled[name] > amount+64 {
					t.Errorf("%s is %d, strict %d", name, filled[name], amount)
				}
			case cell == "off_plan":
				// What was unmapped may turn out to be off-plan, for no reason.
				if filled[name] > amount+bare[who+" unmapped"]+64 {
					t.Errorf("%s is %d, strict %d", name, filled[name], amount)
				}
			}
		}
	})
}

func TestBounds20(t *testing.T) {
	rules := modelRules(t, modelMapping)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, rules)
		twice := d
		twice.tks = slices.Clone(d.tks)
		for _, tk := range d.tks {
			tk = tk.Clone()
			again := func(uid *string) {
				if *uid != "" {
					*uid += " again"
				}
			}
			again(&tk.ID.UID)
			again(&tk.Parent)
			for i := range tk.Changes {
				if c := &tk.Changes[i]; c.Field == ticket.FieldParent {
					again(&c.From)
					again(&c.To)
				}
			}
			twice.tks = append(twice.tks, tk)
		}
		x, y := alignment.Compute(d.input()), alignment.Compute(twice.input())
		for i := range x.Teams {
			for k := range x.Teams[i].Windows {
				for _, u := range alignment.Units {
					intervalsShrink(t, &x.Teams[i].Windows[k].Units[u], &y.Teams[i].Windows[k].Units[u])
				}
			}
		}
	})
}

func intervalsShrink(t *rapid.T, x, y *alignment.Work) {
	t.Helper()
	x.Overdispersion, y.Overdispersion = 1, 1 // where nothing is known of the weeks
	for _, b := range alignment.Bases {
		for _, c := range alignment.Classes {
			s, ok := x.ClassShare(b, c)
			if !ok {
				continue
			}
			more, _ := y.ClassShare(b, c)
			if !(0 <= s.Lower && s.Lower <= s.Value && s.Value <= s.Upper && s.Upper <= 1) {
				t.Errorf("share %v", s)
			}
			if math.Abs(more.Value-s.Value) > 1e-6 || more.Upper-more.Lower >= s.Upper-s.Lower {
				t.Errorf("replicated work turns %v into %v", s, more)
			}
			const zz = 1.959963984540054 * 1.959963984540054
			for _, limit := range []float64{s.Lower, s.Upper} {
				// Where the share is 0 or 1 one of the limits is the share itself.
				score := (s.Value-limit)*(s.Value-limit) - zz*limit*(1-limit)/x.EffectiveTickets
				if math.Abs(score) > 1e-9 && limit != s.Value {
					t.Errorf("limit %v of %v is off the score equation by %g", limit, s, score)
				}
			}
		}
	}
}
