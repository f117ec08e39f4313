package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/daemon"
	"alignd/metrics"
	"alignd/store"
)

// headOfPrometheus is the time that Prometheus keeps for itself: blocks must
// not reach into it.
const headOfPrometheus = 3 * time.Hour

func addExport(app *kingpin.Application) (*kingpin.CmdClause, command) {
	group := app.Command("export", "Write the history for another program.")
	c := group.Command("openmetrics", "Write the rolling windows of the past in OpenMetrics text, with the names and labels of a scrape, for promtool tsdb create-blocks-from openmetrics. "+
		"They are those of today's rules and of everything known today. Works beside a running alignd and on the store of a stopped one.")
	from := c.Flag("from", "First sample: a date, or an instant such as 2026-08-01T00:00:00Z. 90 days before the last one by default.").PlaceHolder("TIME").String()
	to := c.Flag("to", "Last sample, at least 3 hours ago since Prometheus keeps that time for itself. 3 hours ago by default.").PlaceHolder("TIME").String()
	step := c.Flag("step", "Time between samples. The value of a sample is that of the last local day that has ended.").Default("1h").Duration()
	labels := c.Flag("label", "A label that a scrape would add, such as job=alignd or instance=alignd:8642. Repeatable.").PlaceHolder("NAME=VALUE").StringMap()
	f := addAskFlags(c)
	return c, func(ctx context.Context, out io.Writer) error {
		opts := metrics.HistoryOptions{Step: *step, Labels: *labels}
		if err := readSpan(&opts, *from, *to, time.Now().UTC()); err != nil {
			return err
		}
		if err := opts.Check(); err != nil {
			return err
		}
		return export(ctx, out, f, opts)
	}
}

// readSpan reads from when until when, with the defaults.
func readSpan(opts *metrics.HistoryOptions, from, to string, now time.Time) (err error) {
	latest := now.Add(-headOfPrometheus).Truncate(time.Hour)
	opts.To = latest
	if to != "" {
		if opts.To, err = readTime("--to", to); err != nil {
			return err
		}
		if opts.To.After(now.Add(-headOfPrometheus)) {
			return fmt.Errorf("--to %s is less than 3 hours ago; Prometheus keeps that time for itself, the latest that works is %s", to, latest.Format(time.RFC3339))
		}
	}
	opts.From = opts.To.AddDate(0, 0, -90)
	if from != "" {
		opts.From, err = readTime("--from", from)
	}
	return err
}

func readTime(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q is neither a date such as 2026-08-01 nor an instant such as 2026-08-01T06:00:00Z", flag, text)
}

func export(ctx context.Context, out io.Writer, f askFlags, opts metrics.HistoryOptions) error {
	_, err := consult(ctx, f, config.Review, func(st store.Store, cfg *config.Config) (struct{}, error) {
		return struct{}{}, daemon.Export(ctx, st, cfg.Rules, out, opts)
	}, func(running asked) (struct{}, error) {
		return struct{}{}, running.copy(ctx, out, http.MethodGet, daemon.ExportPath+"?"+daemon.ExportQuery(opts).Encode())
	})
	return err
}
