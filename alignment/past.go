package alignment

import (
	"fmt"
	"math"
	"slices"
	"time"

	"alignd/mapping"
)

// past is the history of one team, or of all of them together.
type past struct {
	id       string
	sheets   []*sheet // one for a team
	lastUnit Unit
	first    mapping.Date
	days     int                                       // closed local days from first on: the last one ended before the watermark
	settled  mapping.Date                              // the Monday after the last settled week
	sizes    [unitCount][len(historyLengths)][]float64 // n_eff of the window that ends with the day

	overdispersion Overdispersion
}

// settleLag is how long a closed week waits for late changes before it can
// raise an alarm (measures: 1.9).
const (
	settleDays = 2
	settleLag  = settleDays * 24 * time.Hour
)

// Earlier and later than every day that is computed with.
const (
	beforeAllDates = mapping.Date(-1 << 30)
	endOfDates     = mapping.Date(1 << 30)
)

// measure fills in which days are closed in every team, the effective sample
// sizes, and the overdispersion in the unit of drift.
func (p *past) measure(ledgers []*ledger, roots int, drift Unit) {
	p.settle()
	for u := UnitTime; u <= p.lastUnit; u++ {
		p.measureUnit(u, ledgers, roots, historyLengths[:]...)
	}
	p.overdispersion = newChart(p, Series{Team: p.id, Unit: drift}, -1, newSeriesLog("")).overdispersion()
}

// settle fills in which days are closed in every team.
func (p *past) settle() {
	p.first, p.settled = endOfDates, endOfDates
	last := endOfDates
	for _, s := range p.sheets {
		p.first = min(p.first, s.view.backTo())
		last = min(last, s.view.today-1)
		settled := time.UnixMicro(s.view.watermark).Add(-settleLag).In(s.view.team.Location)
		p.settled = min(p.settled, mondayOf(mapping.DateOf(settled)))
	}
	p.days = int(max(0, last-p.first+1))
}

// measureUnit fills in the effective sample sizes of windows of some lengths.
func (p *past) measureUnit(u Unit, ledgers []*ledger, roots int, lengths ...mapping.Date) {
	works := make([][]rootWorkDay, len(ledgers))
	for i, l := range ledgers {
		works[i] = l.works[u]
	}
	relinks := relinksOf(works)
	for _, length := range lengths {
		at := slices.Index(historyLengths[:], length)
		p.sizes[u][at] = rollingSizes(works, relinks, p.first, p.days, length, roots)
	}
}

// window returns the work of the closed local days that end with last: one of
// historyLengths of them.
func (p *past) window(last, length mapping.Date) Window {
	var sizes [unitCount]float64
	for u := UnitTime; u <= p.lastUnit; u++ {
		sizes[u] = p.sizes[u][slices.Index(historyLengths[:], length)][last-p.first]
	}
	f := frame{fmt.Sprintf("%dd", length), last - length + 1, last + 1}
	w := windowOf(f, p.sheets, p.lastUnit, sizes)
	w.spread(p.overdispersion)
	return w
}

// observed is a number of weeks taken together.
type observed struct {
	first, last mapping.Date // Mondays
	part, total int64        // work in the series, and all work
	size        float64      // n_eff
}

func (o observed) share() float64 { return float64(o.part) / float64(o.total) }

// deviation returns the standard error of a share around a reference, the
// binomial one with n_eff.
func (o observed) deviation(reference float64) float64 {
	v := min(max(reference, 0.05), 0.95)
	return math.Sqrt(v * (1 - v) / o.size)
}

func (o observed) z(reference float64) float64 {
	return (o.share() - reference) / o.deviation(reference)
}

// observe takes the weeks up to and including that of monday together. Goal -1
// stands for all aligned work.
func (p *past) observe(goal int, u Unit, monday mapping.Date, weeks int) observed {
	o := p.sum(goal, u, monday-mapping.Date(7*(weeks-1)), monday)
	if o.total > 0 {
		o.size = p.sizes[u][slices.Index(historyLengths[:], mapping.Date(7*weeks))][monday+6-p.first]
	}
	return o
}

// sum adds up the weeks from first to last as far as they are known, without
// their effective sample size.
func (p *past) sum(goal int, u Unit, first, last mapping.Date) observed {
	o := observed{first: first, last: last}
	for _, s := range p.sheets {
		from, to := s.dayRange(frame{from: o.first, to: o.last + 7})
		for d := from; d < to; d++ {
			for _, c := range s.byDay[u][Then][d-s.view.first] {
				o.total += c.amount
				if cell := s.cells.cells[c.cell]; cell.Class == Aligned && (goal < 0 || s.cells.aligned[goal] == c.cell) {
					o.part += c.amount
				}
			}
		}
	}
	return o
}

