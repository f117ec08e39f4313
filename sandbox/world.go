// Package sandbox is a pretend company: a fake Jira Cloud site and a fake
// Linear workspace behind real HTTP servers on loopback. They answer as the
// trackers do, with their histories, limits and bad habits, so that the demo,
// the tests and the benchmarks can use the real connectors.
//
// A World holds what both trackers contain. Its mutating methods take the time
// of the change and write history exactly as the tracker would. They panic
// when they are asked for something that does not exist: the caller is a test
// or a script, and its mistake should be seen at once.
//
// The trackers send persons wherever the real ones would. Persons lists them,
// so that a test can prove that none of them gets through.
package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"
)

// World is everything both trackers contain. All methods of World, Site and
// Workspace are safe for concurrent use.
type World struct {
	Jira   *Site
	Linear *Workspace

	mu      sync.RWMutex     // guards the clock and all content of both trackers
	clock   func() time.Time // what the servers believe the time is
	version uint64           // grows with every change of content
}

// NewWorld returns a world with an empty site and an empty workspace. The
// clock decides the Date header and what "now" means in a query; nil means
// time.Now.
func NewWorld(clock func() time.Time) *World {
	if clock == nil {
		clock = time.Now
	}
	w := &World{clock: clock}
	w.Jira = newSite(w)
	w.Linear = newWorkspace(w)
	return w
}

// SetClock replaces the clock.
func (w *World) SetClock(clock func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = clock
}

// Now returns what the servers believe the time is.
func (w *World) Now() time.Time {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.clock()
}

// change runs f with the content locked for writing.
func (w *World) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	f()
}

// stamp is the precision both trackers keep: milliseconds, in UTC.
func stamp(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// uuid derives a version 4 looking UUID from a text, so that equal worlds have
// equal ids.
func uuid(format string, args ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func must[T any](v T, ok bool, format string, args ...any) T {
	if !ok {
		panic("sandbox: " + fmt.Sprintf(format, args...))
	}
	return v
}
