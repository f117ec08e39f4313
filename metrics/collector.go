package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alignd/alignment"
)

// CollectorOptions bound what a Collector shows. Zero values mean the
// defaults.
type CollectorOptions struct {
	// StaleAfter is the age of a team's watermark from which its work and
	// shares are no longer shown; 24 hours by default.
	StaleAfter time.Duration
	// MaxSeries is the most series shown at once; 20,000 by default.
	MaxSeries int
}

func (o CollectorOptions) withDefaults() CollectorOptions {
	if o.StaleAfter <= 0 {
		o.StaleAfter = 24 * time.Hour
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 20_000
	}
	return o
}

// Collector shows the published snapshot. The series are built from that
// snapshot alone, so what vanishes from it vanishes from Prometheus. Before the
// first Publish there are none. It implements prometheus.Collector; all methods
// are safe for concurrent use.
type Collector struct {
	sections atomic.Pointer[[]section]
	options  atomic.Pointer[CollectorOptions]
	dropped  atomic.Uint64 // series, over all scrapes
}

// NewCollector returns a collector with the default options.
func NewCollector() *Collector {
	c := &Collector{}
	c.Configure(CollectorOptions{})
	c.sections.Store(&[]section{})
	return c
}

// Configure replaces the options from the next scrape on.
func (c *Collector) Configure(opts CollectorOptions) {
	opts = opts.withDefaults()
	c.options.Store(&opts)
}

// Publish shows snap from the next scrape on.
func (c *Collector) Publish(snap *alignment.Snapshot) {
	sections := build(snap)
	c.sections.Store(&sections)
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	opts := *c.options.Load()
	freshSince := time.Now().Add(-opts.StaleAfter)
	room, dropped := opts.MaxSeries-1, 0 // one for the count of the dropped ones
	for _, s := range *c.sections.Load() {
		if s.perishable && s.watermark.Before(freshSince) {
			continue
		}
		shown := s.metrics[:min(room, len(s.metrics))]
		for _, m := range shown {
			ch <- m
		}
		room -= len(shown)
		dropped += len(s.metrics) - len(shown)
	}
	total := c.dropped.Add(uint64(dropped))
	ch <- prometheus.MustNewConstMetric(descSeriesDropped, prometheus.CounterValue, float64(total))
}
