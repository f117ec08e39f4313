package ticket

import (
	"slices"
	"time"
)

// Clone returns a deep copy of the ticket.
func (tk *Ticket) Clone() Ticket {
	c := *tk
	c.Former = slices.Clone(tk.Former)
	c.Components = slices.Clone(tk.Components)
	c.Labels = slices.Clone(tk.Labels)
	c.Groups = slices.Clone(tk.Groups)
	c.Spans = slices.Clone(tk.Spans)
	c.Changes = slices.Clone(tk.Changes)
	return c
}

// Merge joins two readings of the same ticket into one. The reading with the
// later Updated wins every present value and brings the history, since each
// reading carries the whole of it. The "updated" stamp of the other is kept as
// a touch where the history has no entry of that instant, because every stamp
// that was seen is a sign of life. The result does not depend on the order of
// the arguments unless both readings carry the same stamp: then b, the one
// read last, wins.
func Merge(a, b Ticket) Ticket {
	winner, other := b, a
	if a.Updated.After(b.Updated) {
		winner, other = a, b
	}
	winner.Changes = withTouches(winner, other)
	return winner
}

// withTouches returns the winner's history with the stamps only the other
// reading knew about: its own touches and its "updated".
func withTouches(winner, other Ticket) []Change {
	seen := map[time.Time]bool{winner.Created: true, winner.Updated: true}
	for _, c := range winner.Changes {
		seen[c.At] = true
	}
	var missing []Change
	keep := func(at time.Time) {
		if !at.IsZero() && !seen[at] {
			seen[at] = true
			missing = append(missing, Change{At: at, Field: FieldTouch})
		}
	}
	for _, c := range other.Changes {
		if c.Field == FieldTouch {
			keep(c.At)
		}
	}
	keep(other.Updated)
	if len(missing) == 0 {
		return winner.Changes
	}
	merged := append(slices.Clone(winner.Changes), missing...)
	slices.SortStableFunc(merged, func(x, y Change) int { return x.At.Compare(y.At) })
	return merged
}
