package connectors

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	maxTries     = 4
	firstBackoff = 2 * time.Second
	maxBackoff   = time.Minute
	// patience is the longest Retry-After that is slept off inside a request.
	// A longer one goes to the caller, who has better things to do.
	patience = 5 * time.Minute
)

// outcome is what came of one attempt: resp or err.
type outcome struct {
	resp      *http.Response
	err       error
	again     bool          // another attempt may help
	throttled bool          // refused for a rate limit
	floor     time.Duration // wait at least so long
}

// wait returns how long to wait after the given try, and false if the outcome
// is final.
func (o outcome) wait(try int) (time.Duration, bool) {
	if !o.again || try >= maxTries || o.floor > patience {
		return 0, false
	}
	return max(o.floor, backoff(try)), true
}

// backoff doubles with each try, with a jitter of 0.7 to 1.3 so that several
// clients do not come back together.
func backoff(try int) time.Duration {
	d := min(firstBackoff<<(try-1), maxBackoff)
	return time.Duration(float64(d) * (0.7 + 0.6*rand.Float64()))
}

func temporary(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header of that name: seconds, or a date on the
// server's clock. It returns 0 if the header is absent or unusable.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return secondsOf(n)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := ServerTime(h)
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// secondsOf converts foreign numbers, however large, without overflow.
func secondsOf(n float64) time.Duration {
	if !(n > 0) { // NaN included
		return 0
	}
	return time.Duration(min(n, 7*24*3600) * float64(time.Second))
}
