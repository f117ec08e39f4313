package daemon_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
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

// dumped is a ticket of the raw file, with what this mapping looks at.
type dumped struct {
	ID     string
	Fields struct {
		IssueType  struct{ Name string }
		Project    struct{ Key string }
		Status     struct{ StatusCategory struct{ Key string } }
		Resolution struct{ Name string }
		Labels     []string
		Components []struct{ Name string }
		Parent     struct{ ID string }
		Epic       struct{ ID json.Number }

		Created, ResolutionDate string

		Summary                     string
		Creator, Reporter, Assignee dumpedPerson
	}

	state             string
	created, resolved time.Time
	children          []*dumped
}

// dumpedPerson is somebody under the pseudonyms of the file: u01234, which is
// also how the address begins, and User 01234.
type dumpedPerson struct{ Name, DisplayName string }

var userName, userDisplayName = regexp.MustCompile(`u\d{5}`), regexp.MustCompile(`User \d{5}`)

// pseudonymsIn returns what looks like a pseudonym.
func pseudonymsIn(text string) []string {
	return append(userName.FindAllString(text, -1), userDisplayName.FindAllString(text, -1)...)
}

var (
	dumpTeams  = map[string]string{"TIMOB": "sdk", "MOD": "sdk", "AC": "studio", "DAEMON": "studio", "ALOY": "alloy"}
	dumpZones  = map[string]string{"sdk": "America/Los_Angeles", "studio": "UTC", "alloy": "Europe/Berlin"}
	dumpStates = map[string]string{"new": "todo", "indeterminate": "active", "done": "done"}
	unwanted   = []string{"Won't Do", "Won't Fix", "Duplicate", "Cannot Reproduce", "Invalid", "Incomplete", "Rejected", "Declined"}
)

// readDump reads the raw file. It also returns the pseudonyms in it, except
// those that stand in titles, labels and components too: free text, which may
// name anybody.
func readDump(t *testing.T, path string) (dump []*dumped, persons map[string]bool) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	persons, named := map[string]bool{}, map[string]bool{}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		d := &dumped{}
		if err := json.Unmarshal(lines.Bytes(), d); err != nil {
			t.Fatal(err)
		}
		f := &d.Fields
		for _, p := range []dumpedPerson{f.Creator, f.Reporter, f.Assignee} {
			persons[p.Name], persons[p.DisplayName] = true, true
		}
		for _, name := range pseudonymsIn(fmt.Sprint(f.Summary, f.Labels, f.Components)) {
			named[name] = true
		}
		d.created, d.resolved = dumpTime(t, d.Fields.Created), dumpTime(t, d.Fields.ResolutionDate)
		d.state = dumpStates[d.Fields.Status.StatusCategory.Key]
		if d.state == "done" && slices.Contains(unwanted, d.Fields.Resolution.Name) {
			d.state = "canceled"
		}
		dump = append(dump, d)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(persons, func(name string, _ bool) bool { return name == "" || named[name] })
	if len(persons) < 1000 {
		t.Errorf("only %d persons in the file", len(persons))
	}
	return dump, persons
}

