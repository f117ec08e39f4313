package daemon_test

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

const titaniumMapping = `
period: {name: all of it, from: 2011-01-01, to: 2021-12-31}
teams:
  - {id: sdk, owns: {titanium: [TIMOB, MOD]}, time_zone: America/Los_Angeles, capacity: 12}
  - {id: studio, owns: {titanium: [AC, DAEMON]}, time_zone: UTC, capacity: 5}
  - {id: alloy, owns: {titanium: [ALOY]}, time_zone: Europe/Berlin, capacity: 3}
goals:
  - {id: android, name: Android, target: 30%}
  - {id: apple, name: iPhone and iPad, target: 40%}
  - {id: windows, name: Windows, status: [{from: 2011-01-01, is: active}, {from: 2016-01-01, is: paused}]}
  - {id: tooling, name: Tools, target: 10%}
reasons:
  - {id: customer, name: A customer asked}
  - {id: regression, name: Something broke}
  - {id: chores, name: Chores}
rules:
  - {name: android by component, when: {component: [Android]}, goal: android}
  - {name: android by label, when: {labels: {any: [ANDROID]}}, goal: android}
  - {name: apple, when: {component: [ios]}, goal: apple}
  - {name: apple by label, when: {labels: {any: ["ios*", iphone, ipad], none: [android]}}, goal: apple}
  - {name: windows, when: {component: ["Windows*"]}, goal: windows}
  - {name: tooling, when: {component: [Tooling, CLI, "Titanium SDK & CLI"]}, goal: tooling}
  - {name: the daemon is a tool, when: {project: [DAEMON]}, goal: tooling}
  - {name: regressions of bugs first, when: {labels: {any: [regression]}, type: [Bug]}, reason: regression, override: true}
  - {name: customers, when: {labels: {any: ["tcsupport*", supportteam]}}, reason: customer}
  - {name: chores, when: {type: [Technical task, Improvement]}, reason: chores}
  - {name: defects, when: {labels: {any: [defect]}}, off_plan: true}
  - {name: lists of releases, when: {labels: {any: [rplist]}}, exclude: true}
`

// TestRealJira reads a whole public Jira and compares what /metrics says with a
// count made straight from the raw file by different means.
func TestRealJira(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 29,057 issues")
	}
	t.Parallel()
	path := contracttest.Shared(t, "data/jira-titanium/issues.ndjson.gz")
	clock := time.Date(2021, 12, 2, 12, 0, 0, 0, time.UTC)
	world := sandbox.NewWorld(func() time.Time { return clock })
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := world.Jira.Load(file); err != nil {
		t.Fatal(err)
	}
	tr := newTraveller(t, world, 20)
	tr.pollInterval = "1h"
	tr.configure("titanium", []string{"TIMOB", "AC", "ALOY", "MOD", "DAEMON"}, "", nil)
	tr.write("mapping.yml", titaniumMapping)
	r := tr.start(nil)

	dump, persons := readDump(t, path)
	ti := newTitanium(t, dump)
	r.until("/metrics", `alignd_work_watermark_timestamp_seconds\{team="all"\} `)
	got := r.scrape()
	ti.compareCounts(t, got)
	watermark := clock.Add(-time.Second)
	for team := range ti.zones {
		ti.compareWork(t, got, team, watermark)
	}
	ti.compareRequests(t, tr.server.Requests())
	tr.noPerson(r, "TIMOB-8075", func(text string) string {
		for _, name := range pseudonymsIn(text) {
			if persons[name] {
				return name
			}
		}
		return ofTheCompany(text)
	})
}

// compareCounts compares tickets by team and state, and those left out.
func (ti *titanium) compareCounts(t *testing.T, got scrape) {
	t.Helper()
	want := map[[2]string]float64{}
	tickets, excluded := 0, 0.0
	for _, d := range ti.dump {
		if d.epic() {
			continue
		}
		tickets++
		want[[2]string{d.team(), d.state}]++
		if ti.says(d)[0] == "exclude" && (d.state == "done" || d.state == "active") {
			excluded++
		}
	}
	for key, n := range want {
		if v, ok := got.value("alignd_tickets", "connector", "titanium", "team", key[0], "state", key[1]); !ok || v != n {
			t.Errorf("%v tickets of %v, want %v", v, key, n)
		}
	}
	if n := got.with("alignd_tickets").sum(); n != float64(tickets) {
		t.Errorf("%v tickets, want %d", n, tickets)
	}
	if v, _ := got.value("alignd_tickets_excluded", "connector", "titanium"); v != excluded || excluded == 0 {
		t.Errorf("%v tickets are excluded, want %v", v, excluded)
	}
}

