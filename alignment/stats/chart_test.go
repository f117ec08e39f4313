package stats_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment/stats"
)

// chartsOf returns the chart after each value, and after which ones it alarms
// first, counted from 1; 0 means never.
func chartsOf(c stats.CUSUM, x []float64) (charts []stats.CUSUM, alarm int) {
	for i, v := range x {
		c = c.Step(v)
		charts = append(charts, c)
		if _, ok := c.Alarm(); ok && alarm == 0 {
			alarm = i + 1
		}
	}
	return charts, alarm
}

func standardised(y []float64, reference, scale float64) []float64 {
	x := make([]float64, len(y))
	for i := range y {
		x[i] = (y[i] - reference) / scale
	}
	return x
}

func testCUSUM(t *testing.T, section json.RawMessage) {
	type vector struct {
		Name, Dataset, Source, Note string

		Target, Sigma, K, H float64
		Upper, Lower        map[string]float64
		AlarmAt             *int `json:"alarm_at"`
		Run, Onset          int
		NewMean             float64 `json:"new_mean"`
		NewMeanTolerance    float64 `json:"new_mean_tolerance"`
		CounterLast         *[2]int `json:"counter_last"`
		Tolerance           float64
	}
	sets := readDatasets(t)
	for _, v := range vectorsOf[vector](t, section) {
		x := standardised(datasetOf(t, sets, v.Dataset).Y, v.Target, v.Sigma)
		charts, alarm := chartsOf(stats.CUSUM{K: v.K, H: v.H}, x)
		for at, want := range v.Upper {
			near(t, v.Name+" upper "+at, charts[index(t, at)].Up, want, v.Tolerance)
		}
		for at, want := range v.Lower {
			near(t, v.Name+" lower "+at, charts[index(t, at)].Down, want, v.Tolerance)
		}
		want := 0
		if v.AlarmAt != nil {
			want = *v.AlarmAt
		}
		if alarm != want {
			t.Errorf("%s: alarm at %d, want %d", v.Name, alarm, want)
		}
		if v.Onset != 0 {
			a, _ := charts[alarm-1].Alarm()
			if onset := alarm - a.Run + 1; a.Run != v.Run || onset != v.Onset {
				t.Errorf("%s: run %d, onset %d, want %d, %d", v.Name, a.Run, onset, v.Run, v.Onset)
			}
			near(t, v.Name+" new mean", v.Target+a.Shift*v.Sigma, v.NewMean, v.NewMeanTolerance)
		}
		if last := charts[len(charts)-1]; v.CounterLast != nil && *v.CounterLast != [2]int{last.UpRun, last.DownRun} {
			t.Errorf("%s: runs %d, %d at the end, want %v", v.Name, last.UpRun, last.DownRun, *v.CounterLast)
		}
	}
}

// index reads an index that counts from 1.
func index(t *testing.T, s string) int {
	t.Helper()
	i, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return i - 1
}

func testEWMA(t *testing.T, section json.RawMessage) {
	type vector struct {
		Name, Dataset, Source string

		Start, Sigma, Lambda, L float64
		Limits                  string
		Z                       map[string]float64
		LimitValues             map[string][2]float64 `json:"limit_values"`
		SignalAt                *int                  `json:"signal_at"`
		Tolerance               float64
		LimitTolerance          float64 `json:"limit_tolerance"`
	}
	sets := readDatasets(t)
	for _, v := range vectorsOf[vector](t, section) {
		limit := map[string]func(stats.EWMA) float64{
			"exact": stats.EWMA.Limit, "asymptotic": stats.EWMA.FixedLimit,
		}[v.Limits]
		chart, signal := stats.EWMA{Lambda: v.Lambda, L: v.L, Value: v.Start}, 0
		var z, half []float64
		for i, y := range datasetOf(t, sets, v.Dataset).Y {
			chart = chart.Step(y)
			z, half = append(z, chart.Value), append(half, limit(chart)*v.Sigma)
			if signal == 0 && math.Abs(z[i]-v.Start) > half[i] {
				signal = i + 1
			}
		}
		for at, want := range v.Z {
			near(t, v.Name+" z "+at, z[index(t, at)], want, v.Tolerance)
		}
		for at, want := range v.LimitValues {
			near(t, v.Name+" lower "+at, v.Start-half[index(t, at)], want[0], v.LimitTolerance)
			near(t, v.Name+" upper "+at, v.Start+half[index(t, at)], want[1], v.LimitTolerance)
		}
		if want := v.SignalAt; want == nil && signal != 0 || want != nil && signal != *want {
			t.Errorf("%s: signal at %d", v.Name, signal)
		}
	}
}

