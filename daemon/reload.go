package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"alignd/config"
	"alignd/yamlfile"
)

// reloadLoop carries out reloads, one after the other, once everything that
// they replace has started.
func (d *Daemon) reloadLoop(ctx context.Context, started <-chan struct{}) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	defer close(d.ended)
	select {
	case <-ctx.Done():
		return
	case <-started:
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_ = d.reload(ctx) // logged and counted there
		case answer := <-d.reloads:
			answer <- d.reload(ctx)
		}
	}
}

// requestReload has the loop reload and waits for the result.
func (d *Daemon) requestReload(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case d.reloads <- answer:
		return <-answer
	case <-d.ended:
		return errors.New("alignd is stopping")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload reads both files again. If anything is wrong with them, everything
// goes on as before.
func (d *Daemon) reload(ctx context.Context) error {
	cfg, pollers, err := d.prepare()
	if err != nil {
		d.counts.ConfigRejected()
		text := err.Error()
		d.rejected.Store(&text)
		d.logger.Error("Reloading failed, the old configuration stays in force", "err", err)
		return err
	}
	d.swap(ctx, cfg, pollers)
	d.archive.keep(ctx)
	d.refresher.refresh(ctx)
	d.logger.Info("Reloaded", "file", d.opts.ConfigFile, "rules", cfg.Rules.Fingerprint())
	return nil
}

// prepare does everything that can fail.
func (d *Daemon) prepare() (*config.Config, []*poller, error) {
	if d.opts.ConfigFile == "" {
		return nil, nil, errors.New("there is no configuration file to read")
	}
	cfg, err := config.Load(d.opts.ConfigFile)
	if err != nil {
		return nil, nil, err
	}
	if !reflect.DeepEqual(cfg.Store, d.cfg.Load().Store) {
		return nil, nil, fmt.Errorf("store has changed to %q: restart alignd to use another store", cfg.Store)
	}
	if !reflect.DeepEqual(cfg.Web, d.cfg.Load().Web) {
		return nil, nil, errors.New("web has changed: restart alignd to listen elsewhere or in another way")
	}
	if was, is := d.cfg.Load().Webhooks, cfg.Webhooks; was != is {
		return nil, nil, fmt.Errorf("webhooks.listen_address has changed to %q: restart alignd to listen there", is.ListenAddress)
	}
	if err := CheckWebFile(cfg); err != nil {
		return nil, nil, err
	}
	pollers, err := d.newPollers(cfg, d.pollers)
	if err != nil {
		return nil, nil, err
	}
	return cfg, pollers, nil
}

// CheckWebFile says of the file under web.config_file what the server would say
// at its start, as yamlfile.Problems.
func CheckWebFile(cfg *config.Config) error {
	if err := toolkit.Validate(cfg.Web.ConfigFile); err != nil {
		return yamlfile.Problems{cfg.At("web.config_file", "read %s: %v", cfg.Web.ConfigFile, err)}
	}
	return nil
}

// swap puts the new configuration in force. Pollers that are not part of it
// end before those that replace them start.
func (d *Daemon) swap(ctx context.Context, cfg *config.Config, pollers []*poller) {
	d.mu.Lock()
	old := d.pollers
	d.pollers = pollers
	d.mu.Unlock()
	for _, p := range old {
		if slices.Contains(pollers, p) {
			continue
		}
		p.cancel()
		<-p.done
		if !slices.ContainsFunc(pollers, func(q *poller) bool { return q.account.Name == p.account.Name }) {
			d.counts.ForgetConnector(p.account.Name)
		}
	}
	d.adopt(cfg)
	for _, p := range pollers {
		if !slices.Contains(old, p) {
			d.start(ctx, p)
		}
	}
}
