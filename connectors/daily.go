package connectors

import (
	"sync"
	"time"
)

// Daily counts requests per day, midnight to midnight in UTC, and keeps them
// below a ceiling: the first half of it may be spent at once; from then on the
// rest is spread evenly over what is left of the day, so that reading slows
// down long before the ceiling and never stops. The zero value has counted
// nothing. Clients that follow one another share it under the same ceiling.
type Daily struct {
	mu   sync.Mutex
	day  time.Time // midnight at which the count began
	used int       // since then, the reserved ones included
	last time.Time // when the latest request was or will be due
}

// reserve counts one request below the limit and returns when it is due, which
// may be now. It also returns the count, and whether spreading begins with this
// request.
func (d *Daily) reserve(now time.Time, limit int) (due time.Time, used int, spreads bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	due = now
	if d.last.After(now) {
		due = d.last
	}
	d.turn(due)
	if d.used >= limit {
		due = d.end()
		d.turn(due)
	}
	if half := limit / 2; d.used >= half {
		spreads = d.used == half
		gap := d.end().Sub(d.last) / time.Duration(limit-d.used+1)
		if slot := d.last.Add(gap); slot.After(due) {
			due = slot
		}
	}
	d.used++
	d.last = due
	return due, d.used, spreads
}

// turn begins a new count when the day has changed.
func (d *Daily) turn(at time.Time) {
	if day := at.UTC().Truncate(24 * time.Hour); !day.Equal(d.day) {
		d.day, d.used = day, 0
	}
}

func (d *Daily) end() time.Time { return d.day.Add(24 * time.Hour) }
