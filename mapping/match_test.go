package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/mapping"
)

// one returns a mapping with a single rule to goal checkout.
func one(t *testing.T, when string) *mapping.RuleSet {
	t.Helper()
	return parse(t, head+"rules:\n  - name: r\n    goal: checkout\n    when: {"+when+"}\n")
}

func TestConditions(t *testing.T) {
	labels := func(l ...string) mapping.Facts { return mapping.Facts{Labels: l} }
	many := make([]string, 37)
	for i := range many {
		many[i] = strings.Repeat("x", i)
	}
	many[36] = "goal"
	tests := []struct {
		name, when string
		facts      mapping.Facts
		want       bool
	}{
		{"label", "labels: {any: [a, b]}", labels("x", "b"), true},
		{"no label", "labels: {any: [a, b]}", labels("x", "ab"), false},
		{"without labels", "labels: {any: [a, b]}", labels(), false},
		{"case", "labels: {any: [iOS]}", labels("IOS"), true},
		{"case of the rest of the world", "labels: {any: [\"ΌΣΟΣ-straße-ŁÓDŹ-Kelvin\"]}", labels("όσος-STRAßE-łódź-\u212Aelvin"), true},
		{"case-sensitive", "labels: {any: [iOS]}, case_sensitive: true", labels("ios", "IOS"), false},
		{"case-sensitive hit", "labels: {any: [iOS]}, case_sensitive: true", labels("ios", "iOS"), true},
		{"all", "labels: {all: [a, b]}", labels("b", "x", "a"), true},
		{"not all", "labels: {all: [a, b]}", labels("b", "x"), false},
		{"all by globs", "labels: {all: [\"a*\", \"*b\"]}", labels("ab"), true},
		{"none", "labels: {any: [a], none: [\"no-*\"]}", labels("a", "yes"), true},
		{"none hit", "labels: {any: [a], none: [\"no-*\"]}", labels("a", "NO-way"), false},
		{"none alone", "labels: {none: [a]}", labels(), true},
		{"none alone hit", "labels: {none: [a]}", labels("A"), false},
		{"prefix", "labels: {any: [\"goal-*\"]}", labels("Goal-x"), true},
		{"prefix alone", "labels: {any: [\"goal-*\"]}", labels("goal-"), true},
		{"prefix inside", "labels: {any: [\"goal-*\"]}", labels("my-goal-x", "goal"), false},
		{"suffix", "labels: {any: [\"*-goal\"]}", labels("x-GOAL"), true},
		{"middle", "labels: {any: [\"*goal*\"]}", labels("my-goal-x"), true},
		{"both ends", "labels: {any: [\"a*a\"]}", labels("aba"), true},
		{"ends may not overlap", "labels: {any: [\"a*a\"]}", labels("a"), false},
		{"several stars", "labels: {any: [\"a*b*c*d\"]}", labels("a-b-b-c-cd"), true},
		{"several stars in order", "labels: {any: [\"a*b*c*d\"]}", labels("a-c-b-d"), false},
		{"any label", "labels: {any: [\"*\"]}", labels("x"), true},
		{"any label of none", "labels: {any: [\"*\"]}", labels(), false},
		{"group", "labels: {any: [Goal/Mobile]}", labels("goal/mobile"), true},
		{"group and name", "labels: {any: [Mobile]}", labels("Goal/Mobile"), false},
		{"any group", "labels: {any: [\"*/Mobile\"]}", labels("Goal/Mobile"), true},
		{"null", "labels: {any: ['null']}", labels("null"), true},
		{"hasOwnProperty", "labels: {any: [hasOwnProperty, __proto__]}", labels("__proto__"), true},
		{"comma", "labels: {any: [\",\"]}", labels(","), true},
		{"number", "labels: {any: [1, 007]}", labels("007"), true},
		{"true", "labels: {any: true}", labels("TRUE"), true},
		{"tilde", "labels: {any: ['~']}", labels("~"), true},
		{"37 labels", "labels: {any: [goal]}", labels(many...), true},
		{"long label", "labels: {any: [\"x*\"]}", labels(strings.Repeat("x", 100_000)), true},
		{"bad UTF-8", "labels: {any: [\"x*\"]}", labels("x\xff\xfe"), true},
		{"regexp is no glob", "labels: {any: [\"a.c\"]}", labels("abc"), false},
		{"connector", "connector: acme", mapping.Facts{Connector: "acme"}, true},
		{"project", "project: [pay, bill]", mapping.Facts{Project: "BILL"}, true},
		{"team", "team: payments", mapping.Facts{Team: "payments"}, true},
		{"no team", "team: payments", mapping.Facts{}, false},
		{"type", "type: Bug", mapping.Facts{Type: "bug"}, true},
		{"component", "component: [\"legacy-*\"]", mapping.Facts{Components: []string{"new", "Legacy-Core"}}, true},
		{"status", "status: In Progress", mapping.Facts{Status: "in progress"}, true},
		{"priority", "priority: [High, Highest]", mapping.Facts{Priority: "High"}, true},
		{"parent", "parent: PAY-100", mapping.Facts{Parents: []string{"PAY-7", "pay-100"}}, true},
		{"no parent", "parent: PAY-100", mapping.Facts{Parents: []string{"PAY-1000"}}, false},
		{"linear project", "linear_project: [\"Mobile *\"]", mapping.Facts{LinearProjects: []string{"mobile relaunch"}}, true},
		{"initiative", "initiative: [Mobile]", mapping.Facts{Initiatives: []string{"Growth", "Mobile"}}, true},
		{"title", "title: 'copy of [a-z]+-\\d+'", mapping.Facts{Title: "A Copy of PAY-12, please"}, true},
		{"title alternatives", "title: 'x|COPY|y'", mapping.Facts{Title: "a copy"}, true},
		{"title anchored", "title: ['^copy', 'please$']", mapping.Facts{Title: "A copy of it"}, false},
		{"title case-sensitive", "title: Copy, case_sensitive: true", mapping.Facts{Title: "A copy"}, false},
		{"and", "type: Bug, labels: {any: [a]}", mapping.Facts{Type: "Bug", Labels: []string{"a"}}, true},
		{"and fails", "type: Bug, labels: {any: [a]}", mapping.Facts{Type: "Story", Labels: []string{"a"}}, false},
		{"empty facts", "type: Bug", mapping.Facts{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs := one(t, tt.when)
			if got := rs.Match(&tt.facts).Kind == mapping.ToGoals; got != tt.want {
				t.Errorf("matches = %t, want %t", got, tt.want)
			}
			if step := rs.Explain(&tt.facts)[0]; step.Matched != tt.want {
				t.Errorf("explained as %+v, want %t", step, tt.want)
			}
		})
	}
}

