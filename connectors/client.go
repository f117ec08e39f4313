package connectors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"
)

// Defaults of ClientConfig.
const (
	DefaultRequestsPerSecond = 1
	DefaultTimeout           = time.Minute
	DefaultMaxBody           = 64 << 20
)

// minBurst lets a poll of two or three requests pass without waiting.
const minBurst = 3

// ClientConfig describes how one tracker account is read. Only Connector and
// BaseURL are required.
type ClientConfig struct {
	Connector string   // configured name, for the Observer and the log
	BaseURL   *url.URL // requests to any other scheme or host are refused

	// Authorize adds the credential to a request. It is called for each
	// attempt, and only for requests to the host of BaseURL.
	Authorize func(*http.Request)

	RequestsPerSecond float64       // over all requests of the client; zero means DefaultRequestsPerSecond
	RequestsPerDay    int           // ceiling from midnight to midnight UTC; zero means none
	Timeout           time.Duration // of one attempt, body included; zero means DefaultTimeout
	MaxBody           int64         // bytes of one answer, unpacked; zero means DefaultMaxBody

	// Inspect, if set, looks at each complete answer, whatever its status,
	// for what only this tracker says in this way. It must not use resp.Body.
	Inspect func(resp *http.Response, body []byte) Inspection

	Daily     *Daily            // nil means a count of its own
	Observer  Observer          // nil means nobody listens
	Logger    *slog.Logger      // nil means silence
	UserAgent string            // empty means "alignd"
	Transport http.RoundTripper // nil means a connection pool of its own
}

// Inspection is what ClientConfig.Inspect found in one answer.
type Inspection struct {
	Limits []Limit

	// Throttled means that the request was refused for a rate limit, even if
	// the status does not say so. RetryAfter is a lower bound of the wait; the
	// header of that name is honoured without it.
	Throttled  bool
	RetryAfter time.Duration

	// Err, if set, is returned to the caller in place of the answer. It
	// should wrap a *StatusError where the status matters.
	Err error
}

// Limit is what a tracker said about one of its budgets. Reset is zero if it
// did not say.
type Limit struct {
	Resource         string // "requests", "complexity", "burst", ...
	Limit, Remaining float64
	Reset            time.Time
}

