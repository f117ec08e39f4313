package alignment_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
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
	if diff := gocmp.Diff([]string{"half of the side work"}, p.DeadRules); diff != "" {
		t.Errorf("dead rules (-want +got):\n%s", diff)
	}
	changed := map[string]bool{}
	for _, s := range slices.Concat(p.Shares, p.Reasons) {
		changed[s.Class+" "+s.Goal+s.Reason] = true
	}
	if diff := gocmp.Diff(map[string]bool{"unmapped ": true, "off_plan ": true, "off_plan side": true}, changed); diff != "" {
		t.Errorf("changed shares (-want +got):\n%s", diff)
	}
	names := alignment.Names{Teams: map[string]string{"t": "t"}, Goals: map[string]string{"g": "Goal"}, Reasons: map[string]string{"side": "Side work"}}
	if diff := gocmp.Diff(names, p.Names); diff != "" {
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

// TestPlanTellsOfConflicts: of those that are new, by pairs of rules, whatever
// these are called.
func TestPlanTellsOfConflicts(t *testing.T) {
	weeks := steady(20, 14)
	tks := completedWeeks(weeks)
	labels := [][]string{{"g", "old"}, {"g", "old", "both"}, {"both"}, {"g"}}
	for i := range tks {
		tks[i].Labels = labels[i%4]
	}
	rules := func(text string) *mapping.RuleSet {
		out, err := mapping.Parse("chart.yml", []byte(`
period: {name: year, from: 2025-09-01, to: 2026-08-31}
teams: [{id: t, owns: {jira: [P]}}]
goals: [{id: g, name: Goal}, {id: h}, {id: i}]
rules:
  - {name: by label, when: {labels: {any: [g]}}, goal: g}
`+text))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := rules("  - {name: old, when: {labels: {any: [old]}}, goal: h}\n")
	after := rules("  - {name: renamed, when: {labels: {any: [old]}}, goal: h}\n  - {name: both, when: {labels: {any: [both]}}, goals: {h: 1, i: 1}}\n")
	p := alignment.NewPlan(chartInput(tks, before, len(weeks)), after, alignment.Log{})
	c := p.Conflicts
	if c.Before == 0 || c.Before != c.After {
		t.Errorf("conflicts %d -> %d, want as many as before", c.Before, c.After)
	}
	half, byLabel := c.Before/2, alignment.GoalRule{Name: "by label", Goals: []string{"g"}}
	both := alignment.GoalRule{Name: "both", Goals: []string{"h", "i"}}
	renamed := alignment.GoalRule{Name: "renamed", Goals: []string{"h"}}
	for i := range c.New {
		if n := len(c.New[i].Examples); n != 5 || c.New[i].Examples[0].Key == "" {
			t.Errorf("%d examples, want 5", n)
		}
		c.New[i].Examples = nil
	}
	want := []alignment.Conflict{{Rules: [2]alignment.GoalRule{byLabel, both}, Tickets: half}, {Rules: [2]alignment.GoalRule{renamed, both}, Tickets: half}}
	if diff := gocmp.Diff(want, c.New); diff != "" {
		t.Errorf("new conflicts (-want +got):\n%s", diff)
	}
	if p := alignment.NewPlan(chartInput(tks, before, len(weeks)), rules("  - {name: renamed, when: {labels: {any: [old]}}, goal: h}\n"), alignment.Log{}); len(p.Conflicts.New) > 0 {
		t.Errorf("another name makes new conflicts: %+v", p.Conflicts.New)
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
		if diff := gocmp.Diff(want, got); diff != "" {
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
	if diff := gocmp.Diff(want, p.Episodes); diff != "" {
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
	if diff := gocmp.Diff(want, p.Episodes); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
}

// TestPlanThenApply: what a plan says of shares is what the snapshots before and
// after show, what it does not tell of stays, and a plan for the same rules says
// nothing.
func TestPlanThenApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawMapping(t, "before"), drawMapping(t, "after")
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: before, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		plan := alignment.NewPlan(in, after, alignment.Log{})
		if before.Fingerprint() == after.Fingerprint() && !plan.Empty() {
			t.Fatalf("the same rules change %+v", plan)
		}
		was := alignment.Compute(in)
		in.Rules = after
		is := alignment.Compute(in)
		told := map[string]alignment.ShareChange{}
		for _, c := range slices.Concat(plan.Shares, plan.Reasons) {
			key := strings.Join([]string{c.Team, c.Window, c.Unit.String(), c.Basis.String(), c.Class, c.Goal, c.Reason}, "/")
			if _, again := told[key]; again {
				t.Errorf("%s is told twice", key)
			}
			told[key] = c
		}
		reasons := slices.Concat(before.Reasons(), after.Reasons())
		x, y := sharesShown(was, reasons), sharesShown(is, reasons)
		keys := slices.Concat(slices.Collect(maps.Keys(x)), slices.Collect(maps.Keys(y)), slices.Collect(maps.Keys(told)))
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			c, isTold := told[key]
			switch from, to := x[key], y[key]; {
			case !isTold && changes(from, to):
				t.Errorf("%s: %s -> %s without a word", key, number(from), number(to))
			case isTold && !changes(from, to):
				t.Errorf("%s: %s -> %s is told as %s -> %s", key, number(from), number(to), number(c.Before), number(c.After))
			case isTold && (number(from) != number(c.Before) || number(to) != number(c.After)):
				t.Errorf("%s: %s -> %s, the plan says %s -> %s", key, number(from), number(to), number(c.Before), number(c.After))
			}
		}
		if got := [2]int{plan.Conflicts.Before, plan.Conflicts.After}; got != [2]int{was.Conflicts, is.Conflicts} {
			t.Errorf("conflicts %v, want %d and %d", got, was.Conflicts, is.Conflicts)
		}
	})
}

// changes says that it is worth telling: a share that appears or vanishes always
// is.
func changes(from, to *float64) bool {
	if from == nil || to == nil {
		return from != to
	}
	return math.Abs(*to-*from) >= 0.0005
}

// number prints a share with all its digits.
func number(share *float64) string {
	if share == nil {
		return "nothing"
	}
	return strconv.FormatFloat(*share, 'g', -1, 64)
}

// sharesShown returns the shares that a snapshot has by the rules of the metrics: those
// of classes where there is work, and those of goals that have some or are
// active. Reasons go by the ids that either mapping declares.
func sharesShown(s *alignment.Snapshot, reasons []mapping.Reason) map[string]*float64 {
	shown := map[string]*float64{}
	for _, team := range append(slices.Clone(s.Teams), s.Company) {
		for _, w := range team.Windows {
			for _, u := range alignment.Units {
				for _, b := range alignment.Bases {
					if w.Units[u].Total > 0 {
						addShown(shown, s, &w.Units[u], b, reasons, strings.Join([]string{team.ID, w.Name, u.String(), b.String()}, "/"))
					}
				}
			}
		}
	}
	return shown
}

func addShown(shown map[string]*float64, s *alignment.Snapshot, work *alignment.Work, b alignment.Basis, reasons []mapping.Reason, place string) {
	sums := map[string]int64{}
	for _, class := range alignment.Classes {
		sums[class.String()+"//"] = 0
	}
	for i := range s.Goals {
		if s.Goals[i].StatusAt(s.ComputedAt, time.UTC) == mapping.GoalActive {
			sums["aligned/"+s.Goals[i].ID+"/"] = 0
		}
	}
	sums["off_plan//none"] = 0
	for _, c := range work.Cells[b] {
		sums[c.Cell.Class.String()+"//"] += c.Amount
		switch c.Cell.Class {
		case alignment.Aligned:
			sums["aligned/"+c.Cell.Goal+"/"] += c.Amount
		case alignment.OffPlan:
			reason := cmp.Or(c.Cell.Reason, alignment.NoReason)
			declared := func(r mapping.Reason) bool { return r.ID == reason }
			if reason != alignment.NoReason && reason != alignment.Retired && !slices.ContainsFunc(reasons, declared) {
				reason = alignment.OtherReason
			}
			sums["off_plan//"+reason] += c.Amount
		}
	}
	for key, sum := range sums {
		share := float64(sum) / float64(work.Total)
		shown[place+"/"+key] = &share
	}
}

// edits are what people change in a mapping, as replacements in the one of the
// model.
var edits = [][]string{
	{"teams:", "split: first\nteams:"},
	{"teams:", "basis_then: strict\nteams:"},
	{"teams:", "completion: first\nteams:"},
	{"teams:", "drift: {unit: time}\nteams:"},
	{"capacity: 3}", "capacity: 5}"},
	{"America/New_York", "Asia/Kolkata"},
	{", waiting_statuses: [Blocked]", ""},
	{"owns: {jira: [B, C]}", "owns: {jira: [B]}"},
	{"owns: {jira: [B, C]}", "owns: {jira: [B]}", "goals:", "  - {id: three, owns: {jira: [C]}}\ngoals:"},
	{"  - {id: two, owns: {jira: [B, C]}, time_zone: America/New_York, capacity: 3}\n", ""},
	{"id: one, owns", "id: uno, owns"},
	{"goals:", "  - {id: outside, owns: {jira: [X]}}\ngoals:"},
	{"goals:", "  - {id: unread, owns: {linear: [L]}}\ngoals:"},
	{"exclude: true", "goal: g1"},
	{"any: [copy]", "any: [noise]"},
	{"any: [incident]", "any: [noise]"},
	{"is: paused", "is: retired"},
	{"target: 50%", "target: 20%"},
	{"target: 30%, ", ""},
	{"target: 50%", "target: 50%, status: [{from: 2026-01-01, is: active}, {from: 2026-03-16, is: paused}]"},
	{"  - {id: g2, name: Two, target: 30%, status: [{from: 2026-01-01, is: active}, {from: \"2026-03-11T10:30:00Z\", is: paused}]}\n", "", "  - {name: g2, when: {labels: {any: [g2]}}, goal: g2, weight: 2}\n", ""},
	{"id: g1,", "id: g9,", "goal: g1}", "goal: g9}"},
	{"goals:", "goals:\n  - {id: idle}"},
	{"labels: {any: [g1]}", "parent: [T1]"},
	{"labels: {any: [g3]}", "status: [Doing, Done]"},
	{"labels: {any: [g2]}", "title: [never]"},
	{"labels: {any: [g2]}", "team: [one]"},
	{"{from: 2026-03-05, is: active}", "{from: 2026-03-09, is: active}"},
	{"from: 2026-03-01, to", "from: 2023-03-01, to"},
	{"from: 2026-03-01, to: 2026-03-31", "from: 2027-01-01, to: 2027-03-31"},
	{"  - {name: off, when", "  - {name: never, when: {labels: {any: [never]}}, goal: g2}\n  - {name: off, when"},
	{"  - {name: off, when: {labels: {any: [off]}}, off_plan: true}\n", "", "  - {name: why,", "  - {name: off, when: {labels: {any: [off]}}, off_plan: true}\n  - {name: why,"},
	{"  - {name: first, when: {labels: {all: [incident, g1]}}, reason: incident, override: true}\n", ""},
	{"off_plan: true", "reason_from_label: \"o*\""},
	{"{id: incident, name: Incident}", "{id: outage}", "reason: incident", "reason: outage"},
}

// drawMapping makes some of the edits, those that can be made after each other.
func drawMapping(t *rapid.T, label string) *mapping.RuleSet {
	text := modelMapping
	rules := mustParse(t, text)
	for _, change := range rapid.SliceOfN(rapid.SampledFrom(edits), 0, 3).Draw(t, label) {
		edited := strings.NewReplacer(change...).Replace(text)
		if next, err := mapping.Parse("model.yml", []byte(edited)); err == nil {
			text, rules = edited, next
		}
	}
	return rules
}

func mustParse(t rapid.TB, text string) *mapping.RuleSet {
	t.Helper()
	rules, err := mapping.Parse("model.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// variants are mappings that differ from the one of the model in one thing.
func variants(t testing.TB) []*mapping.RuleSet {
	t.Helper()
	out := []*mapping.RuleSet{mustParse(t, modelMapping)}
	for _, change := range edits {
		text := strings.NewReplacer(change...).Replace(modelMapping)
		if text == modelMapping {
			t.Fatalf("%q does not change the mapping", change)
		}
		out = append(out, mustParse(t, text))
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
		if diff := gocmp.Diff(alignment.PlanTheLongWay(in, after, alignment.Log{}), alignment.NewPlan(in, after, alignment.Log{})); diff != "" {
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
		if diff := gocmp.Diff(alignment.PlanTheLongWay(in, after, log), alignment.NewPlan(in, after, log)); diff != "" {
			t.Errorf("variant %d (-the long way +plan):\n%s", i, diff)
		}
		slow, fast := alignment.PlannedCharts(in, after, log)
		if diff := gocmp.Diff(slow, fast); diff != "" {
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
