package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"alignd/connectors"
)

// Why a walk ended early.
const (
	failedAuth      = "auth"       // the tracker refuses our credentials
	failedRateLimit = "rate_limit" // the tracker wants fewer requests
	failedRequest   = "request"    // the tracker refuses what we ask
	failedServer    = "server"     // the tracker is in trouble
	failedNetwork   = "network"    // the tracker cannot be reached
	failedStore     = "store"      // our own store, the tracker did its part
	failedOther     = "other"      // unreadable answers
)

var failureReasons = []string{failedAuth, failedRateLimit, failedRequest, failedServer, failedNetwork, failedStore, failedOther}

// SyncFailedByStore notes the end of a walk of a kind, "full" or "incremental",
// that failed because of our own store, and with it a failed access to that.
// Only the caller knows: a Redis that is away looks like a tracker that is.
func (p *Process) SyncFailedByStore(connector, kind string, took time.Duration) {
	p.syncEnded(connector, kind, took)
	p.syncFailures.WithLabelValues(connector, failedStore).Inc()
	p.StoreError()
}

func failureReason(err error) string {
	if status, ok := errors.AsType[*connectors.StatusError](err); ok {
		if status.Throttled {
			return failedRateLimit
		}
		return statusReason(status.Status)
	}
	if unreachable(err) {
		return failedNetwork
	}
	return failedOther
}

// unreachable tells of troubles of a network. A bare number of the operating
// system has the methods of one, but is none: those of a disk have it too.
func unreachable(err error) bool {
	trouble, ok := errors.AsType[net.Error](err)
	_, bare := trouble.(syscall.Errno)
	return ok && !bare || errors.Is(err, context.DeadlineExceeded)
}

func statusReason(code int) string {
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return failedAuth
	case code == http.StatusTooManyRequests:
		return failedRateLimit
	case code >= 500:
		return failedServer
	case code >= 400:
		return failedRequest
	default:
		return failedOther // a success in name only: a login page, a redirect elsewhere
	}
}
