package mapping_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/mapping"
	"alignd/yamlfile"
)

func load(t *testing.T, path string) *mapping.RuleSet {
	t.Helper()
	rs, err := mapping.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// head is a mapping that needs only rules.
const head = `
period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams: [{id: payments, owns: {acme: [PAY, bill]}}, {id: platform, owns: {acme-linear: [PLT]}}]
goals: [{id: checkout}, {id: mobile}, {id: search}]
reasons: [{id: escalation}, {id: debt}]
`

func parse(t testing.TB, text string) *mapping.RuleSet {
	t.Helper()
	rs, err := mapping.Parse("mapping.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func date(t *testing.T, s string) mapping.Date {
	t.Helper()
	d, err := mapping.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDesign(t *testing.T) {
	rs := load(t, "testdata/design.yml")
	from := func(s string) mapping.Moment { return mapping.Moment{Date: date(t, s)} }
	wantGoals := []mapping.Goal{
		{
			ID: "checkout", Name: "Checkout in under a minute", Why: "One in three carts is abandoned at payment",
			DoneWhen: "Median checkout below 60 s for four weeks",
			Statuses: []mapping.DatedStatus{{From: from("2026-10-01"), Is: mapping.GoalActive}},
			Targets:  []mapping.DatedTarget{{Share: 400_000}},
		},
		{
			ID: "mobile", Name: "Mobile app",
			Statuses: []mapping.DatedStatus{
				{From: from("2026-10-01"), Is: mapping.GoalActive},
				{From: from("2026-11-02"), Is: mapping.GoalPaused, Why: "Waiting for the new SDK"},
			},
			Targets: []mapping.DatedTarget{{Share: 100_000}},
		},
	}
	if diff := cmp.Diff(wantGoals, rs.Goals()); diff != "" {
		t.Errorf("goals (-want +got):\n%s", diff)
	}
	wantPeriod := mapping.Period{Name: "2026-Q4", From: date(t, "2026-10-01"), To: date(t, "2026-12-31")}
	if diff := cmp.Diff(wantPeriod, rs.Period()); diff != "" {
		t.Errorf("period (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]mapping.Reason{{ID: "escalation", Name: "Customer escalation"}}, rs.Reasons()); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"checkout by label", "the mobile initiative", "incidents come first"}, rs.RuleNames()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if rs.Strict() || rs.FirstCompletion() || !rs.NeedsAncestors() {
		t.Errorf("strict, first completion, ancestors = %t, %t, %t, want false, false, true", rs.Strict(), rs.FirstCompletion(), rs.NeedsAncestors())
	}
}

func TestDesignTeams(t *testing.T) {
	teams := load(t, "testdata/design.yml").Teams()
	got := teams[0]
	if got.ID != "payments" || got.Name != "payments" || got.Location.String() != "Europe/Berlin" || got.Capacity != 6000 {
		t.Errorf("team = %+v", got)
	}
	wantCalendar := mapping.Calendar{
		Days: [7]bool{false, true, true, true, true, true, false},
		From: 9 * time.Hour, To: 17 * time.Hour, Holidays: map[mapping.Date]bool{},
	}
	if diff := cmp.Diff(wantCalendar, got.Calendar); diff != "" {
		t.Errorf("calendar (-want +got):\n%s", diff)
	}
	if teams[1].Location != time.UTC || teams[1].Capacity != 1000 {
		t.Errorf("defaults = %s, %d, want UTC, 1000", teams[1].Location, teams[1].Capacity)
	}
	if diff := cmp.Diff([]string{"acme"}, got.Connectors()); diff != "" {
		t.Errorf("connectors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"PAY", "BILL"}, got.Owns("acme")); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
}

func TestReference(t *testing.T) {
	rs := load(t, "reference.yml")
	if noticed := append(rs.Warnings(), rs.Today(rs.Period().From)...); len(noticed) > 0 {
		t.Errorf("warnings = %v", noticed)
	}
	team := rs.Teams()[0]
	if rs.Teams()[1].Waiting("In Review") {
		t.Error("a team without waiting statuses has one")
	}
	if !team.Waiting("in review") || !team.Waiting("BLOCKED") || team.Waiting("In Progress") {
		t.Error("waiting statuses are not those declared")
	}
	if got := *rs.Goals()[0].Review; got != date(t, "2026-12-15") {
		t.Errorf("review = %s", got)
	}
	if got := rs.Teams()[1].Capacity; got != 4500 {
		t.Errorf("capacity = %d, want 4500", got)
	}
	m := rs.Match(&mapping.Facts{Labels: []string{"Mobile", "payment", "checkout-flow"}})
	want := mapping.Match{
		Kind: mapping.ToGoals, Goals: []mapping.GoalWeight{{Goal: 0, Weight: 2}, {Goal: 1, Weight: 3}}, Rules: []int{0, 1}, Conflict: true,
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("match (-want +got):\n%s", diff)
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := mapping.Load("testdata/absent.yml")
	if !os.IsNotExist(err) && !cmp.Equal(err, os.ErrNotExist, cmpopts.EquateErrors()) {
		t.Errorf("error = %v, want one that says the file is absent", err)
	}
}

func TestTargets(t *testing.T) {
	rs := load(t, "reference.yml")
	berlin, _ := time.LoadLocation("Europe/Berlin")
	mobile := &rs.Goals()[1]
	tests := []struct {
		at     string
		status mapping.GoalStatus
		share  int64
	}{
		{"2026-09-30T21:59:59Z", mapping.GoalPlanned, 0},
		{"2026-09-30T22:00:00Z", mapping.GoalActive, 100_000}, // midnight in Berlin
		{"2026-11-01T22:59:59Z", mapping.GoalActive, 100_000},
		{"2026-11-01T23:00:00Z", mapping.GoalPaused, 0},
		{"2026-12-01T07:59:59Z", mapping.GoalPaused, 0},
		{"2026-12-01T08:00:00Z", mapping.GoalActive, 200_000},
	}
	for _, tt := range tests {
		at, _ := time.Parse(time.RFC3339, tt.at)
		if status, share := mobile.StatusAt(at, berlin), mobile.TargetAt(at, berlin); status != tt.status || share != tt.share {
			t.Errorf("at %s: %s, %d, want %s, %d", tt.at, status, share, tt.status, tt.share)
		}
	}
}

func TestTeamOf(t *testing.T) {
	rs := parse(t, head)
	tests := []struct {
		connector, project string
		want               int
	}{
		{"acme", "PAY", 0},
		{"acme", "pay", 0},
		{"acme", "BILL", 0},
		{"acme-linear", "PLT", 1},
		{"acme", "PLT", -1},
		{"ACME", "PAY", -1},
		{"acme", "", -1},
		{"", "PAY", -1},
	}
	for _, tt := range tests {
		if got := rs.TeamOf(tt.connector, tt.project); got != tt.want {
			t.Errorf("TeamOf(%q, %q) = %d, want %d", tt.connector, tt.project, got, tt.want)
		}
	}
}

func TestConnectors(t *testing.T) {
	rs := parse(t, head+"rules:\n  - {name: r, when: {connector: [acme, nowhere]}, goal: mobile}\n")
	var got []yamlfile.Problem
	for _, r := range rs.Connectors() {
		r.At.Message = r.Connector
		got = append(got, r.At)
	}
	want := []yamlfile.Problem{
		{File: "mapping.yml", Line: 3, Column: 31, Path: "teams[0].owns.acme", Message: "acme"},
		{File: "mapping.yml", Line: 3, Column: 74, Path: "teams[1].owns.acme-linear", Message: "acme-linear"},
		{File: "mapping.yml", Line: 7, Column: 34, Path: "rules[0].when.connector[0]", Message: "acme"},
		{File: "mapping.yml", Line: 7, Column: 40, Path: "rules[0].when.connector[1]", Message: "nowhere"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connectors (-want +got):\n%s", diff)
	}
}

func TestFingerprint(t *testing.T) {
	base := `
period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams: [{id: payments, owns: {acme: [PAY, BILL]}, capacity: 6}]
goals: [{id: checkout, target: 40%, status: [{from: 2026-10-01, is: done}]}]
rules: [{name: r, when: {labels: {any: [a, B]}, type: Bug}, goal: checkout}]
`
	same := `# The same, written differently.
goals:
  - target: 0.40
    status: [{is: retired, from: 2026-10-01}]
    id: checkout
rules:
  - when: {type: [bug], labels: {any: [b, a, A]}, case_sensitive: false}
    goal: checkout
    name: r
split: equal
teams: [{owns: {acme: [BILL, PAY]}, id: payments, capacity: "6.000", calendar: {hours: 9:00 - 17:00}}]
period: {name: p, to: 2026-12-31, from: 2026-10-01}
`
	want := parse(t, base).Fingerprint()
	if got := parse(t, same).Fingerprint(); got != want || len(got) != 16 {
		t.Errorf("fingerprint = %s, want %s", got, want)
	}
	seen := map[string]string{want: base}
	for _, change := range [][2]string{
		{"40%", "41%"},
		{"is: done", "is: paused"},
		{"[a, B]", "[a, c]"},
		{"any: [a", "all: [a"},
		{"type: Bug", "status: Bug"},
		{"PAY,", "PAX,"},
		{"capacity: 6", "capacity: 7"},
		{"name: r,", "name: s,"},
		{"name: p,", "name: q,"},
		{"type: Bug", "type: Bug, case_sensitive: true"},
		{"goal: checkout}", "goal: checkout, weight: 2}"},
		{"goal: checkout}", "off_plan: true}"},
		{"{id: payments,", "{id: payments, time_zone: Europe/Berlin,"},
		{"\nrules", "\nsplit: first\nrules"},
		{"\nrules", "\nbasis_then: strict\nrules"},
		{"\nrules", "\ndrift: {unit: time}\nrules"},
		{"\nrules", "\nreasons: [{id: x}]\nrules"},
		{"[a, B]", "[\"a, B\"]"},
	} {
		text := replace(t, base, change[0], change[1])
		got := parse(t, text).Fingerprint()
		if other, ok := seen[got]; ok {
			t.Errorf("the same fingerprint for:\n%s\nand:\n%s", text, other)
		}
		seen[got] = text
	}
}
