package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"alignd/alignment"
	"alignd/web"
)

// drainTime bounds how long open requests may hold up the end of the process.
const drainTime = 5 * time.Second

// site is where some of the routes are served.
type site struct {
	listeners []net.Listener
	routes    []route
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes {
		mux.Handle(r.pattern, r.handler)
	}
	// A browser that knows the password must not reload on behalf of a page
	// from elsewhere.
	return http.NewCrossOriginProtection().Handler(mux)
}

// listen opens all addresses before anything else starts, so that a taken port
// is known at once and Addr has an answer.
func (d *Daemon) listen(addresses []string, page string) error {
	if len(addresses) == 0 {
		return errors.New("listen: no address is given")
	}
	main, err := d.open(addresses...)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if page == "" {
		d.sites = []site{{main, slices.Concat(d.technicalRoutes(), d.pageRoutes())}}
		return nil
	}
	apart, err := d.open(page)
	if err != nil {
		return fmt.Errorf("listen for the page: %w", err)
	}
	d.sites = []site{{main, d.technicalRoutes()}, {apart, d.pageRoutes()}}
	return nil
}

func (d *Daemon) open(addresses ...string) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
		d.cleanups.add("close listener", func() error { return ignoreClosed(l.Close()) })
	}
	return listeners, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve answers HTTP until ctx ends, then lets open requests finish.
func (d *Daemon) serve(ctx context.Context, s *site) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(serverLog{d.logger.With("component", "http")}, "", 0),
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { drained <- drain(server) })
	noSocket := false
	err := toolkit.ServeMultiple(s.listeners, server, &toolkit.FlagConfig{
		WebListenAddresses: &d.opts.ListenAddresses,
		WebSystemdSocket:   &noSocket,
		WebConfigFile:      &d.opts.WebConfigFile,
	}, d.logger.With("component", "http"))
	if stop() {
		return errors.Join(fmt.Errorf("serve http: %w", err), server.Close())
	}
	return <-drained
}

// serverLog takes what an http.Server says in its own words.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug // strangers cause them, and health checks without a certificate
	}
	l.logger.Log(context.Background(), level, "The HTTP server complains", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}

func drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain http: %w", err), server.Close())
	}
	return nil
}

