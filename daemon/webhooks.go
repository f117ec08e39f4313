package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"alignd/config"
	"alignd/connectors"
	"alignd/metrics"
	"alignd/secret"
)

const (
	// hintDelay is how long after a hint the tracker is asked. A burst of
	// hints makes one walk, and the tracker's index has time to catch up.
	hintDelay = 10 * time.Second
	// maxDelivery bounds a delivery in bytes, and maxDeliveries how many are
	// read at the same time, before anybody knows who sends them.
	maxDelivery   = 2 << 20
	maxDeliveries = 16
)

// doorbell is how a tracker asks for a poll: a webhook, of which nothing but
// the fact that it was called is used. The zero value never rings.
type doorbell struct {
	path   string
	verify connectors.Verify
	key    secret.Value
	hint   chan struct{} // holds one
}

func newDoorbell(account config.Account) (doorbell, error) {
	hook := account.Webhook
	if !hook.Enabled() {
		return doorbell{}, nil
	}
	key, err := connectors.ReadSecret(hook.SecretFile, hook.SecretEnv)
	if err != nil {
		return doorbell{}, fmt.Errorf("webhook: %w", err)
	}
	return doorbell{hook.Path, account.Verify(), key, make(chan struct{}, 1)}, nil
}

// ring asks for a walk soon. It never blocks.
func (b doorbell) ring() {
	select {
	case b.hint <- struct{}{}:
	default:
	}
}

// quiet forgets a hint that the walk which begins now makes up for.
func (b doorbell) quiet() {
	select {
	case <-b.hint:
	default:
	}
}

// rest waits until the next walk is due, or a while after a hint if hints may
// be followed. It reports whether ctx is still alive.
func (b doorbell) rest(ctx context.Context, pause time.Duration, hints bool) bool {
	if !hints {
		return sleep(ctx, pause)
	}
	due := time.Now().Add(pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-b.hint:
		return sleep(ctx, min(hintDelay, time.Until(due)))
	}
}

// listenForWebhooks opens their address, if there is one.
func (d *Daemon) listenForWebhooks(address string) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	d.webhooks = l
	d.cleanups.add("close webhook listener", func() error { return ignoreClosed(l.Close()) })
	return nil
}

// WebhookAddr returns the address where webhooks arrive, empty if nowhere.
func (d *Daemon) WebhookAddr() string {
	if d.webhooks == nil {
		return ""
	}
	return d.webhooks.Addr().String()
}

// serveWebhooks takes deliveries until ctx ends.
func (d *Daemon) serveWebhooks(ctx context.Context) error {
	if d.webhooks == nil {
		return nil
	}
	server := &http.Server{
		Handler:           d.webhookHandler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug), // strangers cause them
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { drained <- drain(server) })
	d.logger.Info("Listening for webhooks", "component", "webhooks", "address", d.WebhookAddr())
	err := server.Serve(d.webhooks)
	if stop() {
		return errors.Join(fmt.Errorf("serve webhooks: %w", err), server.Close())
	}
	return <-drained
}

// webhookHandler finds the connector by the path, so that a reload can move
// the paths under it.
func (d *Daemon) webhookHandler() http.Handler {
	places := make(chan struct{}, maxDeliveries)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := d.pollerAt(r.URL.Path)
		if p == nil {
			http.NotFound(w, r)
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			p.answer(w, http.StatusServiceUnavailable, metrics.WebhookBusy)
			return
		}
		p.deliver(w, r)
	})
}

func (d *Daemon) pollerAt(path string) *poller {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pollers {
		if p.bell.verify != nil && p.bell.path == path {
			return p
		}
	}
	return nil
}

// deliver takes one delivery. The tracker is told that all is well whenever
// the signature is right: it might give up a webhook that fails too often.
func (p *poller) deliver(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		p.answer(w, http.StatusMethodNotAllowed, metrics.WebhookBad)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivery))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		p.answer(w, http.StatusRequestEntityTooLarge, metrics.WebhookTooLarge)
		return
	}
	if err != nil {
		p.answer(w, http.StatusBadRequest, metrics.WebhookBad)
		return
	}
	err = p.bell.verify(p.bell.key, connectors.Delivery{Header: r.Header, Body: body}, time.Now())
	switch {
	case err == nil:
		p.bell.ring()
		p.answer(w, http.StatusOK, metrics.WebhookAccepted)
	case errors.Is(err, connectors.ErrStale):
		p.answer(w, http.StatusOK, metrics.WebhookStale)
	case errors.Is(err, connectors.ErrSignature):
		p.answer(w, http.StatusUnauthorized, metrics.WebhookUnsigned)
	default:
		p.answer(w, http.StatusBadRequest, metrics.WebhookBad)
	}
}

// answer ends a delivery and counts it.
func (p *poller) answer(w http.ResponseWriter, status int, result string) {
	p.counts.Webhook(p.account.Name, result)
	p.logger.Debug("Webhook called", "result", result)
	w.WriteHeader(status)
}
