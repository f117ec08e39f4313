package main

import "strings"

func sourceVariable() object {
	return object{
		"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0,
		"description": "The Prometheus that scrapes alignd", "current": object{}, "refresh": 1, "regex": "", "options": []object{},
	}
}

// jobVariable tells installations of alignd apart.
func jobVariable() object {
	return queried("job", "Installation", "The job of the scrape", `label_values(alignd_build_info, job)`, false)
}

func queried(name, label, description, query string, all bool) object {
	v := object{
		"name": name, "label": label, "description": description, "type": "query", "hide": 0, "datasource": source,
		"query": object{"query": query, "refId": "variable"}, "definition": query,
		"refresh": 2, "sort": 1, "regex": "", "multi": all, "includeAll": all, "current": object{}, "options": []object{},
	}
	if all {
		v["allValue"] = ".+"
		v["current"] = object{"text": []string{"All"}, "value": []string{"$__all"}}
	}
	return v
}

// chosen is a variable with fixed values, the default first.
func chosen(name, label, description string, values ...string) object {
	var options []object
	for i, v := range values {
		options = append(options, object{"text": v, "value": v, "selected": i == 0})
	}
	return object{
		"name": name, "label": label, "description": description, "type": "custom", "hide": 0, "multi": false, "includeAll": false,
		"query": strings.Join(values, ","), "options": options, "current": options[0],
	}
}

func teamVariable() object {
	return queried("team", "Team", `A team, or "all" for the whole company`,
		`label_values(alignd_work_watermark_timestamp_seconds{job="$job"}, team)`, false)
}

func windowVariable() object {
	return chosen("window", "Window", "Days that a share covers. Windows overlap: never add them up", "28d", "7d", "91d", "period")
}

func unitVariable() object {
	return chosen("unit", "Unit", "Team time, completed tickets, or points (of single teams only)", "time", "tickets", "points")
}

func basisVariable() object {
	return chosen("basis", "Basis", "then: as it was known at the time. now: as it would be filed today", "then", "now")
}

// annotations mark what changes the numbers without any work being done, and
// what was noticed about them. Their values are times.
func annotations() []object {
	at := func(name, colour, expr, title string) object {
		return object{
			"name": name, "enable": true, "hide": false, "iconColor": colour, "datasource": source,
			"expr": expr, "titleFormat": title, "textFormat": "", "tagKeys": "team,goal,direction", "useValueForTime": "on", "step": "1m",
		}
	}
	return []object{
		at("Mapping changed", grey, `1000 * max by (job) (alignd_mapping_revision_timestamp_seconds{job="$job"})`, "The mapping changed; the past is computed by it too"),
		at("Episode: probable beginning", violet, `1000 * max by (team, goal, direction) (alignd_drift_episode_onset_timestamp_seconds{job="$job"})`, "The share of {{team}} {{goal}} has probably been moving {{direction}} since here"),
		at("Episode: noticed", blue, `1000 * max by (team, goal, direction) (alignd_drift_episode_raised_timestamp_seconds{job="$job"})`, "Noticed: {{team}} {{goal}} moves {{direction}}"),
	}
}