// compareWork compares the completed tickets of a team in each window.
func (ti *titanium) compareWork(t *testing.T, got scrape, team string, watermark time.Time) {
	t.Helper()
	zone := ti.zones[team]
	if len(got.with("alignd_work_capacity_seconds", "team", team)) != 4 {
		t.Errorf("%s has not all windows", team)
	}
	for _, x := range got.with("alignd_work_capacity_seconds", "team", team) {
		idle, _ := got.value("alignd_work_idle_seconds", "team", team, "window", x.labels["window"])
		work := got.with("alignd_work_seconds", "team", team, "window", x.labels["window"]).sum()
		if math.Abs(work+idle-x.value) > 1e-3 {
			t.Errorf("%s, %s: %v s of work and %v s idle, but a capacity of %v s", team, x.labels["window"], work, idle, x.value)
		}
	}
	y, m, d := watermark.In(zone).Date()
	pause := time.Date(2016, 1, 1, 0, 0, 0, 0, zone)
	for window, from := range map[string]time.Time{
		"7d":     time.Date(y, m, d-6, 0, 0, 0, 0, zone),
		"28d":    time.Date(y, m, d-27, 0, 0, 0, 0, zone),
		"91d":    time.Date(y, m, d-90, 0, 0, 0, 0, zone),
		"period": time.Date(2011, 1, 1, 0, 0, 0, 0, zone),
	} {
		then := ti.completions(team, from, watermark, func(at time.Time) bool { return !at.Before(pause) })
		now := ti.completions(team, from, watermark, func(time.Time) bool { return true })
		wantClass, gotClass := map[string]int{}, map[string]int{}
		shown := map[string]bool{}
		for _, x := range got.with("alignd_work_tickets", "team", team, "window", window) {
			cell, amount := cellOf(x.labels), int(math.Round(x.value*1e6))
			shown[cell] = true
			gotClass[x.labels["class"]] += amount
			if amount != then[cell] {
				t.Errorf("%s, %s: %s is %d, want %d millionths", team, window, cell, amount, then[cell])
			}
		}
		nowClass, total := map[string]int{}, 0
		for cell, amount := range then {
			if !shown[cell] {
				t.Errorf("%s, %s: no %s, want %d millionths", team, window, cell, amount)
			}
			wantClass[strings.TrimSuffix(cell, cellPart(cell))] += amount
			total += amount
		}
		for cell, amount := range now {
			nowClass[strings.TrimSuffix(cell, cellPart(cell))] += amount
		}
		for _, class := range classes {
			if gotClass[class] != wantClass[class] {
				t.Errorf("%s, %s: %d millionths are %s, want %d", team, window, gotClass[class], class, wantClass[class])
			}
			ti.compareShare(t, got, total, wantClass[class], team, class, window, "then")
			ti.compareShare(t, got, total, nowClass[class], team, class, window, "now")
		}
	}
}

func (ti *titanium) compareShare(t *testing.T, got scrape, total, amount int, team, class, window, basis string) {
	t.Helper()
	v, ok := got.value("alignd_share_ratio", "team", team, "class", class, "window", window, "basis", basis, "unit", "tickets")
	if ok != (total > 0) || ok && math.Abs(v-float64(amount)/float64(total)) > 1e-12 {
		t.Errorf("%s, %s: share of %s %s is %v (there: %t), want %d of %d", team, window, class, basis, v, ok, amount, total)
	}
}

// compareRequests counts what a whole walk costs: a search per 100 tickets, a
// bulk read of histories per 1,000, one of tickets per 100 parents that are not
// in scope, and a few questions about the site.
func (ti *titanium) compareRequests(t *testing.T, got map[string]int) {
	t.Helper()
	outside := map[string]bool{}
	for _, d := range ti.dump {
		if id := d.above(); id != "" && ti.byID[id] == nil {
			outside[id] = true
		}
	}
	up := func(n, by int) int { return (n + by - 1) / by }
	rest := 0
	for _, n := range got {
		rest += n
	}
	for endpoint, want := range map[string]int{
		"jira search": up(len(ti.dump), 100), "jira changelog": up(len(ti.dump), 1000), "jira bulkfetch": up(len(outside), 100),
	} {
		if got[endpoint] != want {
			t.Errorf("%d requests to %s, want %d", got[endpoint], endpoint, want)
		}
		rest -= got[endpoint]
	}
	if rest > 4 {
		t.Errorf("%d requests about the site: %v", rest, got)
	}
}
