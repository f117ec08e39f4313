package alignment_test

import (
	"strings"
	"testing"

	"alignd/alignment"
	"alignd/mapping"
)

// TestGoalWorkLost: work of a goal is lost where less of a ticket's work has a
// goal by other rules, whatever the goal is called there.
func TestGoalWorkLost(t *testing.T) {
	const text = `
period: {name: Q1, from: 2026-01-01, to: 2026-03-31}
teams: [{id: payments, owns: {jira: [PAY]}}]
goals: [{id: checkout}, {id: mobile}, {id: idle}]
rules:
  - {name: checkout, when: {labels: {any: [a, both]}}, goal: checkout}
  - {name: mobile, when: {labels: {any: [b, both]}}, goal: mobile}
`
	in := explainInput(t, list{issue("1", "PAY-1", "a"), issue("2", "PAY-2", "b"), issue("3", "PAY-3", "both"), issue("4", "PAY-4")})
	work := func(pairs ...string) alignment.GoalWork {
		t.Helper()
		rules, err := mapping.Parse("goals.yml", []byte(strings.NewReplacer(pairs...).Replace(text)))
		if err != nil {
			t.Fatal(err)
		}
		other := in
		other.Rules = rules
		return alignment.NewGoalWork(other)
	}
	before := work()
	for _, tc := range []struct {
		name, goal string
		after      alignment.GoalWork
		lost       bool
	}{
		{"the same rules", "checkout", before, false},
		{"a goal without work", "idle", work("[a, both]", "[c]", "[b, both]", "[c]"), false},
		{"another id", "checkout", work("id: checkout", "id: till", "goal: checkout", "goal: till"), false},
		{"taken over by another goal", "checkout", work("goal: checkout", "goal: mobile"), false},
		{"retired", "checkout", work("id: checkout", "id: checkout, status: [{from: 2026-01-01, is: active}, {from: 2026-03-01, is: retired}]"), false},
		{"more of it", "checkout", work("[a, both]", "[a, both, c]"), false},
		{"without a rule", "checkout", work("[a, both]", "[c]"), true},
		{"its ticket excluded", "checkout", work("goal: checkout", "exclude: true"), true},
		{"off-plan", "checkout", work("goal: checkout", "off_plan: true"), true},
		{"off-plan, of a goal beside it", "mobile", work("goal: checkout", "off_plan: true"), false},
		{"the ticket of both kept by the other", "mobile", work("[a, both]", "[c]"), false},
	} {
		if got := before.Lost(tc.goal, tc.after); got != tc.lost {
			t.Errorf("%s: lost = %t, want %t", tc.name, got, tc.lost)
		}
	}
	in.Watermarks = nil
	if got := work(); len(got) != 0 {
		t.Errorf("of teams that were never read: %v", got)
	}
}
