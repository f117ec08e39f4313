package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"

	"alignd/connectors"
)

// Why a walk ended early.
const (
	failedAuth      = "auth"       // the tracker refuses our credentials
	failedRateLimit = "rate_limit" // the tracker wants fewer requests
	failedRequest   = "request"    // the tracker refuses what we ask
	failedServer    = "server"     // the tracker is in trouble
	failedNetwork   = "network"    // the tracker cannot be reached
	failedOther     = "other"      // unreadable answers, the store
)

var failureReasons = []string{failedAuth, failedRateLimit, failedRequest, failedServer, failedNetwork, failedOther}

func failureReason(err error) string {
	if status, ok := errors.AsType[*connectors.StatusError](err); ok {
		if status.Throttled {
			return failedRateLimit
		}
		return statusReason(status.Status)
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return failedNetwork
	}
	return failedOther
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
