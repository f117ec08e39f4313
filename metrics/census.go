package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alignd/store"
)

// censusMetrics say how complete what is known of a connector is.
type censusMetrics struct {
	completeness, taken, shrunk, missing, verified *prometheus.GaugeVec
	removed, reread, repaired                      *prometheus.CounterVec
}

// removalCauses are the causes that TicketsRemoved counts by.
var removalCauses = []string{"gone", "moved", "scope"}

func newCensusMetrics(f factory) *censusMetrics {
	return &censusMetrics{
		completeness: f.gauges(nameSyncCompleteness, "Part of the tickets in scope that is known, by the tracker's own count: 1 is all, less means that some are not read.", labelConnector),
		taken:        f.gauges(nameSyncCensus, "When the tickets in scope were last counted.", labelConnector),
		shrunk:       f.gauges(nameSyncShrunk, "Whether so many tickets are missing that none is removed until they come back or somebody accepts it.", labelConnector),
		missing:      f.gauges(nameTicketsMissing, "Known tickets that the last count did not find: unproven (missed once, the next count decides), unreadable (there, but not to be understood), or held (too many to believe it).", labelConnector, labelCause),
		removed:      f.counters(nameTicketsRemoved, "Tickets that left, as this process noticed since its start: gone (deleted or hidden), moved out of scope, or no longer asked for after a change of scope. Over replicas, sum them up.", labelConnector, labelCause),
		verified:     f.gauges(nameSyncVerified, "Every ticket in scope was read again by its id since then, whatever the tracker said of changes.", labelConnector),
		reread:       f.counters(nameTicketsReread, "Times that a known ticket was read again by its id.", labelConnector),
		repaired:     f.counters(nameTicketsRepaired, "Tickets that a census or a re-reading found otherwise than known, although the walks were past their dates.", labelConnector),
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
	for cause, n := range missingByCause(c) {
		p.census.missing.WithLabelValues(connector, cause).Set(float64(n))
	}
}

// missingByCause says why tickets are still missing, and not found or removed:
// whatever has been missed twice was looked at, unless all of it is held.
func missingByCause(c store.Census) map[string]int {
	causes := map[string]int{"unproven": 0, "unreadable": 0, "held": 0}
	for _, miss := range c.Missing {
		switch {
		case c.Held:
			causes["held"]++
		case miss.Times < 2:
			causes["unproven"]++
		default:
			causes["unreadable"]++
		}
	}
	return causes
}

// TicketsRemoved counts tickets that left for a cause: "gone", "moved" or
// "scope".
func (p *Process) TicketsRemoved(connector, cause string, n int) {
	p.census.removed.WithLabelValues(connector, cause).Add(float64(n))
}

// TicketsReread counts known tickets that were read again by their ids, and
// since when every one of them has been; zero means not yet.
func (p *Process) TicketsReread(connector string, n int, verified time.Time) {
	p.census.reread.WithLabelValues(connector).Add(float64(n))
	if !verified.IsZero() {
		p.census.verified.WithLabelValues(connector).Set(timestamp(verified))
	}
}

// TicketsRepaired counts tickets that were not as the tracker had them,
// although the walks were past their dates.
func (p *Process) TicketsRepaired(connector string, n int) {
	p.census.repaired.WithLabelValues(connector).Add(float64(n))
}
