package alignment

import (
	"cmp"
	"math"
	"slices"

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

// addShares lists the shares that differ between two sets of results, matched
// by team and window.
func (p *Plan) addShares(was, is []*TeamResult, before, after *mapping.RuleSet) {
	reasons := reasonsShown(before, after)
	old := map[string]*TeamResult{}
	for _, t := range was {
		old[t.ID] = t
	}
	for _, t := range is {
		past := old[t.ID]
		if past == nil {
			past = &TeamResult{}
		}
		for i := range t.Windows {
			w := &t.Windows[i]
			at := slices.IndexFunc(past.Windows, func(b Window) bool { return b.Name == w.Name })
			b := &Window{}
			if at >= 0 {
				b = &past.Windows[at]
			}
			p.addWindow(t.ID, b, w, after.Goals(), reasons)
		}
	}
}

func (p *Plan) addWindow(team string, was, is *Window, goals []mapping.Goal, reasons []string) {
	for _, u := range Units {
		for _, b := range Bases {
			note := func(class Class, goal, reason string, in func(Cell) bool) {
				c := ShareChange{Team: team, Window: is.Name, Unit: u, Basis: b, Class: class.String(), Goal: goal, Reason: reason}
				c.Before, c.After = valueOf(was.Units[u].share(b, in)), valueOf(is.Units[u].share(b, in))
				switch {
				case !c.differs():
				case reason != "":
					p.Reasons = append(p.Reasons, c)
				default:
					p.Shares = append(p.Shares, c)
				}
			}
			for _, class := range Classes {
				note(class, "", "", func(c Cell) bool { return c.Class == class })
			}
			for _, g := range goals {
				note(Aligned, g.ID, "", func(c Cell) bool { return c.Class == Aligned && c.Goal == g.ID })
			}
			for _, r := range reasons {
				note(OffPlan, "", r, func(c Cell) bool { return c.Class == OffPlan && shownReason(c.Reason, reasons) == r })
			}
		}
	}
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

func valueOf(s Share, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &s.Value
}

func (c *ShareChange) differs() bool {
	if c.Before == nil || c.After == nil {
		// Of a team that is new or gone, reasons without work are not worth telling.
		return c.Before != c.After && (c.Reason == "" || *cmp.Or(c.Before, c.After) >= planNoise)
	}
	return math.Abs(*c.After-*c.Before) >= planNoise
}
