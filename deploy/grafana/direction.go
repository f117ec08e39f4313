package main

// direction is for those who set the goals: where does the work go, and is
// that changing?
func direction() *dashboard {
	d := newDashboard("alignd-direction", "alignd: Direction", "Where the work goes, how sure that is, and whether it is moving. For leaders and teams.", "now-90d",
		teamVariable(), windowVariable(), unitVariable(), basisVariable())
	d.rows = [][]*panel{
		{
			text("How to read this", "What the numbers are and are not.",
				"Shares of the **work**, not of people. An interval says how sure a share is; below 5 effective tickets there is none. "+
					"**Unmapped** is work that no rule speaks of. A change of the mapping changes the past as well; marks on the graphs say when.", 12, 4),
			samples("$team", 4), sure("$team", 4), dataUntil("$team", 4),
		},
		{classTable("$team", 12), aligned("$team", 12)},
		{classesOverTime("$team", 12), distance("$team", 12)},
		{goals(24).height(9)},
		{episodes("$team|all", 12), goalGraph(12)},
	}
	return d
}

// aligned shows the aligned share with its interval, what was declared, and
// what the other basis says.
func aligned(team string, w int) *panel {
	p := interval("Aligned work", "Share of work on active goals, with its 95 % interval. Dashed: the sum of the declared targets. Thin: the share as it would be filed today.", "aligned", team, w)
	for _, q := range []query{
		{`max by (job) (alignd_target_aligned_ratio{job="$job", team="` + team + `"})`, "declared"},
		{`max by (job) (last_over_time(alignd_share_ratio{job="$job", team="` + team + `", unit="$unit", window="$window", class="aligned", basis="now"}[2h]))`, "as filed today"},
	} {
		p.Targets = append(p.Targets, target{RefID: string(rune('A' + len(p.Targets))), Datasource: source, Expr: q.expr, LegendFormat: q.legend, Range: true, Format: "time_series"})
	}
	return p.dashed("declared").thin("as filed today")
}

func classesOverTime(team string, w int) *panel {
	return graph("All work by class", "The four classes side by side; they add up to all work. There is no score.", "percentunit", w,
		query{classShare("alignd_share_ratio", team, `, basis="$basis"`), "{{class}}"},
	).share().stacked().classColours()
}

func distance(team string, w int) *panel {
	of := func(family string) string {
		return `max by (job) (last_over_time(` + family + `{job="$job", team="` + team + `", unit="$unit", window="$window"}[2h]))`
	}
	return graph("Distance to the targets", "Share of the work that would have to move to meet the declared targets. Only what lies above the floor means anything: chance alone shows as much.", "percentunit", w,
		query{of("alignd_target_distance_ratio"), "distance"},
		query{of("alignd_target_distance_floor_ratio"), "floor"},
	).share().dashed("floor")
}

// goals has the goals of the company in alphabetical order.
func goals(w int) *panel {
	const match = `{job="$job", unit="$unit", window="$window", basis="$basis"}`
	sure := " and on () " + enough("all")
	clear := `max by (goal) (alignd_trend_slope_ratio_per_week{job="$job", team="all", unit="tickets", goal!=""})` +
		` and on (goal) (max by (goal) (alignd_trend_pvalue{job="$job", team="all", unit="tickets"}) < 0.05)` +
		` and on (goal) (max by (goal) (alignd_trend_observations{job="$job", team="all", unit="tickets"}) >= 8)`
	return table("Goals of the company", "Aligned work on each goal as a share of all work, with its 95 % interval and declared target. The trend is of completed tickets over 13 closed weeks and only shown where it is clear (p < 0.05, 8 weeks or more).",
		"percentunit", w,
		query{`max by (goal, title) (max by (goal) (alignd_goal_share_ratio` + match + `) * on (goal) group_left (title) max by (goal, title) (alignd_goal_info{job="$job"}))` + sure, "share"},
		query{`max by (goal) (alignd_goal_share_lower_ratio` + match + `)` + sure, "at least"},
		query{`max by (goal) (alignd_goal_share_upper_ratio` + match + `)` + sure, "at most"},
		query{`max by (goal) (alignd_target_ratio{job="$job", team="all"})`, "target"},
		query{clear, "clear trend per week"},
		query{`sum by (goal) (max by (team, class, goal) (alignd_work_tickets{job="$job", goal!="", class="aligned", window="$window"}))`, "completed tickets"},
	).decimals(1).named("completed tickets", "unit", "none")
}

func goalGraph(w int) *panel {
	return graph("Goals of the company over time", "Aligned work on each goal as a share of all work.", "percentunit", w,
		query{`max by (goal) (last_over_time(alignd_goal_share_ratio{job="$job", unit="$unit", window="$window", basis="$basis"}[2h]))`, "{{goal}}"},
	)
}
