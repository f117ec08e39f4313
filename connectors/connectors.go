// Package connectors is the contract between a tracker and alignd, the HTTP
// client that every tracker is read through, and the conformance story that
// every connector passes.
//
// A connector knows how to fetch and convert one page. When to fetch, how
// often, and what to do with the result is the daemon's business; what a
// ticket means is the rules' business.
package connectors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"alignd/ticket"
)

// Connector reads one configured tracker account.
//
// A walk is a sequence of Page calls: the first with an empty Token, each
// following one with the Next of the page before, until Next is empty. A walk
// returns every ticket in scope that changed at or after Query.Since, each
// with its whole history; a ticket may come twice, the later one is the truth.
// Tickets outside of the scope come with it, marked as such, if they stand
// above one that does.
// Nothing of a page that failed is returned. After most errors the same page
// may be asked for again, however much later: with the same Query, and without
// Look or another walk in between. Whether that can help, Resumable tells.
// Implementations need not be safe for concurrent walks.
type Connector interface {
	// Name is the configured name; tickets carry it in ID.Connector.
	Name() string
	Page(ctx context.Context, q Query) (Page, error)

	// Count returns one page of a census, which goes through its pages as a
	// walk does: the ids of all tickets that are in scope now, whenever they
	// changed. Trackers answer it from an index that may miss a ticket at
	// times.
	Count(ctx context.Context, token string) (CountPage, error)

	// Look reads tickets by id, at most LookSize, from the tracker's database
	// if it has an index besides. A ticket that is neither among the Tickets
	// nor Skipped does not exist or may not be seen. Those that are not in
	// scope are marked as Outside; if known says that they all were when they
	// were read last, only as far as that can be seen without asking. Ancestors
	// may come with them.
	Look(ctx context.Context, uids []string, known bool) (Page, error)
}

// LookSize is how many tickets one Look may be asked for.
const LookSize = 1000

// CountPage is one step of a census.
type CountPage struct {
	UIDs []string // may repeat; includes the containers that walks deliver
	Gone []string // as in Page
	Next string   // token of the next page, empty on the last
}

// Query asks for one page of a walk. Since and its zero value ("everything")
// must be the same for all pages of a walk.
type Query struct {
	Since time.Time
	Token string

	// Outside are tickets that are not in scope and wanted all the same when
	// they change, because they stand above tickets in scope. It comes with
	// the first page of a walk, for this and all later ones; nil means that
	// there is no news. A connector adds those it meets itself.
	Outside []string
}

// Page is one step of a walk.
type Page struct {
	Tickets []ticket.Ticket
	Skipped []Skipped // tickets that could not be understood

	// Gone lists UIDs that the tracker itself reports as deleted.
	Gone []string

	// Names translates ids used in ticket texts (labels, statuses, projects)
	// into today's names. Only what changed since the last page need be sent.
	Names map[string]string

	// Clock is the tracker's own time when it answered the first request
	// behind this page. The watermark is taken from the first page of a walk.
	Clock time.Time

	Next string // token of the next page, empty on the last
}

// Skipped names a ticket that could not be converted: counted and logged by
// id, never a reason to stop, and reported again on each walk that meets it.
type Skipped struct {
	UID string
	Err error
}

// StatusError is an HTTP answer that is not a success. Message is a short,
// cleaned excerpt of the body; it never holds a credential.
type StatusError struct {
	Endpoint   string
	Status     int
	RetryAfter time.Duration // zero if the answer did not say
	Throttled  bool          // refused for a rate limit, whatever the status
	Message    string
}

func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("%s: HTTP %d", e.Endpoint, e.Status)
	}
	return fmt.Sprintf("%s: HTTP %d: %s", e.Endpoint, e.Status, e.Message)
}

// WalkError is why a walk cannot go on and has to begin anew.
type WalkError string

func (e WalkError) Error() string { return string(e) }

// Resumable reports whether the page that failed with err may come if it is
// asked for again, instead of beginning anew: it was throttled, the tracker is
// in trouble or cannot be reached, or what came could not be understood. A
// refusal is final, that of a page token that has expired as any other.
func Resumable(err error) bool {
	if _, ok := errors.AsType[WalkError](err); ok {
		return false
	}
	status, ok := errors.AsType[*StatusError](err)
	return !ok || status.Throttled || status.Status/100 != 4 || status.Status == http.StatusRequestTimeout
}

// Unreached reports whether err says nothing of what was asked for: a rate limit
// refused it, or it never got as far as the tracker.
func Unreached(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Throttled || status.Status > http.StatusInternalServerError && temporary(status.Status)
	}
	trouble, ok := errors.AsType[*net.OpError](err)
	return ok && trouble.Op == "dial"
}

// Throttled reports whether err is the refusal of a tracker whose budget is
// spent.
func Throttled(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Throttled
}

// Unauthenticated reports whether err says that the tracker does not accept
// the credential. Waiting does not help then.
func Unauthenticated(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Status == http.StatusUnauthorized
}

// Observer is told about every request, so that they can be counted without
// the connectors knowing how. All methods may be called concurrently.
type Observer interface {
	// Request reports one finished HTTP exchange, retries included one by
	// one. Code is the HTTP status, or 0 if there was no answer.
	Request(connector, endpoint string, code int, took time.Duration)
	// RateLimit reports what the tracker said of a budget ("requests",
	// "complexity", "burst", ...). Reset is zero if it did not say.
	RateLimit(connector, resource string, limit, remaining float64, reset time.Time)
	// Throttled reports time spent waiting for a budget or a Retry-After.
	Throttled(connector string, waited time.Duration)
	// DailyRequests reports the requests of this day (UTC) so far, where a
	// ceiling is configured.
	DailyRequests(connector string, used, limit int)
	// Removal reports that the tracker has removed an endpoint or is going
	// to, and when; at is zero if it did not say.
	Removal(connector, endpoint string, at time.Time)
}
