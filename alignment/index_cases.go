package alignment

import (
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
	"alignd/ticket"
)

// The limits of what counts as a surprise (measures: 4).
const (
	shortNotice  = 14 // days before a date
	reestimation = 2  // times the estimate at the start
	latePart     = 4  // the last of that many parts of a planned span
)

// cases are what a team's tickets contribute to the index: cases of the last
// 91 days, without the tickets.
type cases struct {
	spans, dues, estimates, inPeriod bool // such facts exist

	lateScope, shortNotice, reestimated, declared partOf

	unplanned, worked float64 // team time since the period began
	workers           int     // tickets it was spent on
	reasoned, offPlan float64 // team time
	strays            int     // tickets it was spent on

	signals []signal
	reasons []stats.Observation
}

func (c *cases) join(o *cases) {
	c.spans, c.dues = c.spans || o.spans, c.dues || o.dues
	c.estimates, c.inPeriod = c.estimates || o.estimates, c.inPeriod || o.inPeriod
	c.lateScope.join(o.lateScope)
	c.shortNotice.join(o.shortNotice)
	c.reestimated.join(o.reestimated)
	c.declared.join(o.declared)
	c.unplanned += o.unplanned
	c.worked += o.worked
	c.workers += o.workers
	c.reasoned += o.reasoned
	c.offPlan += o.offPlan
	c.strays += o.strays
	c.signals = append(c.signals, o.signals...)
	c.reasons = append(c.reasons, o.reasons...)
}

// caseBook finds the cases of one team while its tickets are at hand.
type caseBook struct {
	*tally
	cases
	labels       *labelKinds
	since        int64        // the beginning of the 91 days
	first        mapping.Date // its local day
	period       frame        // the part of the period that lies in the 91 days
	periodBegins int64
	isWorker     []bool // by member
	isStray      []bool
	calendars    map[int]*calendar // of the other teams
}

// newCaseBook tallies a team's work and finds its cases on the way.
func newCaseBook(rules *mapping.RuleSet, view *teamView, f *facts, labels *labelKinds) *caseBook {
	b := &caseBook{tally: emptyTally(rules, view, f), labels: labels, calendars: map[int]*calendar{}}
	b.first = view.today - longestWindow + 1
	b.since = b.cal.start(b.first)
	if p := rules.Period(); p.From <= view.today && p.To >= b.first {
		b.inPeriod = true
		b.period = frame{from: max(p.From, b.first), to: min(p.To, view.today) + 1}
		b.periodBegins = b.cal.start(p.From)
	}
	b.isWorker, b.isStray = make([]bool, len(b.members)), make([]bool, len(b.members))
	b.attribute(func(e entry) {
		b.add(e)
		if e.unit == UnitTime && e.basis == Then && e.day >= b.first {
			b.book(e)
		}
	})
	for i, n := range b.members {
		if b.now[i].match.Kind != mapping.Excluded {
			b.look(n)
		}
	}
	return b
}

// book counts an entry of team time.
func (b *caseBook) book(e entry) {
	cell, amount := b.cells.cells[e.cell], float64(e.amount)
	if cell.Class == OffPlan {
		b.offPlan += amount
		if cell.Reason != "" {
			b.reasoned += amount
		}
		b.strays += once(&b.isStray[e.member])
	}
	if e.day < b.period.from || e.day >= b.period.to {
		return
	}
	b.worked += amount
	b.workers += once(&b.isWorker[e.member])
	serves := cell.Class == Aligned || cell.Class == NotNow || cell.Reason == Retired
	if !serves && b.members[e.member].tk.Created.UnixMicro() >= b.periodBegins {
		b.unplanned += amount
	}
}

// once returns 1 the first time.
func once(seen *bool) int {
	if *seen {
		return 0
	}
	*seen = true
	return 1
}

// look finds the cases of one ticket.
func (b *caseBook) look(n *node) {
	b.estimates = b.estimates || n.isEstimated() && b.isIn(n, b.view.watermark)
	if n.tk.Due != "" || n.hasChange(ticket.FieldDue) {
		b.lookAtDue(n)
	}
	for _, s := range n.tk.Spans {
		b.lookAtSpan(n, s)
	}
	if b.labels.isSignalled(n.tk) {
		b.lookAtSignals(n)
	}
	if !carriesWork(n.tk, b.since) {
		return
	}
	b.lookAtStart(n)
	b.lookAtCompletion(n)
	b.lookAtReason(n)
}

// isIn reports whether the ticket is in the team at t, or where it begins if
// that is later.
func (b *caseBook) isIn(n *node, t int64) bool {
	team, _ := valueAt(n.teams, max(t, n.teams[0].from))
	return team == b.view.index
}

// isRecent reports whether an instant lies in the 91 days.
func (b *caseBook) isRecent(t int64) bool { return t >= b.since && t < b.view.watermark }

func (n *node) hasChange(f ticket.Field) bool {
	for i := range n.tk.Changes {
		if n.tk.Changes[i].Field == f {
			return true
		}
	}
	return false
}

func (n *node) isEstimated() bool { return n.tk.Estimate.Set || n.hasChange(ticket.FieldEstimate) }

// lookAtStart tells a start, and whether the ticket turned out to be much
// larger than was thought when it began.
func (b *caseBook) lookAtStart(n *node) {
	for _, s := range n.states {
		if s.value.state != ticket.StateActive {
			continue
		}
		if b.isRecent(s.from) && b.isIn(n, s.from) {
			b.reestimated.note(n.grewAfter(s.from))
		}
		return
	}
}

