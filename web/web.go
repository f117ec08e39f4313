// Package web shows the published snapshot to people and programs: a plain
// page at /, the charts of drift at /drift, an explanation of one ticket at
// /explain, the tickets behind a number at /behind, and an API under /api/v1/.
// It computes no number of its own.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// Source is what the pages show. The daemon is one.
type Source interface {
	// Snapshot returns the published snapshot, nil before the first.
	Snapshot() *alignment.Snapshot
	// History returns what was last looked back over, nil before the first
	// time.
	History() *alignment.History
	Status() Status
	// Explain says how the tickets with this key are classified; none if the
	// key is not known. Keys are unique within a connector only, so there may
	// be several.
	Explain(ctx context.Context, key string) ([]alignment.Explanation, error)
	// Behind returns the tickets behind a number, see alignment.Behind.
	Behind(ctx context.Context, q alignment.Question) (alignment.Answer, error)
	// Revisions returns the mappings on record, oldest first.
	Revisions(ctx context.Context) ([]mapping.Revision, error)
}

// Status is the health the page shows beside the numbers.
type Status struct {
	// StaleAfter is the age of a watermark from which numbers are marked as
	// old.
	StaleAfter time.Duration
	TeamNames  map[string]string // what people call the teams, by id
	Connectors []ConnectorStatus // in the order of the config file
	// StoreError says why the numbers could not be computed anew, empty if
	// they could.
	StoreError string
	// Rejected says why the files, as they are now, are not in force; empty if
	// they are, or were not read again.
	Rejected string
	// Revision is that of the mapping in force, without its text; nil until it
	// is on record.
	Revision *mapping.Revision
}

// ConnectorStatus says how far one connector has been read and how the last
// attempt went. Zero times mean "never".
type ConnectorStatus struct {
	Name, Kind  string
	Watermark   time.Time // complete up to here, in the tracker's time
	LastSuccess time.Time
	LastAttempt time.Time
	NextAttempt time.Time
	Error       string // of the last attempt, empty if it succeeded
	Walking     bool
	Elsewhere   bool // another replica reads it

	Missing     int  // known tickets that the last census did not find
	ScopeShrank bool // so many that none of them is removed

	Verified time.Time // every ticket was read again by its id since then
	Repaired int       // tickets that walks had left otherwise than the tracker has them

	Read      int  // tickets read in the current walk
	Stopped   bool // the walk has stopped, and goes on there with the next attempt
	Throttled bool // the last attempt failed for a budget of the tracker that is spent
}

// Options configure the handler.
type Options struct {
	Source  Source
	Version string
	Logger  *slog.Logger // nil logs nowhere
}

// NewHandler returns the handler of the pages and the API.
func NewHandler(opts Options) http.Handler {
	mux := http.NewServeMux()
	Register(opts, mux.Handle)
	return mux
}

// Register calls handle for each page and each part of the API, with the
// pattern of a ServeMux.
func Register(opts Options, handle func(pattern string, handler http.Handler)) {
	h := &handler{source: opts.Source, version: opts.Version, logger: opts.Logger}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	handle("GET /{$}", http.HandlerFunc(h.overview))
	handle("GET /drift", http.HandlerFunc(h.driftPage))
	handle("GET /explain", http.HandlerFunc(h.explainPage))
	handle("GET /behind", http.HandlerFunc(h.behindPage))
	handle("GET /revisions", http.HandlerFunc(h.revisionsPage))
	handle("/api/v1/snapshot", h.api(h.snapshotJSON))
	handle("/api/v1/history", h.api(h.historyAnswer))
	handle("/api/v1/revisions", h.api(h.revisionsJSON))
	handle("/api/v1/episodes", h.api(h.episodesJSON))
	handle("/api/v1/explain", h.api(h.explainJSON))
	handle(BehindPath, h.api(h.behindJSON))
	handle("/api/", h.api(unknownEndpoint))
}

type handler struct {
	source  Source
	version string
	logger  *slog.Logger
}