// NewClient returns the client through which a tracker is read. All requests
// must be reads, POST included, because all may be repeated: after network
// errors, 429, 502, 503, 504, and what Inspect calls throttled, with
// exponential backoff, jitter, and Retry-After as a floor. A Retry-After of
// more than a few minutes is returned to the caller instead of slept off.
//
// Do returns an error for each answer that is not a JSON success: a
// *StatusError in the chain, or what Inspect returned. Redirects are followed
// on the same scheme and host only. An answer's body is already read; closing
// it is harmless and not needed.
func NewClient(cfg ClientConfig) *http.Client {
	cfg.RequestsPerSecond = cmp.Or(cfg.RequestsPerSecond, DefaultRequestsPerSecond)
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.MaxBody = cmp.Or(cfg.MaxBody, DefaultMaxBody)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "alignd")
	if cfg.Observer == nil {
		cfg.Observer = silent{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Daily == nil {
		cfg.Daily = &Daily{}
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	burst := max(minBurst, int(math.Ceil(cfg.RequestsPerSecond)))
	return &http.Client{Transport: &transport{
		ClientConfig: cfg,
		limiter:      rate.NewLimiter(rate.Limit(cfg.RequestsPerSecond), burst),
	}}
}

// transport is the http.RoundTripper behind NewClient. Unlike others it turns
// bad answers into errors, since the libraries above it lose status, header
// and type of what they do not expect.
type transport struct {
	ClientConfig

	limiter  *rate.Limiter
	removals removals
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	payload, err := readPayload(req)
	if err != nil {
		return nil, err
	}
	if !sameOrigin(req.URL, t.BaseURL) {
		return nil, fmt.Errorf("refuse request to %s://%s: not the configured host", req.URL.Scheme, req.URL.Host)
	}
	for try := 1; ; try++ {
		if err := t.waitForBudget(req.Context()); err != nil {
			return nil, err
		}
		got := t.attempt(req, payload)
		if got.err == nil {
			return got.resp, nil
		}
		wait, ok := got.wait(try)
		if !ok {
			return nil, got.err
		}
		t.Logger.LogAttrs(req.Context(), slog.LevelDebug, "Request is repeated", slog.Any("err", got.err), slog.Duration("wait", wait))
		if err := t.sleep(req.Context(), wait, got.throttled); err != nil {
			return nil, fmt.Errorf("%w while waiting after: %w", err, got.err)
		}
	}
}

// CloseIdleConnections implements what http.Client looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.Transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// attempt sends the request once and reads the whole answer.
func (t *transport) attempt(req *http.Request, payload []byte) outcome {
	ctx, cancel := context.WithTimeout(req.Context(), t.Timeout)
	defer cancel()
	sent := t.prepare(ctx, req, payload)
	start := time.Now()
	resp, body, err := t.exchange(sent) //nolint:bodyclose // read and closed there
	code := 0
	if err == nil || errors.Is(err, ErrTooLarge) {
		code = resp.StatusCode
	}
	t.Observer.Request(t.Connector, endpoint(ctx), code, time.Since(start))
	switch {
	case errors.Is(err, ErrTooLarge):
		return outcome{err: tooLarge{&StatusError{Endpoint: endpoint(ctx), Status: code, Message: err.Error()}}}
	case err != nil:
		return outcome{err: fmt.Errorf("%s: %w", endpoint(ctx), err), again: req.Context().Err() == nil}
	}
	return t.judge(sent, resp, body)
}

// prepare returns a copy of req for one attempt. The credential lives in the
// copy only, so a redirect cannot carry it on.
func (t *transport) prepare(ctx context.Context, req *http.Request, payload []byte) *http.Request {
	sent := req.Clone(ctx)
	if payload != nil {
		sent.Body = io.NopCloser(bytes.NewReader(payload))
		sent.ContentLength = int64(len(payload))
	}
	sent.Header.Set("User-Agent", t.UserAgent)
	sent.Header.Set("Accept", "application/json")
	if t.Authorize != nil {
		t.Authorize(sent)
	}
	return sent
}

func (t *transport) exchange(req *http.Request) (*http.Response, []byte, error) {
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := readCapped(resp.Body, t.MaxBody)
	return resp, body, err
}

// judge decides what a complete answer means.
func (t *transport) judge(req *http.Request, resp *http.Response, body []byte) outcome {
	t.watchRemoval(req.Context(), resp)
	found := t.inspect(resp, body)
	got := outcome{
		throttled: found.Throttled || resp.StatusCode == http.StatusTooManyRequests,
		floor:     max(found.RetryAfter, retryAfter(resp.Header)),
	}
	got.again = got.throttled || temporary(resp.StatusCode)
	message := t.complaint(req, resp, body)
	switch {
	case found.Err != nil:
		got.err = found.Err
	case got.throttled || message != "":
		got.err = &StatusError{
			Endpoint: endpoint(req.Context()), Status: resp.StatusCode, Message: message,
			RetryAfter: got.floor, Throttled: got.throttled,
		}
	default:
		resp.Body = io.NopCloser(bytes.NewReader(body))
		resp.ContentLength = int64(len(body))
		reportHeader(req.Context(), resp.Header)
		got.resp = resp
	}
	return got
}

func (t *transport) inspect(resp *http.Response, body []byte) Inspection {
	if t.Inspect == nil {
		return Inspection{}
	}
	found := t.Inspect(resp, body)
	for _, l := range found.Limits {
		t.Observer.RateLimit(t.Connector, l.Resource, l.Limit, l.Remaining, l.Reset)
	}
	return found
}

// complaint says what is wrong with an answer, or nothing.
func (t *transport) complaint(req *http.Request, resp *http.Response, body []byte) string {
	switch {
	case resp.StatusCode/100 == 2:
		if isJSON(resp.Header) {
			return ""
		}
		return fmt.Sprintf("answer is %q, not JSON: is the URL right, and does a login page or a proxy answer?", resp.Header.Get("Content-Type"))
	case isRedirect(resp):
		return t.badRedirect(resp)
	}
	return cmp.Or(excerpt(req, resp.Header, body), http.StatusText(resp.StatusCode), "no explanation")
}

// badRedirect returns why a redirect is not followed, or nothing.
func (t *transport) badRedirect(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "redirect without a usable location"
	}
	if sameOrigin(to, t.BaseURL) {
		return ""
	}
	return fmt.Sprintf("redirect to %s://%s refused: the credential belongs to %s", to.Scheme, to.Host, t.BaseURL.Host)
}

func (t *transport) waitForBudget(ctx context.Context) error {
	start := time.Now()
	if err := t.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the request budget: %w", err)
	}
	if err := t.waitForDay(ctx); err != nil {
		return fmt.Errorf("wait for the daily request budget: %w", err)
	}
	if waited := time.Since(start); waited > time.Millisecond {
		t.Observer.Throttled(t.Connector, waited)
	}
	return nil
}

// waitForDay waits where the daily ceiling wants requests to be spread.
func (t *transport) waitForDay(ctx context.Context) error {
	if t.RequestsPerDay == 0 {
		return nil
	}
	now := time.Now()
	due, used, spreads := t.Daily.reserve(now, t.RequestsPerDay)
	t.Observer.DailyRequests(t.Connector, used, t.RequestsPerDay)
	if spreads {
		t.Logger.LogAttrs(ctx, slog.LevelWarn, "Half of the requests of this day are spent, the rest is spread over what is left of it: reading is slower until midnight UTC",
			slog.Int("used", used), slog.Int("requests_per_day", t.RequestsPerDay))
	}
	return t.sleep(ctx, due.Sub(now), false)
}

func (t *transport) sleep(ctx context.Context, wait time.Duration, throttled bool) error {
	start := time.Now()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	if throttled {
		t.Observer.Throttled(t.Connector, time.Since(start))
	}
	return ctx.Err()
}

type silent struct{}

func (silent) Request(string, string, int, time.Duration)            {}
func (silent) RateLimit(string, string, float64, float64, time.Time) {}
func (silent) Throttled(string, time.Duration)                       {}
func (silent) DailyRequests(string, int, int)                        {}
func (silent) Removal(string, string, time.Time)                     {}
