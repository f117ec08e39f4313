package alignment

import (
	"slices"

	"alignd/mapping"
)

// splitter books intervals of constant S_T (measures: 1.10). Amounts of a
// ticket that stays in one cell are collected and booked once a day.
type splitter struct {
	w       *teamWork
	sharers []sharer
	slots   []slot // by member
	open    []int32
	day     mapping.Date
}

// slot is a member's state while intervals are booked.
type slot struct {
	next int // index of the first then-step not yet begun
	// pending amounts of the open day by part, for the parts in pendingThen
	// and the sharer's now.
	pendingThen []part
	amounts     [basisCount][]int64
	isOpen      bool
}

func newSplitter(w *teamWork, sharers []sharer) *splitter {
	return &splitter{w: w, sharers: sharers, slots: make([]slot, len(sharers))}
}

// interval books one interval: floor(amount/m) for each of the m tickets, and
// the remainder one by one to the first in id order.
func (s *splitter) interval(at span, set []int32, amount int64) {
	if day := s.w.cal.dayOfWork(at.from); day != s.day {
		s.flush()
		s.day = day
	}
	each, rest := amount/int64(len(set)), amount%int64(len(set))
	for i, m := range set {
		part := each
		if int64(i) < rest {
			part++
		}
		s.give(m, at, part)
	}
}

// give books a ticket's part of an interval. Where its class changes inside,
// cumulative rounding cuts the part into pieces that add up.
func (s *splitter) give(m int32, at span, amount int64) {
	sl, sh := &s.slots[m], &s.sharers[m]
	s.begin(m, at.from)
	if !sl.isOpen {
		sl.isOpen = true
		s.open = append(s.open, m)
	}
	sl.amounts[Now] = spread(sl.amounts[Now], sh.now, amount)
	booked := int64(0)
	for sl.next < len(sh.then) && sh.then[sl.next].from < at.to {
		cut := sh.then[sl.next].from
		sofar := muldiv(amount, cut-at.from, at.to-at.from)
		sl.amounts[Then] = spread(sl.amounts[Then], sl.pendingThen, sofar-booked)
		booked = sofar
		s.begin(m, cut)
	}
	sl.amounts[Then] = spread(sl.amounts[Then], sl.pendingThen, amount-booked)
}

// begin makes the parts in force at t the member's current ones.
func (s *splitter) begin(m int32, t int64) {
	sl, sh := &s.slots[m], &s.sharers[m]
	for sl.next < len(sh.then) && sh.then[sl.next].from <= t {
		s.bookPending(m, Then, sl.pendingThen)
		sl.pendingThen = sh.then[sl.next].value
		sl.next++
	}
}

// spread adds a piece to the amounts of its parts: floor for each, the
// remainder one unit at a time in order.
func spread(amounts []int64, parts []part, piece int64) []int64 {
	if len(amounts) != len(parts) { // nothing pending
		amounts = slices.Grow(amounts[:0], len(parts))[:len(parts)]
		clear(amounts)
	}
	if len(parts) == 1 {
		amounts[0] += piece
		return amounts
	}
	var weights int64
	for _, p := range parts {
		weights += p.weight
	}
	rest := piece
	for i, p := range parts {
		share := muldiv(piece, p.weight, weights)
		amounts[i] += share
		rest -= share
	}
	for i := range rest {
		amounts[i]++
	}
	return amounts
}

// flush books everything pending of the open day.
func (s *splitter) flush() {
	for _, m := range s.open {
		sl := &s.slots[m]
		s.bookPending(m, Then, sl.pendingThen)
		s.bookPending(m, Now, s.sharers[m].now)
		sl.isOpen = false
	}
	s.open = s.open[:0]
}

func (s *splitter) bookPending(m int32, basis Basis, parts []part) {
	amounts := s.slots[m].amounts[basis]
	for i, amount := range amounts {
		if amount != 0 {
			s.w.take(entry{amount, m, s.day, parts[i].cell, UnitTime, basis})
			amounts[i] = 0
		}
	}
	s.slots[m].amounts[basis] = amounts[:0]
}
