package main

// offPlan asks what comes in between, and why.
func offPlan() *dashboard {
	members := queried("members", "Teams of the sums", "Whose work is added up in the panels by reason and goal",
		`label_values(alignd_work_capacity_seconds{job="$job"}, team)`, true)
	d := newDashboard("alignd-offplan", "alignd: Off-plan and reasons", "What comes in between, for which reasons, and what goes on although it was put off.", "now-90d",
		teamVariable(), members, windowVariable(), unitVariable(), basisVariable())
	d.rows = [][]*panel{
		{
			text("How to read this", "What the numbers are and are not.",
				"Off-plan work has a **declared reason**: an incident, an escalation, a debt paid back. It is part of the job; the question is whether there is "+
					"as much of it as was thought. Work that no rule speaks of is **unmapped** and is not counted here.", 12, 4),
			samples("$team", 4), sure("$team", 4), dataUntil("$team", 4),
		},
		{
			interval("Off-plan work", "Share of work with a declared reason, with its 95 % interval.", "off_plan", "$team", 12),
			interval("Work that is not now", "Share of work on goals that are paused or have not started, with its 95 % interval.", "not_now", "$team", 12),
		},
		{
			reasonsOverTime(12), reasonTable(12),
		},
		{notNowByGoal(12), interval("Unmapped work", "Share of work that no rule speaks of, with its 95 % interval. Missing rules, not bad work: alignd suggest has proposals.", "unmapped", "$team", 12)},
		{reasoned(12), timeToReason(12)},
	}
	return d
}

// byReason names the reason of off-plan work that has none.
func byReason(family string) string {
	return `label_replace(sum by (reason) (max by (team, goal, reason) (last_over_time(` + family +
		`{job="$job", team=~"$members", class="off_plan", window="$window"}[2h]))), "reason", "no reason given", "reason", "")`
}

func reasonsOverTime(w int) *panel {
	return graph("Team time by reason", "Working time that went to off-plan work in the window, for the chosen teams together.", "suffix: h", w,
		query{byReason("alignd_work_seconds") + " / 3600", "{{reason}}"},
	).stacked().colour("no reason given", grey)
}

func reasonTable(w int) *panel {
	return table("Reasons", "Working time and completed tickets by reason, for the chosen teams together. Few tickets mean little.", "suffix: h", w,
		query{byReason("alignd_work_seconds") + " / 3600", "hours"},
		query{byReason("alignd_work_tickets"), "completed tickets"},
	).decimals(1).named("completed tickets", "unit", "none")
}

func notNowByGoal(w int) *panel {
	return graph("Not now, by goal", "Working time on goals that are paused or have not started, for the chosen teams together. Finishing what was begun takes a while.", "suffix: h", w,
		query{`sum by (goal) (max by (team, goal) (last_over_time(alignd_work_seconds{job="$job", team=~"$members", class="not_now", window="$window"}[2h]))) / 3600`, "{{goal}}"},
	).stacked()
}

// index is an item of the alignment index beside the cases behind it.
func index(title, description, family, item, unit string, w int) *panel {
	match := `{job="$job", team="$team", item="` + item + `"}`
	cases := `max by (job) (alignd_index_observations` + match + `)`
	return graph(title, description, unit, w,
		query{`max by (job) (` + family + match + `) and on () (` + cases + ` >= 5)`, "value"},
		query{cases, "cases"},
	).named("cases", "unit", "none", "custom.axisPlacement", "right", "custom.lineWidth", 1, "color", object{"mode": "fixed", "fixedColor": grey})
}

func reasoned(w int) *panel {
	return index("Off-plan time with a reason", "Part of the off-plan time of 91 days that says why, and the cases behind it. Below 5 cases it is not shown.",
		"alignd_index_ratio", "reasoned", "percentunit", w)
}

func timeToReason(w int) *panel {
	return index("Time until the reason is known", "Working time from the beginning of off-plan work to its reason, over 91 days, and the cases behind it. Below 5 cases it is not shown.",
		"alignd_index_seconds", "time_to_reason", "s", w)
}
