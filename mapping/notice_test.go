package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/mapping"
)

const noticed = `period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams:
  - {id: payments, owns: {acme: [PAY]}}
  - {id: idle, owns: {acme: [IDLE]}}
goals: [{id: checkout}, {id: mobile}]
rules:
  - name: labels
    when:
      labels:
        any: [checkout, chekout, "old-*"]
        none: [never]
    goal: checkout
  - {name: fine, when: {labels: {any: [before]}, type: Bug}, goal: checkout}
  - {name: case, when: {component: [core], case_sensitive: true}, goal: mobile}
  - {name: mobile, when: {labels: {any: CHECKOUT}, priority: [High, Low]}, goal: mobile}
  - {name: titles, when: {title: ["^copy", "^paste"]}, goal: checkout}
  - {name: above, when: {parent: [PAY-1, PAY-9], project: [pay, bill]}, goal: checkout}
`

func TestNotice(t *testing.T) {
	epic := &mapping.Facts{Connector: "acme", Project: "PAY", Type: "Epic", Title: "copy it"}
	samples := []mapping.Sample{
		own("PAY-2", 1, mapping.Facts{Connector: "acme", Project: "PAY", Type: "Story", Priority: "High", Labels: []string{"Checkout"}, Components: []string{"Core"}}),
		own("PAY-3", 1, mapping.Facts{Connector: "acme", Project: "PAY", Type: "Bug", Priority: "High", Labels: []string{"checkout"}}),
		own("OPS-1", 1, mapping.Facts{Connector: "acme", Project: "OPS", Type: "Bug"}),
		own("OPS-2", 1, mapping.Facts{Connector: "acme", Project: "OPS", Type: "Bug"}),
		{
			Key: "PAY-4", Former: []string{"before"},
			Lineage: []mapping.Relative{{Key: "PAY-4", Facts: &mapping.Facts{Connector: "acme", Project: "PAY", Type: "Story", Parents: []string{"PAY-1"}}}, {Key: "PAY-1", Facts: epic}},
		},
	}
	want := `
mapping.yml:2:1: teams: no team owns OPS of acme (2 tickets), so that work counts nowhere; add OPS to what a team owns, or do not read it
mapping.yml:4:16: teams[1].owns: no ticket was read of team idle; look whether its projects are right, and read
mapping.yml:10:25: rules[0].when.labels.any[1]: no ticket that was read has the label "chekout"; did you mean Checkout?
mapping.yml:10:34: rules[0].when.labels.any[2]: no ticket that was read has the label "old-*"
mapping.yml:13:5: rules[1]: rule "fine" matches no ticket that was read: no ticket fulfils all of its conditions
mapping.yml:14:37: rules[2].when.component[0]: no ticket that was read has the component "core"; did you mean Core?
mapping.yml:15:5: rules[3]: rule "labels" (goal checkout) and rule "mobile" (goal mobile) match the same tickets (2, such as PAY-2); their work is split; if that is meant, write a weight in both rules
mapping.yml:15:69: rules[3].when.priority[1]: no ticket that was read has the priority "Low"
mapping.yml:16:44: rules[4].when.title[1]: no ticket that was read has a title that matches "^paste"
mapping.yml:17:42: rules[5].when.parent[1]: no ticket that was read is below "PAY-9"; did you mean PAY-1?
mapping.yml:17:65: rules[5].when.project[1]: no ticket that was read is in the project "bill"`
	var got []string
	for _, p := range parse(t, noticed).Notice(slices.Values(samples)) {
		got = append(got, fmt.Sprint(p))
	}
	if diff := cmp.Diff(strings.TrimSpace(want), strings.Join(got, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoticeWithoutTickets(t *testing.T) {
	if got := parse(t, noticed).Notice(slices.Values([]mapping.Sample(nil))); got != nil {
		t.Errorf("noticed %v", got)
	}
}

func TestRemoved(t *testing.T) {
	before := parse(t, twoGoals[:strings.Index(twoGoals, "rules:")])
	after := parse(t, "period: {name: p, from: 2026-10-01, to: 2026-12-31}\nteams: [{id: payments, owns: {acme: [PAY]}}]\ngoals:\n  - {id: search}\n")
	var got []string
	for _, p := range after.Removed(before, func(goal string) bool { return goal == "mobile" }) {
		got = append(got, fmt.Sprint(p))
	}
	want := []string{"mapping.yml:3:1: goals: goal mobile is gone, and the past work on it with it; declare it again with a status {from: <date>, is: retired}, and remove it when that is more than 91 days ago"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if more := before.Removed(before, func(string) bool { return true }); more != nil {
		t.Errorf("nothing was removed, but %v", more)
	}
}
