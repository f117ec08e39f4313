package metrics

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// Process holds the metrics of the daemon itself. It implements
// connectors.Observer. All methods are safe for concurrent use.
type Process struct {
	apiRequests  *prometheus.CounterVec
	apiDuration  *prometheus.HistogramVec
	apiRemaining *prometheus.GaugeVec
	apiLimit     *prometheus.GaugeVec
	apiReset     *prometheus.GaugeVec
	apiThrottled *prometheus.CounterVec
	apiDaily     *prometheus.GaugeVec
	apiDailyMax  *prometheus.GaugeVec
	apiRemoval   *prometheus.GaugeVec

	authenticated *prometheus.GaugeVec
	webhooks      *prometheus.CounterVec

	syncWatermark *prometheus.GaugeVec
	syncSuccess   *prometheus.GaugeVec
	syncAttempt   *prometheus.GaugeVec
	syncRuns      *prometheus.CounterVec
	syncFailures  *prometheus.CounterVec
	syncDuration  *prometheus.HistogramVec

	census *censusMetrics
	leases *leaseMetrics

	changesApplied  *prometheus.CounterVec
	changesLate     *prometheus.CounterVec
	ticketsSkipped  *prometheus.CounterVec
	ticketsReopened *prometheus.CounterVec

	storeBytes       prometheus.Gauge
	storeErrors      prometheus.Counter
	reclassified     *prometheus.CounterVec
	snapshotDuration prometheus.Histogram
	reloadSuccessful prometheus.Gauge
	reloadSuccess    prometheus.Gauge
	mappingInfo      *prometheus.GaugeVec
	mappingRevision  *prometheus.GaugeVec // without labels: absent until there is one
}

var _ connectors.Observer = (*Process)(nil)

// NewProcess registers the metrics with reg and panics if they are there
// already.
func NewProcess(reg prometheus.Registerer) *Process {
	f := factory{reg}
	f.buildInfo()
	return &Process{
		apiRequests:  f.counters(nameAPIRequests, "HTTP requests to the tracker, retries included.", labelConnector, labelEndpoint, labelCode),
		apiDuration:  f.histograms(nameAPIDuration, "Duration of HTTP requests to the tracker.", prometheus.ExponentialBuckets(0.025, 2.5, 9), labelConnector),
		apiRemaining: f.gauges(nameAPIRemaining, "What the tracker last said is left of a request budget.", labelConnector, labelResource),
		apiLimit:     f.gauges(nameAPILimit, "What the tracker last said a request budget is in total.", labelConnector, labelResource),
		apiReset:     f.gauges(nameAPIReset, "When a request budget will be full again, as the tracker last said.", labelConnector, labelResource),
		apiThrottled: f.counters(nameAPIThrottled, "Time spent waiting for a request budget or because the tracker asked for it.", labelConnector),

		apiDaily:    f.gauges(nameAPIDaily, "Requests of this day, in UTC, where a ceiling is configured.", labelConnector),
		apiDailyMax: f.gauges(nameAPIDailyLimit, "The configured ceiling of requests per day.", labelConnector),
		apiRemoval:  f.gauges(nameAPIRemoval, "When the tracker removes an endpoint that alignd uses, 0 if it did not say; absent if it announced nothing.", labelConnector, labelEndpoint),

		authenticated: f.gauges(nameAuthenticated, "Whether the tracker accepted the credential when it was last asked.", labelConnector),
		webhooks:      f.counters(nameWebhooks, "Webhook deliveries from the tracker, by what came of them.", labelConnector, labelResult),

		syncWatermark: f.gauges(nameSyncWatermark, "How far the connector has been read, in the tracker's time.", labelConnector),
		syncSuccess:   f.gauges(nameSyncSuccess, "When the connector was last read to the end.", labelConnector),
		syncAttempt:   f.gauges(nameSyncAttempt, "When reading the connector was last begun.", labelConnector),
		syncRuns:      f.counters(nameSyncRuns, "Walks through the connector that were finished, well or not.", labelConnector),
		syncFailures:  f.counters(nameSyncFailures, "Walks through the connector that ended early, by reason: auth, rate_limit, request, server, network, store or other.", labelConnector, labelReason),
		syncDuration:  f.histograms(nameSyncDuration, "Duration of walks through the connector, by kind: full or incremental.", prometheus.ExponentialBuckets(0.1, 3, 11), labelConnector, labelKind),

		census: newCensusMetrics(f),
		leases: newLeaseMetrics(f),

		changesApplied:  f.counters(nameChangesApplied, "Facts applied that were not known before, by kind.", labelConnector, labelKind),
		reclassified:    f.counters(nameReclassified, "Team time of closed days that changed its class or goal, found when looking back: what was labelled after the fact.", labelTeam),
		changesLate:     f.counters(nameChangesLate, "Changes applied after the day they fall on had settled.", labelConnector),
		ticketsSkipped:  f.counters(nameTicketsSkipped, "Times that a ticket could not be understood and was left out.", labelConnector),
		ticketsReopened: f.counters(nameTicketsReopened, "Times that a known ticket went from done to something else.", labelConnector),

		storeBytes:       f.gauge(nameStoreBytes, "Size of the store."),
		storeErrors:      f.counter(nameStoreErrors, "Failed accesses to the store."),
		snapshotDuration: f.histogram(nameSnapshotDuration, "Time it took to compute the numbers from the facts.", prometheus.ExponentialBuckets(0.01, 3, 8)),
		reloadSuccessful: f.gauge(nameReloadSuccessful, "Whether the last reading of the configuration files succeeded."),
		reloadSuccess:    f.gauge(nameReloadSuccess, "When the configuration files were last read successfully."),
		mappingInfo:      f.gauges(nameMappingInfo, "Revision of the mapping in force, as alignd revisions lists it; the value is always 1.", labelRevision),
		mappingRevision:  f.gauges(nameMappingRevision, "When the revision of the mapping in force was first accepted. It changes with every revision."),
	}
}

