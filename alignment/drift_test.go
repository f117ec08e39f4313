package alignment_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// chartStart is the Monday of week 1 of the generated charts.
var chartStart = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)

// completedWeeks makes tickets that are completed, week by week: so many in
// all, and so many of them for goal "g". Each is its own root.
func completedWeeks(weeks [][2]int) list {
	var tks list
	for w, week := range weeks {
		for i := range week[1] {
			done := chartStart.AddDate(0, 0, 7*w).Add(time.Duration(9+i%8)*time.Hour + time.Duration(i/8%5)*24*time.Hour)
			tk := ticket.Ticket{
				ID: ticket.ID{Connector: "jira", UID: fmt.Sprintf("%03d-%03d", w, i)}, Key: fmt.Sprintf("P-%d%03d", w+1, i), Project: "P",
				Status: "Done", State: ticket.StateDone, Created: done.Add(-time.Hour), Updated: done,
				Changes: []ticket.Change{{At: done, Field: ticket.FieldState, From: "To Do", To: "Done", FromState: ticket.StateTodo, ToState: ticket.StateDone}},
			}
			if i < week[0] {
				tk.Labels = []string{"g"}
			}
			tks = append(tks, tk)
		}
	}
	return tks
}

const chartMapping = `
period: {name: year, from: 2025-09-01, to: 2026-08-31}
teams: [{id: t, owns: {jira: [P]}}]
goals: [{id: g, name: Goal%s}]
rules: [{name: g, when: {labels: {any: [g]}}, goal: g}]
`

