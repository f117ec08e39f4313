package metrics_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
)

var update = flag.Bool("update", false, "write the golden files anew")

// company is a snapshot as of now: a team with everything, one without points
// and without a week's work, and one that has not been read yet.
func company(now time.Time) *alignment.Snapshot {
	watermark := now.Add(-2 * time.Minute)
	return &alignment.Snapshot{
		ComputedAt: now, Fingerprint: "f00d",
		Goals: []mapping.Goal{
			{ID: "checkout", Name: "Checkout in under a minute"},
			{ID: "reliability", Name: `Five "nines"`},
			{ID: "mobile", Name: "Mobile app", Statuses: []mapping.DatedStatus{{Is: mapping.GoalPaused, From: mapping.Moment{Instant: now.Add(-time.Hour)}}}},
			{ID: "fax", Name: "Fax", Statuses: []mapping.DatedStatus{{Is: mapping.GoalRetired, From: mapping.Moment{Instant: now.Add(-time.Hour)}}}},
		},
		Reasons: []mapping.Reason{{ID: "escalation", Name: "Customer escalation"}},
		Teams: []alignment.TeamResult{
			{
				ID: "payments", Known: true, Watermark: watermark, ActiveFresh: 4, ActiveStale: 1,
				Targets: map[string]float64{"checkout": .4, "reliability": .3, "mobile": 0}, TargetAligned: .7,
				Windows: []alignment.Window{payments("7d", 1), payments("28d", 4)},
				Trends:  teamTrends(),
				Evidence: &alignment.Evidence{Sweeps: 2, Units: [2]alignment.EvidenceWork{
					{Total: 8 * hour, Depths: [6]int64{hour, 2 * hour, 3 * hour, hour, 0, hour}, Swept: 2 * hour, Completed: 4 * hour, Late: hour},
					{},
				}},
			},
			{
				ID: "platform", Known: true, Watermark: watermark,
				Trends: []alignment.Trend{{Unit: alignment.UnitTime, Weeks: 3}, {Unit: alignment.UnitTickets, Weeks: 7, Slope: .5}, {Unit: alignment.UnitPoints}},
				Windows: []alignment.Window{
					{Name: "7d", Capacity: 40 * hour, Idle: 40 * hour},
					{
						Name: "28d", Capacity: 160 * hour, Idle: 150 * hour, FreshTime: 3, ActiveTime: 4,
						Units: [...]alignment.Work{alignment.UnitTime: work(2.5, cell(alignment.Unmapped, "", "", 10*hour)), {}, {}},
					},
				},
			},
			{ID: "new"},
		},
		Review: review(now),
		Company: alignment.TeamResult{
			ID: alignment.AllTeams, Known: true, Watermark: watermark, ActiveFresh: 4, ActiveStale: 1,
			Targets: map[string]float64{"checkout": .4, "reliability": .3, "mobile": 0}, TargetAligned: .7,
			Windows: []alignment.Window{func() alignment.Window {
				w := payments("28d", 4)
				w.Units[alignment.UnitPoints] = alignment.Work{}
				return w
			}()},
			Trends: goalTrends(),
		},
		Tickets: []alignment.TicketCount{
			{Connector: "acme", Team: "", State: "todo", Count: 2},
			{Connector: "acme", Team: "payments", State: "active", Count: 5},
		},
		Outside:   map[string]int{"acme": 2, "acme-linear": 0},
		Excluded:  map[string]int{"acme": 1},
		Rules:     []alignment.RuleUse{{Rule: "checkout by label", Tickets: 3}, {Rule: "dead", Tickets: 0}},
		Conflicts: 1,
	}
}

const hour = int64(time.Hour)

func cell(c alignment.Class, goal, reason string, amount int64) alignment.CellAmount {
	return alignment.CellAmount{Cell: alignment.Cell{Class: c, Goal: goal, Reason: reason}, Amount: amount}
}

