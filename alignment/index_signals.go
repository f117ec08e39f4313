package alignment

import (
	"slices"

	"alignd/alignment/stats"
	"alignd/mapping"
	"alignd/ticket"
)

// answerDays is within how many working days a signal should be answered
// (measures: 4).
const answerDays = 2

// signal is one sign of danger with what became of it, in seconds of working
// time.
type signal struct {
	stats.Observation         // until the answer
	age               float64 // until the watermark
	limit             float64 // answerDays

	// Of a label, which an acknowledgement may have answered before:
	put, end int64 // when it was put on, and the end of Observation
	goals    []int // that the ticket was for
}

// flow adds the items about signals and their answers.
func (x *indexer) flow(signals []signal) {
	waits := make([]stats.Observation, len(signals))
	var answered partOf
	for i, s := range signals {
		waits[i] = s.Observation
		if s.age >= s.limit {
			answered.note(s.Event && s.Time <= s.limit)
		}
	}
	x.median("flow", "response", waits)
	x.ratio("flow", "answered", answered)
}

// acknowledged returns what became of the labels of a team if somebody took
// note of the drift of the team, or of a goal the ticket was for, before
// anything else happened.
func (x *indexer) acknowledged(team int, signals []signal) []signal {
	p := x.h.teams[team]
	for i := range signals {
		s := &signals[i]
		for _, a := range x.log.Acknowledgements {
			concerns := a.Goal == "" && a.Team == p.id || a.Goal != "" && slices.Contains(s.goals, x.h.goalIndex(a.Goal))
			if at := a.At.UnixMicro(); concerns && at > s.put && (at < s.end || at == s.end && !s.Event) {
				s.end, s.Event, s.Time = at, true, seconds(p.sheets[0].cal.measure(s.put, at))
			}
		}
	}
	return signals
}

// labelKinds says of the labels of tickets what they mean to the index. It
// learns them while tickets are gathered and only reads afterwards.
type labelKinds struct {
	rules *mapping.RuleSet
	since mapping.Date // the 91 days begin on it, or a little later
	day   string       // the same
	known map[string]labelKind
	labelUse
}

// labelUse says which kinds of label some ticket had.
type labelUse struct{ signals, surprises bool }

type labelKind uint8

const (
	plainLabel labelKind = iota
	signalLabel
	surpriseLabel
)

func newLabelKinds(rules *mapping.RuleSet, views []teamView) *labelKinds {
	l := &labelKinds{rules: rules, since: endOfDates, known: map[string]labelKind{}}
	for i := range views {
		if views[i].known {
			l.since = min(l.since, views[i].today-longestWindow)
		}
	}
	l.day = l.since.String()
	return l
}

func (l *labelKinds) learn(label string) {
	if _, ok := l.known[label]; ok || label == "" {
		return
	}
	switch {
	case l.rules.Signal(label):
		l.known[label], l.signals = signalLabel, true
	case l.rules.Surprise(label):
		l.known[label], l.surprises = surpriseLabel, true
	default:
		l.known[label] = plainLabel
	}
}

// isSignalled reports whether the ticket ever had a label that is a signal.
func (l *labelKinds) isSignalled(tk *ticket.Ticket) bool {
	if !l.signals {
		return false
	}
	for _, label := range tk.Labels {
		if l.known[label] == signalLabel {
			return true
		}
	}
	for i := range tk.Changes {
		c := &tk.Changes[i]
		if c.Field == ticket.FieldLabel && (l.known[c.From] == signalLabel || l.known[c.To] == signalLabel) {
			return true
		}
	}
	return false
}

// concernIndex learns the labels of a ticket and reports whether the index
// looks at it even if it carries no work.
func (l *labelKinds) concernIndex(tk *ticket.Ticket) bool {
	since := l.day
	concerns := tk.Due >= since
	for _, s := range tk.Spans {
		concerns = concerns || mapping.DateOf(s.To) >= l.since
	}
	for _, label := range tk.Labels {
		l.learn(label)
	}
	for i := range tk.Changes {
		switch c := &tk.Changes[i]; c.Field {
		case ticket.FieldDue:
			concerns = concerns || max(c.From, c.To) >= since
		case ticket.FieldLabel:
			l.learn(c.From)
			l.learn(c.To)
		}
	}
	return concerns || mapping.DateOf(tk.Updated) >= l.since && l.isSignalled(tk)
}