// driftExample is drift_example of example.json.
type driftExample struct {
	About     string
	Reference float64
	NEff      float64 `json:"n_eff"`
	K, H      float64
	Share     []float64
	Expected  struct {
		Columns   []string     `json:"cusum_columns"`
		CUSUM     [][4]float64 // week, x, C+, C-
		Week      int          `json:"alarm_week"`
		Direction string       `json:"alarm_direction"`
		Onset     int          `json:"onset_week"`
		Shift     float64      `json:"estimated_shift"`
		MK        struct {
			S      int
			Var, Z float64
			P      float64 `json:"p_two_sided"`
		} `json:"mann_kendall"`
		TheilSen    float64    `json:"theil_sen_per_week"`
		OLS         float64    `json:"ols_per_week"`
		EWMA        []float64  `json:"ewma_lambda_0.2"`
		EWMALimits  [2]float64 `json:"ewma_limits_asymptotic_L_2.962"`
		EWMAOutside int        `json:"ewma_first_week_outside"`
	}
}

const half4, half6, half8 = 5.1e-5, 5.1e-7, 5.1e-9 // half a unit of the last digit

func TestDriftExample(t *testing.T) {
	var file struct {
		Drift json.RawMessage `json:"drift_example"`
	}
	if err := json.Unmarshal(shared(t, "example.json"), &file); err != nil {
		t.Fatal(err)
	}
	var d driftExample
	decode(t, file.Drift, &d)
	if diff := cmp.Diff([]string{"week", "x", "C+", "C-"}, d.Expected.Columns); diff != "" {
		t.Fatalf("columns (-want +got):\n%s", diff)
	}
	se := math.Sqrt(d.Reference * (1 - d.Reference) / d.NEff)
	x := standardised(d.Share, d.Reference, se)
	t.Run("CUSUM", func(t *testing.T) { d.testCUSUM(t, x, se) })
	t.Run("trend", d.testTrend)
	t.Run("EWMA", func(t *testing.T) { d.testEWMA(t, se) })
}

func (d driftExample) testCUSUM(t *testing.T, x []float64, se float64) {
	want := d.Expected
	charts, alarm := chartsOf(stats.CUSUM{K: d.K, H: d.H}, x)
	if len(charts) != len(want.CUSUM) {
		t.Fatalf("%d weeks, want %d", len(charts), len(want.CUSUM))
	}
	for i, row := range want.CUSUM {
		what := fmt.Sprintf("week %g", row[0])
		near(t, what+" x", x[i], row[1], half4)
		near(t, what+" C+", charts[i].Up, row[2], half4)
		near(t, what+" C-", charts[i].Down, row[3], half4)
	}
	if alarm != want.Week {
		t.Fatalf("alarm in week %d, want %d", alarm, want.Week)
	}
	a, _ := charts[alarm-1].Alarm()
	if onset := alarm - a.Run + 1; onset != want.Onset {
		t.Errorf("onset in week %d, want %d", onset, want.Onset)
	}
	if direction := map[int]string{1: "up", -1: "down"}[a.Direction]; direction != want.Direction {
		t.Errorf("direction %q, want %q", direction, want.Direction)
	}
	near(t, "shift", a.Shift*se, want.Shift, half6)
}

func (d driftExample) testTrend(t *testing.T) {
	want := d.Expected
	trend := stats.MannKendall(d.Share)
	if trend.S != want.MK.S {
		t.Errorf("S %d, want %d", trend.S, want.MK.S)
	}
	near(t, "Var", trend.Var, want.MK.Var, half6)
	near(t, "Z", trend.Z, want.MK.Z, half6)
	near(t, "P", trend.P, want.MK.P, half8)
	line, ok := stats.TheilSen(weeks(len(d.Share)), d.Share)
	if !ok || !line.Limited || line.Lower > line.Slope || line.Slope > line.Upper || line.Upper >= 0 {
		t.Errorf("line %+v", line)
	}
	near(t, "Theil-Sen", line.Slope, want.TheilSen, half6)
	// What PromQL's deriv says of the same weeks: near, and not ours.
	near(t, "least squares", leastSquares(d.Share), want.OLS, half6)
	near(t, "least squares beside Theil-Sen", line.Slope, want.OLS, 0.001)
}

