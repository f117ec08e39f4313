package alignment_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
)

func TestPlan(t *testing.T) {
	weeks := concat(steady(12, 14), steady(8, 7))
	tks := completedWeeks(weeks)
	for i := range tks {
		if len(tks[i].Labels) == 0 {
			tks[i].Labels = []string{"side"}
		}
	}
	before := chartRules(t, ", target: 70%")
	after, err := mapping.Parse("chart.yml", []byte(`
period: {name: year, from: 2025-09-01, to: 2026-08-31}
teams: [{id: t, owns: {jira: [P]}}]
goals: [{id: g, name: Goal, target: 70%}]
reasons: [{id: side, name: Side work}]
rules:
  - {name: g, when: {labels: {any: [g]}}, goal: g}
  - {name: half of the side work, when: {labels: {any: [side]}, title: ["never"]}, goal: g}
  - {name: side, when: {labels: {any: [side]}}, reason: side}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := alignment.NewPlan(chartInput(tks, before, len(weeks)), after, alignment.Log{})
	if len(p.Moves) != 1 {
		t.Fatalf("moves %+v, want one", p.Moves)
	}
	m := p.Moves[0]
	if m.From.Cells != "unmapped" || m.To.Cells != "off_plan side" || m.To.Team != "t" || m.Tickets == 0 || len(m.Examples) != 5 {
		t.Errorf("move %+v, want the side work from unmapped to off-plan", m)
	}
	if diff := cmp.Diff([]string{"half of the side work"}, p.DeadRules); diff != "" {
		t.Errorf("dead rules (-want +got):\n%s", diff)
	}
	changed := map[string]bool{}
	for _, s := range slices.Concat(p.Shares, p.Reasons) {
		changed[s.Class+" "+s.Goal+s.Reason] = true
	}
	if diff := cmp.Diff(map[string]bool{"unmapped ": true, "off_plan ": true, "off_plan side": true}, changed); diff != "" {
		t.Errorf("changed shares (-want +got):\n%s", diff)
	}
	names := alignment.Names{Teams: map[string]string{"t": "t"}, Goals: map[string]string{"g": "Goal"}, Reasons: map[string]string{"side": "Side work"}}
	if diff := cmp.Diff(names, p.Names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if len(p.Episodes) != 0 {
		t.Errorf("episodes %+v, want none: the aligned share stays", p.Episodes)
	}
}

// TestPlanTellsOfReasons: undeclared ones are taken together.
func TestPlanTellsOfReasons(t *testing.T) {
	weeks := steady(20, 14)
	tks := completedWeeks(weeks)
	labels := []string{"why-side", "why-this", "why-that", "off"}
	for i := range tks {
		if len(tks[i].Labels) == 0 {
			tks[i].Labels = labels[i%4 : i%4+1]
		}
	}
	after, err := mapping.Parse("chart.yml", []byte(`
period: {name: year, from: 2025-09-01, to: 2026-08-31}
teams: [{id: t, owns: {jira: [P]}}]
goals: [{id: g, name: Goal, target: 70%}]
reasons: [{id: side}]
rules:
  - {name: g, when: {labels: {any: [g]}}, goal: g}
  - {name: why, when: {labels: {any: ["why-*"]}}, reason_from_label: "why-*"}
  - {name: off, when: {labels: {any: ["off"]}}, off_plan: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	p := alignment.NewPlan(chartInput(tks, chartRules(t, ", target: 70%"), len(weeks)), after, alignment.Log{})
	for _, s := range slices.Concat(p.Shares, p.Reasons) {
		if s.Team == "t" && s.Window == "91d" && s.Unit == alignment.UnitTickets && s.Basis == alignment.Now && s.Class == "off_plan" {
			sums[s.Reason] = *s.After
		}
	}
	if len(sums) != 4 || sums["side"] == 0 || sums["none"] == 0 || math.Abs(sums["side"]+sums["other"]+sums["none"]-sums[""]) > 1e-9 || sums["other"] <= sums["side"] {
		t.Errorf("off-plan work by reason is %v, want side, other (two of them) and none, which make up the class", sums)
	}
}

func TestPartsOfAPlace(t *testing.T) {
	tests := map[string][]alignment.Cell{
		"unmapped":                            {{Class: alignment.Unmapped}},
		"off_plan":                            {{Class: alignment.OffPlan}},
		"off_plan why not":                    {{Class: alignment.OffPlan, Reason: "why not"}},
		"off_plan a + b":                      {{Class: alignment.OffPlan, Reason: "a + b"}},
		"aligned g + not_now h":               {{Class: alignment.Aligned, Goal: "g"}, {Class: alignment.NotNow, Goal: "h"}},
		"aligned g + off_plan retired":        {{Class: alignment.Aligned, Goal: "g"}, {Class: alignment.OffPlan, Reason: "retired"}},
		"aligned g + aligned h + not_now one": {{Class: alignment.Aligned, Goal: "g"}, {Class: alignment.Aligned, Goal: "h"}, {Class: alignment.NotNow, Goal: "one"}},
	}
	for cells, want := range tests {
		got := alignment.Place{Team: "t", Cells: cells}.Parts()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cells, diff)
		}
		var words []string
		for _, c := range got {
			words = append(words, c.String())
		}
		if back := strings.Join(words, " + "); back != cells {
			t.Errorf("%s became %s", cells, back)
		}
	}
}

// TestPlanTellsOfEpisodes: a target that fits what is done ends the episode.
func TestPlanTellsOfEpisodes(t *testing.T) {
	weeks := concat(steady(12, 14), steady(8, 7))
	in := chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks))
	_, news := judge(in, alignment.Log{})
	p := alignment.NewPlan(in, chartRules(t, ", target: 35%"), alignment.Log{Records: news})
	want := []alignment.EpisodeChange{
		{Series: alignment.Series{Team: "all", Goal: "g", Unit: alignment.UnitTickets}, Direction: alignment.Down, How: alignment.ByData},
		{Series: alignment.Series{Team: "t", Unit: alignment.UnitTickets}, Direction: alignment.Down, How: alignment.ByData},
	}
	if diff := cmp.Diff(want, p.Episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
}