// Request implements connectors.Observer.
func (p *Process) Request(connector, endpoint string, code int, took time.Duration) {
	p.apiRequests.WithLabelValues(connector, endpoint, codeLabel(code)).Inc()
	p.apiDuration.WithLabelValues(connector).Observe(took.Seconds())
}

// codeLabel bounds what a server can make us show.
func codeLabel(code int) string {
	if code < 100 || code > 599 {
		return "error"
	}
	return strconv.Itoa(code)
}

// RateLimit implements connectors.Observer.
func (p *Process) RateLimit(connector, resource string, limit, remaining float64, reset time.Time) {
	said := func(g *prometheus.GaugeVec, v float64) {
		if !math.IsNaN(v) && v >= 0 {
			g.WithLabelValues(connector, resource).Set(v)
		}
	}
	said(p.apiLimit, limit)
	said(p.apiRemaining, remaining)
	if !reset.IsZero() {
		said(p.apiReset, timestamp(reset))
	}
}

// Throttled implements connectors.Observer.
func (p *Process) Throttled(connector string, waited time.Duration) {
	p.apiThrottled.WithLabelValues(connector).Add(max(0, waited.Seconds()))
}

// DailyRequests implements connectors.Observer.
func (p *Process) DailyRequests(connector string, used, limit int) {
	p.apiDaily.WithLabelValues(connector).Set(float64(used))
	p.apiDailyMax.WithLabelValues(connector).Set(float64(limit))
}

// Removal implements connectors.Observer.
func (p *Process) Removal(connector, endpoint string, at time.Time) {
	value := 0.0
	if !at.IsZero() {
		value = timestamp(at)
	}
	p.apiRemoval.WithLabelValues(connector, endpoint).Set(value)
}

// What comes of a webhook delivery.
const (
	WebhookAccepted = "accepted"
	WebhookBad      = "bad_request"
	WebhookUnsigned = "bad_signature"
	WebhookBusy     = "busy"
	WebhookStale    = "stale"
	WebhookTooLarge = "too_large"
)

// ExpectWebhooks begins to count the deliveries for a connector, since a rate
// cannot be seen in a counter that begins with its first event.
func (p *Process) ExpectWebhooks(connector string) {
	for _, result := range []string{WebhookAccepted, WebhookBad, WebhookUnsigned, WebhookBusy, WebhookStale, WebhookTooLarge} {
		p.webhooks.WithLabelValues(connector, result)
	}
}

// Webhook counts a delivery by its result, one of those above.
func (p *Process) Webhook(connector, result string) {
	p.webhooks.WithLabelValues(connector, result).Inc()
}

// SyncWatermark notes how far the connector has been read.
func (p *Process) SyncWatermark(connector string, at time.Time) {
	p.syncWatermark.WithLabelValues(connector).Set(timestamp(at))
}

// SyncStarted notes that a walk begins now. It also makes the connector's
// counters appear, so that the first increase is seen as one.
func (p *Process) SyncStarted(connector string) {
	p.syncAttempt.WithLabelValues(connector).SetToCurrentTime()
	for _, c := range []*prometheus.CounterVec{
		p.syncRuns, p.changesLate, p.ticketsSkipped, p.ticketsReopened, p.apiThrottled,
		p.census.reread, p.census.repaired,
	} {
		c.WithLabelValues(connector)
	}
	for _, reason := range failureReasons {
		p.syncFailures.WithLabelValues(connector, reason)
	}
	for _, cause := range removalCauses {
		p.census.removed.WithLabelValues(connector, cause)
	}
	for _, kind := range changeKinds {
		p.changesApplied.WithLabelValues(connector, kind)
	}
}

// SyncFinished notes the end of a walk of a kind, "full" or "incremental". A
// nil err means that it reached the last page, another what came from the
// tracker; for the store there is SyncFailedByStore.
func (p *Process) SyncFinished(connector, kind string, took time.Duration, err error) {
	p.syncEnded(connector, kind, took)
	p.identity(connector, err)
	if err != nil {
		p.syncFailures.WithLabelValues(connector, failureReason(err)).Inc()
		return
	}
	p.syncSuccess.WithLabelValues(connector).SetToCurrentTime()
}