// grewAfter reports whether an estimate after t is at least reestimation times
// the one at t, or the first one after t.
func (n *node) grewAfter(t int64) bool {
	base := n.estimateAt(t)
	for i := range n.tk.Changes {
		c := &n.tk.Changes[i]
		if c.Field != ticket.FieldEstimate || c.At.UnixMicro() <= t || !c.ToPoints.Set {
			continue
		}
		if !base.Set {
			base = c.ToPoints
		}
		if c.ToPoints.Micros > base.Micros && c.ToPoints.Micros >= reestimation*base.Micros {
			return true
		}
	}
	return false
}

// lookAtCompletion tells whether a completed ticket was called a surprise.
func (b *caseBook) lookAtCompletion(n *node) {
	at, ok := completion(n.states, b.rules.FirstCompletion())
	if !ok || !b.isRecent(at) || !b.isIn(n, at) || !n.isLeaf(at, b.teamWork) {
		return
	}
	isSurprise := false
	for _, l := range n.tk.Labels {
		isSurprise = isSurprise || b.labels.known[l] == surpriseLabel
	}
	b.declared.note(isSurprise)
}

// lookAtDue goes through the due dates the ticket ever had.
func (b *caseBook) lookAtDue(n *node) {
	steps := history(n.tk, ticket.FieldDue, func(tk *ticket.Ticket) string { return tk.Due })
	for i, s := range steps {
		due, err := mapping.ParseDate(s.value)
		if s.value == "" || err != nil {
			continue
		}
		end := min(b.cal.start(due+1)-1, b.view.watermark)
		moved := false
		if i+1 < len(steps) {
			next := steps[i+1].from
			end = min(end, next)
			moved = due-b.cal.dayOf(next) < shortNotice && n.isUnfinished(next)
		}
		if !b.isIn(n, end) {
			continue
		}
		b.dues = true
		if due >= b.first && due <= b.view.today {
			b.shortNotice.note(moved)
		}
	}
}

func (n *node) isUnfinished(t int64) bool {
	s := n.stateAt(t)
	return s != ticket.StateDone && s != ticket.StateCanceled
}

// lookAtSpan tells whether a ticket was created late in a planned span that is
// over.
func (b *caseBook) lookAtSpan(n *node, s ticket.Span) {
	from, to := s.From.UnixMicro(), s.To.UnixMicro()
	if from >= to || !b.isIn(n, min(to, b.view.watermark)) {
		return
	}
	b.spans = true
	if b.isRecent(to) {
		created := n.tk.Created.UnixMicro()
		b.lateScope.note(created >= to-(to-from)/latePart && created < to)
	}
}

// lookAtReason finds how long the ticket was worked on off the plan before it
// was said why, as far as was known at the time.
func (b *caseBook) lookAtReason(n *node) {
	var begin, end int64 // end: the last instant at which a reason was missing
	begun := false
	cuts := b.reasonCuts(n)
	for i, at := range cuts {
		v := b.resolve(n, at)
		isOff := v.match.Kind == mapping.OffPlan
		if !begun && isOff && b.isActive(n, at) {
			begin, end, begun = at, at, true
			if !b.isRecent(begin) || !b.isIn(n, begin) {
				return
			}
		}
		if !begun {
			continue
		}
		if isOff && v.match.Reason != "" {
			b.reasons = append(b.reasons, b.lasted(n, begin, at, true))
			return
		}
		if isOff {
			end = b.view.watermark
			if i+1 < len(cuts) {
				end = cuts[i+1]
			}
		}
	}
	if begun {
		b.reasons = append(b.reasons, b.lasted(n, begin, end, false))
	}
}

// reasonCuts returns the instants at which the ticket can begin to be off the
// plan and active.
func (b *caseBook) reasonCuts(n *node) []int64 {
	cuts := append([]int64{}, b.verdictCuts(n)...)
	for _, s := range n.states {
		cuts = append(cuts, s.from)
	}
	for _, s := range n.teams {
		cuts = append(cuts, s.from)
	}
	return sortedOnce(cuts)
}

// isActive reports whether the ticket is worked on at t, in whatever team.
func (b *caseBook) isActive(n *node, t int64) bool {
	s, ok := valueAt(n.states, t)
	team, _ := valueAt(n.teams, t)
	return ok && team >= 0 && s.state == ticket.StateActive && !b.rules.Teams()[team].Waiting(s.name)
}

// lasted returns the working time of a case, each part of it in the calendar
// of the team the ticket was in.
func (b *caseBook) lasted(n *node, from, to int64, ended bool) stats.Observation {
	var sum int64
	for i, s := range n.teams {
		end := to
		if i+1 < len(n.teams) {
			end = min(to, n.teams[i+1].from)
		}
		if s.value >= 0 {
			sum += b.calendarOf(s.value).measure(max(from, s.from), end)
		}
	}
	return stats.Observation{Time: seconds(sum), Event: ended}
}

func (b *caseBook) calendarOf(team int) *calendar {
	if team == b.view.index {
		return b.cal
	}
	cal := b.calendars[team]
	if cal == nil {
		cal = newCalendar(&b.rules.Teams()[team], b.first-1, b.view.today+1)
		b.calendars[team] = cal
	}
	return cal
}

func seconds(micros int64) float64 { return (time.Duration(micros) * time.Microsecond).Seconds() }