// work has the same cells on both bases, except that now mobile's count as not
// now.
func work(effective float64, cells ...alignment.CellAmount) alignment.Work {
	w := alignment.Work{EffectiveTickets: effective, Overdispersion: 1}
	for _, c := range cells {
		w.Total += c.Amount
		w.Cells[alignment.Then] = append(w.Cells[alignment.Then], c)
		if c.Cell.Goal == "mobile" {
			c.Cell.Class = alignment.NotNow
		}
		w.Cells[alignment.Now] = append(w.Cells[alignment.Now], c)
	}
	return w
}

func payments(name string, n int64) alignment.Window {
	cells := func(unit int64) []alignment.CellAmount {
		return []alignment.CellAmount{
			cell(alignment.Aligned, "checkout", "", 18*n*unit),
			cell(alignment.Aligned, "mobile", "", 6*n*unit),
			cell(alignment.OffPlan, "", "", n*unit),
			cell(alignment.OffPlan, "", "captured-one", 2*n*unit),
			cell(alignment.OffPlan, "", "captured-two", 3*n*unit),
			cell(alignment.OffPlan, "", "escalation", 4*n*unit),
			cell(alignment.OffPlan, "", alignment.Retired, n*unit),
		}
	}
	w := alignment.Window{
		Name: name, Capacity: 40 * n * hour, Idle: 5 * n * hour, FreshTime: 9, ActiveTime: 10, Unestimated: 2,
		Units: [...]alignment.Work{work(4.5*float64(n), cells(hour)...), work(7, cells(1e5)...), work(3.25, cells(1e6)...)},
	}
	w.Units[alignment.UnitTime].Distance = &alignment.Distance{TotalVariation: .25, Floor: .125}
	return w
}

// gather runs test in a bubble, whose clock stands at midnight of 2000-01-01,
// with a registry that has a collector.
func gather(t *testing.T, test func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry)) {
	synctest.Test(t, func(t *testing.T) {
		c, reg := metrics.NewCollector(), prometheus.NewPedanticRegistry()
		reg.MustRegister(c)
		test(t, c, reg)
	})
}

// exposition returns all series as text, but those of the families left out.
func exposition(t *testing.T, reg prometheus.Gatherer, without ...string) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
family:
	for _, f := range families {
		for _, name := range without {
			if f.GetName() == name {
				continue family
			}
		}
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func golden(t *testing.T, reg prometheus.Gatherer, name string, without ...string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text := exposition(t, reg, without...)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// lint holds the names and texts against Prometheus' own rules, twice.
func lint(t *testing.T, reg prometheus.Gatherer) {
	t.Helper()
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not installed")
		}
		t.Log("promtool is not installed: its check is skipped")
		return
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(exposition(t, reg))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestCollector(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		c.Publish(company(time.Now()))
		golden(t, reg, "collector.prom")
	})
}

func TestCollectorLint(t *testing.T) {
	c, reg := metrics.NewCollector(), prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	c.Publish(company(time.Now()))
	lint(t, reg)
}

func TestNothingBeforeTheFirstSnapshot(t *testing.T) {
	gather(t, func(t *testing.T, _ *metrics.Collector, reg *prometheus.Registry) {
		golden(t, reg, "empty.prom")
	})
}

func TestVanishedGoalVanishes(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		snap := company(time.Now())
		c.Publish(snap)
		if !strings.Contains(exposition(t, reg), `goal="reliability"`) {
			t.Fatal("the goal is not there")
		}
		next := *snap
		next.Goals = snap.Goals[:1]
		c.Publish(&next)
		if strings.Contains(exposition(t, reg), `goal="reliability"`) {
			t.Error("the goal is still there")
		}
	})
}