// ready means that a snapshot is published, not that a tracker answers: a
// restart must not take the last good numbers away because a tracker is down.
func (d *Daemon) ready(w http.ResponseWriter, _ *http.Request) {
	if d.Snapshot() == nil {
		lines := []string{"alignd is not ready: no tracker has been read completely yet."}
		for _, c := range d.Status().Connectors {
			lines = append(lines, c.Name+": "+web.SyncState(c, time.Now())+".")
		}
		http.Error(w, strings.Join(lines, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "alignd is ready.")
}

func (d *Daemon) reloadOverHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.opts.EnableLifecycle {
		http.Error(w, "Reloading over HTTP is switched off. Start alignd with --web.enable-lifecycle (in the file: web.enable_lifecycle), or send it SIGHUP.", http.StatusForbidden)
		return
	}
	if err := d.requestReload(r.Context()); err != nil {
		http.Error(w, "reload: "+err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "Reloaded.")
}

// acceptOverHTTP has the next census of a connector believed, however much is
// missing.
func (d *Daemon) acceptOverHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.opts.EnableLifecycle {
		http.Error(w, "Accepting over HTTP is switched off. Start alignd with --web.enable-lifecycle, or with enable_lifecycle: true under web in its file.", http.StatusForbidden)
		return
	}
	name := r.URL.Query().Get("connector")
	d.mu.Lock()
	at := slices.IndexFunc(d.pollers, func(p *poller) bool { return p.account.Name == name })
	known := at >= 0
	elsewhere := known && d.pollers[at].state().Elsewhere
	accepted := known && !elsewhere && d.pollers[at].accept()
	d.mu.Unlock()
	switch {
	case elsewhere:
		http.Error(w, fmt.Sprintf("Another replica reads %s. Say it to the one whose alignd_connector_leader is 1.", name), http.StatusConflict)
	case !known:
		http.Error(w, fmt.Sprintf("There is no connector %q.", name), http.StatusNotFound)
	case !accepted:
		http.Error(w, fmt.Sprintf("There is nothing to accept: the scope of %s has not shrunk.", name), http.StatusConflict)
	default:
		d.logger.Info("Somebody accepted that the scope shrank", "connector", name)
		fmt.Fprintf(w, "Accepted: what %s misses leaves with its next reading.\n", name)
	}
}

// maxNote bounds the note of an acknowledgement, in bytes.
const maxNote = 1000

// acknowledgeOverHTTP records that somebody has taken note of an open episode.
func (d *Daemon) acknowledgeOverHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.opts.EnableLifecycle {
		http.Error(w, "Acknowledging over HTTP is switched off. Start alignd with --web.enable-lifecycle, or with enable_lifecycle: true under web in its file.", http.StatusForbidden)
		return
	}
	query := r.URL.Query()
	ack := alignment.Acknowledgement{Team: query.Get("team"), Goal: query.Get("goal"), Note: query.Get("note"), At: time.Now().UTC().Truncate(time.Microsecond)}
	if ack.Goal != "" && ack.Team == "" {
		ack.Team = alignment.AllTeams
	}
	open := d.openEpisodes()
	at := slices.IndexFunc(open, func(e *alignment.Episode) bool { return e.Series.Team == ack.Team && e.Series.Goal == ack.Goal })
	asked := alignment.Question{Team: ack.Team, Goal: &ack.Goal}
	switch unknown := asked.Check(d.cfg.Load().Rules); {
	case unknown != nil:
		http.Error(w, unknown.Error(), http.StatusNotFound)
	case len(ack.Note) > maxNote:
		http.Error(w, fmt.Sprintf("The note has %d bytes, at most %d are kept.", len(ack.Note), maxNote), http.StatusBadRequest)
	case at < 0:
		http.Error(w, "There is no open episode of that team or goal. "+listOpen(open), http.StatusNotFound)
	default:
		d.answerAcknowledged(w, r, ack, open[at].RaisedAt)
	}
}

// answerAcknowledged takes note of an episode that was raised at an instant.
func (d *Daemon) answerAcknowledged(w http.ResponseWriter, r *http.Request, ack alignment.Acknowledgement, raised time.Time) {
	switch since, err := d.acknowledge(r.Context(), ack, raised); {
	case err != nil:
		d.logger.Error("Recording an acknowledgement failed", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !since.IsZero():
		http.Error(w, fmt.Sprintf("It is acknowledged already, since %s, and ends with the next refresh. Nothing was recorded.", since.Format("2006-01-02 15:04:05 MST")), http.StatusConflict)
	default:
		d.logger.Info("Somebody took note of an episode of drift", "team", ack.Team, "goal", ack.Goal)
		fmt.Fprintln(w, "Acknowledged: the episode ends with the next refresh, and the chart begins anew.")
	}
}

// openEpisodes lists those of the last review.
func (d *Daemon) openEpisodes() (open []*alignment.Episode) {
	if snap := d.Snapshot(); snap != nil && snap.Review != nil {
		for i := range snap.Review.Drifts {
			if e := snap.Review.Drifts[i].Open(); e != nil {
				open = append(open, e)
			}
		}
	}
	return open
}

func listOpen(open []*alignment.Episode) string {
	if len(open) == 0 {
		return "None is open."
	}
	names := make([]string, len(open))
	for i, e := range open {
		names[i] = "--team " + e.Series.Team
		if e.Series.Goal != "" {
			names[i] = "--goal " + e.Series.Goal
		}
	}
	return "Open are: " + strings.Join(names, ", ") + "."
}
