package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"

	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/sandbox"
)

func addDemo(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("demo", "Show alignd at work on a pretend company, without any account or file. Ctrl-C ends it and leaves nothing behind.")
	seed := c.Flag("seed", "Which company: equal seeds make equal companies.").Default("1").Uint64()
	const free = "127.0.0.1:0"
	addresses := c.Flag(addressFlag, "Address of the page, the API and /metrics. Port 0 takes a free one.").Default(free).PlaceHolder(free).Strings()
	logger := logFlags(c, "error")
	return c, func(ctx context.Context, out io.Writer) error {
		dir, err := os.MkdirTemp("", "alignd-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		fmt.Fprintln(out, "Making up a year of a company's work ...")
		company := sandbox.NewCompany(*seed, time.Now())
		return errors.Join(demo(ctx, out, company, dir, *addresses, logger()), os.RemoveAll(dir))
	}
}

// demo runs the same daemon as production on the company's trackers, with all
// files in dir.
func demo(ctx context.Context, out io.Writer, company *sandbox.Company, dir string, addresses []string, logger *slog.Logger) error {
	server, err := sandbox.Start(company.World, sandbox.Options{})
	if err != nil {
		return err
	}
	configFile := filepath.Join(dir, "alignd.yml")
	cfg, err := demoConfig(configFile, company, server)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	d, err := daemon.New(cfg, daemon.Options{
		Logger: logger, Version: release() + " (demo)", ConfigFile: configFile,
		ListenAddresses: addresses, EnableLifecycle: true,
	})
	if err != nil {
		return errors.Join(err, server.Close())
	}
	// Only now is it known where a free port is. Commands that are given the
	// file ask there.
	cfg.Web.ListenAddresses = []string{reachable(d.Addr())}
	settings := demoSettings(server) + fmt.Sprintf("web: {listen_addresses: [%q]}\n", cfg.Web.ListenAddresses[0])
	if err := os.WriteFile(configFile, []byte(settings), 0o600); err != nil {
		return errors.Join(fmt.Errorf("write demo files: %w", err), server.Close())
	}
	keys := company.World.Jira.Keys()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.Run(ctx) })
	group.Go(func() error { company.Live(ctx, 1); return nil })
	group.Go(func() error { announce(ctx, out, d, dir, keys); return nil })
	return errors.Join(group.Wait(), server.Close())
}

// demoConfig writes the files a real installation has. The trackers of the
// sandbox are neither metered nor late, so what happens there shows at once.
func demoConfig(file string, company *sandbox.Company, server *sandbox.Server) (*config.Config, error) {
	dir := filepath.Dir(file)
	for name, content := range map[string]string{
		filepath.Base(file):   demoSettings(server),
		"alignd.schema.json":  config.Schema(),
		"mapping.yml":         company.Mapping(),
		"mapping.schema.json": mapping.Schema(),
		"jira-token":          sandbox.JiraToken,
		"linear-key":          sandbox.LinearAPIKey,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, fmt.Errorf("write demo files: %w", err)
		}
	}
	return config.Load(file)
}

func demoSettings(server *sandbox.Server) string {
	return sandboxConfig(server, sandbox.CompanyProjects(), sandbox.CompanyTeams(), "token_file: jira-token", "api_key_file: linear-key")
}

// announce says where to look as soon as all numbers are there.
func announce(ctx context.Context, out io.Writer, d *daemon.Daemon, dir string, keys []string) {
	base := "http://" + reachable(d.Addr())
	fmt.Fprintf(out, "Reading it from a fake Jira and a fake Linear ...\n\n  page      %s/\n  metrics   %s/metrics\n\n", base, base)
	for !complete(d) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	known := 0
	for _, c := range d.Snapshot().Tickets {
		known += c.Count
	}
	fmt.Fprintf(out, `The numbers are there: %d tickets of five teams, mapped to goals by the rules in
%s.
The company works on while this runs, so they move. Change a rule and have it
read again: curl -X POST %s/-/reload
Ask why a ticket counts where it does:
  alignd explain %s --url=%s

Ctrl-C ends the demo and leaves nothing behind.
`, known, filepath.Join(dir, "mapping.yml"), base, latest(ctx, d, keys), base)
}

// latest returns the last of the keys that is known and in a team.
func latest(ctx context.Context, d *daemon.Daemon, keys []string) string {
	for _, key := range slices.Backward(keys) {
		if found, err := d.Explain(ctx, key); err == nil && len(found) > 0 && found[0].Team != "" {
			return key
		}
	}
	return ""
}

// reachable replaces "all addresses" by one that a browser understands.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// complete reports whether every team is in the numbers.
func complete(d *daemon.Daemon) bool {
	snap := d.Snapshot()
	if snap == nil {
		return false
	}
	for i := range snap.Teams {
		if !snap.Teams[i].Known {
			return false
		}
	}
	return true
}
