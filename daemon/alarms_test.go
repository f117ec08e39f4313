package daemon_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"alignd/alignment"
	"alignd/alignment/stats"
	"alignd/mapping"
)

const fewCompanies = 10

var alarmCompanies = flag.Int("alarms.companies", fewCompanies,
	"simulated companies of each kind; with more than 10 there are more kinds and the tables of docs/drift-benchmark.md are printed: 200 take some ten minutes")

// alarmSeries are the monitored series of a simulated company, in the order in
// which they are judged.
var alarmSeries = []struct {
	words           string
	perWeek, target float64
	crews           []alarmCrew
}{
	{"team, 20 tickets a week", 20, 0.7, alarmCrews[:1]},
	{"team, 12 tickets a week", 12, 0.7, alarmCrews[1:2]},
	{"team, 6 tickets a week", 6, 0.7, alarmCrews[2:]},
	{"goal of 40 %, 38 tickets a week", 38, 0.4, alarmCrews},
	{"goal of 30 %, 38 tickets a week", 38, 0.3, alarmCrews},
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
		t.Skip("reads the tickets of twenty companies")
	}
	t.Parallel()
	var report strings.Builder
	onTarget(t, &report)
	shifts := []float64{0.5, 0.6, 0.8}
	if *alarmCompanies <= fewCompanies {
		shifts = shifts[:1]
	}
	fmt.Fprint(&report, shiftHead)
	for _, after := range shifts {
		shifted(t, &report, after)
	}
	if *alarmCompanies > fewCompanies {
		fmt.Fprint(os.Stdout, report.String())
	}
}

// simulateCompanies returns the charts of many companies, by reference, series
// and company.
func simulateCompanies(t *testing.T, weeks int, after float64) (out [2][5][]chartRun) {
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
	for i, company := range companies {
		for s, series := range alarmSeries {
			for r, reference := range [2]float64{series.target, -1} {
				run := runOf(&company[r][s])
				want := modelRaises(pointsOf(&company[0][s]), reference)
				if diff := cmp.Diff(want, run.raises, cmp.AllowUnexported(raise{})); diff != "" {
					t.Errorf("company %d, %s, %s: alarms (-model +alignd):\n%s", i+1, series.words, referenceWords[r], diff)
				}
				out[r][s] = append(out[r][s], run)
			}
		}
	}
	return out
}

// pointsOf returns what a chart was drawn from. One with an estimated reference
// leaves out what that was learned from.
func pointsOf(d *alignment.Drift) (out []point) {
	for i := range d.Observations {
		o := &d.Observations[i]
		out = append(out, point{weekOf(o.First), weekOf(o.Last), o.EffectiveTickets, o.Share})
	}
	return out
}

// alarmRules are the same rules with and without targets.
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

// weekOf counts weeks from 0.
func weekOf(monday mapping.Date) int { return int(monday-mapping.DateOf(alarmStart)) / 7 }

func runOf(d *alignment.Drift) (run chartRun) {
	for i := range d.Observations {
		run.judged = append(run.judged, weekOf(d.Observations[i].Last))
	}
	for i := range d.Episodes {
		e := &d.Episodes[i]
		run.raises = append(run.raises, raise{weekOf(e.Week), int(e.Direction)})
		run.onset = append(run.onset, weekOf(e.Onset))
	}
	return run
}

