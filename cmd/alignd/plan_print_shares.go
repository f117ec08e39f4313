package main

import (
	"fmt"
	"strings"

	"alignd/alignment"
	"alignd/web"
)

// shares tells of those of 28 days in team time one by one, and of whatever
// begins or ends altogether in one line.
func (w *planWriter) shares(shares []alignment.ShareChange) {
	turns := turnsOf(shares)
	var shown []alignment.ShareChange
	turned, others := false, false
	for i := range shares {
		s := &shares[i]
		isShown, isTurned := s.Window == "28d" && s.Unit == alignment.UnitTime, turns[placeOf(s)] != 0
		switch {
		case isShown && !isTurned:
			shown = append(shown, *s)
		case isShown:
			turned = true
		case !isTurned:
			others = true
		}
	}
	if len(shown) > 0 || others {
		w.heading("Shares of team time over 28 days (all windows and units: --format=json)")
	}
	switch {
	case len(shown) > 0:
	case others && turned:
		w.item(0, "begin or end, see below; in other windows or units shares change")
	case others:
		w.item(0, "stay; other windows or units change")
	}
	w.rows(shown)
	w.turns(shares, turns)
}

// rows writes one line for all teams and bases that change in the same way.
func (w *planWriter) rows(shares []alignment.ShareChange) {
	type row struct{ team, basis, what, change string }
	var rows []row
	for i := range shares {
		s := &shares[i]
		rows = append(rows, row{w.team(s.Team), web.BasisText(s.Basis), w.share(s), changeText(s.Before, s.After)})
	}
	rows = joined(rows, func(r row) row { r.basis = ""; return r }, func(all []row) row {
		return row{all[0].team, list(all, func(r row) string { return r.basis }), all[0].what, all[0].change}
	})
	rows = joined(rows, func(r row) row { r.team = ""; return r }, func(all []row) row {
		return row{list(all, func(r row) string { return r.team }), all[0].basis, all[0].what, all[0].change}
	})
	for _, r := range rows {
		w.item(0, "%s, %s, %s: %s", r.team, r.what, r.basis, r.change)
	}
}

// joined makes one of all that have the same key, in the place of the first.
func joined[T comparable](all []T, key func(T) T, join func([]T) T) []T {
	groups, order := map[T][]T{}, []T(nil)
	for _, x := range all {
		k := key(x)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], x)
	}
	out := make([]T, len(order))
	for i, k := range order {
		out[i] = join(groups[k])
	}
	return out
}

// list writes "a, b and c".
func list[T any](all []T, text func(T) string) string {
	words := make([]string, len(all))
	for i, x := range all {
		words[i] = text(x)
	}
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return strings.Join(words, "")
}

// share says whose share has changed.
func (w *planWriter) share(s *alignment.ShareChange) string {
	c := alignment.Cell{Goal: s.Goal, Reason: s.Reason}
	_ = c.Class.UnmarshalText([]byte(s.Class)) // it was written by String
	switch {
	case s.Goal == "" && s.Reason == "":
		return web.ClassText(c.Class)
	case s.Reason == alignment.NoReason:
		c.Reason = ""
	case s.Reason == alignment.OtherReason:
		return web.ClassText(c.Class) + ": reasons that are not declared"
	}
	return web.CellText(c, w.goal, w.reason)
}

// changeText has as many digits as it takes to see a change.
func changeText(before, after *float64) string {
	from, to := shareText(before, 1), shareText(after, 1)
	if from == to {
		from, to = shareText(before, 2), shareText(after, 2)
	}
	return from + " -> " + to
}

func shareText(share *float64, digits int) string {
	if share == nil {
		return "nothing"
	}
	return fmt.Sprintf("%.*f%%", digits, *share*100)
}

// place is where shares make up 100 %.
type place struct {
	team, window string
	unit         alignment.Unit
}

func placeOf(s *alignment.ShareChange) place { return place{s.Team, s.Window, s.Unit} }

// turn is what becomes of all shares of a place.
type turn int

const (
	begins turn = iota + 1
	ends
)

var turnWords = map[turn]string{begins: "begins", ends: "ends"}

// turnsOf finds the places where there was no work at all, or will be none: the
// shares of classes have no numbers then.
func turnsOf(shares []alignment.ShareChange) map[place]turn {
	turns := map[place]turn{}
	for i := range shares {
		switch s := &shares[i]; {
		case s.Goal != "" || s.Reason != "":
		case s.Before == nil:
			turns[placeOf(s)] = begins
		case s.After == nil:
			turns[placeOf(s)] = ends
		}
	}
	return turns
}

// turns writes one line for all teams, windows and units of which the same is
// said.
func (w *planWriter) turns(shares []alignment.ShareChange, turns map[place]turn) {
	type row struct{ team, window, unit, turns string }
	var rows []row
	told := map[place]bool{}
	for i := range shares {
		at := placeOf(&shares[i])
		if turns[at] != 0 && !told[at] {
			rows = append(rows, row{w.team(at.team), windowText(at.window), unitText(at.unit), turnWords[turns[at]]})
		}
		told[at] = true
	}
	rows = joined(rows, func(r row) row { r.unit = ""; return r }, func(all []row) row {
		return row{all[0].team, all[0].window, list(all, func(r row) string { return r.unit }), all[0].turns}
	})
	rows = joined(rows, func(r row) row { r.window = ""; return r }, func(all []row) row {
		return row{all[0].team, list(all, func(r row) string { return r.window }), all[0].unit, all[0].turns}
	})
	rows = joined(rows, func(r row) row { r.team = ""; return r }, func(all []row) row {
		return row{list(all, func(r row) string { return r.team }), all[0].window, all[0].unit, all[0].turns}
	})
	if len(rows) > 0 {
		w.heading("Teams and windows in which every share begins or ends (each one: --format=json)")
	}
	for _, r := range rows {
		w.item(0, "%s, over %s, in %s: every share %s", r.team, r.window, r.unit, r.turns)
	}
}

// windowText names a window such as "28d".
func windowText(window string) string {
	if days, ok := strings.CutSuffix(window, "d"); ok && window != "period" {
		return days + " days"
	}
	return "the " + window
}

func unitText(u alignment.Unit) string {
	return map[alignment.Unit]string{
		alignment.UnitTime: "team time", alignment.UnitTickets: "completed tickets", alignment.UnitPoints: "points",
	}[u]
}
