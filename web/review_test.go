package web_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

func trends() []alignment.Trend {
	clear, unclear := .012, .3
	return []alignment.Trend{
		{Goal: "checkout", Unit: alignment.UnitTickets, Weeks: 13, Slope: -.0215, P: &clear},
		{Goal: "mobile", Unit: alignment.UnitTickets, Weeks: 13, Slope: -.02, P: &unclear},
		{Goal: "search", Unit: alignment.UnitTickets, Weeks: 10, Slope: .008, P: &clear},
	}
}

const lastMonday = "2026-11-09"

// observations draws a chart of weekly shares, the last of them that of
// lastMonday.
func observations(reference, size float64, shares ...float64) []alignment.Observation {
	var out []alignment.Observation
	first := date(lastMonday) - mapping.Date(7*(len(shares)-1))
	var up, down, ewma float64
	isOpen := false
	for i, share := range shares {
		monday := first + mapping.Date(7*i)
		x := (share - reference) / math.Sqrt(reference*(1-reference)/size)
		ewma += .2 * (x - ewma)
		if up, down = max(0, up+x-.5), max(0, down-x-.5); isOpen {
			up, down = 0, 0
		}
		out = append(out, alignment.Observation{
			First: monday, Last: monday, Share: share, EffectiveTickets: size, Reference: reference, Z: x, Sigma: 1, X: x, Up: up, Down: down, EWMA: ewma,
		})
		isOpen = isOpen || up > 5 || down > 5
	}
	return out
}

// review has a chart with an open episode, one with three that are over, one
// that still learns, and one with too little data of late.
func review() *alignment.Review {
	end := func(monday string) time.Time { return (date(monday) + 7).In(time.UTC) }
	episode := func(s alignment.Series, d alignment.Direction, onset, week string, how alignment.Clearing) alignment.Episode {
		e := alignment.Episode{
			Series: s, Direction: d, Onset: date(onset), OnsetAt: date(onset).In(time.UTC), Week: date(week), RaisedAt: end(week),
			Shift: .14 * float64(d), Reference: .4, Share: .4 + .15*float64(d), How: how,
		}
		if how != alignment.StillOpen {
			e.LastWeek, e.ClearedAt = date(week)+28, end(week).AddDate(0, 0, 28)
		}
		return e
	}
	of := func(team, goal string) alignment.Series {
		return alignment.Series{Team: team, Goal: goal, Unit: alignment.UnitTickets}
	}
	payments, checkout, mobile := of("payments", ""), of(alignment.AllTeams, "checkout"), of(alignment.AllTeams, "mobile")
	open := episode(payments, alignment.Down, "2026-10-05", "2026-11-02", alignment.StillOpen)
	open.Movement = &alignment.Movement{
		Cells: []alignment.CellMove{
			{Class: "aligned", Goal: "checkout", Before: .42, After: .27},
			{Class: "off_plan", Reason: "escalation", Before: .05, After: .16},
			{Class: "not_now", Goal: "mobile", Before: 0, After: .03},
			{Class: "off_plan", Before: .01, After: .02},
			{Class: "unmapped", Before: .1, After: .11},
		},
		Tickets: []alignment.TicketWork{{Key: "PAY-12", Share: .06}, {Key: "<i>odd&key", Share: .0041}},
	}
	back := episode(checkout, alignment.Up, "2026-02-02", "2026-03-02", alignment.ByData)
	noted := episode(checkout, alignment.Down, "2026-04-06", "2026-05-04", alignment.Acknowledged)
	noted.Note, noted.Movement = "Agreed until <b>June</b>", &alignment.Movement{}
	doubted := episode(checkout, alignment.Up, "2026-07-06", "2026-08-03", alignment.NewReference)
	doubted.Doubted = true
	ratio, some, many := alignment.Share{Value: .25, Limited: true, Lower: .13, Upper: .42}, 9000.0, 144000.0
	return &alignment.Review{
		ComputedAt: fixtureAt, Fingerprint: "5f3a9c", Oldest: date("2024-11-04").In(time.UTC),
		Settled: map[string]time.Time{alignment.AllTeams: end(lastMonday), "payments": end(lastMonday)},
		Drifts: []alignment.Drift{
			{
				Series: payments, Evaluable: true, Reference: .4, Threshold: 5, Episodes: []alignment.Episode{open},
				Observations: observations(.4, 22, .41, .38, .44, .36, .4, .43, .39, .25, .26, .22, .25, .22, .24),
			},
			{Series: of("platform", ""), Estimated: true, Threshold: 7},
			{
				Series: checkout, Evaluable: true, Reference: .4, Threshold: 5, Up: .5, EWMA: -.125, Episodes: []alignment.Episode{back, noted, doubted},
				Observations: observations(.4, 60, .41, .42, .38, .4, .43, .37, .39, .41),
			},
			{Series: mobile, Estimated: true, Reference: .08, Threshold: 7, Observations: observations(.08, 12, .1, .06, .0, .09)},
		},
		Index: map[string][]alignment.IndexItem{
			alignment.AllTeams: {
				{Dimension: "surprise", Item: "late_scope", Observations: 31, Ratio: &ratio},
				{Dimension: "surprise", Item: "declared", Observations: 4, Ratio: &ratio},
				{Dimension: "flow", Item: "response", Observations: 12, Seconds: &some},
				{Dimension: "correction", Item: "drag", Observations: 7, Seconds: &many},
				{Dimension: "correction", Item: "recovery"},
				{Dimension: "correction", Item: "decision", Observations: 9},
				{Dimension: "safety", Item: "survey", Observations: 31, Ratio: &ratio, At: date("2026-11-03").In(time.UTC)},
			},
			"payments": {{Dimension: "surprise", Item: "late_scope", Observations: 0}},
		},
	}
}

