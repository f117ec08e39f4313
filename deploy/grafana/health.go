package main

// health is for those who run alignd: are the numbers complete and up to date?
func health() *dashboard {
	d := newDashboard("alignd-sync", "alignd: Sync health", "Whether alignd reads what it should, and what it costs the trackers. For the people who run it.", "now-24h",
		queried("connector", "Connector", "Tracker accounts", `label_values(alignd_sync_watermark_timestamp_seconds{job="$job"}, connector)`, true))
	d.rows = [][]*panel{
		{behind(8), completeness(8), census(8)},
		{walks(8), failures(8), duration(8)},
		{requests(8), budget(8), daily(8)},
		{known(8), removed(8), late(8)},
		{state(6), snapshotAge(6), compute(6), store(6)},
		{reading(8), replicas(8), build(8)},
		{dead(12), removals(12)},
		{webhooks(12), memory(12)},
	}
	return d
}

const ofConnector = `{job="$job", connector=~"$connector"}`

func behind(w int) *panel {
	return graph("Behind the tracker", "How long ago the numbers of a connector end. Work of the time since is not in them yet.", "s", w,
		query{`time() - max by (connector) (alignd_sync_watermark_timestamp_seconds` + ofConnector + `)`, "{{connector}}"})
}

func completeness(w int) *panel {
	return graph("Tickets known", "Part of the tickets in scope that is known, by the tracker's own count.", "percentunit", w,
		query{`min by (connector) (alignd_sync_completeness_ratio` + ofConnector + `)`, "{{connector}}"}).share()
}

func census(w int) *panel {
	return table("Last count", "When the tickets were last counted, since when every one was read again, what the count missed, and whether so much is missing that nothing is removed.", "dateTimeFromNow", w,
		query{`1000 * max by (connector) (alignd_sync_last_census_timestamp_seconds` + ofConnector + `)`, "counted"},
		query{`1000 * max by (connector) (alignd_sync_verified_timestamp_seconds` + ofConnector + `)`, "all read again since"},
		query{`sum by (connector) (max by (connector, cause) (alignd_tickets_missing` + ofConnector + `))`, "missing"},
		query{`max by (connector) (alignd_sync_scope_shrunk` + ofConnector + `)`, "removal"},
	).named("missing", "unit", "none").named("removal", "unit", "none", "mappings",
		[]object{{"type": "value", "options": object{"0": object{"text": "as found"}, "1": object{"text": "held, too many are missing"}}}})
}

func walks(w int) *panel {
	return graph("Walks", "Walks through a connector, per hour.", "none", w,
		query{`3600 * sum by (connector) (rate(alignd_sync_runs_total` + ofConnector + `[$__rate_interval]))`, "{{connector}}"})
}

func failures(w int) *panel {
	return graph("Walks that ended early", "Per hour, by reason. The numbers stay as they were, and reading continues where it was.", "none", w,
		query{`3600 * sum by (connector, reason) (rate(alignd_sync_failures_total` + ofConnector + `[$__rate_interval]))`, "{{connector}}: {{reason}}"})
}

func duration(w int) *panel {
	return graph("Duration of a walk", "On average, by kind: full or incremental. A line ends where no walk did.", "s", w,
		query{`sum by (connector, kind) (rate(alignd_sync_duration_seconds_sum` + ofConnector + `[$__rate_interval]))` +
			` / (sum by (connector, kind) (rate(alignd_sync_duration_seconds_count` + ofConnector + `[$__rate_interval])) > 0)`, "{{connector}}: {{kind}}"})
}

func requests(w int) *panel {
	return graph("Requests to the tracker", "Retries included, by endpoint and answer.", "reqps", w,
		query{`sum by (connector, endpoint, code) (rate(alignd_api_requests_total` + ofConnector + `[$__rate_interval]))`, "{{connector}}: {{endpoint}} {{code}}"})
}

func budget(w int) *panel {
	return graph("Budget left", "What the tracker last said is left of its budgets, and the part of the time spent waiting for one.", "percentunit", w,
		query{`min by (connector, resource) (alignd_api_rate_limit_remaining` + ofConnector + ` / (alignd_api_rate_limit_limit` + ofConnector + ` > 0))`, "{{connector}}: {{resource}} left"},
		query{`sum by (connector) (rate(alignd_api_throttled_seconds_total` + ofConnector + `[$__rate_interval]))`, "{{connector}}: waiting"}).share()
}

func daily(w int) *panel {
	return graph("Requests of this day", "Part of requests_per_day that is used, midnight to midnight UTC. Half may be spent quickly, the rest is spread.", "percentunit", w,
		query{`max by (connector) (alignd_api_daily_requests` + ofConnector + ` / alignd_api_daily_limit` + ofConnector + `)`, "{{connector}}"},
	).share().empty("no ceiling is configured")
}

func known(w int) *panel {
	return graph("Known tickets", "By state. Those of no team and those taken out by a rule are in no share.", "none", w,
		query{`sum by (state) (max by (connector, team, state) (alignd_tickets` + ofConnector + `))`, "{{state}}"},
		query{`sum(max by (connector) (alignd_tickets_outside` + ofConnector + `))`, "of no team"},
		query{`sum(max by (connector) (alignd_tickets_excluded` + ofConnector + `))`, "taken out by a rule"})
}

