package mapping_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

const before = `
period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}
slack: 20%
teams:
  - {id: payments, owns: {acme: [PAY, BILL]}, capacity: 6, time_zone: Europe/Berlin}
  - {id: platform, owns: {acme-linear: [PLT]}, capacity: 4}
goals:
  - {id: checkout, name: Faster checkout, why: Carts are abandoned, target: 40%, status: [{from: 2026-10-01, is: active}]}
  - {id: mobile, target: 10%}
  - {id: search}
reasons: [{id: escalation, name: Customer escalation}, {id: debt}]
rules:
  - {name: by label, when: {labels: {any: [goal-checkout, "checkout-*"], none: [later]}}, goal: checkout}
  - {name: incidents, when: {labels: {any: [incident]}, type: [Bug]}, reason: escalation, override: true}
  - {name: debt, when: {labels: {any: [debt]}}, reason: debt}
  - {name: finding, when: {component: [Search]}, goal: search}
`

func TestChanges(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new string // of the text of before, several separated by |
		want     []string
	}{
		{"comment", "slack: 20%", "# as agreed\nslack: 20%", nil},
		{"case", "type: [Bug]", "type: [bug]", nil},
		{
			"period", "name: 2026-Q4, from: 2026-10-01, to: 2026-12-31", "name: 2027-Q1, from: 2027-01-01, to: 2027-03-31",
			[]string{"The period is 2027-Q1 now, from 2027-01-01 to 2027-03-31; it was 2026-Q4, from 2026-10-01 to 2026-12-31."},
		},
		{"settings", "slack: 20%", "split: first\nbasis_then: strict\ncompletion: first\ndrift: {unit: time}", []string{
			"A ticket with several goals counts for the first of them now.",
			"What was learned later no longer fills what was unknown at the time.",
			"Of a ticket that is opened again the first completion counts now.",
			"Drift is watched in team time now.",
			"The slack is not declared now; it was 20%.",
		}},
		{"team", "owns: {acme: [PAY, BILL]}, capacity: 6, time_zone: Europe/Berlin", "name: Payments, owns: {acme: [PAY, CARD]}, capacity: 7.5, waiting_statuses: [In Review], calendar: {days: [mon], holidays: [2026-12-25]}", []string{
			`Team payments: called "Payments", no longer "payments"; owns CARD of acme too; no longer owns BILL of acme; time zone UTC, no longer Europe/Berlin; capacity 7.5, no longer 6; other working hours; other holidays; other waiting statuses.`,
		}},
		{"teams", "id: platform,", "id: tools, name: Tools,", []string{"Team platform was removed.", "Team tools (Tools) was added."}},
		{
			"retargeted", "target: 40%", "target: [{from: 2026-10-01, share: 40%}, {from: 2026-11-15, share: 30%}]",
			[]string{"Goal checkout: target 40% from 2026-10-01 on, 30% from 2026-11-15 on (before: target 40%)."},
		},
		{
			"paused", "is: active}]}", "is: active}, {from: 2026-11-02, is: paused, why: Waiting for the new SDK}], review: 2026-12-01}",
			[]string{"Goal checkout: paused from 2026-11-02 on (Waiting for the new SDK); to be looked at again on 2026-12-01, no longer at no date."},
		},
		{
			"status", "id: mobile,", "id: mobile, status: [{from: 2026-12-01, is: active}],",
			[]string{"Goal mobile: no longer always active; active from 2026-12-01 on."},
		},
		{"words", "name: Faster checkout, why: Carts are abandoned", "why: Carts stay, done_when: Below 60 s", []string{
			`Goal checkout: called "checkout", no longer "Faster checkout"; why it matters is worded anew; how it is known to be reached is worded anew.`,
		}},
		{"goals", "- {id: mobile, target: 10%}\n", "- {id: billing, name: Billing, target: 5%}\n", []string{
			"Goal mobile was removed.", "Goal billing (Billing) was added: always active, target 5%.",
		}},
		{
			"order of goals", "  - {id: mobile, target: 10%}\n  - {id: search}", "  - {id: search}\n  - {id: mobile, target: 10%}",
			[]string{"The goals stand in another order, and with them all reports."},
		},
		{
			"reasons", "{id: escalation, name: Customer escalation}, {id: debt}", "{id: escalation}, {id: debt}, {id: legal, name: Legal}",
			[]string{"Reason legal (Legal) was added.", `Reason escalation: called "escalation", no longer "Customer escalation".`},
		},
		{"rule asks", `goal-checkout, "checkout-*"], none: [later]`, `goal-checkout, pay], all: [ours]`, []string{
			`Rule "by label": asks for all of labels "ours" too; no longer asks for none of labels "later"; labels also "pay"; labels no longer "checkout-*".`,
		}},
		{"rule leads", "reason: debt}", "off_plan: true}", []string{`Rule "debt": off-plan, no longer off-plan for debt.`}},
		{"rule renamed", "name: finding", "name: find", []string{`Rule "finding" is called "find" now.`}},
		{"rule case", "{component: [Search]}", "{component: [Search], case_sensitive: true}", []string{`Rule "finding": upper and lower case differ now.`}},
		{"rules", "{name: finding, when: {component: [Search]}, goal: search}", "{name: find, when: {project: [FIND]}, goals: {search: 2, mobile: 1}}", []string{
			`Rule "finding" was removed (goal search).`, `Rule "find" was added: goals mobile (weight 1), search (weight 2), for project "FIND".`,
		}},
		{"index", "rules:", "index: {signal_labels: [risk]}\nsurveys: [{team: payments, date: 2026-10-01, mean: 5.4, answers: 7}]\nrules:", []string{
			`Labels that speak of danger are "risk" now; they were "risk", "blocked".`,
			"The survey of team payments of 2026-10-01 (mean 5.4, 7 answers) was added.",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(before, tt.old) != 1 {
				t.Fatalf("%q is not once in the mapping", tt.old)
			}
			was, is := parse(t, before), parse(t, strings.Replace(before, tt.old, tt.new, 1))
			if diff := cmp.Diff(tt.want, is.Changes(was)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChangesAreComplete draws pairs of mappings: something is said exactly
// when their meaning differs, and always the same.
func TestChangesAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other := drawMapping(t, "one"), drawMapping(t, "other")
		said := other.Changes(one)
		if differ := one.Fingerprint() != other.Fingerprint(); differ != (len(said) > 0) {
			t.Fatalf("fingerprints differ: %t, said: %q", differ, said)
		}
		if slices.Contains(said, "Details changed.") {
			t.Fatalf("nothing is said about what changed:\n%s\n%s", one.Text(), other.Text())
		}
		if diff := cmp.Diff(said, other.Changes(one)); diff != "" {
			t.Fatalf("said again (-first +second):\n%s", diff)
		}
	})
}

// drawMapping draws a small mapping, so that two are often nearly the same.
func drawMapping(t *rapid.T, name string) *mapping.RuleSet {
	pick := func(what string, values ...any) any { return rapid.SampledFrom(values).Draw(t, name+" "+what) }
	order := func(what string, list ...map[string]any) []map[string]any {
		n := rapid.IntRange(1, len(list)).Draw(t, name+" number of "+what)
		return rapid.Permutation(list).Draw(t, name+" order of "+what)[:n]
	}
	goal := map[string]any{"id": "checkout", "target": pick("target", "40%", "0.4", "30%")}
	maps.Copy(goal, pick("goal", map[string]any{}, map[string]any{"why": "a"}, map[string]any{"review": "2026-12-01"},
		map[string]any{"status": []any{map[string]any{"from": "2026-10-01", "is": "active", "why": pick("why", "", "b")}}}).(map[string]any))
	doc := map[string]any{
		"period": map[string]any{"name": pick("period", "p", "q"), "from": "2026-10-01", "to": "2026-12-31"},
		"split":  pick("split", "equal", "first"), "basis_then": pick("basis", "backfilled", "strict"), "completion": pick("completion", "last", "first"),
		"slack": pick("slack", "20%", "0.2", "30%"), "drift": map[string]any{"unit": pick("drift", "tickets", "time")},
		"surveys": order("surveys", map[string]any{"team": pick("surveyed", "payments"), "date": "2026-10-01", "mean": pick("mean", 5, 5.5), "answers": 7}),
		"teams": append(order("teams",
			map[string]any{"id": "tools", "owns": map[string]any{"acme": []string{"TOOL"}}},
			map[string]any{"id": "platform", "owns": map[string]any{"acme-linear": []string{"PLT"}}, "calendar": map[string]any{"days": pick("days", []string{"mon"}, []string{"Monday"}, []string{"tue"})}}),
			map[string]any{"id": "payments", "owns": map[string]any{"acme": pick("owned", []string{"PAY", "bill"}, []string{"Bill", "PAY"}, []string{"PAY"})}}),
		"goals":   append(order("goals", map[string]any{"id": "mobile"}, map[string]any{"id": "search"}), goal),
		"reasons": order("reasons", map[string]any{"id": "escalation"}, map[string]any{"id": "debt", "name": pick("reason", "debt", "Debt")}),
		"rules": order("rules",
			map[string]any{"name": pick("rule", "a", "b"), "goal": "checkout", "weight": pick("weight", 1, 2), "when": map[string]any{"labels": map[string]any{pick("quantity", "any", "all", "none").(string): someOf(patterns).Draw(t, name+" labels")}}},
			map[string]any{"name": "c", "off_plan": true, "override": pick("override", true, false), "when": map[string]any{"title": someOf([]string{"a", "A"}).Draw(t, name+" title"), "case_sensitive": pick("case", true, false)}},
			map[string]any{"name": "d", "reason_from_label": pick("capture", "why-*", "Why-*", "for-*"), "when": map[string]any{"type": someOf(values).Draw(t, name+" type")}}),
		"index": map[string]any{"signal_labels": pick("signals", []string{"risk", "blocked"}, []string{"Blocked", "risk"}, []string{"risk"})},
	}
	for f := range reflect.TypeFor[mapping.Config]().Fields() {
		if key := f.Tag.Get("yaml"); key != "" && doc[key] == nil {
			t.Fatalf("%s is never drawn, so nobody knows whether its changes are told", key)
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := mapping.Parse("mapping.yml", data)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// TestIsReordered: an order is the only thing that differs.
func TestIsReordered(t *testing.T) {
	const goals, swapped = "  - {id: mobile, target: 10%}\n  - {id: search}", "  - {id: search}\n  - {id: mobile, target: 10%}"
	for name, tt := range map[string]struct {
		edit []string
		want bool
	}{
		"nothing":           {[]string{"slack: 20%", "# as agreed\nslack: 20%"}, false},
		"goals":             {[]string{goals, swapped}, true},
		"reasons":           {[]string{"[{id: escalation, name: Customer escalation}, {id: debt}]", "[{id: debt}, {id: escalation, name: Customer escalation}]"}, true},
		"goals and a slack": {[]string{goals, swapped, "slack: 20%", "slack: 30%"}, false},
		"goals and a goal":  {[]string{goals, strings.Replace(swapped, "10%", "11%", 1)}, false},
	} {
		text := strings.NewReplacer(tt.edit...).Replace(before)
		if text == before {
			t.Fatalf("%s: nothing was edited", name)
		}
		if got := parse(t, text).IsReordered(parse(t, before)); got != tt.want {
			t.Errorf("%s: is reordered = %t, want %t", name, got, tt.want)
		}
	}
}

func TestRevisions(t *testing.T) {
	at := time.Date(2026, 11, 12, 9, 30, 0, 1234, time.UTC)
	a, b := parse(t, before), parse(t, strings.Replace(before, "target: 10%", "target: 15%", 1))
	commented := parse(t, "# ours\n"+before)
	var all []mapping.Revision
	accept := func(rules *mapping.RuleSet) bool {
		t.Helper()
		var last *mapping.Revision
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		at = at.Add(time.Hour)
		next, isNew := mapping.NextRevision(last, rules, at)
		if again, _ := mapping.NextRevision(last, rules, at); again.ID != next.ID {
			t.Errorf("two replicas call the same revision %s and %s", next.ID, again.ID)
		}
		if isNew {
			all = append(all, next)
		}
		return isNew
	}
	for i, step := range []struct {
		rules *mapping.RuleSet
		isNew bool
	}{{a, true}, {a, false}, {b, true}, {a, true}, {commented, true}, {b, true}} {
		if accept(step.rules) != step.isNew {
			t.Errorf("step %d: is new = %t, want %t", i, !step.isNew, step.isNew)
		}
	}
	var summaries [][]string
	ids := map[string]bool{}
	for _, r := range all {
		summaries = append(summaries, r.Summary)
		ids[r.ID] = true
	}
	want := [][]string{
		{"The first mapping on record: 2 teams, 3 goals, 4 rules."},
		{"Goal mobile: target 15% (before: target 10%)."},
		{"Goal mobile: target 10% (before: target 15%)."},
		{"Only comments or layout changed."},
		{"Goal mobile: target 15% (before: target 10%)."},
	}
	if diff := cmp.Diff(want, summaries); diff != "" {
		t.Errorf("summaries (-want +got):\n%s", diff)
	}
	if len(ids) != len(all) {
		t.Errorf("%d revisions have %d ids", len(all), len(ids))
	}
	if all[0].Hash != all[2].Hash || all[1].Hash != all[4].Hash || all[0].Hash == all[1].Hash {
		t.Error("hashes do not say which texts are the same")
	}
	if all[0].Text != before || !all[0].At.Equal(time.Date(2026, 11, 12, 10, 30, 0, 1000, time.UTC)) {
		t.Errorf("revision %+v is not what was accepted", all[0])
	}
	diff := mapping.Diff(&all[0], &all[1])
	for _, line := range []string{"--- " + all[0].Short(), "+++ " + all[1].Short(), "\n-  - {id: mobile, target: 10%}", "\n+  - {id: mobile, target: 15%}"} {
		if !strings.Contains(diff, line) {
			t.Errorf("the diff lacks %q:\n%s", line, diff)
		}
	}
	if diff := mapping.Diff(&all[0], &all[2]); diff != "" {
		t.Errorf("diff of the same text:\n%s", diff)
	}
	for id, want := range map[string]int{all[1].Short(): 1, strings.ToUpper(all[2].ID): 2, "": -1, "xyz": -1} {
		if got, err := mapping.FindRevision(all, id); got != want || (err == nil) != (want >= 0) {
			t.Errorf("FindRevision(%q) = %d, %v, want %d", id, got, err, want)
		}
	}
	several := []mapping.Revision{{ID: "ab01"}, {ID: "ab02"}}
	if _, err := mapping.FindRevision(several, "ab"); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("an ambiguous id gives %v", err)
	}
}

func TestRevisionAfterUnreadable(t *testing.T) {
	next, _ := mapping.NextRevision(&mapping.Revision{ID: "x", Text: "of: another version"}, parse(t, before), time.Now())
	want := []string{"The mapping before is not right for this version of alignd, so it is not compared."}
	if diff := cmp.Diff(want, next.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
