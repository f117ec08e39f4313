package alignment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