// TestStale lets a day pass in which one team's trackers are not heard of.
func TestStale(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		snap := company(time.Now())
		c.Publish(snap)
		fresh := exposition(t, reg)
		time.Sleep(24*time.Hour - 2*time.Minute)
		if diff := cmp.Diff(fresh, exposition(t, reg)); diff != "" {
			t.Errorf("after exactly 24 h (-want +got):\n%s", diff)
		}
		next := *snap
		next.Teams = append([]alignment.TeamResult(nil), snap.Teams...)
		next.Teams[1].Watermark = time.Now()
		c.Publish(&next)
		time.Sleep(time.Second)
		golden(t, reg, "stale.prom")
		c.Configure(metrics.CollectorOptions{StaleAfter: 25 * time.Hour})
		if got := exposition(t, reg); !strings.Contains(got, `alignd_work_seconds{class="aligned",goal="checkout",reason="",team="payments"`) {
			t.Error("a longer stale_after does not bring the team back")
		}
	})
}

func TestSeriesCap(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		c.Publish(company(time.Now()))
		all := seriesOf(exposition(t, reg))
		c.Configure(metrics.CollectorOptions{MaxSeries: 50})
		for scrape := 1; scrape <= 2; scrape++ {
			text := exposition(t, reg)
			if got := len(seriesOf(text)); got != 50 {
				t.Errorf("%d series, want 50", got)
			}
			want := fmt.Sprintf("\nalignd_series_dropped_total %d\n", scrape*(len(all)-50))
			if !strings.Contains(text, want) {
				t.Errorf("want %q in:\n%s", want, text)
			}
			for _, needed := range []string{"alignd_config_info", "alignd_work_watermark_timestamp_seconds", "alignd_rule_tickets"} {
				if !strings.Contains(text, "\n"+needed+"{") {
					t.Errorf("%s is among what was dropped", needed)
				}
			}
		}
	})
}

func seriesOf(text string) (series []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			series = append(series, line)
		}
	}
	return series
}

func TestInvalidLabelFailsTheScrapeOnly(t *testing.T) {
	gather(t, func(t *testing.T, c *metrics.Collector, reg *prometheus.Registry) {
		snap := company(time.Now())
		snap.Rules[0].Rule = "\xff"
		c.Publish(snap)
		if _, err := reg.Gather(); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("error %v", err)
		}
	})
}

func TestPublishWhileScraping(t *testing.T) {
	c, reg := metrics.NewCollector(), prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		defer close(done)
		for i := range 200 {
			snap := company(time.Now())
			snap.Conflicts, snap.Rules = i, make([]alignment.RuleUse, 0, i%5)
			for j := range i % 5 {
				snap.Rules = append(snap.Rules, alignment.RuleUse{Rule: fmt.Sprint(j), Tickets: i})
			}
			c.Publish(snap)
			c.Configure(metrics.CollectorOptions{MaxSeries: 1000 + i})
		}
	})
	for range 2 {
		group.Go(func() {
			for {
				if _, err := reg.Gather(); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	group.Wait()
}

// large is a company of about 2,000 series.
func large(now time.Time) *alignment.Snapshot {
	s := company(now)
	s.Goals, s.Teams = s.Goals[:1], s.Teams[:1]
	for i := range 5 {
		s.Goals = append(s.Goals, mapping.Goal{ID: fmt.Sprintf("goal-%d", i)})
	}
	team := s.Teams[0]
	team.Windows = []alignment.Window{payments("7d", 1), payments("28d", 4), payments("91d", 12), payments("period", 9)}
	s.Teams = nil
	for i := range 3 {
		team.ID = fmt.Sprintf("team-%d", i)
		s.Teams = append(s.Teams, team)
	}
	s.Company.Windows = team.Windows
	return s
}

func BenchmarkScrape(b *testing.B) {
	c, reg := metrics.NewCollector(), prometheus.NewRegistry()
	reg.MustRegister(c)
	c.Publish(large(time.Now()))
	handler := promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	got := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		got = httptest.NewRecorder()
		handler.ServeHTTP(got, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
	}
	b.ReportMetric(float64(len(seriesOf(got.Body.String()))), "series")
}
