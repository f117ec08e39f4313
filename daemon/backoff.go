package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"alignd/connectors"
)

// Waits after failed walks: the first, doubling up to the last.
const (
	firstBackoff = 5 * time.Second
	lastBackoff  = 15 * time.Minute
	// authBackoff follows a refused credential at least: it does not become
	// right by itself, and some trackers lock accounts that keep trying.
	authBackoff = 10 * time.Minute
)

// pause is the time to the next walk after this many failures in a row.
func (p *poller) pause(err error, failures int) time.Duration {
	if err == nil {
		return jitter(time.Duration(p.account.PollInterval), 0.1)
	}
	wait := lastBackoff
	if failures < 10 {
		wait = min(wait, firstBackoff<<(failures-1))
	}
	switch ours := (*storeError)(nil); {
	case connectors.Unauthenticated(err):
		wait = max(wait, authBackoff)
	case errors.As(err, &ours): // a full disk is nothing the tracker must be spared for
		wait = min(wait, time.Duration(p.account.PollInterval))
	}
	wait = jitter(wait, 0.3)
	return max(wait, retryAfter(err))
}

// retryAfter is how long the tracker wants to be left alone, 0 if it did not
// say.
func retryAfter(err error) time.Duration {
	if status := (*connectors.StatusError)(nil); errors.As(err, &status) {
		return status.RetryAfter
	}
	return 0
}

// jitter spreads d by the given part to both sides, so that replicas and
// accounts do not march in step.
func jitter(d time.Duration, part float64) time.Duration {
	return time.Duration(float64(d) * (1 + part*(2*rand.Float64()-1)))
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
