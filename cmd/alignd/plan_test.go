package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
)

// fullPlan is a plan in which everything changes.
func fullPlan() *alignment.Plan {
	share := func(v float64) *float64 { return &v }
	series := func(team, goal string) alignment.Series {
		return alignment.Series{Team: team, Goal: goal, Unit: alignment.UnitTickets}
	}
	hour := int64(time.Hour)
	return &alignment.Plan{
		Moves: []alignment.Move{
			{
				From: alignment.Place{Team: "payments", Cells: "unmapped"}, To: alignment.Place{Team: "payments", Cells: "aligned checkout"},
				Tickets: 3, Time: 40 * hour, Examples: []alignment.TicketWorth{{Key: "PAY-2", Title: "Remember the address", Time: 30 * hour}, {Key: "PAY-3", Title: "\x1b[2J`@all`\n# [x](http://y) <b>", Time: 10 * hour}},
			},
			{From: alignment.Place{Team: "payments", Cells: "off_plan debt"}, Tickets: 1, Time: hour},
		},
		Shares: []alignment.ShareChange{
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5), After: share(0.625)},
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Goal: "checkout", After: share(0.625)},
			{Team: "payments", Window: "7d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5), After: share(1)},
		},
		DeadRules: []string{"old labels"},
		Conflicts: alignment.Conflicts{Before: 0, After: 2},
		Episodes: []alignment.EpisodeChange{
			{Series: series("payments", ""), Direction: alignment.Down},
			{Series: series("all", "checkout"), Opens: true, Direction: alignment.Up},
		},
	}
}

func TestPrintPlan(t *testing.T) {
	for format, want := range map[string]string{
		"text": `
Tickets that would count elsewhere: those with work in the last 91 days, and open ones
  payments: unmapped -> aligned checkout, 3 tickets, 40 h of team time
    PAY-2 Remember the address (30 h)
    PAY-3  [2J` + "`@all`" + ` # [x](http://y) <b> (10 h)
  payments: off_plan debt -> in no team, 1 ticket, 1 h of team time

Shares of team time over 28 days (all windows and units: --format=json)
  payments, aligned, basis then: 50.0% -> 62.5%
  payments, goal checkout, basis now: nothing -> 62.5%

Rules that no ticket of the last 28 days matches
  old labels

Tickets that match several goals: 0 -> 2

Episodes of drift, if the next week is like the last ones
  team payments: the open one would end
  goal checkout: one would open, up
`,
		"markdown": `
### Tickets that would count elsewhere: those with work in the last 91 days, and open ones

- payments: unmapped -> aligned checkout, 3 tickets, 40 h of team time
  - PAY-2 ` + "`Remember the address`" + ` (30 h)
  - PAY-3 ` + "` [2J'@all' # [x](http://y) <b>`" + ` (10 h)
- payments: off_plan debt -> in no team, 1 ticket, 1 h of team time

### Shares of team time over 28 days (all windows and units: --format=json)

- payments, aligned, basis then: 50.0% -> 62.5%
- payments, goal checkout, basis now: nothing -> 62.5%

### Rules that no ticket of the last 28 days matches

- old labels

### Tickets that match several goals: 0 -> 2

### Episodes of drift, if the next week is like the last ones

- team payments: the open one would end
- goal checkout: one would open, up
`,
	} {
		var out strings.Builder
		if err := printPlan(&out, fullPlan(), format); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[1:], out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}
