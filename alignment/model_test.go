package alignment_test

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// model is the slow way to the same numbers: time is cut at every instant at
// which anything at all happens, each piece is judged at its middle, and
// amounts are exact rationals. It shares no shortcut with the engine.
type model struct {
	rules *mapping.RuleSet
	tks   list
	end   time.Time
}

// fact returns the ticket as it stood at an instant, by undoing what is later.
func (m *model) fact(i int, at time.Time) ticket.Ticket {
	tk := m.tks[i].Clone()
	for _, c := range slices.Backward(tk.Changes) {

		if !c.At.After(at) {
			break
		}
		switch c.Field {
		case ticket.FieldState:
			tk.Status, tk.State = c.From, c.FromState
		case ticket.FieldProject:
			tk.Project = c.From
		case ticket.FieldParent:
			tk.Parent = c.From
		case ticket.FieldEstimate:
			tk.Estimate = c.FromPoints
		case ticket.FieldLabel:
			tk.Labels = slices.DeleteFunc(tk.Labels, func(l string) bool { return l == c.To })
			if c.From != "" {
				tk.Labels = append(tk.Labels, c.From)
			}
		}
	}
	return tk
}

func (m *model) exists(i int, at time.Time) bool { return !m.tks[i].Created.After(at) }

func (m *model) find(uid string) int {
	return slices.IndexFunc(m.tks, func(tk ticket.Ticket) bool { return tk.ID.UID == uid && uid != "" })
}

func (m *model) team(i int, at time.Time) int {
	return m.rules.TeamOf("jira", m.fact(i, at).Project)
}

// line returns the ticket and its ancestors as of an instant, loops cut.
func (m *model) line(i int, at time.Time) []int {
	var line []int
	for i >= 0 && !slices.Contains(line, i) {
		line = append(line, i)
		if !m.exists(i, at) { // before its creation a ticket hangs nowhere
			break
		}
		i = m.find(m.fact(i, at).Parent)
	}
	return line
}

// match returns the verdict of the ticket or its nearest ancestor.
func (m *model) match(i int, at time.Time) mapping.Match {
	for _, x := range m.line(i, at) {
		if !m.exists(x, at) {
			continue
		}
		f := m.fact(x, at)
		got := m.rules.Match(&mapping.Facts{Connector: "jira", Project: f.Project, Status: f.Status, Type: f.Type, Labels: f.Labels})
		if got.Kind != mapping.NoMatch {
			return got
		}
	}
	return mapping.Match{}
}

func (m *model) excluded(i int) bool { return m.match(i, m.end).Kind == mapping.Excluded }

