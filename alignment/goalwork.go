package alignment

import "alignd/ticket"

// GoalWork is how much of the work of each ticket counts for which goal in the
// last 91 days, as it was known at the time.
type GoalWork map[goalKey]*goalParts

type goalKey struct {
	id   ticket.ID
	unit Unit
}

// goalParts are amounts of one unit.
type goalParts struct {
	total, counted int64 // counted is what has a goal, be it over
	goals          map[string]int64
}

// NewGoalWork computes it for the teams whose connectors have been read
// completely.
func NewGoalWork(in Input) GoalWork {
	out := GoalWork{}
	today := endOfDates
	for _, v := range newTeamViews(in.Rules, in.Watermarks) {
		if v.known {
			today = min(today, v.today)
		}
	}
	longest := Question{Window: "91d"}
	f, err := longest.window(today, in.Rules.Period())
	if today == endOfDates || err != nil {
		return out
	}
	bookings(in, f, AllTeams, func(w *teamWork, e entry) {
		if e.basis != Then {
			return
		}
		at := goalKey{w.members[e.member].tk.ID, e.unit}
		parts := out[at]
		if parts == nil {
			parts = &goalParts{goals: map[string]int64{}}
			out[at] = parts
		}
		parts.add(w.cells.cells[e.cell], e.amount)
	})
	return out
}

func (p *goalParts) add(c Cell, amount int64) {
	p.total += amount
	if c.Goal != "" {
		p.goals[c.Goal] += amount
	}
	if c.Goal != "" || c.Reason == Retired {
		p.counted += amount
	}
}

// part returns which part of the work has a goal.
func (p *goalParts) part() float64 {
	if p == nil || p.total == 0 {
		return 0
	}
	return float64(p.counted) / float64(p.total)
}

// Lost reports whether a goal has work here of which less has a goal by other
// rules.
func (g GoalWork) Lost(goal string, after GoalWork) bool {
	const rounding = 1e-6
	for at, before := range g {
		if before.goals[goal] > 0 && before.part() > after[at].part()+rounding {
			return true
		}
	}
	return false
}
