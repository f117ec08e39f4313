package alignment

import (
	"slices"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// The rules for pauses and pivots (measures: 4).
const (
	dragWeek     = 7       // days of work after a pause that are looked at together
	dragBefore   = 28      // days before it
	dragPart     = 10      // work has stopped at one part in ten
	pivotMove    = 100_000 // change of a target, millionths
	pivotWindow  = 28      // days before and after a pivot that are compared
	pivotSettles = 14      // days before work is expected to follow
)

// drags returns, for each pause of a goal in the last 91 days, how long the
// team still worked on it.
func (p *past) drags() []stats.Observation {
	s := p.sheets[0]
	var out []stats.Observation
	for goal := range p.goals() {
		steps := s.cells.statuses[goal]
		for i := 1; i < len(steps); i++ {
			if steps[i].value != mapping.GoalPaused || steps[i-1].value == mapping.GoalPaused ||
				steps[i].from < s.cal.start(s.view.today-longestWindow+1) || steps[i].from >= s.view.watermark {
				continue
			}
			resumed := endOfDates
			if i+1 < len(steps) {
				resumed = s.cal.dayOf(min(steps[i+1].from, s.view.watermark))
			}
			if o, ok := p.drag(goal, steps[i].from, min(resumed, p.today())); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

// drag looks at the weeks that begin with a pause, and with each day after it,
// and end before a local day; false if the team had not worked on the goal.
func (p *past) drag(goal int, paused int64, end mapping.Date) (stats.Observation, bool) {
	s := p.sheets[0]
	day := s.cal.dayOf(paused)
	before := s.timeIn(day-dragBefore, day, s.cells.aligned[goal], s.cells.notNow[goal])
	if before == 0 {
		return stats.Observation{}, false
	}
	limit := before / (dragBefore / dragWeek) / dragPart
	d := day
	for ; d+dragWeek <= end; d++ {
		if s.timeIn(d, d+dragWeek, s.cells.notNow[goal]) <= limit {
			return stats.Observation{Time: p.worked(paused, s.cal.start(d)), Event: true}, true
		}
	}
	return stats.Observation{Time: p.worked(paused, min(s.cal.start(d), s.view.watermark))}, true
}

// timeIn sums the team time of local days in some cells, basis then.
func (s *sheet) timeIn(from, to mapping.Date, cells ...int32) float64 {
	var sum int64
	from, to = s.dayRange(frame{from: from, to: to})
	for d := from; d < to; d++ {
		for _, c := range s.byDay[UnitTime][Then][d-s.view.first] {
			if slices.Contains(cells, c.cell) {
				sum += c.amount
			}
		}
	}
	return float64(sum)
}

// pivots adds the items about whether work followed decisions.
func (x *indexer) pivots() {
	if !x.past.hasTarget(-1) {
		return
	}
	var executed partOf
	var times []stats.Observation
	declared := false
	for _, at := range x.past.declaredPivots() {
		declared = true
		if at < x.since || at >= x.until {
			continue
		}
		p := x.past.pivotAt(at)
		if p.before < 0 {
			continue
		}
		if isExecuted, ok := p.executed(); ok {
			executed.note(isExecuted)
		}
		times = append(times, p.execution(x.until))
	}
	if declared {
		x.ratio("pivot", "executed", executed)
		x.median("pivot", "execution", times)
	}
}

// declaredPivots returns the instants at which a goal got another status, or a
// target that is much different, and somebody wrote down why; in order.
func (p *past) declaredPivots() []int64 {
	var out []int64
	for _, g := range p.goals() {
		last := mapping.GoalPlanned
		for _, s := range g.Statuses {
			if s.Is != last && s.Why != "" {
				out = append(out, s.From.In(p.zone()).UnixMicro())
			}
			last = s.Is
		}
		for i := 1; i < len(g.Targets); i++ {
			move := g.Targets[i].Share - g.Targets[i-1].Share
			if (move >= pivotMove || move <= -pivotMove) && g.Targets[i].Why != "" {
				out = append(out, g.Targets[i].From.In(p.zone()).UnixMicro())
			}
		}
	}
	return sortedOnce(out)
}

// pivot is a change of plan with the targets that hold from it on.
type pivot struct {
	past    *past
	at      int64
	day     mapping.Date
	targets []goalTarget
	before  float64 // distance of the work before to the new targets, -1 without work
}

func (p *past) pivotAt(at int64) *pivot {
	v := &pivot{past: p, at: at, day: p.sheets[0].cal.dayOf(at)}
	targets, _ := targetsAt(p.goals(), at, p.zone())
	for _, g := range p.goals() {
		if share, ok := targets[g.ID]; ok {
			v.targets = append(v.targets, goalTarget{g.ID, share})
		}
	}
	v.before = v.distance(v.day-pivotWindow, v.day)
	return v
}

// distance returns the total variation between the work of some local days and
// the new targets, -1 without work.
func (v *pivot) distance(from, to mapping.Date) float64 {
	w := workOf(frame{from: from, to: to}, UnitTime, v.past.sheets)
	d := distanceOf(&w, v.targets)
	if d == nil {
		return -1
	}
	return d.TotalVariation
}

// holds reports whether the work of some local days has come at least half of
// the way.
func (v *pivot) holds(from, to mapping.Date) (yes, known bool) {
	after := v.distance(from, to)
	return v.before-after >= v.before/2-tiny, after >= 0
}

// tiny is what sums of decimal fractions may be off.
const tiny = 1e-12

// executed is not known before the days to be judged are over.
func (v *pivot) executed() (yes, known bool) {
	from := v.day + pivotSettles
	if from+pivotWindow > v.past.today() {
		return false, false
	}
	return v.holds(from, from+pivotWindow)
}

// execution returns the time from the pivot to the end of the first day with
// which 28 days end that have come half of the way.
func (v *pivot) execution(until int64) stats.Observation {
	for last := v.day; last < v.past.today(); last++ {
		if yes, known := v.holds(last-pivotWindow+1, last+1); yes && known {
			return stats.Observation{Time: v.past.worked(v.at, v.past.end(last).UnixMicro()), Event: true}
		}
	}
	return stats.Observation{Time: v.past.worked(v.at, until)}
}
