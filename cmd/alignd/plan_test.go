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
		Changes: []string{
			"Goal checkout: target 14% (before: target 15%).",
			"Rule \"`a` @all\" was removed (goal checkout).",
			"Goal checkout: another why (One in three carts is abandoned at payment,\nand nobody knows which of the seven steps it is that people turn away at).",
		},
		Moves: []alignment.Move{
			{
				From: alignment.Place{Team: "payments", Cells: "unmapped"}, To: alignment.Place{Team: "payments", Cells: "aligned checkout"},
				Tickets: 3, Time: 40 * hour, Examples: []alignment.TicketWorth{{Key: "PAY-2", Title: "Remember the address", Time: 30 * hour}, {Key: "PAY-3", Title: "\x1b[2J`@all`\n# [x](http://y) <b>", Time: 10 * hour}},
			},
			{From: alignment.Place{Team: "payments", Cells: "off_plan debt"}, Tickets: 1, Time: hour},
			{
				From: alignment.Place{Team: "payments", Cells: "aligned checkout + not_now tablet"}, To: alignment.Place{Team: "search", Excluded: true},
				Tickets: 1,
			},
			{From: alignment.Place{Team: "search", Cells: "off_plan retired"}, To: alignment.Place{Team: "search", Cells: "off_plan"}, Tickets: 2},
			{From: alignment.Place{Team: "search", Cells: "aligned old"}, To: alignment.Place{Team: "search", Cells: "aligned new"}, Tickets: 2, Time: hour},
		},
		Shares: []alignment.ShareChange{
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5), After: share(0.625)},
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Goal: "checkout", After: share(0.625)},
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Class: "off_plan", Before: share(0.1), After: share(0)},
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Goal: "old", Before: share(0.1)},
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Goal: "old", Before: share(0.1)},
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Goal: "old", Before: share(0)},
			{Team: "payments", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Goal: "old", Before: share(0)},
			{Team: "search", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Goal: "old", Before: share(0)},
			{Team: "search", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Goal: "old", Before: share(0)},
			{Team: "search", Window: "28d", Unit: alignment.UnitTime, Class: "unmapped", Before: share(0.1006), After: share(0.1011)},
			{Team: "payments", Window: "7d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5), After: share(1)},
			{Team: "payments", Window: "period", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5)},
			{Team: "payments", Window: "period", Unit: alignment.UnitTickets, Class: "aligned", Before: share(0.5)},
			{Team: "search", Window: "period", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5)},
			{Team: "search", Window: "period", Unit: alignment.UnitTickets, Class: "aligned", Before: share(0.5)},
			{Team: "mobile", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5)},
			{Team: "mobile", Window: "28d", Unit: alignment.UnitTime, Basis: alignment.Now, Class: "aligned", Before: share(0.5)},
			{Team: "mobile", Window: "28d", Unit: alignment.UnitTime, Class: "unmapped", Before: share(0.5)},
			{Team: "mobile", Window: "28d", Unit: alignment.UnitTime, Class: "aligned", Goal: "old", Before: share(0.5)},
			{Team: "mobile", Window: "91d", Unit: alignment.UnitTime, Class: "aligned", Before: share(0.5)},
			{Team: "mobile", Window: "91d", Unit: alignment.UnitPoints, Class: "aligned", Before: share(0.5)},
			{Team: "new", Window: "7d", Unit: alignment.UnitTime, Class: "unmapped", After: share(1)},
		},
		Reasons: []alignment.ShareChange{
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Class: "off_plan", Reason: "debt", Before: share(0.1), After: share(0.02)},
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Class: "off_plan", Reason: alignment.OtherReason, Before: share(0), After: share(0.2)},
			{Team: "all", Window: "28d", Unit: alignment.UnitTime, Class: "off_plan", Reason: alignment.NoReason, Before: share(0.3), After: share(0)},
		},
		DeadRules: []string{"old labels"},
		Conflicts: alignment.Conflicts{Before: 0, After: 2, New: []alignment.Conflict{{
			Rules:    [2]alignment.GoalRule{{Name: "by `label`", Goals: []string{"checkout"}}, {Name: "both", Goals: []string{"old", "tablet"}}},
			Tickets:  2,
			Examples: []alignment.TicketWorth{{Key: "PAY-2", Title: "Remember the address", Time: 3 * hour}, {Key: "PAY-9", Title: "Forget it"}},
		}}},
		Episodes: []alignment.EpisodeChange{
			{Series: series("payments", ""), Direction: alignment.Down, How: alignment.ByData},
			{Series: series("all", "tablet"), Direction: alignment.Down, How: alignment.NewReference},
			{Series: series("mobile", ""), Direction: alignment.Down, Gone: true},
			{Series: series("all", "checkout"), Opens: true, Direction: alignment.Up},
		},
		Names: alignment.Names{
			Teams: map[string]string{"payments": "Payments & Billing"}, Goals: map[string]string{"checkout": "Checkout in `a` minute", "old": "Same", "new": "Same"},
			Reasons: map[string]string{"debt": "Technical\ndebt"},
		},
	}
}

