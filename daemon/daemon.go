// Package daemon is alignd as a process that can be started inside a test: it
// wires the components together and owns every goroutine from start to end.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"alignd/alignment"
	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
	"alignd/web"
)

// Options are what the command line says. Only ListenAddresses is required.
type Options struct {
	Logger          *slog.Logger // nil logs nowhere
	Version         string       // shown on the page and sent to trackers
	ConfigFile      string       // read again on reload; empty switches reloading off
	ListenAddresses []string     // port 0 takes a free one, see Addr
	WebConfigFile   string       // TLS and passwords, see the exporter-toolkit; may be empty
	EnableLifecycle bool         // allows POST below /-/
	EnablePprof     bool         // serves profiles below /debug/pprof/
	WatchFiles      bool         // reloads when the content of a file changes
	// Registry gets all metrics; nil means a new one with the metrics of the
	// Go runtime and the process besides.
	Registry *prometheus.Registry
}

// Daemon is one running alignd. Make one with New, and call Run once.
type Daemon struct {
	// Kept for the whole life.
	opts      Options
	logger    *slog.Logger
	registry  *prometheus.Registry
	counts    *metrics.Process
	collector *metrics.Collector
	store     store.Store
	sites     []site       // the first has what monitoring asks for, the last the page
	webhooks  net.Listener // nil if nothing listens for them
	refresher *refresher
	reviewer  *reviewer
	sharing   *sharing
	archive   *archive
	group     *errgroup.Group
	reloads   chan chan error
	ended     chan struct{} // closed when no reload will be carried out any more
	cleanups  cleanups
	snapshot  atomic.Pointer[alignment.Snapshot]
	history   atomic.Pointer[alignment.History]
	planning  sync.Mutex             // one answer about another mapping at a time
	rejected  atomic.Pointer[string] // why the last reload failed, nil if it did not

	// Replaced by a reload.
	cfg     atomic.Pointer[config.Config]
	mu      sync.Mutex // guards pollers
	pollers []*poller  // in the order of the file
}

// New builds everything and opens the store and the addresses, so that what
// cannot work is known before anything runs. Run must follow, be it with an
// ended context, to release them.
func New(cfg *config.Config, opts Options) (*Daemon, error) {
	d := &Daemon{opts: opts, logger: opts.Logger, registry: opts.Registry, reloads: make(chan chan error), ended: make(chan struct{})}
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
	if err := d.build(cfg); err != nil {
		return nil, errors.Join(err, d.cleanups.run())
	}
	return d, nil
}

func (d *Daemon) build(cfg *config.Config) error {
	if err := toolkit.Validate(d.opts.WebConfigFile); err != nil {
		return fmt.Errorf("read web configuration: %w", err)
	}
	d.register()
	st, err := store.Open(context.Background(), cfg.Store)
	if err != nil {
		return err
	}
	d.store = st
	d.cleanups.add("close store", st.Close)
	shared := &stage{
		store: st, rules: func() *mapping.RuleSet { return d.cfg.Load().Rules },
		publish: d.publish, counts: d.counts, logger: d.logger.With("component", "refresh"),
		wake: make(chan struct{}, 1), refreshed: make(chan struct{}, 1),
	}
	d.refresher, d.reviewer = &refresher{stage: shared}, &reviewer{stage: shared}
	d.sharing = newSharing(st, cfg.Store.LeaseTime(), d.counts, d.logger.With("component", "leases"), d.otherChanged)
	d.archive = &archive{store: st, follow: d.sharing.follow, counts: d.counts, logger: d.logger.With("component", "revisions")}
	d.adopt(cfg)
	if d.pollers, err = d.newPollers(cfg, nil); err != nil {
		return err
	}
	if err := d.listenForWebhooks(cfg.Webhooks.ListenAddress); err != nil {
		return err
	}
	return d.listen(d.opts.ListenAddresses, cfg.Web.PageListenAddress)
}

func (d *Daemon) register() {
	if d.registry == nil {
		d.registry = prometheus.NewRegistry()
		d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	d.counts = metrics.NewProcess(d.registry)
	d.collector = metrics.NewCollector()
	d.registry.MustRegister(d.collector)
}

// Run works until ctx ends or something breaks that cannot be repaired by
// waiting. It releases everything before it returns; an ended ctx is no error.
func (d *Daemon) Run(ctx context.Context) error {
	d.group, ctx = errgroup.WithContext(ctx)
	d.group.Go(func() error { d.refresher.run(ctx); return nil })
	d.group.Go(func() error { d.reviewer.run(ctx); return nil })
	started := make(chan struct{})
	d.group.Go(func() error { d.reloadLoop(ctx, started); return nil })
	if d.opts.WatchFiles && d.opts.ConfigFile != "" {
		d.group.Go(func() error { d.watch(ctx); return nil })
	}
	for i := range d.sites {
		d.group.Go(func() error { return d.serve(ctx, &d.sites[i]) })
	}
	d.group.Go(func() error { return d.serveWebhooks(ctx) })
	d.sharing.follow(ctx)
	d.group.Go(func() error { d.sharing.run(ctx); return nil })
	d.group.Go(func() error { d.archive.run(ctx); return nil })
	d.mu.Lock()
	for _, p := range d.pollers {
		d.start(ctx, p)
	}
	d.mu.Unlock()
	d.logger.Info("Started", "version", d.opts.Version, "address", d.Addr(), "page", d.PageAddr(), "connectors", len(d.pollers))
	close(started)
	err := d.group.Wait()
	if err = errors.Join(err, d.cleanups.run()); err == nil {
		d.logger.Info("Stopped")
	}
	return err
}

// Addr returns the first address that is listened on.
func (d *Daemon) Addr() string { return d.sites[0].listeners[0].Addr().String() }

// PageAddr returns the first address of the page and the API, the same as Addr
// unless they have one of their own.
func (d *Daemon) PageAddr() string { return d.sites[len(d.sites)-1].listeners[0].Addr().String() }

// start runs a poller until ctx or the poller is ended.
func (d *Daemon) start(ctx context.Context, p *poller) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.done = make(chan struct{})
	d.group.Go(func() error {
		defer close(p.done)
		p.lead(ctx)
		return nil
	})
}

