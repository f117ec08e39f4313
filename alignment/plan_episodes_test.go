package alignment_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
)

// TestPlanTellsWhatEndsEpisodes: what a plan says of open episodes is what
// comes with the next week.
func TestPlanTellsWhatEndsEpisodes(t *testing.T) {
	weeks := concat(steady(12, 13), steady(8, 7))
	in := chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks))
	_, news := judge(in, alignment.Log{})
	log := alignment.Log{Records: news}
	day := func(n int) mapping.Date { return mapping.DateOf(in.Now) + mapping.Date(n) }
	targets := func(from mapping.Date, share string) string {
		return fmt.Sprintf(", target: [{from: 2025-09-01, share: 70%%}, {from: %s, share: %s}]", from, share)
	}
	paused := func(from mapping.Date) string {
		return fmt.Sprintf(", target: 70%%, status: [{from: 2025-09-01, is: active}, {from: %s, is: paused}]", from)
	}
	for name, tt := range map[string]struct {
		goal string
		want alignment.Clearing
	}{
		"nothing":                     {", target: 70%", alignment.StillOpen},
		"a name":                      {", target: 70%, why: Because", alignment.StillOpen},
		"a target from today on":      {targets(day(0), "60%"), alignment.NewReference},
		"a target from this week on":  {targets(day(-2), "60%"), alignment.NewReference},
		"a target from last week on":  {targets(day(-9), "60%"), alignment.NewReference},
		"a target from next week on":  {targets(day(7), "60%"), alignment.StillOpen},
		"the same target, said again": {targets(day(0), "70%"), alignment.StillOpen},
		"a target for ever":           {", target: 69%", alignment.StillOpen},
		"a target that fits":          {", target: 35%", alignment.ByData},
		"a pause from today on":       {paused(day(0)), alignment.NewReference},
		"a pause from tomorrow on":    {paused(day(1)), alignment.NewReference},
		"a pause from next week on":   {paused(day(7)), alignment.StillOpen},
		"a pause since before it":     {paused(day(-70)), alignment.NewReference},
		"a first target since":        {fmt.Sprintf(", target: [{from: %s, share: 70%%}]", day(-10)), alignment.NewReference},
		"no target":                   {"", alignment.NewReference},
	} {
		after := chartRules(t, tt.goal)
		told := map[alignment.Series]alignment.Clearing{}
		for _, c := range alignment.NewPlan(in, after, log).Episodes {
			if c.Opens || c.Direction != alignment.Down {
				t.Errorf("%s: %+v is no end of an episode", name, c)
			}
			told[c.Series] = c.How
		}
		more := concat(weeks, steady(1, 7))
		drifts, _ := judge(chartInput(completedWeeks(more), after, len(more)), log)
		for i := range drifts {
			e := drifts[i].Episodes[0]
			if diff := cmp.Diff([2]alignment.Clearing{tt.want, tt.want}, [2]alignment.Clearing{told[e.Series], e.How}); diff != "" {
				t.Errorf("%s: %s (-want +told and come):\n%s", name, e.Series, diff)
			}
		}
	}
}

// TestPlanTellsOfEpisodesThatVanish: with their team, their goal or the unit of
// drift, which have no charts then.
func TestPlanTellsOfEpisodesThatVanish(t *testing.T) {
	weeks := concat(steady(12, 13), steady(8, 7))
	before := fmt.Sprintf(chartMapping, ", target: 70%")
	in := chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks))
	drifts, news := judge(in, alignment.Log{})
	goal, team := alignment.Series{Team: "all", Goal: "g", Unit: alignment.UnitTickets}, alignment.Series{Team: "t", Unit: alignment.UnitTickets}
	for i := range drifts {
		if drifts[i].Open() == nil {
			t.Fatalf("no episode of %s is open", drifts[i].Series)
		}
	}
	for name, tt := range map[string]struct {
		change []string
		want   []alignment.Series
	}{
		"nothing":      {nil, nil},
		"another goal": {[]string{"id: g,", "id: h,", "goal: g}", "goal: h}"}, []alignment.Series{goal}},
		"another team": {[]string{"id: t,", "id: u,"}, []alignment.Series{team}},
		"another unit": {[]string{"teams:", "drift: {unit: time}\nteams:"}, []alignment.Series{goal, team}},
	} {
		after, err := mapping.Parse("chart.yml", []byte(strings.NewReplacer(tt.change...).Replace(before)))
		if err != nil {
			t.Fatal(err)
		}
		var gone []alignment.Series
		for _, c := range alignment.NewPlan(in, after, alignment.Log{Records: news}).Episodes {
			if c.Gone {
				gone = append(gone, c.Series)
			}
		}
		if diff := cmp.Diff(tt.want, gone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPlanTellsOfTheMapping: what people read counts, whatever work does.
func TestPlanTellsOfTheMapping(t *testing.T) {
	weeks := steady(12, 14)
	before := fmt.Sprintf(chartMapping, ", target: 15%}, {id: h, target: 5%")
	rules := func(text string) *mapping.RuleSet {
		out, err := mapping.Parse("chart.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	in := chartInput(completedWeeks(weeks), rules(before), len(weeks))
	ahead := mapping.DateOf(in.Now.AddDate(0, 0, 7))
	for name, tt := range map[string]struct {
		after string
		want  []string
	}{
		"a comment":     {"# agreed\n" + before, nil},
		"another order": {replaceOnce(t, before, "{id: g, name: Goal, target: 15%}, {id: h, target: 5%}", "{id: h, target: 5%}, {id: g, name: Goal, target: 15%}"), nil},
		"a target":      {replaceOnce(t, before, "15%", "14%"), []string{"Goal g: target 14% (before: target 15%)."}},
		"a pause ahead": {
			replaceOnce(t, before, "5%}]", "5%, status: [{from: 2025-09-01, is: active}, {from: "+ahead.String()+", is: paused}]}]"),
			[]string{"Goal h: no longer always active; active from 2025-09-01 on; paused from " + ahead.String() + " on."},
		},
	} {
		p := alignment.NewPlan(in, rules(tt.after), alignment.Log{})
		if diff := cmp.Diff(tt.want, p.Changes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if p.Empty() != (tt.want == nil) || !p.IsCalm() {
			t.Errorf("%s: empty = %t, calm = %t, want calm, and empty unless something is said", name, p.Empty(), p.IsCalm())
		}
	}
}

func replaceOnce(t *testing.T, text, old, with string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is not once in the text", old)
	}
	return strings.Replace(text, old, with, 1)
}