// TestPrintPlan writes ~ for a backtick, which cannot stand in these texts.
func TestPrintPlan(t *testing.T) {
	for format, want := range map[string]string{
		"text": `
What would differ in the mapping
  Goal checkout: target 14% (before: target 15%).
  Rule "~a~ @all" was removed (goal checkout).
  Goal checkout: another why (One in three carts is abandoned at payment, and nobody knows which of the seven steps it is that people turn away at).

Tickets that would count elsewhere: those with work in the last 91 days, and open ones
  Payments & Billing: Not mapped -> Active goals: Checkout in ~a~ minute, 3 tickets, 40 h of team time
    PAY-2 Remember the address (30 h)
    PAY-3  [2J~@all~ # [x](http://y) <b> (10 h)
  Payments & Billing: Off-plan: Technical debt -> in no team, 1 ticket, 1 h of team time
  Payments & Billing -> search: Active goals: Checkout in ~a~ minute + Goals not now: tablet -> taken out of all numbers, 1 ticket, 0 h of team time
  search: Off-plan: goals that are retired -> Off-plan: no reason given, 2 tickets, 0 h of team time
  search: Active goals: Same (old) -> Active goals: Same (new), 2 tickets, 1 h of team time

Shares of team time over 28 days (all windows and units: --format=json)
  Payments & Billing, Active goals, as it was known at the time: 50.0% -> 62.5%
  Payments & Billing, Active goals: Checkout in ~a~ minute, by today’s labels: nothing -> 62.5%
  The whole company, Off-plan, as it was known at the time: 10.0% -> 0.0%
  The whole company, Active goals: Same (old), as it was known at the time and by today’s labels: 10.0% -> nothing
  Payments & Billing and search, Active goals: Same (old), as it was known at the time and by today’s labels: 0.0% -> nothing
  search, Not mapped, as it was known at the time: 10.06% -> 10.11%
  The whole company, Off-plan: Technical debt, as it was known at the time: 10.0% -> 2.0%
  The whole company, Off-plan: reasons that are not declared, as it was known at the time: 0.0% -> 20.0%
  The whole company, Off-plan: no reason given, as it was known at the time: 30.0% -> 0.0%

Teams and windows in which every share begins or ends (each one: --format=json)
  Payments & Billing and search, over the period, in team time and completed tickets: every share ends
  mobile, over 28 days, in team time: every share ends
  mobile, over 91 days, in team time and points: every share ends
  new, over 7 days, in team time: every share begins

Rules that no ticket of the last 28 days matches
  old labels

Tickets of the last 28 days that match several goals: 0 -> 2
  new: rule "by ~label~" (goal Checkout in ~a~ minute) and rule "both" (goals Same (old), tablet) match the same 2 tickets
    PAY-2 Remember the address (3 h)
    PAY-9 Forget it (0 h)

Episodes of drift, if the next week is like the last ones
  team Payments & Billing: the open one would end
  goal tablet: the open one would end: another target or a pause
  team mobile: the open one would vanish, as nothing is watched there any more
  goal Checkout in ~a~ minute: one would open, up
`,
		"markdown": `
### What would differ in the mapping

- ~Goal checkout: target 14% (before: target 15%).~
- ~Rule "'a' @all" was removed (goal checkout).~
- ~Goal checkout: another why (One in three carts is abandoned at payment, and nobody knows which of the seven steps it is that people turn away at).~

### Tickets that would count elsewhere: those with work in the last 91 days, and open ones

- ~Payments & Billing~: Not mapped -> Active goals: ~Checkout in 'a' minute~, 3 tickets, 40 h of team time
  - PAY-2 ~Remember the address~ (30 h)
  - PAY-3 ~ [2J'@all' # [x](http://y) <b>~ (10 h)
- ~Payments & Billing~: Off-plan: ~Technical debt~ -> in no team, 1 ticket, 1 h of team time
- ~Payments & Billing~ -> ~search~: Active goals: ~Checkout in 'a' minute~ + Goals not now: ~tablet~ -> taken out of all numbers, 1 ticket, 0 h of team time
- ~search~: Off-plan: goals that are retired -> Off-plan: no reason given, 2 tickets, 0 h of team time
- ~search~: Active goals: ~Same~ (old) -> Active goals: ~Same~ (new), 2 tickets, 1 h of team time

### Shares of team time over 28 days (all windows and units: --format=json)

- ~Payments & Billing~, Active goals, as it was known at the time: 50.0% -> 62.5%
- ~Payments & Billing~, Active goals: ~Checkout in 'a' minute~, by today’s labels: nothing -> 62.5%
- The whole company, Off-plan, as it was known at the time: 10.0% -> 0.0%
- The whole company, Active goals: ~Same~ (old), as it was known at the time and by today’s labels: 10.0% -> nothing
- ~Payments & Billing~ and ~search~, Active goals: ~Same~ (old), as it was known at the time and by today’s labels: 0.0% -> nothing
- ~search~, Not mapped, as it was known at the time: 10.06% -> 10.11%
- The whole company, Off-plan: ~Technical debt~, as it was known at the time: 10.0% -> 2.0%
- The whole company, Off-plan: reasons that are not declared, as it was known at the time: 0.0% -> 20.0%
- The whole company, Off-plan: no reason given, as it was known at the time: 30.0% -> 0.0%

### Teams and windows in which every share begins or ends (each one: --format=json)

- ~Payments & Billing~ and ~search~, over the period, in team time and completed tickets: every share ends
- ~mobile~, over 28 days, in team time: every share ends
- ~mobile~, over 91 days, in team time and points: every share ends
- ~new~, over 7 days, in team time: every share begins

### Rules that no ticket of the last 28 days matches

- ~old labels~

### Tickets of the last 28 days that match several goals: 0 -> 2

- new: rule ~by 'label'~ (goal ~Checkout in 'a' minute~) and rule ~both~ (goals ~Same~ (old), ~tablet~) match the same 2 tickets
  - PAY-2 ~Remember the address~ (3 h)
  - PAY-9 ~Forget it~ (0 h)

### Episodes of drift, if the next week is like the last ones

- team ~Payments & Billing~: the open one would end
- goal ~tablet~: the open one would end: another target or a pause
- team ~mobile~: the open one would vanish, as nothing is watched there any more
- goal ~Checkout in 'a' minute~: one would open, up
`,
	} {
		var out strings.Builder
		if err := printPlan(&out, fullPlan(), format); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ReplaceAll(want[1:], "~", "`"), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestPrintPlanOfOtherWindows: what is not shown is not passed over.
func TestPrintPlanOfOtherWindows(t *testing.T) {
	half, all := 0.5, 1.0
	change := func(team, window string, before, after *float64) alignment.ShareChange {
		return alignment.ShareChange{Team: team, Window: window, Unit: alignment.UnitTime, Class: "aligned", Before: before, After: after}
	}
	const ended = "Teams and windows in which every share begins or ends (each one: --format=json)\n"
	for name, test := range map[string]struct {
		plan *alignment.Plan
		want string
	}{
		"nothing": {&alignment.Plan{}, "Nothing changes.\n"},
		"another window": {&alignment.Plan{Shares: []alignment.ShareChange{change("a", "7d", &half, &all)}}, `
Shares of team time over 28 days (all windows and units: --format=json)
  stay; other windows or units change
`},
		"a window that ends": {&alignment.Plan{Shares: []alignment.ShareChange{change("a", "period", &half, nil)}}, `
` + ended + `  a, over the period, in team time: every share ends
`},
		"both": {&alignment.Plan{Shares: []alignment.ShareChange{change("a", "28d", &half, nil), change("a", "7d", &half, &all)}}, `
Shares of team time over 28 days (all windows and units: --format=json)
  begin or end, see below; in other windows or units shares change

` + ended + `  a, over 28 days, in team time: every share ends
`},
		"fewer conflicts": {&alignment.Plan{Conflicts: alignment.Conflicts{Before: 2}}, `
Tickets of the last 28 days that match several goals: 2 -> 0
`},
		"many conflicts": {&alignment.Plan{Conflicts: alignment.Conflicts{Before: 2, After: 2, New: make([]alignment.Conflict, 12)}}, `
Tickets of the last 28 days that match several goals: 2 -> 2
` + strings.Repeat("  new: rule \"\" (goals ) and rule \"\" (goals ) match the same 0 tickets\n", 10) + `  and 2 more pairs of rules (all: --format=json)
`},
	} {
		var out strings.Builder
		if err := printPlan(&out, test.plan, "text"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
