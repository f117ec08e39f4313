package alignment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/alignment"
	"alignd/mapping"
)

func TestStarved(t *testing.T) {
	watermark := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	today := mapping.DateOf(watermark)
	on := func(daysAgo mapping.Date) mapping.Moment { return mapping.Moment{Date: today - daysAgo} }
	always := []mapping.DatedTarget{{Share: 400_000}}
	for name, tc := range map[string]struct {
		goal  mapping.Goal
		share float64 // of all work
		size  float64
		want  []string
	}{
		"far below":                {mapping.Goal{Targets: always}, .05, 100, []string{"g"}},
		"nothing at all":           {mapping.Goal{Targets: always}, 0, 100, []string{"g"}},
		"upper limit above half":   {mapping.Goal{Targets: always}, .15, 100, nil},
		"on target":                {mapping.Goal{Targets: always}, .4, 100, nil},
		"too few tickets":          {mapping.Goal{Targets: []mapping.DatedTarget{{Share: 1_000_000}}}, 0, 4.9, nil},
		"just enough tickets":      {mapping.Goal{Targets: []mapping.DatedTarget{{Share: 1_000_000}}}, 0, 5, []string{"g"}},
		"no target":                {mapping.Goal{}, 0, 100, nil},
		"target raised last week":  {mapping.Goal{Targets: []mapping.DatedTarget{{Share: 100_000}, {From: on(7), Share: 400_000}}}, .06, 100, nil},
		"target lowered yesterday": {mapping.Goal{Targets: []mapping.DatedTarget{{Share: 400_000}, {From: on(1), Share: 100_000}}}, .05, 100, nil},
		"target raised before":     {mapping.Goal{Targets: []mapping.DatedTarget{{Share: 100_000}, {From: on(27), Share: 400_000}}}, .06, 100, []string{"g"}},
		"paused today":             {mapping.Goal{Targets: always, Statuses: []mapping.DatedStatus{{From: on(90), Is: mapping.GoalActive}, {From: on(0), Is: mapping.GoalPaused}}}, .05, 100, nil},
		"resumed last week":        {mapping.Goal{Targets: always, Statuses: []mapping.DatedStatus{{From: on(90), Is: mapping.GoalPaused}, {From: on(7), Is: mapping.GoalActive}}}, .05, 100, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tc.goal.ID = "g"
			window := alignment.Window{Name: "28d", From: today - 27, To: today + 1}
			amount := int64(tc.share * 1e9)
			work := alignment.Work{Total: 1e9, EffectiveTickets: tc.size, Overdispersion: 1}
			work.Cells[alignment.Then] = []alignment.CellAmount{
				{Cell: alignment.Cell{Class: alignment.Aligned, Goal: "g"}, Amount: amount},
				{Cell: alignment.Cell{Class: alignment.Unmapped}, Amount: 1e9 - amount},
			}
			window.Units[alignment.UnitTime] = work
			team := alignment.TeamResult{ID: "t", Known: true, Watermark: watermark, Windows: []alignment.Window{{Name: "7d"}, window}}
			snap := alignment.Snapshot{Goals: []mapping.Goal{tc.goal}}
			if diff := cmp.Diff(tc.want, snap.Starved(&team)); diff != "" {
				t.Errorf("starved goals (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTargetsBeginWithTheFirst: the time before any target was in force was not
// planned. It has no target and no distance, which is not a target of 0.
func TestTargetsBeginWithTheFirst(t *testing.T) {
	weeks := make([][2]int, 20)
	for i := range weeks {
		weeks[i] = [2]int{14, 20}
	}
	since := func(week int) string {
		return fmt.Sprintf(", target: [{from: %s, share: 70%%}]", chartStart.AddDate(0, 0, 7*week).Format(time.DateOnly))
	}
	type target struct {
		Distances map[string]float64
		Now       map[string]float64
		Slack     float64
	}
	now := map[string]float64{"g": 0.7}
	for name, tt := range map[string]struct {
		goal string
		want target
	}{
		"always":             {", target: 70%", target{map[string]float64{"7d": 0, "28d": 0, "91d": 0, "period": 0}, now, 0.3}},
		"for five weeks":     {since(15), target{map[string]float64{"7d": 0, "28d": 0}, now, 0.3}},
		"for two of four":    {since(18), target{map[string]float64{"7d": 0, "28d": 0}, now, 0.3}},
		"for one week":       {since(19), target{map[string]float64{"7d": 0}, now, 0.3}},
		"from next month on": {since(24), target{map[string]float64{}, map[string]float64{}, -1}},
		"another goal had one": {
			since(19) + "}, {id: rest, name: Rest, target: [{from: 2025-01-01, share: 10%}]",
			target{map[string]float64{"7d": 0.1, "28d": 0.525, "91d": 0.6462, "period": 0.665}, map[string]float64{"g": 0.7, "rest": 0.1}, 0.2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := chartInput(completedWeeks(weeks), chartRules(t, tt.goal), len(weeks))
			in.Watermarks["jira"] = chartStart.AddDate(0, 0, 7*len(weeks)).Add(-time.Second)
			team := &alignment.Compute(in).Teams[0]
			got := target{Distances: map[string]float64{}, Now: team.Targets, Slack: -1}
			for i := range team.Windows {
				if d := team.Windows[i].Units[alignment.UnitTickets].Distance; d != nil {
					got.Distances[team.Windows[i].Name] = d.TotalVariation
				}
			}
			if slack, ok := team.PlannedSlack(); ok {
				got.Slack = slack
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-3)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
