package alignment

import (
	"math/bits"
	"slices"
	"sort"

	"alignd/mapping"
	"alignd/ticket"
)

// entry is the smallest booking: an amount of work of one ticket on one local
// day in one cell. Everything else is sums of entries.
type entry struct {
	amount int64
	member int32 // index into book.members
	day    mapping.Date
	cell   int32
	unit   Unit
	basis  Basis
}

// dayTotal is what one local day holds regardless of cells.
type dayTotal struct {
	capacity, work int64 // nanoseconds of team time
	fresh, active  int64 // integrals of |S_T| and |U_T|, ticket-microseconds
	unestimated    int
}

// teamWork is what one team's work is attributed with.
type teamWork struct {
	*book
	take func(entry) // gets every booking
	days []dayTotal  // from view.first on

	activeFresh, activeStale int
	excluded                 map[string]int // by connector
	now                      []verdict      // by member: as of the watermark
}

func newTeamWork(rules *mapping.RuleSet, view *teamView, f *facts) *teamWork {
	return &teamWork{
		book: newBook(rules, view, f), excluded: map[string]int{},
		days: make([]dayTotal, view.today-view.first+1),
	}
}

// attribute books all work of one team in the days it is asked for
// (measures: 1.2 to 1.8).
func (w *teamWork) attribute(take func(entry)) {
	w.take = take
	w.setPresence()
	sharers := make([]sharer, len(w.members))
	for i, n := range w.members {
		sharers[i] = sharer{then: w.classes(n), now: w.parts(w.now[i].match, w.view.watermark)}
	}
	w.bookTime(sharers)
	w.bookCompletions(sharers)
}

// sharer is a member with the parts its work is split into.
type sharer struct {
	then []step[[]part]
	now  []part
}

// setPresence finds out when each member is active, fresh and silenced, and
// what the rules say of it as of the watermark.
func (w *teamWork) setPresence() {
	w.now = make([]verdict, len(w.members))
	for i, n := range w.members {
		w.now[i] = w.resolve(n, w.view.watermark)
		if w.now[i].match.Kind == mapping.Excluded {
			w.excluded[n.tk.ID.Connector]++
			continue
		}
		if n.active = w.activeSpans(n); len(n.active) > 0 {
			n.fresh = n.active.intersect(w.freshSpans(n))
		}
	}
	for _, n := range w.members {
		w.silence(n)
	}
	for _, n := range w.members {
		if len(n.silent) > 0 {
			slices.SortFunc(n.silent, func(x, y span) int { return int(min(max(x.from-y.from, -1), 1)) })
			var joined spans
			for _, s := range n.silent {
				joined = joined.add(s)
			}
			n.active, n.fresh = n.active.subtract(joined), n.fresh.subtract(joined)
		}
		w.countActive(n)
	}
}

// activeSpans returns when the ticket is in an active state in this team.
func (w *teamWork) activeSpans(n *node) spans {
	end := w.view.watermark
	active := where(n.states, end, func(s status) bool {
		return s.state == ticket.StateActive && !w.view.team.Waiting(s.name)
	})
	if len(n.teams) == 1 && n.teams[0].value == w.view.index {
		return active
	}
	return active.intersect(where(n.teams, end, func(t int) bool { return t == w.view.index }))
}

// freshSpans returns when the ticket's last event is recent.
func (w *teamWork) freshSpans(n *node) spans {
	var fresh spans
	for _, e := range events(n.tk, w.view.watermark) {
		fresh = fresh.add(span{e, w.cal.staleFrom(e)})
	}
	return fresh
}

// silence marks the ancestors of a ticket as quiet while it is active and
// fresh in the team: the deepest active ticket wins.
func (w *teamWork) silence(n *node) {
	if len(n.parents) == 1 && n.parents[0].value == nil {
		return
	}
	cuts := []int64{}
	for _, x := range n.kin() {
		for _, p := range x.parents {
			cuts = append(cuts, p.from)
		}
	}
	slices.Sort(cuts)
	for _, s := range n.fresh {
		at := s.from
		for at < s.to {
			i := sort.Search(len(cuts), func(i int) bool { return cuts[i] > at })
			to := s.to
			if i < len(cuts) {
				to = min(to, cuts[i])
			}
			n.forebears(at, func(x *node) { x.silent = append(x.silent, span{at, to}) })
			at = to
		}
	}
}

func (w *teamWork) countActive(n *node) {
	last := func(s spans) bool { return len(s) > 0 && s[len(s)-1].to == w.view.watermark }
	switch {
	case last(n.fresh):
		w.activeFresh++
	case last(n.active):
		w.activeStale++
	}
}

// border is an instant at which a member enters or leaves a set.
type border struct {
	at     int64
	member int32
	enters bool
}

// borders lists the borders of each member's spans in order of time, leaving
// before entering, then by member. Spans that end before a day are left out.
func (w *teamWork) borders(first mapping.Date, of func(*node) spans) []border {
	since := w.cal.start(first)
	var out []border
	for i, n := range w.members {
		for _, s := range of(n) {
			if s.to <= since {
				continue
			}
			out = append(out, border{s.from, int32(i), true}, border{s.to, int32(i), false})
		}
	}
	slices.SortFunc(out, func(x, y border) int {
		switch {
		case x.at != y.at:
			return int(min(max(x.at-y.at, -1), 1))
		case x.enters != y.enters:
			if y.enters {
				return -1
			}
			return 1
		}
		return int(x.member - y.member)
	})
	return out
}

// bookTime splits the team's working time equally over the fresh active
// tickets, interval by interval.
func (w *teamWork) bookTime(sharers []sharer) {
	first := w.view.first
	w.integrate(first, w.borders(first, func(n *node) spans { return n.active }), func(d *dayTotal, _ span, set []int32, length int64) {
		d.active += int64(len(set)) * length
	})
	split := newSplitter(w, sharers)
	w.integrate(first, w.borders(first, func(n *node) spans { return n.fresh }), func(d *dayTotal, s span, set []int32, length int64) {
		amount := length * w.view.team.Capacity
		d.fresh += int64(len(set)) * length
		d.capacity += amount
		if len(set) > 0 {
			d.work += amount
			split.interval(s, set, amount)
		}
	})
	split.flush()
}

// integrate calls fn for every maximal interval of working time in which the
// set of members described by the borders is constant, day by day from first
// on. The set is in member order.
func (w *teamWork) integrate(first mapping.Date, borders []border, fn func(d *dayTotal, s span, set []int32, length int64)) {
	var set []int32
	next := 0
	advance := func(t int64) {
		for ; next < len(borders) && borders[next].at <= t; next++ {
			set = borders[next].applyTo(set)
		}
	}
	for _, day := range w.cal.between(first, w.view.today+1) {
		from, end := day.span.from, min(day.span.to, w.view.watermark)
		for from < end {
			advance(from)
			to := end
			if next < len(borders) {
				to = min(to, borders[next].at)
			}
			fn(&w.days[day.day-w.view.first], span{from, to}, set, to-from)
			from = to
		}
	}
}

func (b border) applyTo(set []int32) []int32 {
	i, found := slices.BinarySearch(set, b.member)
	switch {
	case b.enters && !found:
		return slices.Insert(set, i, b.member)
	case !b.enters && found:
		return slices.Delete(set, i, i+1)
	}
	return set
}

// muldiv returns floor(a*b/c) without overflow; a, b and the result are not
// negative and b <= c.
func muldiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}