const manyRules = `rules:
  - {name: checkout, when: {labels: {any: [checkout]}}, goal: checkout}
  - {name: checkout again, when: {labels: {any: [pay]}}, goal: checkout, weight: 5}
  - {name: mobile, when: {labels: {any: [mobile]}}, goal: mobile, weight: 2}
  - {name: both, when: {labels: {any: [app]}}, goals: {search: 3, mobile: 1}}
  - {name: unplanned, when: {labels: {any: [unplanned]}}, off_plan: true}
  - {name: debt, when: {labels: {any: [debt]}}, reason: debt}
  - {name: incident, when: {labels: {any: [incident]}}, reason: escalation, override: true}
  - {name: fire, when: {labels: {any: [fire]}}, off_plan: true, override: true}
  - {name: template, when: {labels: {any: [template]}}, exclude: true}
  - {name: mirror, when: {labels: {any: [mirror]}}, exclude: true}
`

func TestPrecedence(t *testing.T) {
	equal := parse(t, head+manyRules)
	first := parse(t, "split: first"+head+manyRules)
	goals := func(rules []int, conflict bool, goals ...mapping.GoalWeight) mapping.Match {
		return mapping.Match{Kind: mapping.ToGoals, Goals: goals, Rules: rules, Conflict: conflict}
	}
	offPlan := func(reason string, rule int) mapping.Match {
		return mapping.Match{Kind: mapping.OffPlan, Reason: reason, Rules: []int{rule}}
	}
	excluded := mapping.Match{Kind: mapping.Excluded, Rules: []int{8}}
	tests := []struct {
		labels           string
		equal, firstGoal mapping.Match
	}{
		{"", mapping.Match{}, mapping.Match{}},
		{"other", mapping.Match{}, mapping.Match{}},
		{"checkout", goals([]int{0}, false, mapping.GoalWeight{Goal: 0, Weight: 1}), goals([]int{0}, false, mapping.GoalWeight{Goal: 0, Weight: 1})},
		{"pay checkout", goals([]int{0, 1}, false, mapping.GoalWeight{Goal: 0, Weight: 5}), goals([]int{0, 1}, false, mapping.GoalWeight{Goal: 0, Weight: 1})},
		{"mobile checkout", goals([]int{0, 2}, true, mapping.GoalWeight{Goal: 0, Weight: 1}, mapping.GoalWeight{Goal: 1, Weight: 2}), goals([]int{0}, true, mapping.GoalWeight{Goal: 0, Weight: 1})},
		{"app", goals([]int{3}, false, mapping.GoalWeight{Goal: 1, Weight: 1}, mapping.GoalWeight{Goal: 2, Weight: 3}), goals([]int{3}, false, mapping.GoalWeight{Goal: 1, Weight: 1})},
		{"app mobile", goals([]int{2, 3}, true, mapping.GoalWeight{Goal: 1, Weight: 2}, mapping.GoalWeight{Goal: 2, Weight: 3}), goals([]int{2, 3}, true, mapping.GoalWeight{Goal: 1, Weight: 1})},
		{"unplanned debt", offPlan("", 4), offPlan("", 4)},
		{"debt", offPlan("debt", 5), offPlan("debt", 5)},
		{"debt mobile", goals([]int{2}, false, mapping.GoalWeight{Goal: 1, Weight: 2}), goals([]int{2}, false, mapping.GoalWeight{Goal: 1, Weight: 1})},
		{"fire incident debt mobile", offPlan("escalation", 6), offPlan("escalation", 6)},
		{"fire mobile", offPlan("", 7), offPlan("", 7)},
		{"mirror template fire incident debt mobile", excluded, excluded},
	}
	for _, tt := range tests {
		facts := &mapping.Facts{Labels: strings.Fields(tt.labels)}
		if diff := cmp.Diff(tt.equal, equal.Match(facts)); diff != "" {
			t.Errorf("%q split equally (-want +got):\n%s", tt.labels, diff)
		}
		if diff := cmp.Diff(tt.firstGoal, first.Match(facts)); diff != "" {
			t.Errorf("%q given to the first (-want +got):\n%s", tt.labels, diff)
		}
	}
}