func removed(w int) *panel {
	return graph("Missing, removed, repaired, skipped", "Tickets that the last count missed; and within a day, those that left, were found otherwise than known, or could not be understood.", "none", w,
		query{`sum by (cause) (max by (connector, cause) (alignd_tickets_missing` + ofConnector + `))`, "missing: {{cause}}"},
		query{`sum by (cause) (increase(alignd_tickets_removed_total` + ofConnector + `[1d]))`, "removed: {{cause}}"},
		query{`sum(increase(alignd_tickets_repaired_total` + ofConnector + `[1d]))`, "repaired"},
		query{`sum(increase(alignd_tickets_skipped_total` + ofConnector + `[1d]))`, "skipped"})
}

func late(w int) *panel {
	return graph("Changes", "Facts learned within a day, and those of them that came after the day they belong to had settled.", "none", w,
		query{`sum by (connector) (increase(alignd_changes_applied_total` + ofConnector + `[1d]))`, "{{connector}}: all"},
		query{`sum by (connector) (increase(alignd_changes_late_total` + ofConnector + `[1d]))`, "{{connector}}: late"})
}

func state(w int) *panel {
	return stat("Credential", "Whether the tracker accepted the credential when it was last asked.", "none", w,
		query{`min by (connector) (alignd_connector_authenticated` + ofConnector + `)`, "{{connector}}"},
	).says(map[float64]string{0: "refused", 1: "accepted"}).empty("not asked yet")
}

func snapshotAge(w int) *panel {
	return graph("Age of the numbers", "Since they were last computed, by replica. It happens after each change and every five minutes.", "s", w,
		query{`time() - max by (instance) (alignd_snapshot_timestamp_seconds{job="$job"})`, "{{instance}}"})
}

func compute(w int) *panel {
	return graph("Time to compute", "On average, by replica.", "s", w,
		query{`sum by (instance) (rate(alignd_snapshot_compute_duration_seconds_sum{job="$job"}[$__rate_interval]))` +
			` / (sum by (instance) (rate(alignd_snapshot_compute_duration_seconds_count{job="$job"}[$__rate_interval])) > 0)`, "{{instance}}"})
}

func store(w int) *panel {
	return graph("Store", "Size, and failed accesses within an hour.", "bytes", w,
		query{`max by (instance) (alignd_store_bytes{job="$job"})`, "{{instance}}"},
		query{`sum by (instance) (increase(alignd_store_errors_total{job="$job"}[1h]))`, "{{instance}}: errors"},
	).override("byRegexp", "/errors$/", "unit", "none", "custom.axisPlacement", "right")
}

func reading(w int) *panel {
	return table("Who reads", "Which replica reads which connector.", "none", w,
		query{`max by (connector, instance) (alignd_connector_leader` + ofConnector + `)`, "reads"},
	).named("reads", "mappings", []object{{"type": "value", "options": object{"0": object{"text": "no"}, "1": object{"text": "yes"}}}})
}

func replicas(w int) *panel {
	return table("Replicas", "Alive by each replica's own count, whether its configuration is the last one that was written, and series left out within an hour.", "none", w,
		query{`max by (instance) (alignd_replicas{job="$job"})`, "replicas it sees"},
		query{`max by (instance) (alignd_config_last_reload_successful{job="$job"})`, "last reload"},
		query{`sum by (instance) (increase(alignd_series_dropped_total{job="$job"}[1h]))`, "series left out"},
	).named("last reload", "mappings", []object{{"type": "value", "options": object{"0": object{"text": "refused"}, "1": object{"text": "accepted"}}}})
}

func build(w int) *panel {
	return table("Build and mapping", "Versions that run, and the meaning of the mapping in force: replicas that differ here do not show the same numbers.", "none", w,
		query{`max by (instance, version, revision, goversion) (alignd_build_info{job="$job"})`, "runs"},
		query{`max by (instance, hash, then) (alignd_config_info{job="$job"})`, "in force"})
}

func dead(w int) *panel {
	return table("Tickets matched by rules", "Of the last 28 days. A rule without any may be dead.", "none", w,
		query{`max by (rule) (alignd_rule_tickets{job="$job"})`, "tickets"})
}

func removals(w int) *panel {
	return table("Announced removals", "Endpoints that the tracker is going to remove, as it says in its answers; 1970 means that it gave no date. Install a newer alignd before.", "dateTimeAsIso", w,
		query{`1000 * max by (connector, endpoint) (alignd_api_removal_timestamp_seconds` + ofConnector + `)`, "removed on"},
	).empty("none is announced")
}

func webhooks(w int) *panel {
	return graph("Webhook calls", "Per hour, by what came of them. They are hints to poll earlier; no number depends on them.", "none", w,
		query{`3600 * sum by (connector, result) (rate(alignd_webhook_deliveries_total` + ofConnector + `[$__rate_interval]))`, "{{connector}}: {{result}}"},
	).empty("no webhook was called")
}

func memory(w int) *panel {
	return graph("Memory", "Of the process, and the limit the Go runtime keeps to if there is one.", "bytes", w,
		query{`max by (instance) (process_resident_memory_bytes{job="$job"})`, "{{instance}}"})
}
