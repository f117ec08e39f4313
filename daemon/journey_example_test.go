package daemon_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// The worked example, see its own "how_to_read".
type (
	scenario struct {
		Window struct{ From, To string }
		Teams  []struct {
			ID       string
			Owns     map[string][]string
			TimeZone string `json:"time_zone"`
			Capacity string
			Calendar struct{ Holidays []string }
		}
		Goals []struct {
			ID     string
			Status []struct {
				From time.Time
				Is   string
			}
		}
		Targets []map[string]string
		Reasons []struct{ ID string }
		Rules   []json.RawMessage
		Tickets []struct {
			ID, Connector, Level string
			Events               []happening
		}
		Expected struct {
			Hours struct {
				Capacity, Total, Idle map[string]string
				bases
				ThenBeforeLastDelivery map[string]cells `json:"then_before_last_delivery"`
			} `json:"work_hours"`
			FreshShare map[string]string `json:"fresh_share"`
			Tickets    struct {
				Total map[string]string
				bases
				ThenBeforeLastDelivery map[string]cells `json:"then_before_last_delivery"`
			}
			Points struct {
				Total, Unestimated map[string]string
				bases
			}
			SharesThen map[string]map[string]cells      `json:"shares_then"`
			SharesNow  map[string]map[string]cells      `json:"shares_now"`
			NEff       map[string]cells                 `json:"n_eff"`
			Limits     map[string]map[string][2]float64 `json:"wilson95_aligned_then"`
			Distance   map[string]map[string]any        `json:"distance_to_target_time_then"`
			Wrong      map[string]struct {
				Hours           map[string]cells
				Tickets, Points map[string]string
				NEff            map[string]string `json:"n_eff_time"`
			} `json:"wrong_answers"`
		}
	}
	bases struct{ Then, Strict, Now map[string]cells }
	// cells maps a cell, class or ticket to an exact rational.
	cells     map[string]string
	happening struct {
		ticket, connector, level string

		At       time.Time
		Field    string
		Project  string
		State    string
		Parent   string
		Labels   []string
		Estimate *float64
		To       any
		Deliver  string
	}
)