func leastSquares(y []float64) float64 {
	middle := float64(len(y)-1) / 2
	var products, squares float64
	for i, v := range y {
		products += (float64(i) - middle) * v
		squares += (float64(i) - middle) * (float64(i) - middle)
	}
	return products / squares
}

func (d driftExample) testEWMA(t *testing.T, se float64) {
	want := d.Expected
	chart, outside := stats.EWMA{Lambda: 0.2, L: 2.962, Value: d.Reference}, 0
	half := chart.FixedLimit() * se
	near(t, "lower limit", d.Reference-half, want.EWMALimits[0], half6)
	near(t, "upper limit", d.Reference+half, want.EWMALimits[1], half6)
	if len(want.EWMA) != len(d.Share) {
		t.Fatalf("%d averages of %d weeks", len(want.EWMA), len(d.Share))
	}
	for i, y := range d.Share {
		chart = chart.Step(y)
		near(t, fmt.Sprintf("average %d", i+1), chart.Value, want.EWMA[i], half6)
		if outside == 0 && math.Abs(chart.Value-d.Reference) > half {
			outside = i + 1
		}
	}
	if outside != want.EWMAOutside {
		t.Errorf("outside from week %d, want %d", outside, want.EWMAOutside)
	}
}

func TestCUSUMRules(t *testing.T) {
	at := stats.CUSUM{K: 0.5, H: 5, Up: 5, UpRun: 3, Down: 5, DownRun: 3}
	if a, ok := at.Alarm(); ok {
		t.Errorf("a sum at its limit raises %+v", a)
	}
	at.Up = math.Nextafter(5, 6)
	want := stats.Alarm{Direction: 1, Run: 3, Shift: 0.5 + at.Up/3}
	if a, ok := at.Alarm(); !ok || a != want {
		t.Errorf("a sum above its limit: %+v, %t", a, ok)
	}
	if a, ok := (stats.CUSUM{K: 0.5, H: 5, Up: 6}).Alarm(); !ok || a.Shift != 6.5 {
		t.Errorf("a head start above the limit: %+v, %t", a, ok)
	}
	for _, tc := range []struct{ x, sum float64 }{{0.5 + 0.9e-12, 0}, {0.5 + 2e-12, 2e-12}} {
		c := stats.CUSUM{K: 0.5, H: 5}.Step(tc.x)
		if math.Abs(c.Up-tc.sum) > 1e-15 || c.UpRun != int(math.Ceil(tc.sum)) {
			t.Errorf("after %g: %+v", tc.x, c)
		}
	}
	last := stats.CUSUM{K: 0.5, H: 5, Up: 2, UpRun: 4}
	if c := last.Step(-3); c.Up != 0 || c.UpRun != 0 || c.Down != 2.5 || c.DownRun != 1 || last.UpRun != 4 {
		t.Errorf("after a turn: %+v, the copy %+v", c, last)
	}
}

func TestLaney(t *testing.T) {
	zigzag := func(n int, step float64) []float64 {
		z := make([]float64, n)
		for i := range z {
			z[i] = step * float64(i%2)
		}
		return z
	}
	for _, tc := range []struct {
		name string
		z    []float64
		want float64
	}{
		{"none", nil, 1},
		{"seven", zigzag(7, 100), 1},
		{"eight", zigzag(8, 2.256), 2},
		{"calm", zigzag(20, 0.1), 1},
		{"constant", zigzag(20, 0), 1},
		{"only the last 26", append(zigzag(40, 1000), zigzag(26, 3.384)...), 3},
	} {
		near(t, tc.name, stats.Laney(tc.z), tc.want, 1e-12)
	}
}

func BenchmarkCUSUM(b *testing.B) {
	x := noise(104)
	for b.Loop() {
		c := stats.CUSUM{K: 0.5, H: 5}
		for _, v := range x {
			c = c.Step(v)
			if _, ok := c.Alarm(); ok {
				c = stats.CUSUM{K: c.K, H: c.H}
			}
		}
	}
}
