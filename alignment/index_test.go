package alignment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/alignment"
)

// itemsOf returns the index of an input by team and "dimension/item".
func itemsOf(in alignment.Input, log alignment.Log) map[string]map[string]alignment.IndexItem {
	review, _ := alignment.Judge(in, alignment.LookBack(in), log)
	out := map[string]map[string]alignment.IndexItem{}
	for team, items := range review.Index {
		out[team] = map[string]alignment.IndexItem{}
		for _, item := range items {
			out[team][item.Dimension+"/"+item.Item] = item
		}
	}
	return out
}

func TestWorkedExampleIndex(t *testing.T) {
	var e struct {
		Scenarios map[string]struct {
			Expected struct {
				Index struct {
					Then     string            `json:"reasoned_share_then"`
					Strict   string            `json:"reasoned_share_strict"`
					ToReason map[string]string `json:"time_to_reason_hours"`
					Response map[string]string `json:"signal_response_hours"`
				}
			}
		}
	}
	readShared(t, "example.json", &e)
	s, want := readExample(t).Scenarios["week"], e.Scenarios["week"].Expected.Index
	then := itemsOf(s.input(s.tickets(nil), s.mapping(t)), alignment.Log{})
	strict := itemsOf(s.input(s.tickets(nil), s.mapping(t, `"basis_then": "strict"`)), alignment.Log{})

	near(t, "reasoned", then["all"]["flow/reasoned"].Ratio.Value, want.Then, 1e-12)
	near(t, "reasoned, strict", strict["all"]["flow/reasoned"].Ratio.Value, want.Strict, 1e-12)
	// T13 begins in platform, and nothing else there is off the plan.
	near(t, "time to reason of T13", hoursOf(then["platform"]["flow/time_to_reason"]), want.ToReason["T13"], 1e-12)
	near(t, "response to the label of T4", hoursOf(then["payments"]["flow/response"]), want.Response["T4"], 1e-12)
	if n := then["payments"]["flow/response"].Observations; n != 1 {
		t.Errorf("payments has %d signals, want that of T4 only", n)
	}
}

// TestWorkday: the company has one only where all teams have the same.
func TestWorkday(t *testing.T) {
	for hours, want := range map[string][3]time.Duration{
		"09:00-17:00": {8 * time.Hour, 8 * time.Hour, 8 * time.Hour},
		"09:30-15:30": {8 * time.Hour, 6 * time.Hour, 0},
	} {
		rules := modelRules(t, `
period: {name: p, from: 2026-03-01, to: 2026-04-30}
teams:
  - {id: one, owns: {jira: [A]}}
  - {id: two, owns: {jira: [B]}, calendar: {hours: "`+hours+`"}}
`)
		snap := alignment.Compute(alignment.Input{Tickets: list{}, Rules: rules, Watermarks: map[string]time.Time{"jira": caseEnd}})
		got := [3]time.Duration{snap.Teams[0].Workday, snap.Teams[1].Workday, snap.Company.Workday}
		if got != want {
			t.Errorf("%s: teams and company work %v a day, want %v", hours, got, want)
		}
	}
}

// hoursOf returns the value of an item in hours, -1 without one.
func hoursOf(item alignment.IndexItem) float64 {
	if item.Seconds == nil {
		return -1
	}
	return *item.Seconds / 3600
}

// drawSignals draws tickets whose signals are answered at different times, or
// not at all.
func drawSignals(t *rapid.T, n int) (tks list) {
	for i := range n {
		at := moment("03-02 09:00").Add(time.Duration(rapid.IntRange(0, 30*24).Draw(t, "put")) * time.Hour)
		events := []string{"03-01 09:00 active", at.In(berlin).Format("01-02 15:04") + " +risk"}
		if hours := rapid.IntRange(-100, 300).Draw(t, "answered"); hours > 0 {
			events = append(events, at.Add(time.Duration(hours)*time.Hour).In(berlin).Format("01-02 15:04")+" -risk")
		}
		tks = append(tks, story(fmt.Sprint("T", i), "02-27 09:00, A", events...))
	}
	return tks
}

// TestUnansweredSignalsNeverHelp: one more signal that nobody answers never
// makes a team look quicker.
func TestUnansweredSignalsNeverHelp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := modelRules(t, caseMapping)
		marks := map[string]time.Time{"jira": caseEnd}
		tks := drawSignals(t, rapid.IntRange(1, 6).Draw(t, "signals"))
		before := itemsOf(alignment.Input{Tickets: tks, Rules: rules, Watermarks: marks}, alignment.Log{})["one"]
		put := moment("03-02 09:00").Add(time.Duration(rapid.IntRange(0, 38*24).Draw(t, "open since")) * time.Hour)
		tks = append(tks, story("open", "02-27 09:00, A", "03-01 09:00 active", put.In(berlin).Format("01-02 15:04")+" +risk"))
		after := itemsOf(alignment.Input{Tickets: tks, Rules: rules, Watermarks: marks}, alignment.Log{})["one"]
		if was, is := before["flow/response"].Seconds, after["flow/response"].Seconds; is != nil && (was == nil || *is < *was) {
			t.Errorf("the median is %v, was %v", *is, was)
		}
		was, is := before["flow/answered"].Ratio, after["flow/answered"].Ratio
		if was != nil && is.Value > was.Value {
			t.Errorf("%v are answered in time, were %v", is.Value, was.Value)
		}
	})
}

// TestNamesDoNotMatter: goals under other names lead to the same index.
func TestNamesDoNotMatter(t *testing.T) {
	const extra = "index: {signal_labels: [noise, off]}\n"
	other := strings.NewReplacer("id: g", "id: new-g", "goal: g", "goal: new-g", "name: One", "name: Uno").Replace(modelMapping)
	x, y := modelRules(t, modelMapping+extra), modelRules(t, other+extra)
	rapid.Check(t, func(t *rapid.T) {
		d := drawCompany(t, x)
		want := itemsOf(d.input(), alignment.Log{})
		d.rules = y
		if diff := cmp.Diff(want, itemsOf(d.input(), alignment.Log{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