// lookAtSignals finds each time that a signal was put on the ticket.
func (b *caseBook) lookAtSignals(n *node) {
	type put struct {
		at, off int64
		label   string
	}
	var puts []put
	var before []string
	isLabel := func(f ticket.Field) bool { return f == ticket.FieldLabel }
	replay(n.tk, isLabel, func(at int64, now *ticket.Ticket) {
		for i := range puts {
			if puts[i].off == endOfTime && !slices.Contains(now.Labels, puts[i].label) {
				puts[i].off = at
			}
		}
		for _, label := range now.Labels {
			if b.labels.known[label] == signalLabel && !slices.Contains(before, label) {
				puts = append(puts, put{at, endOfTime, label})
			}
		}
		before = append(before[:0], now.Labels...)
	})
	for _, p := range puts {
		if b.isRecent(p.at) && b.isIn(n, p.at) && n.isUnfinished(p.at) {
			b.signals = append(b.signals, b.wait(n, p.at, p.off))
		}
	}
}

// wait returns what became of a signal. Its label was taken off at off.
func (b *caseBook) wait(n *node, at, off int64) signal {
	goals := b.goalsAt(n, at)
	answer := min(off, n.replanned(b.rules, at), n.shelved(at), b.redirected(goals, at))
	finished := n.finished(at)
	end := min(answer, finished, b.view.watermark)
	return signal{
		Observation: stats.Observation{
			Time:  seconds(b.cal.measure(at, end)),
			Event: answer <= finished && answer <= b.view.watermark,
		},
		age:   seconds(b.cal.measure(at, b.view.watermark)),
		limit: answerDays * (b.view.team.Calendar.To - b.view.team.Calendar.From).Seconds(),
		put:   at, end: end, goals: goals,
	}
}

// goalsAt returns what the ticket was for at t.
func (b *caseBook) goalsAt(n *node, t int64) (goals []int) {
	v, _ := valueAt(b.verdicts(n), t)
	for _, g := range v.match.Goals {
		goals = append(goals, g.Goal)
	}
	return goals
}

// replanned returns the first instant after t at which the plan of the ticket
// changed, what it belongs to, or its team.
func (n *node) replanned(rules *mapping.RuleSet, t int64) int64 {
	team := func(project string) int { return rules.TeamOf(n.tk.ID.Connector, project) }
	for i := range n.tk.Changes {
		c := &n.tk.Changes[i]
		at := c.At.UnixMicro()
		if at <= t {
			continue
		}
		switch c.Field {
		case ticket.FieldPlan, ticket.FieldDue, ticket.FieldEstimate, ticket.FieldParent, ticket.FieldGroup:
			return at
		case ticket.FieldProject:
			if team(c.From) != team(c.To) {
				return at
			}
		}
	}
	return endOfTime
}

// shelved returns the first instant after t at which the ticket, or an
// ancestor it had then, was put back to todo or canceled.
func (n *node) shelved(t int64) int64 {
	first := int64(endOfTime)
	for _, x := range n.kin() {
		for i := 1; i < len(x.states); i++ {
			at, is := x.states[i].from, x.states[i].value.state
			if at <= t || at >= first || is == x.states[i-1].value.state ||
				is != ticket.StateTodo && is != ticket.StateCanceled {
				continue
			}
			if n.isBelow(x, at) {
				first = at
			}
		}
	}
	return first
}

// isBelow reports whether x is the ticket itself or above it at t.
func (n *node) isBelow(x *node, t int64) bool {
	found := false
	n.lineage(t, func(elder *node, _ int) bool {
		found = found || elder == x
		return !found
	})
	return found
}

// finished returns the first instant after t at which the ticket was done.
func (n *node) finished(t int64) int64 {
	for _, s := range n.states {
		if s.from > t && s.value.state == ticket.StateDone {
			return s.from
		}
	}
	return endOfTime
}

// redirected returns the first instant after t at which one of the goals got
// another status or target.
func (b *caseBook) redirected(goals []int, t int64) int64 {
	first := int64(endOfTime)
	for _, g := range goals {
		first = min(first, b.decided(g, t))
	}
	return first
}

// decided returns the first instant after t at which a goal gets another
// status or target than it had.
func (g *ground) decided(goal int, t int64) int64 {
	first := int64(endOfTime)
	for i, s := range g.cells.statuses[goal] {
		if s.from > t && s.value != g.cells.statuses[goal][max(0, i-1)].value {
			first = min(first, s.from)
		}
	}
	targets := g.rules.Goals()[goal].Targets
	for i, d := range targets {
		if at := d.From.In(g.cal.loc).UnixMicro(); at > t && (i == 0 || d.Share != targets[i-1].Share) {
			first = min(first, at)
		}
	}
	return first
}

func sortedOnce(times []int64) []int64 {
	slices.Sort(times)
	return slices.Compact(times)
}
