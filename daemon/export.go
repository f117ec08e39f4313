package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
)

// ExportPath answers with the history in OpenMetrics text. It takes the
// parameters from, to (RFC 3339), step (a Go duration) and any number of label
// (name=value).
const ExportPath = "/api/v1/export/openmetrics"

// ExportQuery writes options as the parameters of ExportPath.
func ExportQuery(opts metrics.HistoryOptions) url.Values {
	query := url.Values{
		"from": {opts.From.Format(time.RFC3339)}, "to": {opts.To.Format(time.RFC3339)}, "step": {opts.Step.String()},
	}
	for name, value := range opts.Labels {
		query.Add("label", name+"="+value)
	}
	return query
}

func exportOptions(query url.Values) (opts metrics.HistoryOptions, err error) {
	var fromErr, toErr, stepErr error
	opts.From, fromErr = time.Parse(time.RFC3339, query.Get("from"))
	opts.To, toErr = time.Parse(time.RFC3339, query.Get("to"))
	opts.Step, stepErr = time.ParseDuration(query.Get("step"))
	opts.Labels = map[string]string{}
	for _, label := range query["label"] {
		name, value, ok := strings.Cut(label, "=")
		if !ok || name == "" {
			return opts, fmt.Errorf("label %q is not of the form name=value", label)
		}
		opts.Labels[name] = value
	}
	if err := errors.Join(fromErr, toErr, stepErr); err != nil {
		return opts, err
	}
	return opts, opts.Check()
}

func (d *Daemon) exportOverHTTP(w http.ResponseWriter, r *http.Request) {
	opts, err := exportOptions(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := d.History()
	if h == nil {
		http.Error(w, "alignd has not looked back yet: no tracker has been read completely.", http.StatusServiceUnavailable)
		return
	}
	// Two years at a small step take longer than anything else.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		d.logger.Debug("Cannot lift the time limit of an export", "err", err)
	}
	w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
	if err := metrics.WriteHistory(w, h, opts); err != nil {
		d.logger.Warn("Exporting the history failed", "err", err)
	}
}

// Export writes the history of a store in OpenMetrics text.
func Export(ctx context.Context, st store.Store, rules *mapping.RuleSet, out io.Writer, opts metrics.HistoryOptions) error {
	var h *alignment.History
	err := st.View(ctx, func(v store.View) error {
		h = alignment.LookBack(alignment.Input{Tickets: v, Rules: rules, Watermarks: v.Watermarks(), Now: time.Now()})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	return metrics.WriteHistory(out, h, opts)
}
