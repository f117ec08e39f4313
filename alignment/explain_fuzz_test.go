package alignment_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

const fuzzMapping = `
period: {name: Q1, from: 2026-01-01, to: 2026-03-31}
teams: [{id: payments, owns: {jira: [PAY]}}]
goals:
  - {id: checkout}
  - {id: mobile, status: [{from: 2026-01-01, is: active}, {from: 2026-03-04, is: paused}]}
  - {id: old, status: [{from: 2026-01-01, is: active}, {from: 2026-02-04, is: retired}]}
reasons: [{id: incident}]
rules:
  - {name: copies, when: {labels: {any: [copy]}, title: ["(?i)^copy of"]}, exclude: true}
  - {name: burning, when: {labels: {any: ["fire*"]}, type: [Bug]}, reason: incident, override: true}
  - {name: checkout, when: {labels: {any: [checkout, "goal-*"], none: [mobile-only]}}, goal: checkout, weight: 2}
  - {name: mobile, when: {component: [App*]}, goal: mobile}
  - {name: old, when: {labels: {all: [old, legacy]}}, goal: old}
  - {name: both, when: {parent: [PAY-1], title: ["both"]}, goals: {checkout: 1, mobile: 3}}
  - {name: why, when: {labels: {any: ["why-*"]}}, reason_from_label: "why-*"}
  - {name: case, when: {labels: {any: [Exact]}, case_sensitive: true}, off_plan: true}
`

// FuzzExplain: of any ticket, explain says what Match says of its facts and of
// its parent's, and what Compute counts.
func FuzzExplain(f *testing.F) {
	rules, err := mapping.Parse("fuzz.yml", []byte(fuzzMapping))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("checkout,why-debt", "Bug", "both", "App", "goal-x,old")
	f.Add("fire-1,copy", "Bug", "Copy of both", "", "mobile-only")
	f.Add("exact,Exact", "Story", "", "app store", "why-incident")
	f.Add("", "", "", "", "checkout")
	f.Add("old,legacy,goal-1", "Epic", "both", "APP", "")
	f.Fuzz(func(t *testing.T, labels, kind, title, component, above string) {
		parent := issue("1", "PAY-1", split(above)...)
		parent.Container, parent.Type = true, "Epic"
		tk := issue("2", "PAY-2", split(labels)...)
		tk.Type, tk.Title, tk.Components, tk.Parent = kind, title, split(component), "1"
		in := explainInput(t, list{parent, tk})
		in.Rules = rules
		e := alignment.Explain(in, "PAY-2")[0]

		var decided mapping.Match
		for i, x := range []ticket.Ticket{tk, parent} {
			facts := mapping.Facts{
				Connector: "jira", Project: "PAY", Team: "payments", Type: x.Type, Status: x.Status, Title: x.Title, Labels: x.Labels, Components: x.Components,
			}
			if i == 0 {
				facts.Parents = []string{"PAY-1"}
			}
			decided = rules.Match(&facts)
			checkTrial(t, rules, e.Trials[i], decided)
			if decided.Kind != mapping.NoMatch {
				if len(e.Trials) != i+1 {
					t.Errorf("%d trials after a match", len(e.Trials))
				}
				break
			}
		}
		if diff := cmp.Diff(namesOf(rules, decided), e.Now.Rules, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rules (-match +explain):\n%s", diff)
		}
		checkCounted(t, in, e)
	})
}

func split(text string) []string {
	return slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return s == "" })
}

func namesOf(rules *mapping.RuleSet, m mapping.Match) (names []string) {
	for _, r := range m.Rules {
		names = append(names, rules.RuleNames()[r])
	}
	return names
}

// checkTrial compares what is told of each rule with the match.
func checkTrial(t *testing.T, rules *mapping.RuleSet, trial alignment.Trial, m mapping.Match) {
	t.Helper()
	var decides []string
	for _, s := range trial.Steps {
		if s.Decides {
			decides = append(decides, s.Name)
		}
		if s.Matched != (s.Failed == "") || s.Decides && !s.Matched {
			t.Errorf("step %+v contradicts itself", s)
		}
	}
	if diff := cmp.Diff(namesOf(rules, m), decides, cmpopts.EquateEmpty()); diff != "" || len(trial.Steps) != len(rules.RuleNames()) {
		t.Errorf("%d steps of %s (-match +trial):\n%s", len(trial.Steps), trial.Key, diff)
	}
}

// checkCounted compares the explanation with the shares of a company that has
// no other ticket.
func checkCounted(t *testing.T, in alignment.Input, e alignment.Explanation) {
	t.Helper()
	work := alignment.Compute(in).Teams[0].Windows[0].Units[alignment.UnitTime]
	if e.Now.Excluded != (work.Total == 0) {
		t.Fatalf("excluded: %t, with work %d", e.Now.Excluded, work.Total)
	}
	shares := map[alignment.Cell]float64{}
	for _, c := range work.Cells[alignment.Now] {
		shares[c.Cell] = float64(c.Amount) / float64(work.Total)
	}
	want := map[alignment.Cell]float64{}
	for _, c := range e.Now.Cells {
		want[c.Cell] += c.Share
	}
	if diff := cmp.Diff(want, shares, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("cells (-explain +compute):\n%s", diff)
	}
	if len(e.Work) == 0 || e.Work[0].Units[alignment.UnitTime] != work.Total {
		t.Errorf("it carries %+v, and the company's work is %d", e.Work, work.Total)
	}
}