// instants returns every instant at which a fact or declaration changes.
func (m *model) instants(loc *time.Location) []time.Time {
	out := []time.Time{m.end}
	for _, tk := range m.tks {
		out = append(out, tk.Created)
		for _, c := range tk.Changes {
			out = append(out, c.At)
		}
	}
	for _, g := range m.rules.Goals() {
		for _, s := range g.Statuses {
			out = append(out, s.From.In(loc))
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.Compact(out)
}

// known returns the match that counts on basis then: unknowns are filled from
// the first later instant that knows.
func (m *model) known(i int, at time.Time) mapping.Match {
	clean := func(at time.Time) mapping.Match {
		if got := m.match(i, at); got.Kind != mapping.Excluded {
			return got
		}
		return mapping.Match{}
	}
	got := clean(at)
	if m.rules.Strict() {
		return got
	}
	for _, later := range m.instants(time.UTC) {
		if !later.After(at) {
			continue
		}
		next := clean(later)
		if got.Kind == mapping.NoMatch {
			got = next
		} else if got.Kind == mapping.OffPlan && got.Reason == "" && next.Kind == mapping.OffPlan && next.Reason != "" {
			got = next
		}
	}
	return got
}

// cells returns the parts of a ticket's work, summing to 1.
func (m *model) cells(i int, at time.Time, basis alignment.Basis, loc *time.Location) map[string]*big.Rat {
	got := m.known(i, at)
	if basis == alignment.Now {
		at = m.end
		got = m.match(i, at)
	}
	out := map[string]*big.Rat{}
	add := func(cell string, part *big.Rat) {
		if out[cell] == nil {
			out[cell] = new(big.Rat)
		}
		out[cell].Add(out[cell], part)
	}
	switch got.Kind {
	case mapping.ToGoals:
		var weights int64
		for _, g := range got.Goals {
			weights += g.Weight
		}
		for _, g := range got.Goals {
			goal := &m.rules.Goals()[g.Goal]
			cell := "not_now/" + goal.ID
			switch goal.StatusAt(at, loc) {
			case mapping.GoalActive:
				cell = "aligned/" + goal.ID
			case mapping.GoalRetired:
				cell = "off_plan/retired"
			}
			add(cell, big.NewRat(g.Weight, weights))
		}
	case mapping.OffPlan:
		add(cmp.Or(map[bool]string{true: "off_plan/" + got.Reason}[got.Reason != ""], "off_plan"), big.NewRat(1, 1))
	default:
		add("unmapped", big.NewRat(1, 1))
	}
	return out
}

// worked returns the team's working time in (a, b].
func worked(t *mapping.Team, a, b time.Time) time.Duration {
	var sum time.Duration
	for d := mapping.DateOf(a.In(t.Location)) - 1; d <= mapping.DateOf(b.In(t.Location))+1; d++ {
		if from, to, ok := t.WorkingHours(d); ok {
			from, to = later(from, a), earlier(to, b)
			sum += max(0, to.Sub(from))
		}
	}
	return sum
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (m *model) lastEvent(i int, at time.Time) time.Time {
	last := m.tks[i].Created
	for _, c := range m.tks[i].Changes {
		if !c.At.After(at) {
			last = later(last, c.At)
		}
	}
	return last
}

// present returns U_T and S_T at an instant, in id order.
func (m *model) present(team int, at time.Time) (active, fresh []int) {
	t := &m.rules.Teams()[team]
	limit := 10 * (t.Calendar.To - t.Calendar.From)
	isFresh := func(i int) bool { return worked(t, m.lastEvent(i, at), at) <= limit }
	var mine []int
	silenced := map[int]bool{}
	for i := range m.tks {
		f := m.fact(i, at)
		if !m.exists(i, at) || f.Container || m.excluded(i) || f.State != ticket.StateActive || t.Waiting(f.Status) || m.team(i, at) != team {
			continue
		}
		mine = append(mine, i)
		if isFresh(i) {
			for _, x := range m.line(i, at)[1:] {
				if !slices.Contains(m.line(x, at), i) { // else a loop, in which none is deeper
					silenced[x] = true
				}
			}
		}
	}
	for _, i := range mine {
		if silenced[i] {
			continue
		}
		active = append(active, i)
		if isFresh(i) {
			fresh = append(fresh, i)
		}
	}
	return active, fresh
}

// time returns a team's work on one local day by "ticket cell", in nanoseconds
// of team time.
func (m *model) time(team int, day mapping.Date, basis alignment.Basis) map[string]*big.Rat {
	t := &m.rules.Teams()[team]
	out := map[string]*big.Rat{}
	from, to, ok := t.WorkingHours(day)
	if !ok || !from.Before(m.end) {
		return out
	}
	for _, s := range m.pieces(t, from, earlier(to, m.end)) {
		mid := s[0].Add(s[1].Sub(s[0]) / 2)
		_, fresh := m.present(team, mid)
		for _, i := range fresh {
			for cell, part := range m.cells(i, mid, basis, t.Location) {
				work := new(big.Rat).Mul(part, big.NewRat(s[1].Sub(s[0]).Microseconds()*t.Capacity, int64(len(fresh))))
				name := m.tks[i].ID.UID + " " + cell
				if out[name] == nil {
					out[name] = new(big.Rat)
				}
				out[name].Add(out[name], work)
			}
		}
	}
	return out
}

// pieces cuts [from, to) wherever anything happens or stops being fresh.
func (m *model) pieces(t *mapping.Team, from, to time.Time) [][2]time.Time {
	cuts := []time.Time{from}
	for _, at := range m.instants(t.Location) {
		for _, c := range []time.Time{at, staleAt(t, at)} {
			if c.After(from) && c.Before(to) {
				cuts = append(cuts, c)
			}
		}
	}
	cuts = append(cuts, to)
	slices.SortFunc(cuts, time.Time.Compare)
	var out [][2]time.Time
	for i := range cuts[1:] {
		if cuts[i].Before(cuts[i+1]) {
			out = append(out, [2]time.Time{cuts[i], cuts[i+1]})
		}
	}
	return out
}

// staleAt returns the instant at which an event at t stops keeping fresh.
func staleAt(t *mapping.Team, at time.Time) time.Time {
	left := 10 * (t.Calendar.To - t.Calendar.From)
	for d := mapping.DateOf(at.In(t.Location)); ; d++ {
		from, to, ok := t.WorkingHours(d)
		if !ok {
			continue
		}
		from = later(from, at)
		if length := max(0, to.Sub(from)); length < left {
			left -= length
			continue
		}
		return from.Add(left)
	}
}

const modelMapping = `
period: {name: test, from: 2026-03-01, to: 2026-03-31}
teams:
  - {id: one, owns: {jira: [A]}, time_zone: Europe/Berlin, capacity: 1.5, waiting_statuses: [Blocked]}
  - {id: two, owns: {jira: [B, C]}, time_zone: America/New_York, capacity: 3}
goals:
  - {id: g1, name: One, target: 50%}
  - {id: g2, name: Two, target: 30%, status: [{from: 2026-01-01, is: active}, {from: "2026-03-11T10:30:00Z", is: paused}]}
  - {id: g3, name: Three, status: [{from: 2026-03-05, is: active}, {from: 2026-03-18, is: retired}]}
reasons: [{id: incident, name: Incident}]
rules:
  - {name: g1, when: {labels: {any: [g1]}}, goal: g1}
  - {name: g2, when: {labels: {any: [g2]}}, goal: g2, weight: 2}
  - {name: g3, when: {labels: {any: [g3]}}, goal: g3}
  - {name: why, when: {labels: {any: [incident]}}, reason: incident}
  - {name: first, when: {labels: {all: [incident, g1]}}, reason: incident, override: true}
  - {name: off, when: {labels: {any: [off]}}, off_plan: true}
  - {name: copies, when: {labels: {any: [copy]}}, exclude: true}
`

var modelStart = time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)

// drawTickets makes a small company with odd histories: any order of states,
// parents that form loops, moves in and out of teams, truncated pasts.
func drawTickets(t *rapid.T) list {
	statuses := []struct {
		name  string
		state ticket.State
	}{{"To Do", ticket.StateTodo}, {"Doing", ticket.StateActive}, {"Blocked", ticket.StateActive}, {"Done", ticket.StateDone}, {"Dropped", ticket.StateCanceled}}
	labels := []string{"g1", "g2", "g3", "incident", "off", "copy", "noise"}
	n := rapid.IntRange(1, 6).Draw(t, "tickets")
	uid := func(i int) string { return fmt.Sprintf("T%d", i) }
	tks := make(list, n)
	for i := range tks {
		st := rapid.SampledFrom(statuses).Draw(t, "status")
		tk := ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: uid(i)}, Container: rapid.IntRange(0, 5).Draw(t, "container") == 0,
			Project: rapid.SampledFrom([]string{"A", "B", "C", "X"}).Draw(t, "project"), Status: st.name, State: st.state,
			Created: modelStart.Add(time.Duration(rapid.IntRange(0, 24*30).Draw(t, "created")) * time.Hour),
		}
		if rapid.Bool().Draw(t, "child") {
			tk.Parent = uid(rapid.IntRange(0, n).Draw(t, "parent"))
		}
		for _, l := range labels {
			if rapid.IntRange(0, 5).Draw(t, l) == 0 {
				tk.Labels = append(tk.Labels, l)
			}
		}
		at := tk.Created
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			at = at.Add(time.Duration(rapid.IntRange(0, 150).Draw(t, "later")) * 20 * time.Minute)
			c := ticket.Change{At: at, Field: ticket.FieldTouch}
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0, 1, 2:
				next := rapid.SampledFrom(statuses).Draw(t, "to")
				c = ticket.Change{At: at, Field: ticket.FieldState, From: tk.Status, To: next.name, FromState: tk.State, ToState: next.state}
				tk.Status, tk.State = next.name, next.state
			case 3, 4, 5, 6:
				l := rapid.SampledFrom(labels).Draw(t, "label")
				c = ticket.Change{At: at, Field: ticket.FieldLabel, To: l}
				if k := slices.Index(tk.Labels, l); k >= 0 {
					c.From, c.To = l, ""
					tk.Labels = slices.Delete(tk.Labels, k, k+1)
				} else {
					tk.Labels = append(tk.Labels, l)
				}
			case 7:
				next := rapid.SampledFrom([]string{"A", "B", "C", "X"}).Draw(t, "move")
				c = ticket.Change{At: at, Field: ticket.FieldProject, From: tk.Project, To: next}
				tk.Project = next
			case 8:
				next := ""
				if k := rapid.IntRange(-1, n-1).Draw(t, "under"); k >= 0 {
					next = uid(k)
				}
				c = ticket.Change{At: at, Field: ticket.FieldParent, From: tk.Parent, To: next}
				tk.Parent = next
			}
			tk.Changes = append(tk.Changes, c)
		}
		tk.Updated = at
		tks[i] = tk
	}
	return tks
}

