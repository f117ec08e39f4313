package alignment

import (
	"alignd/mapping"
	"alignd/ticket"
)

// one is a ticket or a point in the amounts of UnitTickets and UnitPoints.
const one = 1_000_000

// bookCompletions books completed tickets and points on the local day of the
// completion that counts (measures: 1.5, 1.6).
func (w *teamWork) bookCompletions(sharers []sharer) {
	since := w.cal.start(w.view.first)
	for i, n := range w.members {
		at, ok := completion(n.states, w.rules.FirstCompletion())
		if !ok || at < since || at >= w.view.watermark || w.now[i].match.Kind == mapping.Excluded {
			continue
		}
		if t, _ := valueAt(n.teams, at); t != w.view.index {
			continue
		}
		day := w.cal.dayOf(at)
		if n.isLeaf(at, w) {
			w.bookAt(i, day, at, UnitTickets, one, sharers)
		}
		if points := n.residual(at, w); points > 0 {
			w.bookAt(i, day, at, UnitPoints, points, sharers)
		}
		if !n.estimateAt(at).Set && len(n.childrenAt(at, w)) == 0 {
			w.days[day-w.view.first].unestimated++
		}
	}
}

func (w *teamWork) bookAt(member int, day mapping.Date, at int64, unit Unit, amount int64, sharers []sharer) {
	then, _ := valueAt(sharers[member].then, at)
	for basis, parts := range [basisCount][]part{Then: then, Now: sharers[member].now} {
		for i, a := range spread(nil, parts, amount) {
			if a != 0 {
				w.take(entry{a, int32(member), day, parts[i].cell, unit, Basis(basis)})
			}
		}
	}
}

// completion returns the instant the ticket counts as completed: the last
// entry into done that has not been left again, or the first entry ever.
func completion(states []step[status], first bool) (int64, bool) {
	var at int64
	found, done := false, false
	for _, s := range states {
		switch enters := s.value.state == ticket.StateDone; {
		case enters && !done && (!first || !found):
			at, found = s.from, true
		case !enters && !first:
			found = false
		}
		done = s.value.state == ticket.StateDone
	}
	return at, found
}

// childrenAt returns the children as of t. Excluded ones are out of all
// accounts.
func (n *node) childrenAt(t int64, w *teamWork) []*node {
	var out []*node
	for _, kid := range n.children {
		if kid.tk.Created.UnixMicro() <= t && kid != n && kid.parentAt(t) == n &&
			w.resolve(kid, w.view.watermark).match.Kind != mapping.Excluded {
			out = append(out, kid)
		}
	}
	return out
}

// isLeaf reports whether the ticket has no child as of t that is not canceled.
func (n *node) isLeaf(t int64, w *teamWork) bool {
	for _, kid := range n.childrenAt(t, w) {
		if kid.stateAt(t) != ticket.StateCanceled {
			return false
		}
	}
	return true
}

func (n *node) stateAt(t int64) ticket.State {
	s, _ := valueAt(n.states, t)
	return s.state
}

func (n *node) estimateAt(t int64) ticket.Points {
	estimate := n.tk.Estimate
	for i := len(n.tk.Changes) - 1; i >= 0; i-- {
		c := &n.tk.Changes[i]
		if c.Field != ticket.FieldEstimate {
			continue
		}
		if c.At.UnixMicro() <= t {
			return c.ToPoints
		}
		estimate = c.FromPoints
	}
	return estimate
}

// residual returns the points left for the ticket itself after those of its
// children, estimates and tree as of t.
func (n *node) residual(t int64, w *teamWork) int64 {
	return max(0, n.estimateAt(t).Micros-n.childPoints(t, w, map[*node]bool{n: true}))
}

// childPoints sums what the subtrees of the children hold: for each the larger
// of its own estimate and its children's sum.
func (n *node) childPoints(t int64, w *teamWork, seen map[*node]bool) int64 {
	var sum int64
	for _, kid := range n.childrenAt(t, w) {
		if !seen[kid] {
			seen[kid] = true
			sum += max(kid.estimateAt(t).Micros, kid.childPoints(t, w, seen))
		}
	}
	return sum
}