func TestTry(t *testing.T) {
	rules, err := mapping.Parse("try.yml", []byte(strings.NewReplacer("jira: [PAY]}}]", "jira: [PAY, BOTH]}}, {id: app, owns: {linear: [APP, BOTH]}}]").Replace(fuzzMapping)))
	if err != nil {
		t.Fatal(err)
	}
	epic, twin := issue("1", "PAY-1", "checkout"), issue("9", "APP-1")
	epic.Container, epic.Type = true, "Epic"
	namesake := twin
	namesake.ID.Connector = "linear"
	in := alignment.Input{Tickets: list{epic, twin, namesake}, Rules: rules, Now: time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC), Watermarks: map[string]time.Time{"third": {}}}
	for name, tc := range map[string]struct {
		made         alignment.MadeUp
		team, rule   string
		wrong, field string
	}{
		"by its label":          {made: alignment.MadeUp{Project: "pay", Labels: []string{"checkout"}}, team: "payments", rule: "checkout"},
		"by its component":      {made: alignment.MadeUp{Project: "APP", Components: []string{"app"}}, team: "app", rule: "mobile"},
		"by its epic":           {made: alignment.MadeUp{Parent: "pay-1"}, rule: "checkout"},
		"by the key above":      {made: alignment.MadeUp{Project: "PAY", Parent: "PAY-1", Title: "both"}, team: "payments", rule: "both"},
		"by nothing":            {made: alignment.MadeUp{Project: "NONE"}},
		"in two connectors":     {made: alignment.MadeUp{Project: "BOTH"}, wrong: "project BOTH is in several connectors; say which of them is meant: jira, linear", field: "connector"},
		"in one of two":         {made: alignment.MadeUp{Project: "BOTH", Connector: "linear", Labels: []string{"why-x"}}, team: "app", rule: "why"},
		"below nothing":         {made: alignment.MadeUp{Parent: "PAY-99"}, wrong: `no ticket "PAY-99" is known that could stand above it`, field: "parent"},
		"below a namesake":      {made: alignment.MadeUp{Parent: "APP-1"}, wrong: "parent APP-1 is known more than once; say which", field: "connector"},
		"below one of them":     {made: alignment.MadeUp{Parent: "APP-1", Connector: "linear"}},
		"below one elsewhere":   {made: alignment.MadeUp{Parent: "PAY-1", Connector: "linear"}, wrong: `no ticket "PAY-1" is known in linear`, field: "parent"},
		"in another connector":  {made: alignment.MadeUp{Project: "PAY", Connector: "linear"}},
		"in no connector":       {made: alignment.MadeUp{Project: "PAY", Connector: "linaer"}, wrong: `there is no connector "linaer"; did you mean linear? there is jira, linear`, field: "connector"},
		"below something there": {made: alignment.MadeUp{Parent: "PAY-1", Connector: "Jira"}, wrong: `there is no connector "Jira"; did you mean jira? there is jira, linear`, field: "connector"},
		"in one without teams":  {made: alignment.MadeUp{Project: "OPS", Connector: "third"}},
		"without anything else": {made: alignment.MadeUp{Type: "Bug"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := alignment.Try(in, tc.made)
			if tc.wrong != "" {
				wrong, ok := errors.AsType[*alignment.AskError](err)
				if !ok || wrong.Field != tc.field || !strings.Contains(wrong.Error(), tc.wrong) {
					t.Errorf("%v, want %q about %s", err, tc.wrong, tc.field)
				}
				return
			}
			if err != nil || e.Team != tc.team || strings.Join(e.Now.Rules, ",") != tc.rule {
				t.Errorf("team %q, rules %q, %v; want %q, %q", e.Team, e.Now.Rules, err, tc.team, tc.rule)
			}
		})
	}
}

func TestHomeless(t *testing.T) {
	rules, err := mapping.Parse("try.yml", []byte(strings.NewReplacer("jira: [PAY]}}]", "jira: [PAY, BOTH]}}, {id: app, owns: {linear: [APP, BOTH]}}]").Replace(fuzzMapping)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ project, connector, want string }{
		{"", "", "say in which project it is: --project"},
		{"", "jira", "say in which project it is: --project"},
		{"PAY", "linear", "no team owns project PAY of linear, only of jira"},
		{"both", "third", "no team owns project both of third, only of jira, linear"},
		{"PYA", "jira", "no team owns project PYA; did you mean PAY? owned are APP, BOTH, PAY"},
	} {
		m := alignment.MadeUp{Project: tc.project}
		if got := m.Homeless(rules, tc.connector); got != tc.want {
			t.Errorf("%q of %q: %q, want %q", tc.project, tc.connector, got, tc.want)
		}
	}
}