func (p *Process) syncEnded(connector, kind string, took time.Duration) {
	p.syncRuns.WithLabelValues(connector).Inc()
	p.syncDuration.WithLabelValues(connector, kind).Observe(took.Seconds())
}

// identity notes whether the tracker knows who we are. Errors of other kinds
// say nothing about it.
func (p *Process) identity(connector string, err error) {
	switch {
	case err == nil:
		p.authenticated.WithLabelValues(connector).Set(1)
	case connectors.Unauthenticated(err):
		p.authenticated.WithLabelValues(connector).Set(0)
	}
}

// BatchApplied counts what a batch taught.
func (p *Process) BatchApplied(connector string, a store.Applied) {
	count := func(kind string, n int) { p.changesApplied.WithLabelValues(connector, kind).Add(float64(n)) }
	count("created", a.Created)
	count("delete", a.Gone)
	for i := range a.Changes {
		c := &a.Changes[i]
		count(changeKind(c.Field), 1)
		if c.Field == ticket.FieldState && c.FromState == ticket.StateDone && c.ToState != ticket.StateDone {
			p.ticketsReopened.WithLabelValues(connector).Inc()
		}
	}
}

var changeKinds = []string{"created", "state", "label", "team", "estimate", "parent", "plan", "touch", "delete"}

func changeKind(f ticket.Field) string {
	switch f {
	case ticket.FieldState, ticket.FieldLabel, ticket.FieldEstimate, ticket.FieldPlan:
		return f.String()
	case ticket.FieldDue:
		return ticket.FieldPlan.String()
	case ticket.FieldProject:
		return "team"
	case ticket.FieldParent, ticket.FieldGroup:
		return "parent"
	default:
		return "touch"
	}
}

// LateChanges counts changes that came after their day had settled.
func (p *Process) LateChanges(connector string, n int) {
	p.changesLate.WithLabelValues(connector).Add(float64(n))
}

// TicketSkipped counts a ticket that could not be understood.
func (p *Process) TicketSkipped(connector string) { p.ticketsSkipped.WithLabelValues(connector).Inc() }

// ForgetConnector removes all series of a connector that is no longer
// configured.
func (p *Process) ForgetConnector(connector string) {
	p.leases.set(connector, false)
	for _, vec := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{
		p.apiRequests, p.apiDuration, p.apiRemaining, p.apiLimit, p.apiReset, p.apiThrottled,
		p.apiDaily, p.apiDailyMax, p.apiRemoval, p.authenticated, p.webhooks,
		p.syncWatermark, p.syncSuccess, p.syncAttempt, p.syncRuns, p.syncFailures, p.syncDuration,
		p.changesApplied, p.changesLate, p.ticketsSkipped, p.ticketsReopened,
		p.census.completeness, p.census.taken, p.census.shrunk, p.census.missing, p.census.verified,
		p.census.removed, p.census.reread, p.census.repaired, p.leases.connector,
	} {
		vec.DeletePartialMatch(prometheus.Labels{labelConnector: connector})
	}
}

// StoreSize notes the size of the store in bytes.
func (p *Process) StoreSize(bytes int64) { p.storeBytes.Set(float64(bytes)) }

// StoreError counts a failed access to the store.
func (p *Process) StoreError() { p.storeErrors.Inc() }

// SnapshotComputed notes how long a computation took.
func (p *Process) SnapshotComputed(took time.Duration) { p.snapshotDuration.Observe(took.Seconds()) }

// Reclassified counts team time of closed days that changed its class.
func (p *Process) Reclassified(team string, amount time.Duration) {
	p.reclassified.WithLabelValues(team).Add(amount.Seconds())
}

// ConfigLoaded notes that the configuration in force was read now.
func (p *Process) ConfigLoaded() {
	p.reloadSuccessful.Set(1)
	p.reloadSuccess.SetToCurrentTime()
}

// ConfigRejected notes that the configuration files have mistakes and the one
// in force stays.
func (p *Process) ConfigRejected() { p.reloadSuccessful.Set(0) }

// Revision notes which revision of the mapping is in force, and when it was
// first accepted.
func (p *Process) Revision(id string, at time.Time) {
	p.mappingInfo.Reset()
	p.mappingInfo.WithLabelValues(id).Set(1)
	p.mappingRevision.WithLabelValues().Set(timestamp(at))
}

func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// factory makes and registers metrics.
type factory struct{ reg prometheus.Registerer }

func register[C prometheus.Collector](f factory, c C) C {
	f.reg.MustRegister(c)
	return c
}

func (f factory) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return register(f, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
}

func (f factory) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(f, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels))
}

func (f factory) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(f, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}

func (f factory) counter(name, help string) prometheus.Counter {
	return register(f, prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help}))
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	return register(f, prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help}))
}

func (f factory) histogram(name, help string, buckets []float64) prometheus.Histogram {
	return register(f, prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}))
}

func (f factory) buildInfo() {
	g := f.gauges(nameBuildInfo, "Which build of alignd this is; the value is always 1.", "version", "revision", "goversion")
	g.WithLabelValues(version.Version, version.GetRevision(), version.GoVersion).Set(1)
}
