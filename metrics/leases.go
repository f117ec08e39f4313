package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// leaseMetrics say which replica reads what.
type leaseMetrics struct {
	leader    prometheus.Gauge
	connector *prometheus.GaugeVec
	replicas  prometheus.Gauge

	mu   sync.Mutex
	read map[string]bool
}

func newLeaseMetrics(f factory) *leaseMetrics {
	return &leaseMetrics{
		leader:    f.gauge(nameLeader, "Whether this replica reads any connector."),
		connector: f.gauges(nameConnectorLeader, "Whether this replica is the one that reads the connector.", labelConnector),
		replicas:  f.gauge(nameReplicas, "Replicas that share the store and are alive, this one included."),
		read:      map[string]bool{},
	}
}

func (m *leaseMetrics) set(connector string, reads bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.read, connector)
	if reads {
		m.read[connector] = true
	}
	m.leader.Set(boolean(len(m.read) > 0))
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Leads notes whether this replica reads the connector.
func (p *Process) Leads(connector string, leads bool) {
	p.leases.set(connector, leads)
	p.leases.connector.WithLabelValues(connector).Set(boolean(leads))
}

// ReadElsewhere removes what this replica said of its own reading of a
// connector, and what grows old now that another one reads it.
func (p *Process) ReadElsewhere(connector string) {
	for _, vec := range []*prometheus.GaugeVec{
		p.apiRemaining, p.apiLimit, p.apiReset, p.apiDaily, p.apiDailyMax, p.apiRemoval, p.authenticated, p.syncSuccess, p.syncAttempt,
	} {
		vec.DeletePartialMatch(prometheus.Labels{labelConnector: connector})
	}
}

// Replicas notes how many replicas are alive.
func (p *Process) Replicas(n int) { p.leases.replicas.Set(float64(n)) }
