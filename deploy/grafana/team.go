package main

// team is for one team: its own shares, and how far they can be trusted.
func team() *dashboard {
	one := queried("team", "Team", "The team", `label_values(alignd_active_tickets{job="$job"}, team)`, false)
	d := newDashboard("alignd-team", "alignd: Team", "One team: where its work goes, how far that can be trusted, and whether it is moving.", "now-90d",
		one, windowVariable(), unitVariable(), basisVariable())
	d.rows = [][]*panel{
		{samples("$team", 6), sure("$team", 6), dataUntil("$team", 6), chart(6)},
		{classTable("$team", 12), aligned("$team", 12)},
		{classesOverTime("$team", 12), goalsOfTeam(12)},
		{windows(12), episodes("$team", 12)},
		{cusum(12), trend(12)},
		{coverage(12), active(12)},
		{indexTable(24)},
	}
	return d
}

// chart says whether drift of the team's aligned work is charted at all.
func chart(w int) *panel {
	return stat("Is drift charted?", "Whether the last four settled weeks had enough completed tickets to be charted.", "none", w,
		query{`max by (job) (alignd_drift_evaluable{job="$job", team="$team", goal="", unit="tickets"})`, "drift"},
	).says(map[float64]string{0: notEnough, 1: "charted"}).height(4)
}

func goalsOfTeam(w int) *panel {
	const time = `max by (class, goal, reason) (last_over_time(alignd_work_seconds{job="$job", team="$team", window="$window"}[2h]))`
	return graph("Time by goal", "Share of the team's working time on each goal. In one team a goal rests on few tickets: look at how many stand behind it.", "percentunit", w,
		query{`sum by (goal) (` + time + ` and on (goal) max by (goal) (alignd_goal_info{job="$job"})) / on () group_left () (sum(` + time + `) > 0)`, "{{goal}}"},
	)
}

// windows sets the windows side by side.
func windows(w int) *panel {
	column := func(family string) string {
		return `max by (window) (` + family + `{job="$job", team="$team", class="aligned", unit="$unit", basis="$basis"})` +
			` and on (window) (max by (window) (alignd_share_effective_tickets{job="$job", team="$team", unit="$unit"}) >= 5)`
	}
	return table("Aligned work by window", "Short windows follow quickly and are unsure, long ones the other way round. A window without a share has not enough data.", "percentunit", w,
		query{column("alignd_share_ratio"), "share"},
		query{column("alignd_share_lower_ratio"), "at least"},
		query{column("alignd_share_upper_ratio"), "at most"},
		query{`max by (window) (alignd_share_effective_tickets{job="$job", team="$team", unit="$unit"})`, "effective tickets"},
	).decimals(0).named("effective tickets", "unit", "none")
}

func cusum(w int) *panel {
	return graph("Drift chart", "Distances from the target, added up week by week in both directions. Above the threshold an episode opens. The moving average shows where the share is and opens nothing; on target it seldom leaves -1 to 1. A line that ends had not enough data.", "none", w,
		query{`max by (direction) (alignd_drift_cusum{job="$job", team="$team", goal="", unit="tickets"})`, "{{direction}}"},
		query{`max by (job) (alignd_drift_cusum_threshold{job="$job", team="$team", goal="", unit="tickets"})`, "threshold"},
		query{`max by (job) (alignd_drift_ewma{job="$job", team="$team", goal="", unit="tickets"})`, "moving average"},
	).dashed("threshold").thin("moving average")
}

func trend(w int) *panel {
	const match = `{job="$job", team="$team", goal=""}`
	return table("Trend of the aligned share", "Slope over 13 closed weeks, the weeks behind it (below 8 there is no slope) and the p-value of its test. Above 0.05 chance explains it.", "percentunit", w,
		query{`max by (unit) (alignd_trend_observations` + match + `)`, "weeks"},
		query{`max by (unit) (alignd_trend_slope_ratio_per_week` + match + `)`, "slope per week"},
		query{`max by (unit) (alignd_trend_pvalue` + match + `)`, "p-value"},
	).named("weeks", "unit", "none").named("p-value", "unit", "none", "decimals", 2).named("slope per week", "decimals", 2)
}

func coverage(w int) *panel {
	const match = `{job="$job", team="$team", window="$window"}`
	return graph("How far time can be trusted", "Fresh: active tickets that somebody touched lately; below 80 % team time is unreliable. Idle: working time in which nothing was active.", "percentunit", w,
		query{`max by (job) (alignd_active_fresh_ratio` + match + `)`, "fresh"},
		query{`max by (job) (alignd_work_idle_seconds` + match + `) / max by (job) (alignd_work_capacity_seconds` + match + ` > 0)`, "idle"},
	).share()
}

func active(w int) *panel {
	return graph("Active tickets", "Tickets in progress: fresh ones were touched within ten working days, stale ones were not and take no time.", "none", w,
		query{`max by (freshness) (alignd_active_tickets{job="$job", team="$team"})`, "{{freshness}}"},
	).stacked()
}

// indexTable never adds up or averages what stands in it.
func indexTable(w int) *panel {
	const match = `{job="$job", team="$team"}`
	return table("Alignment index", "Items over 91 days, each with the cases behind it. A missing value could not be measured. Never add or average them: there is no score.", "percentunit", w,
		query{`max by (dimension, item) (alignd_index_observations` + match + `)`, "cases"},
		query{`max by (dimension, item) (alignd_index_ratio` + match + `)`, "part"},
		query{`max by (dimension, item) (alignd_index_seconds` + match + `)`, "working time"},
	).named("cases", "unit", "none").named("working time", "unit", "s")
}
