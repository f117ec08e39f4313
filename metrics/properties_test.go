package metrics_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/ticket"
)

const recordedMapping = `
period: {name: p, from: 2026-01-01, to: 2026-12-31}
teams:
  - {id: one, owns: {jira: [A]}, capacity: 3}
  - {id: two, owns: {jira: [B]}}
goals: [{id: g, target: 40%%}, {id: h}, {id: p, status: [{from: 2020-01-01, is: active}, {from: %s, is: paused}]}]
reasons: [{id: incident}]
rules:
  - {name: g, when: {labels: {any: [g]}}, goal: g}
  - {name: h, when: {labels: {any: [h]}}, goal: h}
  - {name: p, when: {labels: {any: [p]}}, goal: p}
  - {name: why, when: {labels: {any: ["why-*"]}}, reason_from_label: why-*}
  - {name: off, when: {labels: {any: [off]}}, off_plan: true}
`

type tickets []ticket.Ticket

func (l tickets) Tickets() iter.Seq[*ticket.Ticket] {
	return func(yield func(*ticket.Ticket) bool) {
		for i := range l {
			if !yield(&l[i]) {
				return
			}
		}
	}
}

func (l tickets) Ticket(id ticket.ID) (ticket.Ticket, bool) {
	i := slices.IndexFunc(l, func(tk ticket.Ticket) bool { return tk.ID == id })
	if i < 0 {
		return ticket.Ticket{}, false
	}
	return l[i], true
}

// drawTickets makes tickets of the last month, some finished.
func drawTickets(t *rapid.T, end time.Time) (tks tickets) {
	for i := range rapid.IntRange(0, 8).Draw(t, "tickets") {
		begin := end.Add(-time.Duration(rapid.IntRange(1, 30*24).Draw(t, "age")) * time.Hour)
		tk := ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: fmt.Sprint(i)}, Project: rapid.SampledFrom([]string{"A", "B", "X"}).Draw(t, "project"),
			Status: "Doing", State: ticket.StateActive, Created: begin, Updated: begin,
		}
		for _, label := range []string{"g", "h", "p", "why-incident", "why-vendor", "off"} {
			if rapid.IntRange(0, 3).Draw(t, label) == 0 {
				tk.Labels = append(tk.Labels, label)
			}
		}
		if done := begin.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "long")) * time.Hour); done.Before(end) {
			tk.Changes = []ticket.Change{{At: done, Field: ticket.FieldState, From: "Doing", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone}}
			tk.Status, tk.State, tk.Updated = "Done", ticket.StateDone, done
		}
		tks = append(tks, tk)
	}
	return tks
}

// TestRecordedShares23: what recording rules make of the exposed work is what is
// exposed as shares. The number is that of the property in the measures.
func TestRecordedShares23(t *testing.T) {
	end := time.Now().Truncate(time.Hour)
	rules, err := mapping.Parse("recorded.yml", fmt.Appendf(nil, recordedMapping, end.AddDate(0, 0, -10).Format(time.DateOnly)))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c, reg := metrics.NewCollector(), prometheus.NewPedanticRegistry()
		reg.MustRegister(c)
		c.Publish(alignment.Compute(alignment.Input{
			Tickets: drawTickets(t, end), Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end,
		}))
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for unit, family := range map[string]string{"time": "alignd_work_seconds", "tickets": "alignd_work_tickets"} {
			sum := sums{}
			for _, m := range samples(families, family) {
				for _, team := range []string{m.labels["team"], alignment.AllTeams} {
					sum.add(m.value, team, m.labels["window"])
					sum.add(m.value, team, m.labels["window"], m.labels["class"])
					if m.labels["class"] == "aligned" {
						sum.add(m.value, team, m.labels["window"], "goal", m.labels["goal"])
					}
				}
			}
			for _, m := range samples(families, "alignd_share_ratio") {
				sum.want(t, m, unit, m.labels["class"])
			}
			for _, m := range samples(families, "alignd_goal_share_ratio") {
				sum.want(t, m, unit, "goal", m.labels["goal"])
			}
			for team, windows := range missing(sum, families, unit) {
				t.Errorf("%s of %s: work in %v, but no shares", unit, team, windows)
			}
		}
	})
}

// sums are what a recording rule adds up, by the labels it keeps.
type sums map[string]float64

func (s sums) add(v float64, labels ...string) { s[fmt.Sprint(labels)] += v }

// want compares an exposed share with the recorded one.
func (s sums) want(t *rapid.T, m sample, unit string, of ...string) {
	t.Helper()
	if m.labels["unit"] != unit || m.labels["basis"] != "then" {
		return
	}
	at := []string{m.labels["team"], m.labels["window"]}
	whole := s[fmt.Sprint(at)]
	if whole == 0 {
		t.Errorf("%v is exposed without any work", m.labels)
		return
	}
	if recorded := s[fmt.Sprint(append(at, of...))] / whole; math.Abs(recorded-m.value) > 1e-9 {
		t.Errorf("%v is %v, recorded %v", m.labels, m.value, recorded)
	}
}

// missing returns the windows by team that have work and no share of it.
func missing(s sums, families []*dto.MetricFamily, unit string) map[string][]string {
	exposed := map[string]bool{}
	for _, m := range samples(families, "alignd_share_ratio") {
		if m.labels["unit"] == unit && m.labels["basis"] == "then" {
			exposed[m.labels["team"]+m.labels["window"]] = true
		}
	}
	out := map[string][]string{}
	for _, team := range []string{"one", "two", alignment.AllTeams} {
		for _, window := range []string{"7d", "28d", "91d"} {
			if s[fmt.Sprint([]string{team, window})] > 0 && !exposed[team+window] {
				out[team] = append(out[team], window)
			}
		}
	}
	return out
}

type sample struct {
	labels map[string]string
	value  float64
}

func samples(families []*dto.MetricFamily, name string) (out []sample) {
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out = append(out, sample{labels, m.GetGauge().GetValue()})
		}
	}
	return out
}
