package daemon_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"alignd/alignment"
	"alignd/alignment/stats"
	"alignd/mapping"
)

const fewCompanies = 10

var alarmCompanies = flag.Int("alarms.companies", fewCompanies, "simulated companies of each kind; with more than 10 the tables of docs/drift.md are printed, 200 take 10 minutes")

// alarmSeries are the monitored series of a simulated company, in the order in
// which they are judged.
var alarmSeries = []struct {
	words           string
	perWeek, target float64
	crews           []alarmCrew
}{
	{"team, 20 tickets a week", 20, 0.7, alarmCrews[:1]},
	{"team, 12 a week", 12, 0.7, alarmCrews[1:2]},
	{"team, 6 a week", 6, 0.7, alarmCrews[2:]},
	{"goal of 40 %, 38 a week", 38, 0.4, alarmCrews},
	{"goal of 30 %, 38 a week", 38, 0.3, alarmCrews},
}

var referenceWords = [2]string{"declared", "estimated"}

// chartRun is one chart over all its weeks, alignd's or the model's.
type chartRun struct {
	raises []raise
	onset  []int // week of each raise's onset; not of the model
	judged []int // last weeks of the observations
}

// TestAlarms has alignd judge simulated companies: those that are on target
// all year must raise no more alarms than the published tables promise, and
// those whose habits change must be noticed when the tables say so.
func TestAlarms(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes with the race detector")
	}
	t.Parallel()
	var report strings.Builder
	fmt.Fprintf(&report, "%d companies of each kind, seeds from 1.\n", *alarmCompanies)
	onTarget(t, &report)
	shifted(t, &report)
	if *alarmCompanies > fewCompanies {
		fmt.Fprint(os.Stdout, report.String())
	}
}