func TestEngineAgreesWithTheSlowModel25(t *testing.T) {
	for _, extra := range []string{"", "basis_then: strict\n"} {
		rules, err := mapping.Parse("model.yml", []byte(extra+modelMapping))
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			m := &model{rules: rules, tks: drawTickets(t)}
			m.end = modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
			m.tks = slices.DeleteFunc(m.tks, func(tk ticket.Ticket) bool { return tk.Updated.After(m.end) })
			compareWithModel(t, m)
		})
	}
}

func compareWithModel(t *rapid.T, m *model) {
	in := alignment.Input{Tickets: m.tks, Rules: m.rules, Watermarks: map[string]time.Time{"jira": m.end}, Now: m.end}
	got := map[string]int64{}
	for _, b := range alignment.Bookings(in) {
		if b.Unit == alignment.UnitTime {
			got[fmt.Sprintf("%s %s %s %s %s", b.Team, b.Day, b.Basis, b.Ticket.UID, cellName(b.Cell))] += b.Amount
		}
	}
	for i, team := range m.rules.Teams() {
		for day := mapping.DateOf(m.end) - 20; day <= mapping.DateOf(m.end)+1; day++ {
			for _, basis := range alignment.Bases {
				want := m.time(i, day, basis)
				prefix := fmt.Sprintf("%s %s %s ", team.ID, day, basis)
				for name, exact := range want {
					f, _ := exact.Float64()
					if d := float64(got[prefix+name]) - f; d > 50 || d < -50 {
						t.Errorf("%s%s is %d ns, the model says %.0f", prefix, name, got[prefix+name], f)
					}
					delete(got, prefix+name)
				}
				for name, amount := range got {
					if len(name) > len(prefix) && name[:len(prefix)] == prefix && amount > 50 {
						t.Errorf("%s has %d ns, the model says none", name, amount)
					}
				}
			}
		}
	}
}
