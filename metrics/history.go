package metrics

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"alignd/alignment"
	"alignd/mapping"
)

// HistoryOptions say what WriteHistory writes.
type HistoryOptions struct {
	// From and To bound the samples; both are included.
	From, To time.Time
	// Step is the time between samples, at least a minute. A history has one
	// value a day; a sample is that of the last local day that has ended.
	Step time.Duration
	// Labels are added to every series, such as job and instance, which a
	// scrape would add.
	Labels map[string]string
}

// Check says what is wrong with the options, naming the option and what is
// allowed.
func (o *HistoryOptions) Check() error {
	switch {
	case !o.From.Before(o.To):
		return fmt.Errorf("from %s is not before to %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	case o.Step < time.Minute:
		return fmt.Errorf("step %s is too small; at least 1m", o.Step)
	}
	for name := range o.Labels {
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
			return fmt.Errorf("label %q is not a name that Prometheus takes: letters, digits and _, not first a digit", name)
		}
		if slices.Contains(ownLabels, name) {
			return fmt.Errorf("label %q is one that the metrics have themselves", name)
		}
	}
	return nil
}

// ownLabels are those of the families that WriteHistory writes.
var ownLabels = []string{labelTeam, labelClass, labelGoal, labelReason, labelWindow, labelUnit, labelBasis}

// maxAge is how old the last closed day may be for a sample: a scrape shows
// numbers for 24 hours after their watermark by default, and that may lie most
// of a day after the last closed day.
const maxAge = 48 * time.Hour

// WriteHistory writes the rolling windows of a history in OpenMetrics text,
// for `promtool tsdb create-blocks-from openmetrics`: the families and labels
// of a scrape, with timestamps.
func WriteHistory(w io.Writer, h *alignment.History, opts HistoryOptions) error {
	t, err := readTable(h, opts)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(t.families)) {
		t.families[name].write(out, name, t.ends, opts)
	}
	fmt.Fprintln(out, "# EOF")
	return out.Flush()
}

// historyTable holds the value of every series on every day.
type historyTable struct {
	ends     map[string][]dayEnd // by team
	families map[string]*historyFamily
}

// dayEnd is a day of the table with the instant at which it ended.
type dayEnd struct {
	at    time.Time
	index int
}

type historyFamily struct {
	help   string
	series map[string]*historySeries // by labels, as written
}

type historySeries struct {
	team   string
	values []float64 // by day; NaN where there was no such series
}

// readTable reads the days that samples between From and To can show.
func readTable(h *alignment.History, opts HistoryOptions) (*historyTable, error) {
	t := &historyTable{ends: map[string][]dayEnd{}, families: map[string]*historyFamily{}}
	first, last := mapping.DateOf(opts.From.UTC())-3, mapping.DateOf(opts.To.UTC())+1
	days := int(last-first) + 1
	for i := range days {
		snap := h.Snapshot(first + mapping.Date(i))
		for _, team := range teams(snap) {
			if team.Known {
				t.ends[team.ID] = append(t.ends[team.ID], dayEnd{team.Watermark, i})
			}
		}
		gathered, err := gather(pastSections(snap))
		if err != nil {
			return nil, fmt.Errorf("build series: %w", err)
		}
		for _, family := range gathered {
			t.add(family, i, days, opts.Labels)
		}
	}
	return t, nil
}

// pastSections builds what a scrape would have shown of the rolling windows.
func pastSections(snap *alignment.Snapshot) (out []section) {
	for _, s := range build(snap) {
		if s.perishable {
			out = append(out, s)
		}
	}
	return out
}

// gather turns sections into families.
func gather(sections []section) ([]*dto.MetricFamily, error) {
	reg := prometheus.NewRegistry()
	if err := reg.Register(fixed(sections)); err != nil {
		return nil, err
	}
	return reg.Gather()
}

// fixed is a collector that shows the same sections for ever.
type fixed []section

func (fixed) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

func (f fixed) Collect(ch chan<- prometheus.Metric) {
	for _, s := range f {
		for _, m := range s.metrics {
			ch <- m
		}
	}
}

func (t *historyTable) add(family *dto.MetricFamily, day, days int, extra map[string]string) {
	f := t.families[family.GetName()]
	if f == nil {
		f = &historyFamily{help: family.GetHelp(), series: map[string]*historySeries{}}
		t.families[family.GetName()] = f
	}
	for _, m := range family.GetMetric() {
		team, labels := labelText(m, extra)
		s := f.series[labels]
		if s == nil {
			s = &historySeries{team: team, values: slices.Repeat([]float64{math.NaN()}, days)}
			f.series[labels] = s
		}
		s.values[day] = m.GetGauge().GetValue()
	}
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// labelText writes the labels of a series, sorted by name. Empty ones equal
// absent ones.
func labelText(m *dto.Metric, extra map[string]string) (team, text string) {
	pairs := map[string]string{}
	maps.Copy(pairs, extra)
	for _, l := range m.GetLabel() {
		pairs[l.GetName()] = l.GetValue()
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		if pairs[name] != "" {
			out = append(out, name+`="`+escaper.Replace(pairs[name])+`"`)
		}
	}
	return pairs[labelTeam], strings.Join(out, ",")
}

func (f *historyFamily) write(out *bufio.Writer, name string, ends map[string][]dayEnd, opts HistoryOptions) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, escaper.Replace(f.help), name)
	for _, labels := range slices.Sorted(maps.Keys(f.series)) {
		s := f.series[labels]
		for at := opts.From; !at.After(opts.To); at = at.Add(opts.Step) {
			if v, ok := s.at(at, ends[s.team]); ok {
				fmt.Fprintf(out, "%s{%s} %s %d\n", name, labels, strconv.FormatFloat(v, 'g', -1, 64), at.Unix())
			}
		}
	}
}

// at returns the value of the last day that had ended at an instant.
func (s *historySeries) at(at time.Time, ends []dayEnd) (float64, bool) {
	i, found := slices.BinarySearchFunc(ends, at, func(e dayEnd, at time.Time) int { return e.at.Compare(at) })
	if !found {
		i--
	}
	if i < 0 || at.Sub(ends[i].at) > maxAge {
		return 0, false
	}
	v := s.values[ends[i].index]
	return v, !math.IsNaN(v)
}
