package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/mapping"
)

func TestReasonFromLabel(t *testing.T) {
	const text = `
period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams: [{id: one, owns: {acme: [A]}}]
reasons: [{id: incident}, {id: debt}]
rules:
  - {name: why, when: {labels: {any: [unplanned, "why-*"]}}, reason_from_label: "why-*"}
  - {name: exact, when: {labels: {any: ["Grund/*"]}, case_sensitive: true}, reason_from_label: "Grund/*"}
  - {name: end, when: {labels: {any: ["*-again"]}}, reason_from_label: "*-again"}
`
	for name, tt := range map[string]struct {
		labels []string
		kind   mapping.Kind
		reason string
	}{
		"nothing":                      {[]string{"other"}, mapping.NoMatch, ""},
		"declared":                     {[]string{"why-incident"}, mapping.OffPlan, "incident"},
		"case does not matter":         {[]string{"WHY-Incident"}, mapping.OffPlan, "incident"},
		"not declared is kept":         {[]string{"why-Great Fire"}, mapping.OffPlan, "great fire"},
		"says nothing":                 {[]string{"why-"}, mapping.OffPlan, ""},
		"says only space":              {[]string{"why- "}, mapping.OffPlan, ""},
		"no such label":                {[]string{"unplanned"}, mapping.OffPlan, ""},
		"both":                         {[]string{"unplanned", "why-debt"}, mapping.OffPlan, "debt"},
		"declared first wins":          {[]string{"why-debt", "why-apple", "why-incident"}, mapping.OffPlan, "incident"},
		"alphabet among the rest":      {[]string{"why-pear", "why-apple"}, mapping.OffPlan, "apple"},
		"a word with another meaning":  {[]string{"why-retired"}, mapping.OffPlan, "why-retired"},
		"group, case matters":          {[]string{"Grund/incident"}, mapping.OffPlan, "incident"},
		"group in another case":        {[]string{"grund/incident"}, mapping.NoMatch, ""},
		"the part stands at the front": {[]string{"debt-again"}, mapping.OffPlan, "debt"},
	} {
		t.Run(name, func(t *testing.T) {
			rs := parse(t, text)
			for range 2 { // the second time from memory
				m := rs.Match(&mapping.Facts{Connector: "acme", Project: "A", Labels: tt.labels})
				if m.Kind != tt.kind || m.Reason != tt.reason {
					t.Errorf("kind %d, reason %q, want %d, %q", m.Kind, m.Reason, tt.kind, tt.reason)
				}
			}
		})
	}
	rs := parse(t, text)
	if diff := cmp.Diff("", warnings(rs)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if got := rs.Explain(&mapping.Facts{Labels: []string{"why-debt"}})[0].LeadsTo; got != "off-plan for what its label why-* says" {
		t.Errorf("explained as %q", got)
	}
}

// TestOneRuleTwoReasons: what one ticket's label says is not said of the next.
func TestOneRuleTwoReasons(t *testing.T) {
	rs := parse(t, head+"rules: [{name: why, when: {labels: {any: [\"why-*\"]}}, reason_from_label: \"why-*\"}]\n")
	for _, reason := range []string{"a", "b", "a"} {
		if m := rs.Match(&mapping.Facts{Labels: []string{"why-" + reason}}); m.Reason != reason {
			t.Errorf("reason %q, want %q", m.Reason, reason)
		}
	}
}

func TestIndexLabels(t *testing.T) {
	usual := parse(t, good)
	declared := parse(t, good+"index: {signal_labels: [\"danger*\"], surprise_labels: []}\n")
	for _, tt := range []struct {
		name                              string
		rs                                *mapping.RuleSet
		label                             string
		signal, surprise                  bool
		signalsDeclared, surpriseDeclared bool
	}{
		{"usual signal", usual, "Blocked", true, false, false, false},
		{"usual surprise", usual, "surprise", false, true, false, false},
		{"neither", usual, "risky", false, false, false, false},
		{"declared signal", declared, "Danger Zone", true, false, true, true},
		{"the usual one is none any more", declared, "risk", false, false, true, true},
		{"none is a surprise", declared, "surprise", false, false, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := [4]bool{tt.rs.Signal(tt.label), tt.rs.Surprise(tt.label), tt.rs.SignalsDeclared(), tt.rs.SurprisesDeclared()}
			if want := [4]bool{tt.signal, tt.surprise, tt.signalsDeclared, tt.surpriseDeclared}; got != want {
				t.Errorf("signal, surprise, declared, declared: %v, want %v", got, want)
			}
		})
	}
	if usual.Fingerprint() == declared.Fingerprint() {
		t.Error("labels of the index do not show in the fingerprint")
	}
}

func TestSurveysAndReasonsOfTargets(t *testing.T) {
	text := strings.Replace(good, "target: 40%", "target: [{from: 2026-10-01, share: 40%, why: new plan}]", 1)
	rs := parse(t, text+"surveys: [{team: payments, date: 2026-11-01, mean: 5.4, answers: 8}]\n")
	want := []mapping.Survey{{Team: 0, Date: date(t, "2026-11-01"), Mean: 5400, Answers: 8}}
	if diff := cmp.Diff(want, rs.Surveys()); diff != "" {
		t.Errorf("surveys (-want +got):\n%s", diff)
	}
	if got := rs.Goals()[0].Targets[0].Why; got != "new plan" {
		t.Errorf("why is %q", got)
	}
	if !rs.TellsOffPlan() || parse(t, head+"rules: []\n").TellsOffPlan() {
		t.Error("off-plan rules are not told from their absence")
	}
}
