package metrics_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
)

func teamTrends() []alignment.Trend {
	p := .0125
	return []alignment.Trend{
		{Unit: alignment.UnitTime, Slope: -.01, Weeks: 13},
		{Unit: alignment.UnitTickets, Slope: -.025, Weeks: 12, P: &p},
		{Unit: alignment.UnitPoints, Slope: .5, Weeks: 8},
	}
}

func goalTrends() []alignment.Trend {
	p := 1.0
	return []alignment.Trend{
		{Goal: "checkout", Unit: alignment.UnitTime, Weeks: 13},
		{Goal: "checkout", Unit: alignment.UnitTickets, Weeks: 13, P: &p},
	}
}

// review has an open episode, one that is over, a chart with too little data,
// and a goal and a team that the mapping no longer knows.
func review(now time.Time) *alignment.Review {
	week := now.Add(-4 * 24 * time.Hour)
	series := func(team, goal string) alignment.Series {
		return alignment.Series{Team: team, Goal: goal, Unit: alignment.UnitTickets}
	}
	down := alignment.Episode{Direction: alignment.Down, OnsetAt: week.Add(-35 * 24 * time.Hour), RaisedAt: week}
	over, up := down, down
	over.How = alignment.ByData
	up.Direction, up.How = alignment.Up, alignment.Acknowledged
	ratio, duration := alignment.Share{Value: .25, Limited: true, Lower: .1, Upper: .5}, 5400.0
	return &alignment.Review{
		ComputedAt: now, Oldest: now.Add(-742 * 24 * time.Hour),
		Overdispersion: map[string]alignment.Overdispersion{"payments": {{Sigma: 1.5}}, alignment.AllTeams: nil, "gone": nil},
		Settled:        map[string]time.Time{"payments": week, alignment.AllTeams: week.Add(-7 * 24 * time.Hour), "gone": week},
		Drifts: []alignment.Drift{
			{Series: series("payments", ""), Evaluable: true, Threshold: 5, Episodes: []alignment.Episode{over, up, down}},
			{Series: series("platform", ""), Threshold: 7, Up: 2, Down: 1, EWMA: .4},
			{Series: series("gone", ""), Evaluable: true, Threshold: 5},
			{Series: series(alignment.AllTeams, "checkout"), Evaluable: true, Threshold: 5, Up: 1.25, Down: .5, EWMA: -.3},
			{Series: series(alignment.AllTeams, "given-up"), Evaluable: true, Threshold: 5},
		},
		Index: map[string][]alignment.IndexItem{
			"payments": {
				{Dimension: "surprise", Item: "late_scope", Observations: 12, Ratio: &ratio},
				{Dimension: "flow", Item: "response", Observations: 3, Seconds: &duration},
				{Dimension: "correction", Item: "drag"},
			},
			"gone": {{Dimension: "correction", Item: "drag", Observations: 1}},
		},
	}
}

// TestNoMovementWithoutReview: what two years of history say is not there
// before they were looked at, and nothing else depends on it.
func TestNoMovementWithoutReview(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		snap := company(time.Now())
		snap.Review = nil
		c.Publish(snap)
		text := exposition(t, reg)
		for _, absent := range []string{"alignd_drift_", "alignd_index_", "alignd_history_"} {
			if strings.Contains(text, absent) {
				t.Errorf("there is a family %s...", absent)
			}
		}
		if !strings.Contains(text, `alignd_trend_slope_ratio_per_week{goal="",team="payments",unit="tickets"} -0.025`) {
			t.Error("the trend is gone")
		}
	})
}

// TestMovementBounds holds the number of series of each family against its
// bound, with 10 teams and 15 goals and
// everything known of all of them.
func TestMovementBounds(t *testing.T) {
	const teams, goals = 10, 15
	bounds := map[string]int{
		"alignd_trend_slope_ratio_per_week":   3*teams + 2*goals,
		"alignd_trend_observations":           3*teams + 2*goals,
		"alignd_trend_pvalue":                 2*teams + goals,
		"alignd_drift_cusum":                  2 * (teams + goals),
		"alignd_drift_ewma":                   teams + goals,
		"alignd_drift_cusum_threshold":        teams + goals,
		"alignd_drift_evaluable":              teams + goals,
		"alignd_drift_week_timestamp_seconds": teams + 1,
		"alignd_drift_episode":                2 * (teams + goals),
		// An episode has one direction.
		"alignd_drift_episode_onset_timestamp_seconds":  teams + goals,
		"alignd_drift_episode_raised_timestamp_seconds": teams + goals,
		"alignd_drift_episodes_total":                   2 * (teams + goals),
		"alignd_index_ratio":                            9 * (teams + 1),
		"alignd_index_seconds":                          6 * (teams + 1),
		"alignd_index_observations":                     15 * (teams + 1),
		"alignd_history_oldest_timestamp_seconds":       1,
	}
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		c.Publish(full(time.Now(), teams, goals))
		got := map[string]int{}
		for _, series := range seriesOf(exposition(t, reg)) {
			name := regexp.MustCompile(`^\w+`).FindString(series)
			if _, ok := bounds[name]; ok {
				got[name]++
			}
		}
		if diff := cmp.Diff(bounds, got); diff != "" {
			t.Errorf("series by family (-bound +got):\n%s", diff)
		}
	})
}

// full is a company of which everything is known that can be.
func full(now time.Time, teams, goals int) *alignment.Snapshot {
	p, ratio, duration := .5, alignment.Share{}, 1.0
	snap := &alignment.Snapshot{ComputedAt: now, Review: &alignment.Review{
		ComputedAt: now, Oldest: now, Settled: map[string]time.Time{}, Index: map[string][]alignment.IndexItem{},
	}}
	r := snap.Review
	drift := func(team, goal string) {
		r.Drifts = append(r.Drifts, alignment.Drift{
			Series:    alignment.Series{Team: team, Goal: goal, Unit: alignment.UnitTickets},
			Evaluable: true, Threshold: 5, Episodes: []alignment.Episode{{Direction: alignment.Up, OnsetAt: now, RaisedAt: now}},
		})
	}
	known := func(id string) alignment.TeamResult {
		r.Settled[id] = now
		for i := range 9 {
			r.Index[id] = append(r.Index[id], alignment.IndexItem{Dimension: "d", Item: fmt.Sprint("ratio-", i), Ratio: &ratio})
		}
		for i := range 6 {
			r.Index[id] = append(r.Index[id], alignment.IndexItem{Dimension: "d", Item: fmt.Sprint("seconds-", i), Seconds: &duration})
		}
		return alignment.TeamResult{ID: id, Known: true, Watermark: now, Windows: []alignment.Window{payments("7d", 1)}}
	}
	for i := range teams {
		team := known(fmt.Sprint("team-", i))
		team.Trends = []alignment.Trend{
			{Unit: alignment.UnitTime, Weeks: 13},
			{Unit: alignment.UnitTickets, Weeks: 13, P: &p},
			{Unit: alignment.UnitPoints, Weeks: 13, P: &p},
		}
		snap.Teams = append(snap.Teams, team)
		drift(team.ID, "")
	}
	snap.Company = known(alignment.AllTeams)
	for i := range goals {
		goal := fmt.Sprint("goal-", i)
		snap.Goals = append(snap.Goals, mapping.Goal{ID: goal})
		snap.Company.Trends = append(snap.Company.Trends,
			alignment.Trend{Goal: goal, Unit: alignment.UnitTime, Weeks: 13},
			alignment.Trend{Goal: goal, Unit: alignment.UnitTickets, Weeks: 13, P: &p})
		drift(alignment.AllTeams, goal)
	}
	return snap
}
