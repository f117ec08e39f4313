package alignment

import "math"

// Instants inside the engine are microseconds since the Unix epoch: exact for
// both trackers and for the integer arithmetic of measures of work.

// endOfTime is later than every instant that is computed with.
const endOfTime = math.MaxInt64

// span is the half-open stretch of time [from, to).
type span struct{ from, to int64 }

// spans are disjoint, not touching, in order.
type spans []span

// add appends a span that starts at or after the last one does, joining what
// touches or overlaps.
func (s spans) add(next span) spans {
	if next.from >= next.to {
		return s
	}
	if n := len(s); n > 0 && next.from <= s[n-1].to {
		s[n-1].to = max(s[n-1].to, next.to)
		return s
	}
	return append(s, next)
}

// intersect returns what is in both.
func (s spans) intersect(other spans) spans {
	var out spans
	for i, j := 0, 0; i < len(s) && j < len(other); {
		out = out.add(span{max(s[i].from, other[j].from), min(s[i].to, other[j].to)})
		if s[i].to < other[j].to {
			i++
		} else {
			j++
		}
	}
	return out
}

// subtract returns what is in s and not in other.
func (s spans) subtract(other spans) spans {
	if len(other) == 0 {
		return s
	}
	var out spans
	j := 0
	for _, piece := range s {
		for j < len(other) && other[j].to <= piece.from {
			j++
		}
		from := piece.from
		for k := j; k < len(other) && other[k].from < piece.to; k++ {
			out = out.add(span{from, other[k].from})
			from = max(from, other[k].to)
		}
		out = out.add(span{from, piece.to})
	}
	return out
}

// step is a value in force from an instant on, until the next step.
type step[V any] struct {
	from  int64
	value V
}

// valueAt returns the value in force at t, and false before the first step.
func valueAt[V any](steps []step[V], t int64) (V, bool) {
	lo, hi := 0, len(steps)
	for lo < hi {
		if mid := (lo + hi) / 2; steps[mid].from <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		var none V
		return none, false
	}
	return steps[lo-1].value, true
}

// where returns the stretches before end at which holds is true.
func where[V any](steps []step[V], end int64, holds func(V) bool) spans {
	var out spans
	for i, s := range steps {
		if !holds(s.value) {
			continue
		}
		to := end
		if i+1 < len(steps) {
			to = min(end, steps[i+1].from)
		}
		out = out.add(span{s.from, to})
	}
	return out
}