// modelRuns returns what the model makes of a series, by reference.
func modelRuns(s, weeks int, after float64) (out [2][]chartRun) {
	series := &alarmSeries[s]
	rng := rand.New(rand.NewPCG(uint64(s), 0x0de1))
	u := urn{perWeek: series.perWeek}
	for week := range weeks {
		u.share = append(u.share, series.target*(1-(1-after/alarmOnPlan)*begunSince(series.crews, week-alarmShiftAt)))
	}
	for range 1000 * min(20, *alarmCompanies/5) {
		points := u.draw(rng)
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

// begunSince returns which part of the tickets completed in a week was begun
// after the shift, which came so many weeks before it.
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

// calm sums up charts that are on target.
type calm struct {
	charts, alarmed, early, observations int       // charts with an episode in the year, and within half a year
	episodes                             []float64 // of each chart
	alarm, alarms                        float64   // promised at most: the probability of an episode, and how many
}

func calmOf(runs []chartRun, p promise) (c calm) {
	for _, run := range runs {
		c.charts++
		c.observations += len(run.judged)
		c.episodes = append(c.episodes, float64(len(run.raises)))
		c.alarm += p.alarm[len(run.judged)] / float64(len(runs))
		c.alarms += p.alarms[len(run.judged)] / float64(len(runs))
		if len(run.raises) > 0 {
			c.alarmed++
		}
		if len(run.raises) > 0 && run.raises[0].week < run.judged[0]+halfYear {
			c.early++
		}
	}
	return c
}

const alarmYear = 52 // weeks

const (
	calmHead = `### On target all year

| series | reference | observations | with an episode in the year (95 %) | promised at most | expected | episodes in the year (95 %) | promised at most | expected | episode within 26 weeks (95 %) | promised at most |
|---|---|---|---|---|---|---|---|---|---|---|
`
	companyHead = `
| reference | companies with an episode in the year (95 %) | episodes a company (95 %) | promised at most | expected |
|---|---|---|---|---|
`
)

func onTarget(t *testing.T, report *strings.Builder) {
	runs := simulateCompanies(t, alarmYear, alarmOnPlan)
	var model [5][2][]chartRun
	for s := range model {
		model[s] = modelRuns(s, alarmYear, alarmOnPlan)
	}
	fmt.Fprint(report, calmHead)
	var companies strings.Builder
	for r := range referenceWords {
		p := promised(r == 1, alarmYear)
		var most, expected float64
		for s := range alarmSeries {
			got, want := calmOf(runs[r][s], p), calmOf(model[s][r], p)
			calmRow(t, report, s, r, got, want, p)
			average, _ := mean(want.episodes)
			most, expected = most+got.alarms, expected+average
		}
		companyRow(t, &companies, r, runs[r], most, expected)
	}
	fmt.Fprint(report, companyHead, companies.String())
}

// calmRow reports one series and holds it against the promise and the model.
// One test in a thousand would fail by chance, for another choice of seeds.
func calmRow(t *testing.T, report *strings.Builder, s, r int, got, model calm, p promise) {
	expected := float64(model.alarmed) / float64(model.charts)
	average, deviation := mean(got.episodes)
	modelAverage, _ := mean(model.episodes)
	fmt.Fprintf(report, "| %s | %s | %.0f | %d of %d: %s | %.1f %% | %.1f %% | %.2f ± %.2f | %.2f | %.2f | %s | %.1f %% |\n",
		alarmSeries[s].words, referenceWords[r], float64(got.observations)/float64(got.charts),
		got.alarmed, got.charts, inPercent(got.alarmed, got.charts), 100*got.alarm, 100*expected,
		average, 1.96*deviation, got.alarms, modelAverage, inPercent(got.early, got.charts), 100*p.alarm[halfYear])
	who := alarmSeries[s].words + ", " + referenceWords[r]
	what := fmt.Sprintf("%s: %d of %d with an episode", who, got.alarmed, got.charts)
	if _, most := binomialLimits(got.charts, got.alarm, 0.001); got.alarmed > most {
		t.Errorf("%s, promised are %.1f %% at most", what, 100*got.alarm)
	}
	if _, most := binomialLimits(got.charts, p.alarm[halfYear], 0.001); got.early > most {
		t.Errorf("%s: %d of %d with an episode within 26 weeks, promised are %.1f %% at most", who, got.early, got.charts, 100*p.alarm[halfYear])
	}
	if tolerance := 3.3 * max(deviation, math.Sqrt(got.alarms/float64(got.charts))); average > got.alarms+tolerance {
		t.Errorf("%s, %.2f ± %.2f in the year, promised are %.2f at most", what, average, deviation, got.alarms)
	}
	if fewest, most := binomialLimits(got.charts, expected, 0.001); got.alarmed < fewest || got.alarmed > most {
		t.Errorf("%s, want about %.1f %%", what, 100*expected)
	}
}

// inPercent prints a part with its 95 % interval.
func inPercent(part, all int) string {
	share := float64(part) / float64(all)
	lower, upper := stats.Wilson(share, float64(all))
	return fmt.Sprintf("%.1f %% (%.1f–%.1f)", 100*share, 100*lower, 100*upper)
}

// companyRow does for companies what calmRow does for series. Companies are
// independent of each other; the series of one are not.
func companyRow(t *testing.T, report *strings.Builder, r int, series [5][]chartRun, most, expected float64) {
	var episodes []float64
	alarmed := 0
	for c := range series[0] {
		n := 0
		for s := range series {
			n += len(series[s][c].raises)
		}
		episodes = append(episodes, float64(n))
		alarmed += min(1, n)
	}
	average, deviation := mean(episodes)
	fmt.Fprintf(report, "| %s | %d of %d: %s | %.2f ± %.2f | %.2f | %.2f |\n",
		referenceWords[r], alarmed, len(episodes), inPercent(alarmed, len(episodes)), average, 1.96*deviation, most, expected)
	tolerance := 3.3 * max(deviation, math.Sqrt(expected/float64(len(episodes))))
	if average > most+tolerance {
		t.Errorf("%s: %.2f ± %.2f episodes a company, promised are %.2f at most", referenceWords[r], average, deviation, most)
	}
	if math.Abs(average-expected) > tolerance {
		t.Errorf("%s: %.2f ± %.2f episodes a company, want about %.2f", referenceWords[r], average, deviation, expected)
	}
}

// noticed sums up charts whose share shifts. Charts with an alarm before the
// shift do not count further.
type noticed struct {
	charts, never, wrong int
	delays, onsets       []float64 // weeks; a delay of a whole year stands for never
}

func noticedOf(runs []chartRun, direction int) (n noticed) {
	for _, run := range runs {
		switch {
		case len(run.raises) == 0:
			n.charts++
			n.never++
			n.delays = append(n.delays, alarmYear)
		case run.raises[0].week >= alarmShiftAt:
			n.charts++
			n.delays = append(n.delays, float64(run.raises[0].week+1-alarmShiftAt))
			if run.raises[0].direction != direction {
				n.wrong++
			}
			if run.onset != nil {
				n.onsets = append(n.onsets, float64(run.onset[0]-alarmShiftAt))
			}
		}
	}
	return n
}

const shiftHead = `
### A shift at the beginning of week 27

| aligned share | series | reference | shift in σ | noticed within a year | after weeks: median (middle 80 %) | mean | published | expected: median, mean | right direction | onset off by weeks (middle 80 %) |
|---|---|---|---|---|---|---|---|---|---|---|
`

func shifted(t *testing.T, report *strings.Builder, after float64) {
	const weeks = alarmShiftAt + alarmYear
	direction := 1
	if after < alarmOnPlan {
		direction = -1
	}
	runs := simulateCompanies(t, weeks, after)
	var rows [2]strings.Builder
	for s := range alarmSeries {
		model := modelRuns(s, weeks, after)
		for r := range rows {
			shiftedRow(t, &rows[r], s, r, after, noticedOf(runs[r][s], direction), noticedOf(model[r], direction))
		}
	}
	fmt.Fprint(report, rows[0].String(), rows[1].String())
}

// publishedMedian and publishedMean are the published delays in weeks with a
// declared target (measures: 3.4, 3.5) by series and share after the shift: for
// a fall to .50, and for one standard error, which is 10 points of 20 tickets.
var (
	publishedMedian = map[string]float64{"0 0.5": 4, "1 0.5": 7, "2 0.5": 13}
	publishedMean   = map[string]float64{"0 0.6": 11.2, "0 0.8": 11.2}
)

func shiftedRow(t *testing.T, report *strings.Builder, s, r int, after float64, got, model noticed) {
	series := &alarmSeries[s]
	key := fmt.Sprint(s, after)
	average, deviation := mean(got.delays)
	want, _ := mean(model.delays)
	published := "–"
	if p, ok := publishedMedian[key]; ok && r == 0 {
		published = fmt.Sprintf("median %g", p)
		low, high := medianLimits(got.delays)
		if p < low-1 || p > high+1 {
			t.Errorf("%s, to %g: median delay between %g and %g weeks, published is about %g", series.words, after, low, high, p)
		}
	}
	if p, ok := publishedMean[key]; ok && r == 0 {
		published = fmt.Sprintf("mean %g", p)
		if math.Abs(average-p) > 3.3*deviation+1 {
			t.Errorf("%s, to %g: mean delay %.1f ± %.1f weeks, published is about %g", series.words, after, average, deviation, p)
		}
	}
	if math.Abs(average-want) > 3.3*deviation+0.3 {
		t.Errorf("%s, %s, to %g: mean delay %.1f ± %.1f weeks, want %.1f", series.words, referenceWords[r], after, average, deviation, want)
	}
	called := got.charts - got.never
	if called > 0 && got.wrong*20 > called {
		t.Errorf("%s, %s, to %g: %d of %d in the wrong direction", series.words, referenceWords[r], after, got.wrong, called)
	}
	sigmas := series.target * math.Abs(1-after/alarmOnPlan) / math.Sqrt(series.target*(1-series.target)/series.perWeek)
	fmt.Fprintf(report, "| .70 → .%.0f | %s | %s | %.1f | %d of %d | %.0f (%.0f–%.0f) | %.1f ± %.1f | %s | %.0f, %.1f | %d of %d | %+.0f (%+.0f to %+.0f) |\n",
		100*after, series.words, referenceWords[r], sigmas, called, got.charts,
		quantile(got.delays, .5), quantile(got.delays, .1), quantile(got.delays, .9), average, deviation,
		published, quantile(model.delays, .5), want, called-got.wrong, called,
		quantile(got.onsets, .5), quantile(got.onsets, .1), quantile(got.onsets, .9))
}

// medianLimits returns between which values the median lies with a probability
// of 99.9 %, by their ranks alone.
func medianLimits(values []float64) (low, high float64) {
	half := 3.3 / 2 / math.Sqrt(float64(len(values)))
	return quantile(values, 0.5-half), quantile(values, 0.5+half)
}