func dumpTime(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// above is the id of the parent or epic.
func (d *dumped) above() string {
	if d.Fields.Parent.ID != "" {
		return d.Fields.Parent.ID
	}
	return d.Fields.Epic.ID.String()
}

func (d *dumped) epic() bool { return d.Fields.IssueType.Name == "Epic" }

func (d *dumped) team() string { return dumpTeams[d.Fields.Project.Key] }

func (d *dumped) has(is func(label string) bool) bool {
	return slices.ContainsFunc(d.Fields.Labels, func(l string) bool { return is(strings.ToLower(l)) })
}

func (d *dumped) component(names ...string) bool {
	for _, c := range d.Fields.Components {
		for _, name := range names {
			start, open := strings.CutSuffix(name, "*")
			if strings.EqualFold(c.Name, name) || open && strings.HasPrefix(strings.ToLower(c.Name), start) {
				return true
			}
		}
	}
	return false
}

func oneOf(names ...string) func(string) bool {
	return func(l string) bool { return slices.Contains(names, l) }
}

// own says what the mapping says of the ticket itself: goals, or "off_plan"
// with or without a reason, or "exclude", or nothing.
func (d *dumped) own() []string {
	kind := d.Fields.IssueType.Name
	if d.has(oneOf("rplist")) {
		return []string{"exclude"}
	}
	if kind == "Bug" && d.has(oneOf("regression")) {
		return []string{"off_plan/regression"}
	}
	var goals []string
	if d.component("android") || d.has(oneOf("android")) {
		goals = append(goals, "android")
	}
	apple := d.has(func(l string) bool { return strings.HasPrefix(l, "ios") || l == "iphone" || l == "ipad" })
	if d.component("ios") || apple && !d.has(oneOf("android")) {
		goals = append(goals, "apple")
	}
	if d.component("windows*") {
		goals = append(goals, "windows")
	}
	if d.component("tooling", "cli", "titanium sdk & cli") || d.Fields.Project.Key == "DAEMON" {
		goals = append(goals, "tooling")
	}
	switch {
	case goals != nil:
		return goals
	case d.has(func(l string) bool { return strings.HasPrefix(l, "tcsupport") || l == "supportteam" }):
		return []string{"off_plan/customer"}
	case kind == "Technical task" || kind == "Improvement":
		return []string{"off_plan/chores"}
	case d.has(oneOf("defect")):
		return []string{"off_plan"}
	}
	return nil
}

// titanium is the independent count.
type titanium struct {
	dump  []*dumped
	byID  map[string]*dumped
	zones map[string]*time.Location
}

func newTitanium(t *testing.T, dump []*dumped) *titanium {
	t.Helper()
	ti := &titanium{dump, map[string]*dumped{}, map[string]*time.Location{}}
	for team, name := range dumpZones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		ti.zones[team] = zone
	}
	for _, d := range dump {
		ti.byID[d.ID] = d
	}
	for _, d := range dump {
		if p := ti.byID[d.above()]; p != nil {
			p.children = append(p.children, d)
		}
	}
	return ti
}

// says returns the ticket's own verdict or that of the nearest one above it.
func (ti *titanium) says(d *dumped) []string {
	for ; d != nil; d = ti.byID[d.above()] {
		if own := d.own(); own != nil {
			return own
		}
	}
	return []string{"unmapped"}
}

// completed is when a done ticket was.
func (d *dumped) completed() time.Time {
	if d.resolved.After(d.created) {
		return d.resolved
	}
	return d.created
}

// leaf reports whether a ticket had no child that counted at an instant.
func (ti *titanium) leaf(d *dumped, at time.Time) bool {
	for _, kid := range d.children {
		canceled := kid.state == "canceled" && !kid.completed().After(at)
		if !kid.created.After(at) && !canceled && ti.says(kid)[0] != "exclude" {
			return false
		}
	}
	return true
}

// cells returns the millionths of a completed ticket by cell. Goals share it
// equally; what is left over goes to the first.
func (ti *titanium) cells(d *dumped, paused bool) map[string]int {
	says := ti.says(d)
	amounts := map[string]int{}
	for i, cell := range says {
		switch {
		case cell == "windows" && paused:
			cell = "not_now/windows"
		case !strings.HasPrefix(cell, "off_plan") && cell != "unmapped":
			cell = "aligned/" + cell
		}
		amounts[cell] = 1_000_000 / len(says)
		if i < 1_000_000%len(says) {
			amounts[cell]++
		}
	}
	return amounts
}

// completions adds up what a team completed in the days days before a
// watermark, that of the watermark included. A pause of a goal counts where
// inForce says so.
func (ti *titanium) completions(team string, from, watermark time.Time, paused func(at time.Time) bool) map[string]int {
	sum := map[string]int{}
	for _, d := range ti.dump {
		at := d.completed()
		if d.state != "done" || d.epic() || d.team() != team || at.Before(from) || !at.Before(watermark) ||
			!ti.leaf(d, at) || ti.says(d)[0] == "exclude" {
			continue
		}
		for cell, amount := range ti.cells(d, paused(at)) {
			sum[cell] += amount
		}
	}
	return sum
}

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
	defer file.Close()
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
	r.until("/metrics", `(?m)^alignd_work_watermark_timestamp_seconds\{team="all"\} `)
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
		t.Logf("%s, %s: %v", team, window, wantClass)
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
// bulk read of histories per 1,000, fields and statuses, and a bulk read per
// 100 parents that are not in scope.
func (ti *titanium) compareRequests(t *testing.T, got map[string]int) {
	t.Helper()
	outside := map[string]bool{}
	for _, d := range ti.dump {
		if id := d.above(); id != "" && ti.byID[id] == nil {
			outside[id] = true
		}
	}
	up := func(n, by int) int { return (n + by - 1) / by }
	want := map[string]int{
		"jira search": up(len(ti.dump), 100), "jira changelog": up(len(ti.dump), 1000),
		"jira field": 1, "jira status": 1, "jira bulkfetch": up(len(outside), 100),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("requests are %v, want %v", got, want)
	}
}