// TestIndexDays: days are as long as the team works.
func TestIndexDays(t *testing.T) {
	const row = `How long work on a goal goes on after its pause <span class="soft small">median</span></th><td class="n">`
	for want, tc := range map[string]struct {
		team  string
		hours time.Duration
		spent float64
	}{
		"5 working days":   {"payments", 8, 40},
		"6.7 working days": {"payments", 6, 40},
		"3.3 working days": {alignment.AllTeams, 12, 40},
		"40 working hours": {alignment.AllTeams, 0, 40},
		"12 working hours": {"payments", 8, 12},
		"2 working days":   {"payments", 6, 12},
		"9 working hours":  {"payments", 6, 9},
	} {
		source, seconds := fixture(), tc.spent*3600
		team := &source.snap.Company
		if tc.team != alignment.AllTeams {
			team = &source.snap.Teams[0]
			source.snap.Company.Workday = 7 * time.Hour
		}
		team.Workday = tc.hours * time.Hour
		source.snap.Review.Index = map[string][]alignment.IndexItem{
			tc.team: {{Dimension: "correction", Item: "drag", Observations: 7, Seconds: &seconds}},
		}
		if body := text(t, get(t, source, readAt, "/")); !strings.Contains(body, row+want+"<") {
			_, got, _ := strings.Cut(body, row)
			t.Errorf("%+v: the page says %.20q, want %s", tc, got, want)
		}
	}
}

// TestSettledSunday: the page names the Sunday wherever the week ends last.
func TestSettledSunday(t *testing.T) {
	for _, zone := range []string{"Pacific/Kiritimati", "Asia/Kolkata", "Europe/Berlin", "UTC", "America/New_York", "Pacific/Pago_Pago"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		source := fixture()
		source.snap.Review.Settled[alignment.AllTeams] = (date(lastMonday) + 7).In(loc)
		if body := text(t, get(t, source, readAt, "/drift")); !strings.Contains(body, "up to 15 November 2026") {
			t.Errorf("%s: the page does not say up to 15 November 2026", zone)
		}
	}
}

// TestDriftInTime: the page says what its charts are drawn in.
func TestDriftInTime(t *testing.T) {
	source := fixture()
	for i := range source.snap.Review.Drifts {
		source.snap.Review.Drifts[i].Series.Unit = alignment.UnitTime
	}
	body := text(t, get(t, source, readAt, "/drift"))
	for _, want := range []string{"In team time, by weeks", "the share of the team time, week by week", "in team time longer still"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(body, "In completed tickets") {
		t.Error("the page says that its shares are of completed tickets")
	}
}
