package daemon

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"alignd/web"
)

// route is one thing that is served, with the pattern of a ServeMux.
type route struct {
	pattern string
	handler http.Handler
}

// technicalRoutes are for monitoring and for whoever operates alignd.
func (d *Daemon) technicalRoutes() []route {
	routes := []route{
		{"GET /metrics", promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelError),
			Registry: d.registry,
		})},
		{"GET /-/healthy", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "alignd is healthy.")
		})},
		{"GET /-/ready", http.HandlerFunc(d.ready)},
		{"POST /-/reload", http.HandlerFunc(d.reloadOverHTTP)},
		{"POST /-/accept", http.HandlerFunc(d.acceptOverHTTP)},
		{"POST /-/acknowledge", http.HandlerFunc(d.acknowledgeOverHTTP)},
	}
	if d.opts.EnablePprof {
		routes = append(routes,
			route{"GET /debug/pprof/", http.HandlerFunc(pprof.Index)},
			route{"GET /debug/pprof/cmdline", http.HandlerFunc(pprof.Cmdline)},
			route{"GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile)},
			route{"GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol)},
			route{"POST /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol)},
			route{"GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace)},
		)
	}
	return routes
}

// pageRoutes are for people and for programs that ask on their behalf.
func (d *Daemon) pageRoutes() []route {
	routes := []route{
		{"GET " + ExportPath, http.HandlerFunc(d.exportOverHTTP)},
		{"POST " + PlanPath, d.mapped(d.plan)},
		{"POST " + SuggestPath, d.mapped(d.suggest)},
		{"POST " + NoticePath, d.mapped(d.notice)},
		{"POST " + TryPath, d.mapped(d.try)},
	}
	opts := web.Options{Source: d, Version: d.opts.Version, Logger: d.logger.With("component", "web")}
	web.Register(opts, func(pattern string, handler http.Handler) {
		routes = append(routes, route{pattern, handler})
	})
	return routes
}
