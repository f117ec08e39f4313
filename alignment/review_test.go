package alignment_test

import (
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

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
