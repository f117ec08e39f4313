package connectors

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// removals remembers what a tracker said about the end of its endpoints, to
// say each thing once.
type removals struct {
	mu   sync.Mutex
	said map[string]time.Time // by endpoint; zero means that no date was told
}

// news reports whether this was not said before.
func (r *removals) news(endpoint string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.said[endpoint]; ok && before.Equal(at) {
		return false
	}
	if r.said == nil {
		r.said = map[string]time.Time{}
	}
	r.said[endpoint] = at
	return true
}

// watchRemoval passes on that the endpoint is gone (410), or will be (Sunset,
// Deprecation).
func (t *transport) watchRemoval(ctx context.Context, resp *http.Response) {
	at, announced := removal(resp.Header)
	gone := resp.StatusCode == http.StatusGone
	if gone && (at.IsZero() || at.After(time.Now())) {
		at = t.firstGone(endpoint(ctx))
	}
	if !gone && !announced || !t.removals.news(endpoint(ctx), at) {
		return
	}
	t.Observer.Removal(t.Connector, endpoint(ctx), at)
	when := "not told"
	if !at.IsZero() {
		when = at.UTC().Format(time.DateOnly)
	}
	about := []slog.Attr{slog.String("endpoint", endpoint(ctx)), slog.String("removal", when)}
	if gone {
		t.Logger.LogAttrs(ctx, slog.LevelWarn, "The tracker has removed an endpoint that alignd uses: install a newer alignd, and report it if there is none", about...)
		return
	}
	t.Logger.LogAttrs(ctx, slog.LevelWarn, "The tracker is going to remove an endpoint that alignd uses: install a newer alignd before that day", about...)
}

// firstGone returns the date that is already known of an endpoint that is
// gone, else now.
func (t *transport) firstGone(endpoint string) time.Time {
	t.removals.mu.Lock()
	defer t.removals.mu.Unlock()
	now := time.Now()
	if known, ok := t.removals.said[endpoint]; ok && !known.IsZero() && !known.After(now) {
		return known
	}
	return now
}

// removal reads the headers of RFC 8594 and RFC 9745. The date is zero if
// none was told: the date of a deprecation is not that of a removal.
func removal(h http.Header) (at time.Time, announced bool) {
	if at, err := http.ParseTime(h.Get("Sunset")); err == nil {
		return at.UTC(), true
	}
	text := strings.TrimSpace(h.Get("Deprecation"))
	if text == "true" {
		return time.Time{}, true
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		_, err := strconv.ParseInt(seconds, 10, 64)
		return time.Time{}, err == nil
	}
	_, err := http.ParseTime(text)
	return time.Time{}, err == nil
}
