package daemon_test

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"
)

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

// onlyCell names the cell of the tickets that have the same one all through the
// window, so that hours per ticket can be held against cells.
var onlyCell = map[string]string{
	"T7": "aligned/reliability", "T8": "aligned/reliability", "T9": "aligned/reliability",
	"T10": "unmapped", "T11": "not_now/mobile", "T13": "off_plan/customer", "T14": "aligned/checkout",
	"G1": "aligned/checkout", "G2": "aligned/reliability", "G3": "unmapped",
}

// noMistake makes sure that none of the named mistakes explains the numbers,
// and that the right answer does.
func (c comparison) noMistake(s *scenario) {
	c.t.Helper()
	for team, hours := range s.Expected.Hours.PerTicket {
		if !c.sameHours(team, hours) {
			c.t.Errorf("%s: hours are not those of its tickets", team)
		}
	}
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