func readScenario(t *testing.T, name string) *scenario {
	t.Helper()
	data, err := os.ReadFile(contracttest.Shared(t, "worked-example/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	var example struct{ Scenarios map[string]*scenario }
	if err := json.Unmarshal(data, &example); err != nil {
		t.Fatal(err)
	}
	return example.Scenarios[name]
}

// happenings returns what happens until an instant, in order of time.
func (s *scenario) happenings(until time.Time) (inOrder, late []happening) {
	for _, tk := range s.Tickets {
		for _, h := range tk.Events {
			h.ticket, h.connector, h.level = tk.ID, tk.Connector, tk.Level
			switch {
			case h.At.After(until):
			case h.Deliver == "last":
				late = append(late, h)
			default:
				inOrder = append(inOrder, h)
			}
		}
	}
	slices.SortStableFunc(inOrder, func(a, b happening) int { return a.At.Compare(b.At) })
	return inOrder, late
}

// company plays a scenario in both trackers.
type company struct {
	world *sandbox.World
	key   map[string]string // of the example's tickets
}

// found makes the projects, teams and labels.
func (s *scenario) found(now time.Time) *company {
	c := &company{world: sandbox.NewWorld(func() time.Time { return now }), key: map[string]string{}}
	for _, team := range s.Teams {
		for _, key := range team.Owns["jira"] {
			c.world.Jira.AddProject(sandbox.NewProject{Key: key, Name: key})
		}
		for _, key := range team.Owns["linear"] {
			c.world.Linear.AddTeam(key, key, team.TimeZone)
		}
	}
	return c
}

// tracker is what both trackers can do alike.
type tracker interface {
	Transition(at time.Time, ref, state string)
	AddLabel(at time.Time, ref string, labels ...string)
	RemoveLabel(at time.Time, ref string, labels ...string)
	SetParent(at time.Time, ref, parent string)
	Estimate(at time.Time, ref string, points *float64)
	Move(at time.Time, ref, to string) string
	Touch(at time.Time, ref string)
}

var jiraStatuses = map[string]string{"todo": "To Do", "active": "In Progress", "done": "Done"}

var linearStates = map[string]string{"todo": "Todo", "active": "In Progress", "done": "Done"}

func (c *company) happen(all []happening) {
	for _, h := range all {
		tracker, states := tracker(c.world.Jira), jiraStatuses
		if h.connector == "linear" {
			tracker, states = c.world.Linear, linearStates
		}
		key, to := c.key[h.ticket], fmt.Sprint(h.To)
		switch h.Field {
		case "created":
			c.create(h, states[h.State])
		case "state":
			tracker.Transition(h.At, key, states[to])
		case "label+":
			tracker.AddLabel(h.At, key, to)
		case "label-":
			tracker.RemoveLabel(h.At, key, to)
		case "parent":
			tracker.SetParent(h.At, key, c.key[to])
		case "estimate":
			tracker.Estimate(h.At, key, new(h.To.(float64)))
		case "project":
			c.key[h.ticket] = tracker.Move(h.At, key, to)
		case "touch":
			tracker.Touch(h.At, key)
		default:
			panic("unknown field " + h.Field)
		}
	}
}

func (c *company) create(h happening, state string) {
	if h.connector == "linear" {
		c.key[h.ticket] = c.world.Linear.CreateIssue(h.At, sandbox.NewLinearIssue{
			Team: h.Project, Title: h.ticket, State: state, Labels: h.Labels, Parent: c.key[h.Parent], Estimate: h.Estimate,
		})
		return
	}
	kind := "Story"
	if h.level == "epic" {
		kind = "Epic"
	}
	c.key[h.ticket] = c.world.Jira.CreateIssue(h.At, sandbox.NewIssue{
		Project: h.Project, Type: kind, Title: h.ticket, Status: state, Labels: h.Labels, Parent: c.key[h.Parent], Points: h.Estimate,
	})
}

// mapping writes the scenario as product ops would.
func (s *scenario) mapping(t *testing.T, basisThen string) string {
	t.Helper()
	type object = map[string]any
	var teams, goals, reasons []any
	for _, team := range s.Teams {
		teams = append(teams, object{
			"id": team.ID, "owns": team.Owns, "time_zone": team.TimeZone, "capacity": json.Number(team.Capacity),
			"calendar": object{"holidays": append([]string{}, team.Calendar.Holidays...)},
		})
	}
	for _, g := range s.Goals {
		var status, target []any
		for _, st := range g.Status {
			status = append(status, object{"from": st.From.Format(time.RFC3339), "is": st.Is})
		}
		for _, q := range s.Targets {
			target = append(target, object{"from": q["from"], "share": json.Number(rational(q[g.ID]).FloatString(4))})
		}
		goal := object{"id": g.ID, "status": status}
		if target != nil {
			goal["target"] = target
		}
		goals = append(goals, goal)
	}
	for _, r := range s.Reasons {
		reasons = append(reasons, object{"id": r.ID})
	}
	text, err := json.Marshal(object{ // YAML is a superset of JSON
		"period": object{"name": "example", "from": s.Window.From, "to": s.Window.To}, "basis_then": basisThen,
		"teams": teams, "goals": goals, "reasons": append([]any{}, reasons...), "rules": s.Rules,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// owned returns all projects or teams of a connector.
func (s *scenario) owned(connector string) []string {
	var all []string
	for _, team := range s.Teams {
		all = append(all, team.Owns[connector]...)
	}
	return all
}

// TestWorkedExampleFromTrackerToScrape plays the worked example in both
// trackers and compares each of its numbers that has a metric: before and
// after a change that arrives late, and with both meanings of "then".
func TestWorkedExampleFromTrackerToScrape(t *testing.T) {
	// Each clock stands in the last second of the window in the team's zone.
	// What the example tells of later instants has not happened yet; none of
	// it lies in working time before the watermark.
	for name, watermark := range map[string]time.Time{
		"week":  time.Date(2026, 3, 8, 22, 59, 59, 0, time.UTC),
		"union": time.Date(2026, 4, 1, 21, 59, 59, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const overlap = time.Second
			s := readScenario(t, name)
			c := s.found(watermark.Add(overlap))
			inOrder, late := s.happenings(watermark)
			c.happen(inOrder)
			tr := newTraveller(t, c.world, 0)
			tr.configure("jira", s.owned("jira"), "linear", s.owned("linear"))
			tr.write("mapping.yml", s.mapping(t, "backfilled"))
			r := tr.start(nil)
			r.until("/metrics", `(?m)^alignd_work_watermark_timestamp_seconds\{team="all"\} `)
			x := &s.Expected

			if len(late) > 0 {
				then := comparison{t: t, got: r.scrape(), windows: []string{"7d", "period"}}
				then.work("alignd_work_seconds", 3600, x.Hours.ThenBeforeLastDelivery)
				then.work("alignd_work_tickets", 1, x.Tickets.ThenBeforeLastDelivery)
				c.happen(late)
				for _, h := range late { // so that a delta poll sees it
					c.world.Jira.Touch(watermark, c.key[h.ticket])
				}
				r.until("/metrics", `(?m)^alignd_work_tickets\{class="aligned",goal="checkout",reason="",team="payments",window="7d"\} 3.5$`)
			}
			got := comparison{t: t, got: r.scrape(), windows: []string{"7d", "period"}}
			got.everything(s)
			got.noMistake(s)
			if at, ok := got.got.value("alignd_work_watermark_timestamp_seconds", "team", "all"); !ok || at != float64(watermark.Unix()) {
				t.Errorf("watermark is %v, want %v", at, watermark.Unix())
			}

			tr.write("mapping.yml", s.mapping(t, "strict"))
			if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
				t.Fatalf("reload: %d %s", status, body)
			}
			strict := comparison{t: t, got: r.scrape(), windows: got.windows}
			strict.work("alignd_work_seconds", 3600, x.Hours.Strict)
			strict.classShares("time", "then", x.Hours.Strict)
			if x.Tickets.Strict != nil {
				strict.work("alignd_work_tickets", 1, x.Tickets.Strict)
				strict.classShares("tickets", "then", x.Tickets.Strict)
			}
			strict.totals(s)
			tr.noPerson(r, c.key[s.Tickets[0].ID], ofTheCompany)
		})
	}
}

// comparison holds a scrape against expectations, in each window that covers
// the example's.
type comparison struct {
	t       *testing.T
	got     scrape
	windows []string
}

func (c comparison) everything(s *scenario) {
	c.t.Helper()
	x := &s.Expected
	for _, unit := range []struct {
		name, family string
		scale        float64
		bases        bases
	}{
		{"time", "alignd_work_seconds", 3600, x.Hours.bases},
		{"tickets", "alignd_work_tickets", 1, x.Tickets.bases},
		{"points", "alignd_work_points", 1, x.Points.bases},
	} {
		c.work(unit.family, unit.scale, unit.bases.Then)
		c.classShares(unit.name, "then", unit.bases.Then)
		c.classShares(unit.name, "now", unit.bases.Now)
		if unit.name != "points" { // which have no common scale
			c.goalShares(unit.name, "then", unit.bases.Then)
			c.goalShares(unit.name, "now", unit.bases.Now)
		}
		for team, classes := range x.SharesThen[unit.name] {
			c.shares(team, unit.name, "then", classes)
		}
		for team, classes := range x.SharesNow[unit.name] {
			c.shares(team, unit.name, "now", classes)
		}
		for team, want := range x.NEff[unit.name] {
			c.is(exact(want), 1e-9, "alignd_share_effective_tickets", "team", team, "unit", unit.name)
		}
		for team, want := range x.Limits[unit.name] {
			aligned := []string{"team", team, "unit", unit.name, "class", "aligned", "basis", "then"}
			c.is(want[0], 5e-7, "alignd_share_lower_ratio", aligned...)
			c.is(want[1], 5e-7, "alignd_share_upper_ratio", aligned...)
		}
	}
	for team, want := range x.FreshShare {
		c.is(exact(want), 1e-12, "alignd_active_fresh_ratio", "team", team)
	}
	for team, want := range x.Distance {
		c.is(exact(want["total_variation"]), 1e-9, "alignd_target_distance_ratio", "team", team, "unit", "time")
		c.is(exact(want["floor"]), 5e-7, "alignd_target_distance_floor_ratio", "team", team, "unit", "time")
	}
	c.totals(s)
	c.targets(s)
}

// is compares one series per window.
func (c comparison) is(want, tolerance float64, name string, pairs ...string) {
	c.t.Helper()
	for _, window := range c.windows {
		got, ok := c.got.value(name, append(slices.Clone(pairs), "window", window)...)
		if !ok || math.Abs(got-want) > tolerance {
			c.t.Errorf("%s %v %s is %v (there: %t), want %v", name, pairs, window, got, ok, want)
		}
	}
}

// work compares all cells of teams, those without work included. The sum of
// what was rounded to nanoseconds is far below the tolerance.
func (c comparison) work(family string, scale float64, want map[string]cells) {
	c.t.Helper()
	for team, expected := range want {
		for _, window := range c.windows {
			got := map[string]float64{}
			for _, x := range c.got.with(family, "team", team, "window", window) {
				got[cellOf(x.labels)] = x.value
			}
			for cell := range expected {
				if _, ok := got[cell]; !ok {
					c.t.Errorf("%s of %s, %s: no %s", family, team, window, cell)
				}
			}
			for cell, value := range got {
				if wanted := exact(expected[cell]) * scale; math.Abs(value-wanted) > 1e-6 {
					c.t.Errorf("%s of %s, %s: %s is %v, want %v", family, team, window, cell, value, wanted)
				}
			}
		}
	}
}

// cellOf writes labels as the example writes cells.
func cellOf(l map[string]string) string {
	name := l["class"]
	if part := l["goal"] + l["reason"]; part != "" {
		name += "/" + part
	}
	return name
}

var classes = []string{"aligned", "not_now", "off_plan", "unmapped"}

// shares compares the shares of all classes; one that is not named is 0.
func (c comparison) shares(team, unit, basis string, want cells) {
	c.t.Helper()
	for _, class := range classes {
		c.is(exact(want[class]), 1e-9, "alignd_share_ratio", "team", team, "unit", unit, "basis", basis, "class", class)
	}
}

// classShares compares with the shares that follow from cells.
func (c comparison) classShares(unit, basis string, want map[string]cells) {
	c.t.Helper()
	for team, expected := range want {
		total, sums := new(big.Rat), map[string]*big.Rat{}
		for cell, amount := range expected {
			class := cell[:len(cell)-len(cellPart(cell))]
			if sums[class] == nil {
				sums[class] = new(big.Rat)
			}
			sums[class].Add(sums[class], rational(amount))
			total.Add(total, rational(amount))
		}
		if total.Sign() == 0 {
			continue
		}
		shares := cells{}
		for class, sum := range sums {
			shares[class] = new(big.Rat).Quo(sum, total).RatString()
		}
		c.shares(team, unit, basis, shares)
	}
}

// cellPart returns the goal or reason of a cell, with the slash.
func cellPart(cell string) string {
	for i := range cell {
		if cell[i] == '/' {
			return cell[i:]
		}
	}
	return ""
}

// goalShares compares the company's shares of goals that have aligned work.
func (c comparison) goalShares(unit, basis string, want map[string]cells) {
	c.t.Helper()
	total, sums := new(big.Rat), map[string]*big.Rat{}
	for _, expected := range want {
		for cell, amount := range expected {
			total.Add(total, rational(amount))
			if goal := cellPart(cell); cell == "aligned"+goal {
				if sums[goal[1:]] == nil {
					sums[goal[1:]] = new(big.Rat)
				}
				sums[goal[1:]].Add(sums[goal[1:]], rational(amount))
			}
		}
	}
	for goal, sum := range sums {
		share, _ := new(big.Rat).Quo(sum, total).Float64()
		c.is(share, 1e-9, "alignd_goal_share_ratio", "team", "all", "goal", goal, "unit", unit, "basis", basis)
	}
}

// totals compares what no basis changes.
func (c comparison) totals(s *scenario) {
	c.t.Helper()
	x := &s.Expected
	for team, total := range x.Hours.Total {
		c.is(exact(x.Hours.Capacity[team])*3600, 0, "alignd_work_capacity_seconds", "team", team)
		c.is(exact(x.Hours.Idle[team])*3600, 1e-6, "alignd_work_idle_seconds", "team", team)
		c.is(exact(x.Points.Unestimated[team]), 0, "alignd_work_unestimated_tickets", "team", team)
		for _, window := range c.windows {
			for family, want := range map[string]float64{
				"alignd_work_seconds": exact(total) * 3600,
				"alignd_work_tickets": exact(x.Tickets.Total[team]),
				"alignd_work_points":  exact(x.Points.Total[team]),
			} {
				if got := c.got.with(family, "team", team, "window", window).sum(); math.Abs(got-want) > 1e-6 {
					c.t.Errorf("%s of %s, %s add up to %v, want %v", family, team, window, got, want)
				}
			}
		}
	}
}

// targets compares with the last declared targets.
func (c comparison) targets(s *scenario) {
	c.t.Helper()
	if len(s.Targets) == 0 {
		return
	}
	last, sum := s.Targets[len(s.Targets)-1], 0.0
	for _, g := range s.Goals {
		want := exact(last[g.ID])
		sum += want
		for _, team := range s.Teams {
			if got, ok := c.got.value("alignd_target_ratio", "team", team.ID, "goal", g.ID); !ok || got != want {
				c.t.Errorf("target of %s for %s is %v, want %v", team.ID, g.ID, got, want)
			}
		}
	}
	if got, ok := c.got.value("alignd_target_aligned_ratio", "team", "all"); !ok || math.Abs(got-sum) > 1e-9 {
		c.t.Errorf("targets add up to %v, want %v", got, sum)
	}
}

// onlyCell names the cell of tickets that have one all through the window, and
// those that share a cell with no ticket of another cell, so that hours per
// ticket can be read from cells.
var onlyCell = map[string]string{
	"T7": "aligned/reliability", "T8": "aligned/reliability", "T9": "aligned/reliability",
	"T10": "unmapped", "T11": "not_now/mobile", "T13": "off_plan/customer", "T14": "aligned/checkout",
	"G1": "aligned/checkout", "G2": "aligned/reliability", "G3": "unmapped",
}

// noMistake makes sure that none of the named mistakes explains the numbers.
func (c comparison) noMistake(s *scenario) {
	c.t.Helper()
	for mistake, wrong := range s.Expected.Wrong {
		for team, hours := range wrong.Hours {
			if c.sameHours(team, hours) {
				c.t.Errorf("%s: hours are those of the mistake %q", team, mistake)
			}
		}
		for family, totals := range map[string]map[string]string{"alignd_work_tickets": wrong.Tickets, "alignd_work_points": wrong.Points} {
			for team, total := range totals {
				if c.got.with(family, "team", team, "window", "7d").sum() == exact(total) {
					c.t.Errorf("%s: %s is that of the mistake %q", team, family, mistake)
				}
			}
		}
		for team, want := range wrong.NEff {
			got, ok := c.got.value("alignd_share_effective_tickets", "team", team, "unit", "time", "window", "7d")
			if !ok || math.Abs(got-exact(want)) < 1e-6 {
				c.t.Errorf("%s: n_eff is that of the mistake %q", team, mistake)
			}
		}
	}
}

// sameHours compares cells where the tickets tell theirs, else the total.
func (c comparison) sameHours(team string, hours cells) bool {
	want, total := map[string]float64{}, 0.0
	byCell := true
	for ticket, amount := range hours {
		cell, ok := onlyCell[ticket]
		byCell = byCell && ok
		want[cell] += exact(amount) * 3600
		total += exact(amount) * 3600
	}
	got := c.got.with("alignd_work_seconds", "team", team, "window", "7d")
	if !byCell {
		return math.Abs(got.sum()-total) < 1e-6
	}
	for _, x := range got {
		if math.Abs(x.value-want[cellOf(x.labels)]) > 1e-6 {
			return false
		}
		delete(want, cellOf(x.labels))
	}
	return len(want) == 0
}

func rational(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a rational: " + strconv.Quote(s))
	}
	return r
}

// exact returns an expected number, which is a rational, a float, or 0 where
// nothing is said.
func exact(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		if v != "" {
			f, _ := rational(v).Float64()
			return f
		}
	}
	return 0
}