func chartRules(t *testing.T, more string) *mapping.RuleSet {
	t.Helper()
	rules, err := mapping.Parse("chart.yml", fmt.Appendf(nil, chartMapping, more))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func chartInput(tks list, rules *mapping.RuleSet, weeks int) alignment.Input {
	end := chartStart.AddDate(0, 0, 7*weeks).Add(49 * time.Hour)
	return alignment.Input{Tickets: tks, Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
}

// judge looks back and judges.
func judge(in alignment.Input, log alignment.Log) ([]alignment.Drift, []alignment.Record) {
	review, news := alignment.Judge(in, alignment.LookBack(in), log)
	return review.Drifts, news
}

// weekNumber returns the 1-based number of a week of the generated charts.
func weekNumber(d mapping.Date) int { return int(d-mapping.DateOf(chartStart))/7 + 1 }

// pipeline is the section drift_pipeline of statistics.json.
type pipeline struct {
	Tolerance float64
	Weeks     [][2]int `json:"weeks_aligned_completed"`
	Rows      []pipelineRow
}

type pipelineRow struct {
	Weeks    [2]int
	NEff     float64 `json:"n_eff"`
	Share    float64
	Z        float64
	SigmaZ   float64 `json:"sigma_z"`
	X        float64
	Up, Down float64
	Event    string
	Onset    int `json:"onset_week"`
	Shift    float64
}

func readPipeline(t *testing.T) (p pipeline) {
	var file struct {
		Pipeline json.RawMessage `json:"drift_pipeline"`
	}
	readShared(t, "statistics.json", &file)
	if err := json.Unmarshal(file.Pipeline, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDriftPipeline runs the published vector through tickets, history and
// chart.
func TestDriftPipeline(t *testing.T) {
	want := readPipeline(t)
	in := chartInput(completedWeeks(want.Weeks), chartRules(t, ", target: 70%"), len(want.Weeks))
	drifts, _ := judge(in, alignment.Log{})
	got := drifts[0]
	if got.Series != (alignment.Series{Team: "t", Unit: alignment.UnitTickets}) || got.Threshold != 5 || got.Estimated || !got.Evaluable {
		t.Errorf("chart %+v, want that of team t with h 5", got)
	}
	if diff := cmp.Diff(want.Rows, rowsOf(&got), cmpopts.EquateApprox(0, want.Tolerance)); diff != "" {
		t.Errorf("rows (-published +got):\n%s", diff)
	}
}

// rowsOf writes a chart like the vector. There the sums stand as they were
// before a raise put them back to 0.
func rowsOf(d *alignment.Drift) []pipelineRow {
	var rows []pipelineRow
	for _, o := range d.Observations {
		row := pipelineRow{
			Weeks: [2]int{weekNumber(o.First), weekNumber(o.Last)}, NEff: o.EffectiveTickets, Share: o.Share,
			Z: o.Z, SigmaZ: o.Sigma, X: o.X, Up: o.Up, Down: o.Down,
		}
		for _, e := range d.Episodes {
			if e.Week == o.Last {
				row.Event, row.Onset, row.Shift = "raise "+e.Direction.String(), weekNumber(e.Onset), e.Shift
			}
			if e.How == alignment.ByData && e.LastWeek == o.Last {
				row.Event = "clear"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// TestDriftExample runs the published weeks through tickets, history and chart:
// 100 tickets a week below 20 roots, so that 20 are effective.
func TestDriftExample(t *testing.T) {
	var file struct {
		Example struct {
			Reference float64
			NEff      float64 `json:"n_eff"`
			Share     []float64
			Expected  struct {
				CUSUM [][4]float64 // week, x, C+, C-
				Alarm int          `json:"alarm_week"`
				Onset int          `json:"onset_week"`
				Shift float64      `json:"estimated_shift"`
				EWMA  []float64    `json:"ewma_lambda_0.2"` // of the shares
			}
		} `json:"drift_example"`
	}
	readShared(t, "example.json", &file)
	example, want := file.Example, file.Example.Expected
	var weeks [][2]int
	for _, share := range example.Share {
		weeks = append(weeks, [2]int{int(math.Round(share * 100)), 100})
	}
	tks := completedWeeks(weeks)
	for i := range tks {
		tks[i].Parent = fmt.Sprint("root-", i%20)
	}
	for i := range 20 {
		tks = append(tks, ticket.Ticket{ID: ticket.ID{Connector: "jira", UID: fmt.Sprint("root-", i)}, Project: "P", State: ticket.StateTodo, Created: chartStart, Updated: chartStart})
	}
	drifts, _ := judge(chartInput(tks, chartRules(t, ", target: 70%"), len(weeks)), alignment.Log{})
	d := &drifts[0]
	if len(d.Observations) != len(want.CUSUM) {
		t.Fatalf("%d observations, want %d", len(d.Observations), len(want.CUSUM))
	}
	deviation := math.Sqrt(example.Reference * (1 - example.Reference) / example.NEff)
	for i, o := range d.Observations {
		what := fmt.Sprintf("week %d ", i+1)
		near(t, what+"n_eff", o.EffectiveTickets, example.NEff, 1e-12)
		near(t, what+"x", o.X, want.CUSUM[i][1], 5.1e-5)
		near(t, what+"average", example.Reference+o.EWMA*deviation, want.EWMA[i], 5.1e-7)
		if i < want.Alarm { // an open episode holds the sums at 0, and not the average
			near(t, what+"C+", o.Up, want.CUSUM[i][2], 5.1e-5)
			near(t, what+"C-", o.Down, want.CUSUM[i][3], 5.1e-5)
		}
	}
	if last := d.Observations[len(d.Observations)-1]; d.EWMA != last.EWMA || last.Down != 0 {
		t.Errorf("average %g, want %g, that of the last week; C- %g, want 0", d.EWMA, last.EWMA, last.Down)
	}
	e := d.Open()
	if e == nil || weekNumber(e.Week) != want.Alarm || weekNumber(e.Onset) != want.Onset {
		t.Fatalf("episode %+v, want one from week %d, raised in week %d", e, want.Onset, want.Alarm)
	}
	near(t, "shift", e.Shift, want.Shift, 5.1e-7)
}

// TestAverageBeginsAgain: weeks without data, a pause and another reference
// make the average forget, and an episode does not.
func TestAverageBeginsAgain(t *testing.T) {
	day := func(week int) string { return chartStart.AddDate(0, 0, 7*week).Format(time.DateOnly) }
	long := concat(steady(12, 14), steady(12, 7), steady(12, 14))
	tests := []struct {
		name, more string
		weeks      [][2]int
		begins     []int // weeks
	}{
		{"an episode that ends", ", target: 70%", long, []int{1}},
		{"three weeks too old to wait", ", target: 70%", concat(steady(12, 12), make([][2]int, 6), steady(9, 12)), []int{1}},
		{"four weeks too old to wait", ", target: 70%", concat(steady(12, 12), make([][2]int, 7), steady(9, 12)), []int{1, 20}},
		{"a pause", fmt.Sprintf(", target: 70%%, status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}, {from: %s, is: active}]", day(12), day(13)), steady(24, 12), []int{1, 14}},
		{"another target", fmt.Sprintf(", target: [{from: 2025-01-01, share: 70%%}, {from: %s, share: 35%%}]", day(16)), long, []int{1, 17}},
		{"a reference learned anew", fmt.Sprintf(", status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}, {from: %s, is: active}]", day(14), day(15)), long, []int{9, 24}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := chartInput(completedWeeks(test.weeks), chartRules(t, test.more), len(test.weeks))
			drifts, news := judge(in, alignment.Log{})
			again, _ := judge(in, alignment.Log{Records: news})
			var begins []int
			var before float64
			for i, o := range drifts[0].Observations {
				if o.EWMA == 0.2*o.X && (i == 0 || before != 0) {
					begins = append(begins, weekNumber(o.Last))
				} else if math.Abs(o.EWMA-(0.2*o.X+0.8*before)) > 1e-12 {
					t.Errorf("week %d: %g after %g and x %g", weekNumber(o.Last), o.EWMA, before, o.X)
				}
				if o.EWMA != again[0].Observations[i].EWMA {
					t.Errorf("week %d: %g, from the log %g", weekNumber(o.Last), o.EWMA, again[0].Observations[i].EWMA)
				}
				before = o.EWMA
			}
			if diff := cmp.Diff(test.begins, begins); diff != "" {
				t.Errorf("weeks in which it begins (-want +got):\n%s", diff)
			}
		})
	}
}

// steady makes n weeks with 20 tickets each, of which so many are aligned.
func steady(n, aligned int) [][2]int {
	weeks := make([][2]int, n)
	for i := range weeks {
		weeks[i] = [2]int{aligned + []int{0, 1, -1, 0, -1, 1}[i%6], 20}
	}
	return weeks
}

func concat(parts ...[][2]int) (out [][2]int) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestReferenceWithoutTarget(t *testing.T) {
	weeks := concat(steady(12, 14), steady(20, 7))
	in := chartInput(completedWeeks(weeks), chartRules(t, ""), len(weeks))
	drifts, news := judge(in, alignment.Log{})
	for _, d := range drifts { // the team's aligned share is that of its only goal
		if !d.Estimated || d.Threshold != 7 || math.Abs(d.Reference-0.7) > 0.01 {
			t.Errorf("%s: reference %.3f (estimated %t), h %g; want about .7, estimated, 7", d.Series, d.Reference, d.Estimated, d.Threshold)
		}
		if d.Open() == nil || weekNumber(d.Open().Onset) != 13 || d.Open().Direction != alignment.Down {
			t.Errorf("%s: open episode %+v, want one down from week 13 on", d.Series, d.Open())
		}
	}
	// Frozen: what is on record is not estimated again, even if the weeks it
	// came from have changed meanwhile.
	var log alignment.Log
	for _, r := range news {
		if r.Kind == alignment.RecordReference {
			r.Reference = 0.5
			log.Records = append(log.Records, r)
		}
	}
	if len(log.Records) != 2 {
		t.Fatalf("%d references recorded, want 2", len(log.Records))
	}
	again, _ := judge(in, log)
	if again[0].Reference != 0.5 {
		t.Errorf("reference %g, want the recorded one", again[0].Reference)
	}
}

func TestEpisodeNamesWhatMoved(t *testing.T) {
	weeks := concat(steady(12, 14), steady(8, 7))
	in := chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks))
	drifts, _ := judge(in, alignment.Log{})
	e := drifts[0].Open()
	if e == nil || e.Movement == nil {
		t.Fatalf("episode %+v, want an open one with its movement", e)
	}
	var cells []string
	for _, c := range e.Movement.Cells {
		cells = append(cells, fmt.Sprintf("%s %s %.2f %.2f", c.Class, c.Goal, c.Before, c.After))
	}
	if diff := cmp.Diff([]string{"unmapped  0.30 0.62", "aligned g 0.70 0.38"}, cells); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	if len(e.Movement.Tickets) != 8 || e.Movement.Tickets[0].Key == "" || e.Movement.Tickets[0].Share <= 0 {
		t.Errorf("tickets %+v, want the eight with the most work", e.Movement.Tickets)
	}
}

// TestRecordsAreNotRewritten: what was judged stays as it was judged.
func TestRecordsAreNotRewritten(t *testing.T) {
	weeks := concat(steady(12, 14), steady(8, 7))
	rules := chartRules(t, ", target: 70%")
	in := chartInput(completedWeeks(weeks), rules, len(weeks))
	drifts, news := judge(in, alignment.Log{})
	log := alignment.Log{Records: roundTrip(t, news)}

	again, more := judge(in, log)
	if diff := cmp.Diff(drifts, again); diff != "" {
		t.Errorf("judged again (-first +second):\n%s", diff)
	}
	if len(more) != 0 {
		t.Errorf("recorded again: %+v", more)
	}

	// All work turns out to have been for the goal: the episode stays on
	// record, with a doubt, and the data close it when new weeks come.
	now := completedWeeks(concat(weeks, steady(6, 14)))
	for i := range now {
		now[i].Labels = []string{"g"}
	}
	later, more := judge(chartInput(now, rules, len(weeks)+6), log)
	e := later[0].Episodes[0]
	if e.How != alignment.ByData || e.Week != drifts[0].Episodes[0].Week {
		t.Errorf("episode %+v, want the recorded one, closed by the data", e)
	}
	kinds := map[alignment.RecordKind]int{}
	for _, r := range more {
		kinds[r.Kind]++
	}
	if kinds[alignment.RecordDoubt] != 2 || kinds[alignment.RecordClear] < 2 {
		t.Errorf("recorded %v, want a doubt and a clear for each of both series", kinds)
	}
	log.Records = append(log.Records, roundTrip(t, more)...)
	final, more := judge(chartInput(now, rules, len(weeks)+6), log)
	if len(more) != 0 || !final[0].Episodes[0].Doubted {
		t.Errorf("recorded %+v; doubted %t, want nothing and true", more, final[0].Episodes[0].Doubted)
	}
}

func roundTrip(t *testing.T, records []alignment.Record) []alignment.Record {
	t.Helper()
	data, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	var out []alignment.Record
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, out, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("records through JSON (-before +after):\n%s", diff)
	}
	return out
}

// TestRecordingWeekByWeek: whether the daemon ran all along or is started at
// the end, the same episodes are on record.
// recordWeekly judges after each week from one to another, and keeps the
// records as a store does: each once.
func recordWeekly(tks list, rules *mapping.RuleSet, from, to int, log alignment.Log) alignment.Log {
	seen := map[string]bool{}
	for i := range log.Records {
		seen[log.Records[i].Key()] = true
	}
	for n := from; n <= to; n++ {
		var known list
		for _, tk := range tks {
			if tk.Created.Before(chartStart.AddDate(0, 0, 7*n)) {
				known = append(known, tk)
			}
		}
		_, news := judge(chartInput(known, rules, n), log)
		for _, r := range news {
			if !seen[r.Key()] {
				seen[r.Key()] = true
				log.Records = append(log.Records, r)
			}
		}
	}
	return log
}

// TestReferenceAfterPause: what was usual before a pause does not count after
// it, whether alignd was there all the time or comes later.
func TestReferenceAfterPause(t *testing.T) {
	weeks := concat(steady(13, 14), steady(5, 14), steady(20, 7))
	day := func(week int) string { return chartStart.AddDate(0, 0, 7*week).Format(time.DateOnly) }
	rules := chartRules(t, fmt.Sprintf(", status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}, {from: %s, is: active}]", day(13), day(18)))
	tks := completedWeeks(weeks)
	goal := func(drifts []alignment.Drift) *alignment.Drift {
		for i := range drifts {
			if drifts[i].Series.Goal == "g" {
				return &drifts[i]
			}
		}
		t.Fatal("the goal has no chart")
		return nil
	}
	fresh, news := judge(chartInput(tks, rules, len(weeks)), alignment.Log{})
	if d := goal(fresh); math.Abs(d.Reference-0.35) > 0.02 || len(d.Episodes) != 0 {
		t.Errorf("reference %.3f and episodes %+v, want .35 and none", d.Reference, d.Episodes)
	}
	for name, log := range map[string]alignment.Log{
		"week by week": recordWeekly(tks, rules, 1, len(weeks), alignment.Log{}),
		"again":        {Records: news},
	} {
		later, news := judge(chartInput(tks, rules, len(weeks)), log)
		if diff := cmp.Diff(goal(fresh), goal(later)); diff != "" {
			t.Errorf("%s (-fresh +later):\n%s", name, diff)
		}
		if len(news) != 0 {
			t.Errorf("%s: recorded again: %+v", name, news)
		}
	}
}

// TestReferenceIsFrozen: a text that is edited changes nothing; rules that
// count otherwise make another reference, which ends the open episode.
func TestReferenceIsFrozen(t *testing.T) {
	weeks := concat(steady(20, 14), steady(40, 8), steady(80, 8))
	tks := completedWeeks(weeks)
	const edited = 125 // the first weeks are out of the window by then
	log := recordWeekly(tks, chartRules(t, ""), 1, edited, alignment.Log{})
	before, _ := judge(chartInput(tks, chartRules(t, ""), len(weeks)), log)
	after, news := judge(chartInput(tks, chartRules(t, ", why: Because, review: 2026-01-01"), len(weeks)), log)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a text was edited (-before +after):\n%s", diff)
	}
	for _, r := range news {
		if r.Kind != alignment.RecordCharted {
			t.Errorf("recorded %+v", r)
		}
	}
	other, err := mapping.Parse("chart.yml", []byte(strings.Replace(fmt.Sprintf(chartMapping, ""), "[g]}}", "[g, h]}}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	drifts, _ := judge(chartInput(tks, other, len(weeks)), log)
	if e := drifts[0].Episodes; before[0].Open() == nil || len(e) != 1 || e[0].How != alignment.NewReference {
		t.Errorf("episodes %+v after other rules, want one that ended with its reference", e)
	}
}

func TestRecordingWeekByWeek(t *testing.T) {
	weeks := concat(steady(10, 14), steady(9, 6), steady(9, 14), steady(9, 19))
	rules := chartRules(t, ", target: 70%")
	tks := completedWeeks(weeks)
	log := recordWeekly(tks, rules, 1, len(weeks), alignment.Log{})
	stepwise, news := judge(chartInput(tks, rules, len(weeks)), log)
	if len(news) != 0 {
		t.Errorf("recorded again: %+v", news)
	}
	atOnce, _ := judge(chartInput(tks, rules, len(weeks)), alignment.Log{})
	if diff := cmp.Diff(atOnce, stepwise); diff != "" {
		t.Errorf("charts (-at once +week by week):\n%s", diff)
	}
	if n := len(atOnce[0].Episodes); n != 2 {
		t.Errorf("%d episodes, want a drop and a rise", n)
	}
}

func TestEpisodesEnd(t *testing.T) {
	weeks := concat(steady(12, 14), steady(12, 7))
	raised, _ := judge(chartInput(completedWeeks(weeks), chartRules(t, ", target: 70%"), len(weeks)), alignment.Log{})
	week := raised[0].Episodes[0].Week
	after := raised[0].Episodes[0].RaisedAt.AddDate(0, 0, 9)
	tests := []struct {
		name, target string
		acks         []alignment.Acknowledgement
		want         alignment.Clearing
	}{
		{"still open", "70%", nil, alignment.StillOpen},
		{"acknowledged", "70%", []alignment.Acknowledgement{{Team: "t", At: after, Note: "the migration comes first"}}, alignment.Acknowledged},
		{"acknowledged before it was raised", "70%", []alignment.Acknowledgement{{Team: "t", At: after.AddDate(0, 0, -20)}}, alignment.StillOpen},
		{"another series acknowledged", "70%", []alignment.Acknowledgement{{Team: alignment.AllTeams, Goal: "g", At: after}}, alignment.StillOpen},
		{"another target declared", "[{from: 2025-01-01, share: 70%}, {from: " + after.Format(time.DateOnly) + ", share: 35%}]", nil, alignment.NewReference},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := chartInput(completedWeeks(weeks), chartRules(t, ", target: "+test.target), len(weeks))
			drifts, news := judge(in, alignment.Log{Acknowledgements: test.acks})
			e := drifts[0].Episodes[0]
			if e.Week != week || e.How != test.want {
				t.Errorf("raised in week %d, ended by %q; want week %d, %q", weekNumber(e.Week), e.How, weekNumber(week), test.want)
			}
			if test.want == alignment.Acknowledged && (e.Note == "" || !e.ClearedAt.Equal(after)) {
				t.Errorf("cleared %s with note %q, want that of the acknowledgement", e.ClearedAt, e.Note)
			}
			if declared := after.Truncate(24 * time.Hour); test.want == alignment.NewReference && !e.ClearedAt.Equal(declared) {
				t.Errorf("cleared %s, want the day on which the other target was declared: %s", e.ClearedAt, declared)
			}
			again, _ := judge(in, alignment.Log{Records: news, Acknowledgements: test.acks})
			if diff := cmp.Diff(drifts, again); diff != "" {
				t.Errorf("judged again (-first +second):\n%s", diff)
			}
		})
	}
}

// TestNoWeekIsUsedTwice: the history of two years begins a week later each
// week, but weeks that were taken together stay together.
func TestNoWeekIsUsedTwice(t *testing.T) {
	weeks := make([][2]int, 125)
	for i := range weeks {
		weeks[i] = [2]int{4, 6}
	}
	tks, rules := completedWeeks(weeks), chartRules(t, ", target: 70%")
	var log alignment.Log
	var used mapping.Date
	for n := 100; n <= len(weeks); n++ {
		log = recordWeekly(tks, rules, n, n, log)
		drifts, _ := judge(chartInput(tks, rules, n), log)
		for i := range drifts[0].Observations {
			o := &drifts[0].Observations[i]
			if i > 0 && o.First <= drifts[0].Observations[i-1].Last {
				t.Fatalf("after week %d: week %d is used twice in one chart", n, weekNumber(o.First))
			}
		}
		last := drifts[0].Observations[len(drifts[0].Observations)-1]
		if last.Last > used && last.First <= used {
			t.Errorf("after week %d: week %d was used before", n, weekNumber(last.First))
		}
		used = max(used, last.Last)
	}
}

// TestBackdatedTarget: a target that is declared later for weeks that were
// judged ends the open episode with the next week, once, and not the one after.
func TestBackdatedTarget(t *testing.T) {
	weeks := concat(steady(12, 14), steady(12, 7), steady(20, 1))
	tks := completedWeeks(weeks)
	log := recordWeekly(tks, chartRules(t, ", target: 70%"), 1, 22, alignment.Log{})
	backdated := chartRules(t, ", target: [{from: 2025-01-01, share: 70%}, {from: 2025-12-10, share: 35%}]")
	log = recordWeekly(tks, backdated, 23, len(weeks), log)
	drifts, news := judge(chartInput(tks, backdated, len(weeks)), log)
	var ends []alignment.Clearing
	for _, e := range drifts[0].Episodes {
		ends = append(ends, e.How)
	}
	if diff := cmp.Diff([]alignment.Clearing{alignment.NewReference, alignment.StillOpen}, ends); diff != "" {
		t.Errorf("episodes end (-want +got):\n%s", diff)
	}
	if len(news) != 0 {
		t.Errorf("recorded again: %+v", news)
	}
}

// TestBackdatedSilence: what is declared after an alarm, from a day before it,
// can leave the weeks of the alarm without anything to compare them with. Then
// the episode ends, and not because the share came back.
func TestBackdatedSilence(t *testing.T) {
	weeks := concat(steady(12, 14), steady(9, 7), steady(9, 7))
	tks := completedWeeks(weeks)
	log := recordWeekly(tks, chartRules(t, ", target: 70%"), 1, 21, alignment.Log{})
	day := func(week int) string { return chartStart.AddDate(0, 0, 7*week).Format(time.DateOnly) }
	for name, tt := range map[string]struct {
		goal string
		at   int // weeks after the start
	}{
		"paused since before":       {fmt.Sprintf(", target: 70%%, status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}]", day(12)), 21},
		"paused, and taken up":      {fmt.Sprintf(", target: 70%%, status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}, {from: %s, is: active}]", day(12), day(20)), 20},
		"a first target since then": {fmt.Sprintf(", target: [{from: %s, share: 35%%}]", day(20)), 20},
	} {
		rules := chartRules(t, tt.goal)
		// Not before the next week is judged: a mistake can be taken back.
		drifts, _ := judge(chartInput(tks, rules, 21), log)
		if drifts[0].Open() == nil {
			t.Errorf("%s: the episode ends at once", name)
		}
		for _, until := range []int{22, len(weeks)} {
			t.Run(fmt.Sprintf("%s, %d weeks", name, until), func(t *testing.T) {
				drifts, news := judge(chartInput(tks, rules, until), log)
				e := drifts[0].Episodes
				if len(e) == 0 || e[0].How != alignment.NewReference || !e[0].ClearedAt.Equal(chartStart.AddDate(0, 0, 7*tt.at).UTC()) {
					t.Fatalf("episodes %+v, want the first to end with its reference after week %d", e, tt.at)
				}
				again, more := judge(chartInput(tks, rules, until), alignment.Log{Records: slices.Concat(log.Records, roundTrip(t, news))})
				if diff := cmp.Diff(e[0].ClearedAt, again[0].Episodes[0].ClearedAt); diff != "" || len(more) != 0 {
					t.Errorf("told again, it ends otherwise (-first +again):\n%s%+v", diff, more)
				}
			})
		}
	}
}

// TestStaleWeeksRaiseNothing: where nobody looks after the tickets, the share
// says nothing.
func TestStaleWeeksRaiseNothing(t *testing.T) {
	weeks := concat(steady(12, 14), steady(12, 5))
	tks := completedWeeks(weeks)
	for i := range 40 { // forgotten in progress
		at := chartStart.AddDate(0, 0, -30)
		tks = append(tks, ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: fmt.Sprint("stale", i)}, Project: "P", Status: "Doing", State: ticket.StateActive, Created: at, Updated: at,
		})
	}
	drifts, _ := judge(chartInput(tks, chartRules(t, ", target: 70%"), len(weeks)), alignment.Log{})
	if d := drifts[0]; len(d.Observations) != 0 || d.Evaluable || len(d.Episodes) != 0 {
		t.Errorf("%d observations, %d episodes, evaluable %t; want none, none, false", len(d.Observations), len(d.Episodes), d.Evaluable)
	}
}

// workedWeeks makes tickets that are worked on from Monday to Friday, week by
// week, all at the same time: so many in all, and so many of them for goal "g".
func workedWeeks(weeks [][2]int) list {
	tks := completedWeeks(weeks)
	i := 0
	for w, week := range weeks {
		begin := chartStart.AddDate(0, 0, 7*w).Add(9 * time.Hour)
		end := begin.AddDate(0, 0, 4).Add(8 * time.Hour)
		for range week[1] {
			tk := &tks[i]
			i++
			tk.Created, tk.Updated = begin, end
			tk.Changes = []ticket.Change{
				{At: begin, Field: ticket.FieldState, From: "To Do", To: "Doing", FromState: ticket.StateTodo, ToState: ticket.StateActive},
				{At: end, Field: ticket.FieldState, From: "Doing", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone},
			}
		}
	}
	return tks
}

// TestDriftInTime: the same shares in team time alarm later, since the limit is
// higher, and have charts and records of their own.
func TestDriftInTime(t *testing.T) {
	weeks := concat(steady(12, 14), steady(4, 5))
	tks := workedWeeks(weeks)
	var log alignment.Log
	for _, test := range []struct {
		settings string
		unit     alignment.Unit
		h        float64
		week     int
	}{
		{"", alignment.UnitTickets, 5, 14},
		{"drift: {unit: time}\n", alignment.UnitTime, 7, 15},
		{"drift: {unit: tickets}\n", alignment.UnitTickets, 5, 14},
	} {
		rules, err := mapping.Parse("chart.yml", fmt.Appendf(nil, test.settings+chartMapping, ", target: 70%"))
		if err != nil {
			t.Fatal(err)
		}
		drifts, news := judge(chartInput(tks, rules, len(weeks)), log)
		log.Records = append(log.Records, news...)
		for _, d := range drifts {
			if d.Series.Unit != test.unit || d.Threshold != test.h || len(d.Observations) != len(weeks) || d.Observations[0].EffectiveTickets != 20 {
				t.Errorf("%s: unit %s, h %g, %d observations of %g tickets", test.settings, d.Series.Unit, d.Threshold, len(d.Observations), d.Observations[0].EffectiveTickets)
			}
			if len(d.Episodes) != 1 || weekNumber(d.Episodes[0].Week) != test.week || weekNumber(d.Episodes[0].Onset) != 13 || d.Episodes[0].Direction != alignment.Down {
				t.Errorf("%s: episodes %+v, want one raised in week %d", test.settings, d.Episodes, test.week)
			}
		}
	}
	raises := 0
	for _, r := range log.Records {
		if r.Kind == alignment.RecordRaise {
			raises++
		}
	}
	if raises != 4 { // a team and a goal, in two units
		t.Errorf("%d raises on record, want 4", raises)
	}
}

// TestTrend draws the line of the published example through tickets.
func TestTrend(t *testing.T) {
	var file struct {
		Example struct {
			Share    []float64
			Expected struct {
				Slope       float64 `json:"theil_sen_per_week"`
				MannKendall struct {
					P float64 `json:"p_two_sided"`
				} `json:"mann_kendall"`
			}
		} `json:"drift_example"`
	}
	readShared(t, "example.json", &file)
	var weeks [][2]int
	for _, share := range file.Example.Share {
		weeks = append(weeks, [2]int{int(math.Round(share * 100)), 100})
	}
	rules := chartRules(t, "")
	snap := alignment.Compute(chartInput(completedWeeks(weeks), rules, len(weeks)))
	want := file.Example.Expected
	got := snap.Teams[0].Trends[alignment.UnitTickets]
	if got.Weeks != 12 || !got.Known() || got.P == nil {
		t.Fatalf("trend %+v, want one over 12 weeks with a p-value", got)
	}
	near(t, "slope", got.Slope, want.Slope, 5e-7)
	near(t, "p", *got.P, want.MannKendall.P, 5e-9)
	if diff := cmp.Diff(alignment.Trend{Goal: "g", Unit: alignment.UnitTickets, Slope: got.Slope, Weeks: 12, P: got.P}, snap.Company.Trends[1]); diff != "" {
		t.Errorf("trend of the only goal (-want +got):\n%s", diff)
	}
	few := alignment.Compute(chartInput(completedWeeks(weeks[:7]), rules, 7))
	if got := few.Teams[0].Trends[alignment.UnitTickets]; got.Known() || got.P != nil || got.Weeks != 7 {
		t.Errorf("trend %+v over seven weeks, want none", got)
	}
}

// TestNothingIsJudgedBeforeItIsDeclared: a goal that has begun, or a target
// that has been declared, some weeks ago says nothing of the weeks before.
func TestNothingIsJudgedBeforeItIsDeclared(t *testing.T) {
	const before, after = 12, 10
	weeks := steady(before+after, 14)
	began := chartStart.AddDate(0, 0, 7*before).Add(50 * time.Hour).Format(time.DateOnly) // a Wednesday
	for name, more := range map[string]string{
		"target":                    fmt.Sprintf(", target: [{from: %s, share: 70%%}]", began),
		"status":                    fmt.Sprintf(", status: [{from: %s, is: active}], target: 70%%", began),
		"target of the larger goal": fmt.Sprintf(", target: [{from: %s, share: 70%%}]}, {id: h, name: H, target: 5%%", began),
		"status, no target":         fmt.Sprintf(", status: [{from: %s, is: active}]", began),
	} {
		t.Run(name, func(t *testing.T) {
			in := chartInput(completedWeeks(weeks), chartRules(t, more), len(weeks))
			review, news := alignment.Judge(in, alignment.LookBack(in), alignment.Log{})
			if sigma := review.Overdispersion["t"].Latest(); sigma > 1.1 {
				t.Errorf("an overdispersion of %g", sigma)
			}
			for i := range review.Drifts {
				d := &review.Drifts[i]
				if d.Series.Goal == "h" {
					continue
				}
				if len(d.Episodes) > 0 {
					t.Errorf("%v: episodes %+v", d.Series, d.Episodes)
				}
				if len(d.Observations) == 0 || weekNumber(d.Observations[0].First) <= before+1 {
					t.Errorf("%v: observations %+v, want some after week %d", d.Series, d.Observations, before+1)
				}
			}
			for _, r := range news {
				if r.Kind == alignment.RecordRaise && r.Series.Goal != "h" {
					t.Errorf("recorded: %+v", r)
				}
			}
			trend := alignment.Compute(in).Teams[0].Trends[alignment.UnitTickets]
			want := map[bool]int{true: 13, false: after - 1}[strings.HasPrefix(name, "target")] // which says nothing of what counts
			if trend.Weeks != want || math.Abs(trend.Slope) > 0.01 {
				t.Errorf("a trend over %d weeks with a slope of %g a week, want %d and about 0", trend.Weeks, trend.Slope, want)
			}
		})
	}
}

// TestPauseEndsAnEpisode: from the pause of its goal on, an open episode has
// another reference.
func TestPauseEndsAnEpisode(t *testing.T) {
	weeks := concat(steady(12, 14), steady(8, 5), steady(4, 14))
	paused := chartStart.AddDate(0, 0, 7*20).Format(time.DateOnly)
	for name, target := range map[string]string{"declared": ", target: 70%", "estimated": ""} {
		t.Run(name, func(t *testing.T) {
			rules := chartRules(t, fmt.Sprintf(", status: [{from: 2025-01-01, is: active}, {from: %s, is: paused}]%s", paused, target))
			drifts, _ := judge(chartInput(completedWeeks(weeks), rules, len(weeks)), alignment.Log{})
			goal := drifts[1]
			if len(goal.Episodes) != 1 || goal.Episodes[0].How != alignment.NewReference {
				t.Errorf("episodes %+v, want one that ended with its reference", goal.Episodes)
			}
		})
	}
}