// simulate returns the charts of many companies, by reference, series and
// company.
func simulate(t *testing.T, weeks int, after float64) (out [2][][]chartRun) {
	t.Helper()
	rules := alarmRules(t)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	companies := make([]judged, *alarmCompanies)
	for i := range companies {
		dir := t.TempDir()
		group.Go(func() (err error) {
			w := alarmWorld{seed: uint64(i + 1), weeks: weeks, after: after}
			companies[i], err = w.judge(t.Context(), dir, rules)
			return errors.Join(err, os.RemoveAll(dir))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for r := range out {
		out[r] = make([][]chartRun, len(alarmSeries))
		for _, company := range companies {
			for s := range alarmSeries {
				out[r][s] = append(out[r][s], runOf(&company[r][s]))
			}
		}
	}
	return out
}

func alarmRules(t *testing.T) (out [2]*mapping.RuleSet) {
	t.Helper()
	for i, targets := range [2][2]string{{", target: 40%", ", target: 30%"}} {
		text := strings.NewReplacer(" TARGET40", targets[0], " TARGET30", targets[1]).Replace(alarmMapping)
		rules, err := mapping.Parse("alarms.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = rules
	}
	return out
}

func runOf(d *alignment.Drift) (run chartRun) {
	week := func(d mapping.Date) int { return int(d-mapping.DateOf(alarmStart)) / 7 }
	for i := range d.Observations {
		run.judged = append(run.judged, week(d.Observations[i].Last))
	}
	for i := range d.Episodes {
		e := &d.Episodes[i]
		run.raises = append(run.raises, raise{week(e.Week), int(e.Direction)})
		run.onset = append(run.onset, week(e.Onset))
	}
	return run
}

// modelRuns returns what the model makes of a series, by reference.
func modelRuns(s, weeks int, after float64) (out [2][]chartRun) {
	series := &alarmSeries[s]
	rng := rand.New(rand.NewPCG(uint64(s), 0x0de1))
	u := urn{series.perWeek, func(week int) float64 {
		return series.target * (1 - (1-after/alarmOnPlan)*begunSince(series.crews, week-alarmShiftAt))
	}}
	for range 500 * min(40, *alarmCompanies/5) {
		points := u.draw(rng, weeks)
		for r, reference := range [2]float64{series.target, -1} {
			run := chartRun{raises: modelRaises(points, reference)}
			for _, p := range points[min(len(points), 8*r):] {
				run.judged = append(run.judged, p.last)
			}
			out[r] = append(out[r], run)
		}
	}
	return out
}

// begunSince returns which part of the tickets that are completed in a week
// was begun after the shift, so many weeks before it began.
func begunSince(crews []alarmCrew, ago int) float64 {
	if ago < 0 {
		return 0
	}
	var since, all float64
	for _, c := range crews {
		long := alarmSlots / c.perWeek
		older := long * (math.Exp(-float64(ago)/long) - math.Exp(-float64(ago+1)/long))
		since, all = since+c.perWeek*(1-older), all+c.perWeek
	}
	return since / all
}

// halfYear is for how many weeks probabilities of a false alarm are published.
const halfYear = 26

// calm sums up charts of a series that is on target.
type calm struct {
	charts, episodes, early int // early: charts with an episode within half a year
	promised                float64
	perWeek                 float64 // observations
}

func calmOf(runs []chartRun, p promise) (c calm) {
	for _, run := range runs {
		c.charts++
		c.episodes += len(run.raises)
		c.promised += p.alarms[len(run.judged)]
		c.perWeek += float64(len(run.judged))
		if len(run.raises) > 0 && run.raises[0].week < run.judged[0]+halfYear {
			c.early++
		}
	}
	return c
}

const alarmYear = 52 // weeks

func onTarget(t *testing.T, report *strings.Builder) {
	runs := simulate(t, alarmYear, alarmOnPlan)
	fmt.Fprint(report, `
### On target all year

| series | reference | observations a year | episodes | a year and series (95 %) | promised at most | the procedure itself | false alarm within 26 weeks (95 %) | promised at most |
|---|---|---|---|---|---|---|---|---|
`)
	var companies [2]float64
	for r, reference := range referenceWords {
		p := promised(r == 1, alarmYear)
		for s, series := range alarmSeries {
			got := calmOf(runs[r][s], p)
			model := calmOf(modelRuns(s, alarmYear, alarmOnPlan)[r], p)
			n := float64(got.charts)
			lower, upper := poissonInterval(got.episodes)
			early := float64(got.early) / n
			earlyLower, earlyUpper := stats.Wilson(early, n)
			rate := float64(model.episodes) / float64(model.charts)
			companies[r] += got.promised / n
			fmt.Fprintf(report, "| %s | %s | %.0f | %d | %.3f (%.3f–%.3f) | %.3f | %.3f | %.1f %% (%.1f–%.1f) | %.1f %% |\n",
				series.words, reference, got.perWeek/n, got.episodes, float64(got.episodes)/n, lower/n, upper/n, got.promised/n, rate,
				100*early, 100*earlyLower, 100*earlyUpper, 100*p.alarm[halfYear])

			what := series.words + ", " + reference
			if _, most := poissonLimits(got.promised, 0.001); got.episodes > most {
				t.Errorf("%s: %d episodes in %d series-years, promised are %.1f at most", what, got.episodes, got.charts, got.promised)
			}
			if fewest, most := poissonLimits(rate*n, 0.001); got.episodes < fewest || got.episodes > most {
				t.Errorf("%s: %d episodes in %d series-years, want about %.1f", what, got.episodes, got.charts, rate*n)
			}
		}
	}
	fmt.Fprint(report, "\n| reference | companies with any episode in the year | episodes a company | promised at most |\n|---|---|---|---|\n")
	for r, reference := range referenceWords {
		any, episodes := 0, 0
		for c := range *alarmCompanies {
			here := 0
			for s := range alarmSeries {
				here += len(runs[r][s][c].raises)
			}
			episodes += here
			any += min(1, here)
		}
		n := float64(*alarmCompanies)
		fmt.Fprintf(report, "| %s | %d of %.0f | %.2f | %.2f |\n", reference, any, n, float64(episodes)/n, companies[r])
	}
}

// noticed sums up charts of a series whose share shifts.
type noticed struct {
	charts, before, never, wrong int // before: an alarm came before the shift, and the chart counts no further
	delays, onsets               []float64
}

func noticedOf(runs []chartRun, weeks, direction int) (n noticed) {
	for _, run := range runs {
		n.charts++
		if len(run.raises) > 0 && run.raises[0].week < alarmShiftAt {
			n.before++
			continue
		}
		if len(run.raises) == 0 {
			n.never++
			n.delays = append(n.delays, float64(weeks-alarmShiftAt))
			continue
		}
		first := run.raises[0]
		n.delays = append(n.delays, float64(first.week+1-alarmShiftAt))
		if first.direction != direction {
			n.wrong++
		}
		if run.onset != nil {
			n.onsets = append(n.onsets, float64(run.onset[0]-alarmShiftAt))
		}
	}
	return n
}

// publishedDelays are what is published of delays in weeks (measures: 3.4 and
// 3.5): medians for a fall to .50, and the mean for a shift of one standard
// error, which is 10 points for 20 tickets.
var publishedDelays = map[string]float64{
	"0 to .50": 4, "1 to .50": 7, "2 to .50": 13,
	"0 to .60": 11.2, "0 to .80": 11.2,
}

const shiftedWeeks = alarmShiftAt + 52

func shifted(t *testing.T, report *strings.Builder) {
	fmt.Fprint(report, `
### A shift at the beginning of week 27

| aligned share | series | reference | shift in σ | called within a year | delay in weeks: median (middle 80 %) | mean | published | the procedure itself: median, mean | right direction | onset off by, weeks (middle 80 %) |
|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, after := range []float64{0.5, 0.6, 0.8} {
		runs := simulate(t, shiftedWeeks, after)
		direction := 1
		if after < alarmOnPlan {
			direction = -1
		}
		for r := range referenceWords {
			for s := range alarmSeries {
				got := noticedOf(runs[r][s], shiftedWeeks, direction)
				model := noticedOf(modelRuns(s, shiftedWeeks, after)[r], shiftedWeeks, direction)
				shiftedRow(t, report, r, s, after, &got, &model)
			}
		}
	}
}

func shiftedRow(t *testing.T, report *strings.Builder, r, s int, after float64, got, model *noticed) {
	series := &alarmSeries[s]
	n := got.charts - got.before
	meanDelay, deviation := mean(got.delays)
	want, _ := mean(model.delays)
	shift := series.target * math.Abs(1-after/alarmOnPlan) / math.Sqrt(series.target*(1-series.target)/series.perWeek)
	published := "–"
	if p, ok := publishedDelays[fmt.Sprintf("%d to .%.0f", s, 100*after)]; ok && r == 0 {
		published = fmt.Sprint(p)
	}
	fmt.Fprintf(report, "| .70 → .%.0f | %s | %s | %.1f | %d of %d | %.0f (%.0f–%.0f) | %.1f ± %.1f | %s | %.0f, %.1f | %d of %d | %+.0f (%+.0f to %+.0f) |\n",
		100*after, series.words, referenceWords[r], shift, n-got.never, n,
		quantile(got.delays, .5), quantile(got.delays, .1), quantile(got.delays, .9), meanDelay, deviation,
		published, quantile(model.delays, .5), want,
		n-got.never-got.wrong, n-got.never,
		quantile(got.onsets, .5), quantile(got.onsets, .1), quantile(got.onsets, .9))

	what := fmt.Sprintf("%s, %s, to .%.0f", series.words, referenceWords[r], 100*after)
	if math.Abs(meanDelay-want) > 4*deviation+0.5 {
		t.Errorf("%s: noticed after %.1f ± %.1f weeks on average, want %.1f", what, meanDelay, deviation, want)
	}
}

var _ = slices.Sorted[int]
