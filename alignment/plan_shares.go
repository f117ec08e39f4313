package alignment

import (
	"cmp"
	"math"
	"slices"
	"time"

	"alignd/mapping"
)

// ShareChange is a share before and after; nil where there is none.
type ShareChange struct {
	Team   string   `json:"team"`
	Window string   `json:"window"`
	Unit   Unit     `json:"unit"`
	Basis  Basis    `json:"basis"`
	Class  string   `json:"class"`
	Goal   string   `json:"goal,omitempty"`   // a goal's aligned share; empty for the class
	Reason string   `json:"reason,omitempty"` // in Reasons only: its id, OtherReason or NoReason
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// planNoise is the change of a share that is not worth telling.
const planNoise = 0.0005

// addShares lists the shares that differ between two sets of results.
func (p *Plan) addShares(was, is []TeamResult, before, after *mapping.RuleSet, now time.Time) {
	reasons := reasonsShown(before, after)
	goals := goalsShown(before, after, now)
	for _, team := range paired(was, is, func(t *TeamResult) string { return t.ID }) {
		for _, w := range paired(team.was.Windows, team.is.Windows, func(w *Window) string { return w.Name }) {
			p.addWindow(team.id, w, goals, reasons)
		}
	}
}

// pair is the same thing under two mappings, zero where it is not.
type pair[T any] struct {
	id      string
	was, is *T
}

// paired matches two lists: what is now in its order, then what only was.
func paired[T any](was, is []T, id func(*T) string) []pair[T] {
	var out []pair[T]
	find := func(list []T, x *T) *T {
		for i := range list {
			if id(&list[i]) == id(x) {
				return &list[i]
			}
		}
		return nil
	}
	for i := range is {
		out = append(out, pair[T]{id(&is[i]), cmp.Or(find(was, &is[i]), new(T)), &is[i]})
	}
	for i := range was {
		if find(is, &was[i]) == nil {
			out = append(out, pair[T]{id(&was[i]), &was[i], new(T)})
		}
	}
	return out
}

func (p *Plan) addWindow(team string, w pair[Window], goals []goalShown, reasons []string) {
	for _, u := range Units {
		for _, b := range Bases {
			was, is := &w.was.Units[u], &w.is.Units[u]
			change := func(class Class, goal, reason string) *ShareChange {
				return &ShareChange{Team: team, Window: w.id, Unit: u, Basis: b, Class: class.String(), Goal: goal, Reason: reason}
			}
			for _, class := range Classes {
				in := func(c Cell) bool { return c.Class == class }
				p.note(change(class, "", ""), shownShare(was, b, true, in), shownShare(is, b, true, in))
			}
			for _, g := range goals {
				in := func(c Cell) bool { return c.Class == Aligned && c.Goal == g.id }
				p.note(change(Aligned, g.id, ""), shownShare(was, b, g.wasActive, in), shownShare(is, b, g.isActive, in))
			}
			for _, r := range reasons {
				in := func(c Cell) bool { return c.Class == OffPlan && shownReason(c.Reason, reasons) == r }
				p.note(change(OffPlan, "", r), shownShare(was, b, r == NoReason, in), shownShare(is, b, r == NoReason, in))
			}
		}
	}
}

// note adds a share if it differs.
func (p *Plan) note(c *ShareChange, before, after *float64) {
	c.Before, c.After = before, after
	switch {
	case !c.differs():
	case c.Reason != "":
		p.Reasons = append(p.Reasons, *c)
	default:
		p.Shares = append(p.Shares, *c)
	}
}

// goalShown is a goal of either mapping. As in the metrics, that it has no work
// is a number while it is active, and nothing before and after.
type goalShown struct {
	id                  string
	wasActive, isActive bool
}

func goalsShown(before, after *mapping.RuleSet, now time.Time) []goalShown {
	var out []goalShown
	for _, g := range paired(before.Goals(), after.Goals(), func(g *mapping.Goal) string { return g.ID }) {
		out = append(out, goalShown{g.id, isActive(g.was, now), isActive(g.is, now)})
	}
	return out
}

// isActive says so of no goal that is not declared.
func isActive(g *mapping.Goal, now time.Time) bool {
	return g.ID != "" && g.StatusAt(now, time.UTC) == mapping.GoalActive
}

// reasonsShown returns the reasons whose shares are compared: those that either
// mapping declares, and what stands for the others.
func reasonsShown(before, after *mapping.RuleSet) []string {
	var ids []string
	for _, r := range slices.Concat(after.Reasons(), before.Reasons()) {
		if !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return append(ids, Retired, OtherReason, NoReason)
}

func shownReason(reason string, shown []string) string {
	switch {
	case reason == "":
		return NoReason
	case slices.Contains(shown, reason):
		return reason
	}
	return OtherReason
}

// shownShare returns a share, nil where there is no work at all, or none of these
// cells and that is not a number.
func shownShare(w *Work, b Basis, zero bool, in func(Cell) bool) *float64 {
	s, ok := w.share(b, in)
	if !ok || s.Value == 0 && !zero {
		return nil
	}
	return &s.Value
}

// differs reports whether a share appears, vanishes or changes by more than
// rounding does.
func (c *ShareChange) differs() bool {
	if c.Before == nil || c.After == nil {
		return c.Before != c.After
	}
	return math.Abs(*c.After-*c.Before) >= planNoise
}