// What no rule looks at need not be replayed for the sake of the rules.
func TestLooksAt(t *testing.T) {
	tests := []struct {
		when                       string
		ancestors, status, project bool
	}{
		{"labels: {any: [a]}, title: x, type: y", false, false, false},
		{"parent: X-1", true, false, false},
		{"linear_project: x", true, false, false},
		{"initiative: x", true, false, false},
		{"status: x", false, true, false},
		{"project: x", false, false, true},
		{"team: payments", false, false, true},
	}
	for _, tt := range tests {
		rs := one(t, tt.when)
		if a, s, p := rs.NeedsAncestors(), rs.LooksAtStatus(), rs.LooksAtProject(); a != tt.ancestors || s != tt.status || p != tt.project {
			t.Errorf("%s: ancestors, status, project = %t, %t, %t", tt.when, a, s, p)
		}
	}
}

func TestExplain(t *testing.T) {
	rs := parse(t, head+`rules:
  - {name: any, when: {type: Bug, labels: {any: [a, "b*"]}}, goal: checkout}
  - {name: all, when: {labels: {all: [x, y]}}, goals: {mobile: 3, checkout: 1}}
  - {name: none, when: {labels: {any: [x], none: [Z]}}, goal: mobile, weight: 2}
  - {name: status, when: {status: [Open, Closed]}, reason: debt, override: true}
  - {name: component, when: {component: [core]}, off_plan: true}
  - {name: title, when: {title: [foo, bar]}, exclude: true}
  - {name: hit, when: {labels: {any: [x]}}, goal: search}
`)
	got := rs.Explain(&mapping.Facts{Type: "Bug", Status: "In Review", Title: "baz", Labels: []string{"x", "z"}})
	want := []mapping.Step{
		{Rule: 0, Name: "any", LeadsTo: "goal checkout", Failed: `labels.any: wants "a" or "b*"; the ticket has "x", "z"`},
		{Rule: 1, Name: "all", LeadsTo: "goals checkout (weight 1), mobile (weight 3)", Failed: `labels.all: "y" is missing; the ticket has "x", "z"`},
		{Rule: 2, Name: "none", LeadsTo: "goal mobile (weight 2)", Failed: `labels.none: the ticket has "z"`},
		{Rule: 3, Name: "status", LeadsTo: "off-plan for debt, wins over goals", Failed: `status: wants "Open" or "Closed"; the ticket has "In Review"`},
		{Rule: 4, Name: "component", LeadsTo: "off-plan", Failed: `component: wants "core"; the ticket has none`},
		{Rule: 5, Name: "title", LeadsTo: "left out of all accounts", Failed: `title: does not match "foo" or "bar"`},
		{Rule: 6, Name: "hit", LeadsTo: "goal search", Matched: true, Decides: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestExplainManyLabels(t *testing.T) {
	step := one(t, "labels: {any: [x]}").Explain(&mapping.Facts{Labels: strings.Fields("a b c d e f g h i j k l")})[0]
	want := `labels.any: wants "x"; the ticket has "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", 2 more`
	if diff := cmp.Diff(want, step.Failed); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}
