package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"alignd/store"
)

// censusMetrics say how complete what is known of a connector is.
type censusMetrics struct {
	completeness, taken, shrunk, missing *prometheus.GaugeVec
	removed                              *prometheus.CounterVec
}

// removalCauses are the causes that TicketsRemoved counts by.
var removalCauses = []string{"gone", "moved", "scope"}

func newCensusMetrics(f factory) *censusMetrics {
	return &censusMetrics{
		completeness: f.gauges(nameSyncCompleteness, "Part of the tickets in scope that is known, by the tracker's own count.", labelConnector),
		taken:        f.gauges(nameSyncCensus, "When the tickets in scope were last counted.", labelConnector),
		shrunk:       f.gauges(nameSyncShrunk, "Whether so many tickets are missing that none is removed until they come back or somebody accepts it.", labelConnector),
		missing:      f.gauges(nameTicketsMissing, "Known tickets that the last count did not find.", labelConnector),
		removed:      f.counters(nameTicketsRemoved, "Tickets that left: gone (deleted or hidden), moved out of scope, or no longer asked for after a change of scope.", labelConnector, labelCause),
	}
}

// CensusTaken notes what the last census of a connector found.
func (p *Process) CensusTaken(connector string, c store.Census) {
	ratio, shrunk := 1.0, 0.0
	if c.Found > 0 {
		ratio = float64(c.Found-c.Unread) / float64(c.Found)
	}
	if c.Held {
		shrunk = 1
	}
	p.census.completeness.WithLabelValues(connector).Set(ratio)
	p.census.taken.WithLabelValues(connector).Set(timestamp(c.At))
	p.census.shrunk.WithLabelValues(connector).Set(shrunk)
	p.census.missing.WithLabelValues(connector).Set(float64(len(c.Missing)))
}

// TicketsRemoved counts tickets that left for a cause: "gone", "moved" or
// "scope".
func (p *Process) TicketsRemoved(connector, cause string, n int) {
	p.census.removed.WithLabelValues(connector, cause).Add(float64(n))
}
