package daemon_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// This file is a second, small opinion on what titaniumMapping makes of the
// raw file. It shares no code with alignd.

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
	defer func() { _ = file.Close() }()
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