// TestPlanTellsOfNewEpisodes: rules that no longer see part of the work open
// an episode.
func TestPlanTellsOfNewEpisodes(t *testing.T) {
	weeks := steady(20, 14)
	tks := completedWeeks(weeks)
	for i := range tks {
		if i%3 == 0 && len(tks[i].Labels) > 0 {
			tks[i].Labels = []string{"g-legacy"}
		}
	}
	rules := func(pattern string) *mapping.RuleSet {
		out, err := mapping.Parse("chart.yml", []byte(strings.ReplaceAll(fmt.Sprintf(chartMapping, ", target: 70%"), "[g]}}", pattern+"}}")))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	in := chartInput(tks, rules("[g, g-legacy]"), len(weeks))
	drifts, news := judge(in, alignment.Log{})
	if len(drifts[0].Episodes) > 0 {
		t.Fatalf("episodes before: %+v", drifts[0].Episodes)
	}
	p := alignment.NewPlan(in, rules("[g]"), alignment.Log{Records: news})
	want := []alignment.EpisodeChange{
		{Series: alignment.Series{Team: "all", Goal: "g", Unit: alignment.UnitTickets}, Opens: true, Direction: alignment.Down},
		{Series: alignment.Series{Team: "t", Unit: alignment.UnitTickets}, Opens: true, Direction: alignment.Down},
	}
	if diff := cmp.Diff(want, p.Episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
}

// TestPlanThenApply: what a plan says of shares is what the snapshot then
// shows, and a plan for the same rules says nothing.
func TestPlanThenApply(t *testing.T) {
	mappings := []string{modelMapping, "split: first\n" + modelMapping, "basis_then: strict\n" + modelMapping, "completion: first\n" + modelMapping}
	rapid.Check(t, func(t *rapid.T) {
		parse := func(label string) *mapping.RuleSet {
			rules, err := mapping.Parse("model.yml", []byte(rapid.SampledFrom(mappings).Draw(t, label)))
			if err != nil {
				t.Fatal(err)
			}
			return rules
		}
		before, after := parse("before"), parse("after")
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: before, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		plan := alignment.NewPlan(in, after, alignment.Log{})
		if before.Fingerprint() == after.Fingerprint() && !plan.Empty() {
			t.Fatalf("the same rules change %+v", plan)
		}
		was := alignment.Compute(in)
		in.Rules = after
		is := alignment.Compute(in)
		told := map[string]bool{}
		for _, c := range slices.Concat(plan.Shares, plan.Reasons) {
			told[c.Team+c.Window+c.Unit.String()+c.Basis.String()+c.Class+c.Goal+c.Reason] = true
			if diff := cmp.Diff(shareIn(is, c), c.After); diff != "" {
				t.Fatalf("%+v (-snapshot +plan):\n%s", c, diff)
			}
			if diff := cmp.Diff(shareIn(was, c), c.Before); diff != "" {
				t.Fatalf("before %+v (-snapshot +plan):\n%s", c, diff)
			}
		}
		for _, team := range append(is.Teams, is.Company) {
			for _, w := range team.Windows {
				for _, class := range alignment.Classes {
					c := alignment.ShareChange{Team: team.ID, Window: w.Name, Class: class.String()}
					x, y := shareIn(was, c), shareIn(is, c)
					if same := x == nil && y == nil || x != nil && y != nil && *x-*y < 0.0005 && *y-*x < 0.0005; same == told[c.Team+c.Window+"timethen"+c.Class] {
						t.Fatalf("%+v: before %v, after %v, told %t", c, x, y, !same)
					}
				}
			}
		}
	})
}

// shareIn looks a share up in a snapshot.
func shareIn(s *alignment.Snapshot, c alignment.ShareChange) *float64 {
	for _, team := range append(s.Teams, s.Company) {
		for i := range team.Windows {
			if w := &team.Windows[i]; team.ID == c.Team && w.Name == c.Window {
				work := &w.Units[c.Unit]
				for _, class := range alignment.Classes {
					share, ok := work.ClassShare(c.Basis, class)
					switch c.Reason {
					case "":
					case alignment.NoReason:
						share, ok = work.CellShare(c.Basis, alignment.Cell{Class: alignment.OffPlan})
					default: // the model has no others
						share, ok = work.CellShare(c.Basis, alignment.Cell{Class: alignment.OffPlan, Reason: c.Reason})
					}
					if c.Goal != "" {
						share, ok = work.GoalShare(c.Basis, c.Goal)
					}
					if class.String() == c.Class && ok {
						return &share.Value
					}
				}
			}
		}
	}
	return nil
}

// variants are mappings that differ from the one of the model in one thing.
func variants(t testing.TB) []*mapping.RuleSet {
	t.Helper()
	out := []*mapping.RuleSet{}
	for _, change := range [][]string{
		{"teams:", "teams:"},
		{"teams:", "split: first\nteams:"},
		{"teams:", "basis_then: strict\nteams:"},
		{"teams:", "completion: first\nteams:"},
		{"teams:", "drift: {unit: time}\nteams:"},
		{"capacity: 3}", "capacity: 5}"},
		{"America/New_York", "Asia/Kolkata"},
		{", waiting_statuses: [Blocked]", ""},
		{"owns: {jira: [B, C]}", "owns: {jira: [B]}"},
		{"owns: {jira: [B, C]}", "owns: {jira: [B]}", "goals:", "  - {id: three, owns: {jira: [C]}}\ngoals:"},
		{"exclude: true", "goal: g1"},
		{"any: [copy]", "any: [noise]"},
		{"is: paused", "is: retired"},
		{"target: 50%", "target: 20%"},
		{"target: 30%, ", ""},
		{"labels: {any: [g1]}", "parent: [T1]"},
		{"labels: {any: [g3]}", "status: [Doing, Done]"},
		{"labels: {any: [g2]}", "team: [one]"},
		{"{from: 2026-03-05, is: active}", "{from: 2026-03-09, is: active}"},
		{"from: 2026-03-01, to", "from: 2023-03-01, to"},
		{"  - {name: off, when", "  - {name: never, when: {labels: {any: [never]}}, goal: g1}\n  - {name: off, when"},
	} {
		text := strings.NewReplacer(change...).Replace(modelMapping)
		if text == modelMapping && len(out) > 0 {
			t.Fatalf("%q does not change the mapping", change)
		}
		rules, err := mapping.Parse("model.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rules)
	}
	return out
}

// TestPlanIsTheDifferenceOfSnapshots: what a plan works out once for both
// mappings is what two snapshots and two histories say one by one.
func TestPlanIsTheDifferenceOfSnapshots(t *testing.T) {
	all := variants(t)
	rapid.Check(t, func(t *rapid.T) {
		before, after := rapid.SampledFrom(all).Draw(t, "before"), rapid.SampledFrom(all).Draw(t, "after")
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: before, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		if diff := cmp.Diff(alignment.PlanTheLongWay(in, after, alignment.Log{}), alignment.NewPlan(in, after, alignment.Log{})); diff != "" {
			t.Fatalf("(-the long way +plan):\n%s", diff)
		}
	})
}

// TestPlanDrawsTheSameCharts compares two years of a company, with what is on
// record of drift.
func TestPlanDrawsTheSameCharts(t *testing.T) {
	tks := companyTickets(2000, 800, 3, 20)
	for i := range tks { // the projects and labels of the model
		tks[i].Project = string("ABC"[i%3])
		tks[i].Labels = append(tks[i].Labels, []string{"g1", "g2", "g3", "incident", "off", "copy", "noise", "else"}[i%13%8])
		if tks[i].Created.Before(companyEnd.AddDate(0, 0, -200)) && i%3 == 0 {
			tks[i].Labels = append(tks[i].Labels, "g1")
		}
	}
	all := variants(t)
	in := companyInput(index(tks), all[0])
	drifts, news := judge(in, alignment.Log{})
	observed := 0
	for _, d := range drifts {
		observed += len(d.Observations)
	}
	if observed < 100 || len(news) < 2 {
		t.Fatalf("%d observations and %d records are no test", observed, len(news))
	}
	for i, after := range all {
		log := []alignment.Log{{Records: news}, {}}[i%2]
		if diff := cmp.Diff(alignment.PlanTheLongWay(in, after, log), alignment.NewPlan(in, after, log)); diff != "" {
			t.Errorf("variant %d (-the long way +plan):\n%s", i, diff)
		}
		slow, fast := alignment.PlannedCharts(in, after, log)
		if diff := cmp.Diff(slow, fast); diff != "" {
			t.Errorf("charts of variant %d (-the long way +plan):\n%.3000s", i, diff)
		}
	}
}

// BenchmarkPlan is what a save hook waits for, beside two snapshots and two
// histories.
func BenchmarkPlan(b *testing.B) {
	in := companyInput(index(companyTickets(100_000, 730, 10, 200)), companyMapping(b, 10, 20, 200))
	after := companyMapping(b, 10, 20, 190)
	for name, plan := range map[string]func(alignment.Input, *mapping.RuleSet, alignment.Log) *alignment.Plan{
		"once": alignment.NewPlan, "long way": alignment.PlanTheLongWay,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan(in, after, alignment.Log{})
			}
		})
	}
}