// fresh returns the fresh share of the weeks of an observation, and false if
// nothing was active.
func (p *past) fresh(o observed) (float64, bool) {
	var w Window
	for _, s := range p.sheets {
		from, to := s.dayRange(frame{from: o.first, to: o.last + 7})
		for d := from; d < to; d++ {
			w.FreshTime += s.days[d-s.view.first].fresh
			w.ActiveTime += s.days[d-s.view.first].active
		}
	}
	return w.FreshShare()
}

// weekEnd returns the end of the week of a Monday.
func (p *past) weekEnd(monday mapping.Date) time.Time { return p.end(monday + 6) }

// end returns the end of a local day, the latest of the teams' ends.
func (p *past) end(day mapping.Date) time.Time {
	var end int64
	for _, s := range p.sheets {
		end = max(end, s.cal.start(day+1))
	}
	return time.UnixMicro(end).UTC()
}

func (p *past) goals() []mapping.Goal { return p.sheets[0].rules.Goals() }

// hasTarget reports whether a target is declared for the goal, for -1 whether
// one is for any.
func (p *past) hasTarget(goal int) bool {
	return slices.ContainsFunc(p.watched(goal), func(g mapping.Goal) bool { return len(g.Targets) > 0 })
}

// watched returns the goals whose aligned work makes up the series.
func (p *past) watched(goal int) []mapping.Goal {
	if goal < 0 {
		return p.goals()
	}
	return p.goals()[goal : goal+1]
}

// declaredTarget returns the target of a series over the weeks from first to
// last, its mean by capacity time, and the one in force at their end in
// millionths.
func (p *past) declaredTarget(goal int, first, last mapping.Date) (mean float64, atEnd int64) {
	watched := p.watched(goal)
	atEnd = p.targetAt(goal, p.weekEnd(last).UnixMicro()-1)
	targets := targetsOver(frame{from: first, to: last + 7}, p.sheets, max(goal, 0), max(goal, 0)+len(watched))
	if len(targets) == 0 { // nobody worked
		return float64(atEnd) / 1e6, atEnd
	}
	for _, t := range targets {
		mean += t.share
	}
	return mean, atEnd
}

// targetAt returns the target of a series at an instant, in millionths.
func (p *past) targetAt(goal int, at int64) (sum int64) {
	watched := p.watched(goal)
	for i := range watched {
		sum += watched[i].TargetAt(time.UnixMicro(at), p.sheets[0].view.team.Location)
	}
	return sum
}

// pausedSince returns the first instant of a week in which none of the watched
// goals was active, with a target in force if targets are declared; false if
// there is none. Such a week says nothing of a habit.
func (p *past) pausedSince(goal int, monday mapping.Date) (since time.Time, paused bool) {
	hasTarget := p.hasTarget(goal)
	for _, s := range p.sheets {
		at, end := s.cal.start(monday), s.cal.start(monday+7)
		for at < end {
			next, pursued := end, false
			for i := range p.watched(goal) {
				g := max(goal, 0) + i
				pursued = pursued || s.isPursued(g, at, hasTarget)
				next = min(next, s.nextDeclaration(g, at))
			}
			if !pursued {
				return time.UnixMicro(at).UTC(), true
			}
			at = next
		}
	}
	return time.Time{}, false
}

// declaredParts returns the aligned work of a week on goals whose target was in
// force at its beginning, and on those whose target came later.
func (p *past) declaredParts(u Unit, monday mapping.Date) (now, later int64) {
	from := p.sheets[0].cal.start(monday)
	for g, goal := range p.goals() {
		switch part := p.sum(g, u, monday, monday).part; {
		case len(goal.Targets) == 0:
		case goal.Targets[0].From.In(p.sheets[0].cal.loc).UnixMicro() <= from:
			now += part
		default:
			later += part
		}
	}
	return now, later
}

// result returns the rolling windows that end with a day and begin after the
// history does.
func (p *past) result(day mapping.Date) TeamResult {
	r := TeamResult{ID: p.id}
	if day < p.first || day >= p.first+mapping.Date(p.days) {
		return r
	}
	end := p.end(day)
	r.Known, r.Watermark = true, end
	r.Targets, r.TargetAligned = targetsAt(p.goals(), end.UnixMicro()-1, p.sheets[0].view.team.Location)
	for _, length := range rollingWindows {
		if day-length+1 >= p.first {
			r.Windows = append(r.Windows, p.window(day, length))
		}
	}
	return r
}