// newPollers returns a poller for each account of cfg. Those of running that
// would read in the same way are taken over as they are.
func (d *Daemon) newPollers(cfg *config.Config, running []*poller) ([]*poller, error) {
	var pollers []*poller
	for _, account := range cfg.Accounts() {
		at := slices.IndexFunc(running, func(p *poller) bool { return p.account.Name == account.Name })
		if at >= 0 && running[at].account.Same(account) {
			pollers = append(pollers, running[at])
			continue
		}
		daily := &connectors.Daily{}
		if at >= 0 && running[at].account.RequestsPerDay == account.RequestsPerDay {
			daily = running[at].daily
		}
		p, err := d.newPoller(account, daily)
		if err != nil {
			return nil, err
		}
		pollers = append(pollers, p)
	}
	return pollers, nil
}

func (d *Daemon) newPoller(account config.Account, daily *connectors.Daily) (*poller, error) {
	logger := d.logger.With("component", "poll", "connector", account.Name)
	opts := connectors.Options{
		Observer: d.counts, Logger: logger, UserAgent: "alignd/" + cmp.Or(d.opts.Version, "dev"), Daily: daily,
		Transport: http.DefaultTransport.(*http.Transport).Clone(), // outlives the connector
	}
	connect := func() (connectors.Connector, error) { return newConnector(account, opts) }
	connector, err := connect()
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", account.Name, err)
	}
	bell, err := newDoorbell(account)
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", account.Name, err)
	}
	if bell.verify != nil {
		d.counts.ExpectWebhooks(account.Name)
	}
	return &poller{
		account: account, bell: bell, connector: connector, connect: connect, daily: daily, store: d.store, counts: d.counts,
		zone: d.zone, changed: d.refresher.changed, logger: logger, memory: newMemory(), sharing: d.sharing,
		status: web.ConnectorStatus{Name: account.Name, Kind: account.Kind},
	}, nil
}

func newConnector(account config.Account, opts connectors.Options) (connectors.Connector, error) {
	switch settings := account.Settings.(type) {
	case jira.Config:
		return jira.New(settings, opts)
	case linear.Config:
		return linear.New(settings, opts)
	default:
		return nil, fmt.Errorf("kind %q is not known", account.Kind)
	}
}

// adopt makes cfg the configuration in force.
func (d *Daemon) adopt(cfg *config.Config) {
	var before *mapping.RuleSet
	if old := d.cfg.Swap(cfg); old != nil {
		before = old.Rules
	}
	d.archive.accept(cfg.Rules, before)
	d.rejected.Store(nil)
	d.sharing.configure(len(cfg.Accounts()))
	d.collector.Configure(metrics.CollectorOptions{StaleAfter: time.Duration(cfg.StaleAfter), MaxSeries: cfg.MaxSeries})
	d.counts.ConfigLoaded()
}

// otherChanged shows what another replica has written.
func (d *Daemon) otherChanged(ctx context.Context) {
	d.refresher.changed()
	d.mu.Lock()
	pollers := d.pollers
	d.mu.Unlock()
	for _, p := range pollers {
		p.showShared(ctx)
	}
}

// publish puts the history first, which what is in the snapshot comes from.
func (d *Daemon) publish(snap *alignment.Snapshot, history *alignment.History) {
	if history != nil {
		d.history.Store(history)
	}
	d.snapshot.Store(snap)
	d.collector.Publish(snap)
}

// zone implements zoneOf with the rules in force.
func (d *Daemon) zone(connector, project string) *time.Location {
	rules := d.cfg.Load().Rules
	if t := rules.TeamOf(connector, project); t >= 0 {
		return rules.Teams()[t].Location
	}
	return time.UTC
}

// Snapshot implements web.Source.
func (d *Daemon) Snapshot() *alignment.Snapshot { return d.snapshot.Load() }

// History implements web.Source.
func (d *Daemon) History() *alignment.History { return d.history.Load() }

// Status implements web.Source.
func (d *Daemon) Status() web.Status {
	cfg := d.cfg.Load()
	status := web.Status{StaleAfter: time.Duration(cfg.StaleAfter), TeamNames: map[string]string{}}
	for _, team := range cfg.Rules.Teams() {
		status.TeamNames[team.ID] = team.Name
	}
	for _, failure := range []*atomic.Pointer[string]{&d.sharing.failure, &d.reviewer.failure, &d.refresher.failure} {
		if text := failure.Load(); text != nil {
			status.StoreError = *text
		}
	}
	if text := d.rejected.Load(); text != nil {
		status.Rejected = *text
	}
	status.Revision = d.archive.current.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pollers {
		status.Connectors = append(status.Connectors, p.state())
	}
	return status
}

// Explain implements web.Source.
func (d *Daemon) Explain(ctx context.Context, key string) ([]alignment.Explanation, error) {
	return Explain(ctx, d.store, d.cfg.Load().Rules, key)
}

// Explain says how the tickets with this key are classified by the facts of a
// store.
func Explain(ctx context.Context, st store.Store, rules *mapping.RuleSet, key string) ([]alignment.Explanation, error) {
	var found []alignment.Explanation
	err := st.View(ctx, func(v store.View) error {
		found = alignment.Explain(input(v, rules), key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return found, nil
}
