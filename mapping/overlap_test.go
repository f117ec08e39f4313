package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

// twoGoals has two goals that say everything, so that all warnings are about
// rules.
const twoGoals = `period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams: [{id: payments, owns: {acme: [PAY]}}]
goals:
  - {id: checkout, why: w, done_when: d, review: 2026-12-01}
  - {id: mobile, why: w, done_when: d, review: 2026-12-01}
rules:
`

func TestOverlaps(t *testing.T) {
	every := `mapping.yml:8:5: rules[1]: every ticket that rule "%s" (goal %s) matches also matches rule "%s" (goal %s); their work is split; if that is meant, write a weight in both rules`
	can := `mapping.yml:8:5: rules[1]: tickets with %s can match rule "b" (goal mobile) as well as rule "a" (goal checkout); their work is split; if that is meant, write a weight in both rules`
	tests := []struct{ name, a, b, want string }{
		{"apart", "labels: {any: x}", "labels: {any: y}", ""},
		{"same", "labels: {any: x}", "labels: {any: X}", fmt.Sprintf(every, "b", "mobile", "a", "checkout")},
		{"narrower", "labels: {any: [x]}", "labels: {any: x}, type: Bug", fmt.Sprintf(every, "b", "mobile", "a", "checkout")},
		{"wider", "labels: {any: x}, project: PAY", "project: [PAY, BILL]", fmt.Sprintf(every, "a", "checkout", "b", "mobile")},
		{"glob within glob", `labels: {any: "a*"}`, `labels: {any: "ab*c"}`, fmt.Sprintf(every, "b", "mobile", "a", "checkout")},
		{"shared value", "labels: {any: [x, y]}", "labels: {any: [z, y]}", fmt.Sprintf(can, `the label "y"`)},
		{"shared glob", `component: ["legacy-*"]`, "component: [core, legacy-app]", fmt.Sprintf(can, `the component "legacy-app"`)},
		{"shared value, other types", "labels: {any: [x, y]}, type: Bug", "labels: {any: [z, y]}, type: Story", ""},
		{"shared value is forbidden", "labels: {any: [x, y]}", "labels: {any: [z, y], none: [x, Y]}", ""},
		{"only a type in common", "labels: {any: x}, type: Bug", "labels: {any: y}, type: Bug", ""},
		{"all of more", "labels: {all: [x, y]}", "labels: {all: [x, y, z]}", fmt.Sprintf(every, "b", "mobile", "a", "checkout")},
		{"none of less", "labels: {any: x, none: [y, z]}", "labels: {any: x, none: y}", fmt.Sprintf(every, "a", "checkout", "b", "mobile")},
		{"same title", `title: [copy, "^x"]`, "title: copy", fmt.Sprintf(every, "b", "mobile", "a", "checkout")},
		{"other title", "title: copy", "title: copied", ""},
		{"other case", "labels: {any: x}, case_sensitive: true", "labels: {any: x}", fmt.Sprintf(every, "a", "checkout", "b", "mobile")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs := parse(t, twoGoals+"  - {name: a, when: {"+tt.a+"}, goal: checkout}\n  - {name: b, when: {"+tt.b+"}, goal: mobile}\n")
			if diff := cmp.Diff(tt.want, warnings(rs)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// What the file itself says of shared tickets needs no warning.
func TestOverlapsThatAreMeant(t *testing.T) {
	const one, other = "labels: {any: [x, z]}", "labels: {any: [x, y]}" // neither covers the other
	tests := []struct {
		name, top, a, b string
		warns           bool
	}{
		{"nothing said", "", "goal: checkout", "goal: mobile", true},
		{"weights in both", "", "goal: checkout, weight: 2", "goal: mobile, weight: 1", false},
		{"a weight in one", "", "goal: checkout, weight: 2", "goal: mobile", true},
		{"several goals and a weight", "", "goals: {checkout: 1, mobile: 2}", "goal: mobile, weight: 1", false},
		{"several goals and none", "", "goals: {checkout: 1, mobile: 2}", "goal: mobile", true},
		{"the default is written", "split: equal\n", "goal: checkout", "goal: mobile", true},
		{"the order of goals decides", "split: first\n", "goal: mobile", "goal: checkout", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs := parse(t, tt.top+twoGoals+"  - {name: a, when: {"+one+"}, "+tt.a+"}\n  - {name: b, when: {"+other+"}, "+tt.b+"}\n")
			noticed := rs.Notice(slices.Values([]mapping.Sample{
				own("PAY-1", 1, mapping.Facts{Connector: "acme", Project: "PAY", Labels: []string{"x", "y", "z"}}),
			}))
			if got := [2]bool{warnings(rs) != "", len(noticed) > 0}; got != [2]bool{tt.warns, tt.warns} {
				t.Errorf("warns %t, want %t twice: %s\n%v", got, tt.warns, warnings(rs), noticed)
			}
		})
	}
}

// A rule that is said never to count decides nothing for any ticket, unless
// another rule decides the same.
func TestShadowedRulesNeverCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t)
		dead := map[string]bool{}
		for _, w := range rs.Warnings() {
			if name, rest, ok := strings.Cut(strings.TrimPrefix(w.Message, `rule "`), `"`); ok && strings.HasPrefix(rest, " never counts") && !strings.Contains(rest, "leads to the same") {
				dead[name] = true
			}
		}
		for range 10 {
			m := rs.Match(drawFacts(t))
			for _, r := range m.Rules {
				if name := rs.RuleNames()[r]; dead[name] && (m.Kind != mapping.ToGoals || len(m.Rules) == 1) {
					t.Fatalf("rule %s decides although it is said never to count: %v", name, rs.Warnings())
				}
			}
		}
	})
}
