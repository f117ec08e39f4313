package alignment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/alignment"
	"alignd/alignment/stats"
	"alignd/mapping"
)

// TestOverdispersionWidens: as soon as eight weeks have settled, intervals are
// those of n_eff/σ_z² tickets, with the published σ_z, in a snapshot as in the
// history of that day.
func TestOverdispersionWidens(t *testing.T) {
	published := readPipeline(t)
	rules := chartRules(t, ", target: 70%")
	inputAfter := func(weeks int) alignment.Input {
		return chartInput(completedWeeks(published.Weeks[:weeks]), rules, weeks)
	}
	history := alignment.LookBack(inputAfter(len(published.Weeks)))
	tested := 0
	for i, row := range published.Rows[1:] {
		weeks := published.Rows[i].Weeks[1] // that were settled before the row
		in := inputAfter(weeks)
		review, _ := alignment.Judge(in, alignment.LookBack(in), alignment.Log{})
		plain := alignment.Compute(in)
		snap := plain.WithReview(review)
		day := mapping.DateOf(chartStart) + mapping.Date(7*weeks+1)
		then := history.Snapshot(day)
		for name, team := range map[string]*alignment.TeamResult{
			"team": &snap.Teams[0], "company": &snap.Company, "team then": &then.Teams[0], "company then": &then.Company,
		} {
			for w := range team.Windows {
				work := &team.Windows[w].Units[alignment.UnitTickets]
				got, ok := work.ClassShare(alignment.Then, alignment.Aligned)
				if !ok {
					continue
				}
				want := alignment.Share{Value: got.Value, Limited: true}
				want.Lower, want.Upper = stats.Wilson(got.Value, work.EffectiveTickets/(row.SigmaZ*row.SigmaZ))
				if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, published.Tolerance)); diff != "" {
					t.Errorf("%s, %s after %d weeks, σ_z %g (-want +got):\n%s", name, team.Windows[w].Name, weeks, row.SigmaZ, diff)
				}
				if row.SigmaZ > 1 {
					tested++
				}
			}
		}
		past := alignment.LookBack(in)
		for _, week := range snap.Teams[0].Weeks {
			if diff := cmp.Diff(past.Window("t", week.To-1, 7).Units, week.Units, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
				t.Errorf("week %s after %d weeks (-history +snapshot):\n%s", week.Name, weeks, diff)
			}
		}
		if o := plain.Teams[0].Windows[0].Units[alignment.UnitTickets].Overdispersion; o != 0 {
			t.Fatalf("a snapshot was modified by its review: %g", o)
		}
	}
	if tested == 0 {
		t.Error("nowhere was σ_z above 1")
	}
}

// TestReviewDates: what is dated by week begins and ends with a local day.
func TestReviewDates(t *testing.T) {
	text := strings.Replace(chartMapping, "jira: [P]}}", "jira: [P]}, time_zone: Europe/Berlin}", 1)
	rules, err := mapping.Parse("chart.yml", []byte(strings.Replace(text, "Goal%s", "Goal, target: 70%", 1)))
	if err != nil {
		t.Fatal(err)
	}
	weeks := append(steady(8, 14), steady(8, 6)...)
	in := chartInput(completedWeeks(weeks), rules, len(weeks))
	review, _ := alignment.Judge(in, alignment.LookBack(in), alignment.Log{})
	open := review.Drifts[0].Open()
	if open == nil {
		t.Fatal("there is no open episode")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	begin, end := open.Onset.In(berlin), (open.Week + 7).In(berlin)
	if !open.OnsetAt.Equal(begin) || !open.RaisedAt.Equal(end) {
		t.Errorf("onset %s and raise %s, want %s and %s", open.OnsetAt, open.RaisedAt, begin, end)
	}
	if monday := review.Oldest.In(berlin); monday.Weekday() != time.Monday || monday.Hour() != 0 || in.Now.Sub(monday) < 2*365*24*time.Hour {
		t.Errorf("the history begins at %s, want a midnight two years ago", monday)
	}
}
