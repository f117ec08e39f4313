package alignment

import (
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// watchedDrift is a chart with the past it was drawn from.
type watchedDrift struct {
	*Drift
	past *past
}

// watched returns the charts that concern the indexer: that of a team, for all
// teams together every one.
func (x *indexer) watched(drifts []Drift) []watchedDrift {
	var out []watchedDrift
	for i := range drifts {
		d := &drifts[i]
		if x.past == x.h.company || d.Series.Team == x.past.id {
			out = append(out, watchedDrift{d, x.h.of(d.Series.Team)})
		}
	}
	return out
}

// isCharted reports whether any chart has something on it, so that it could
// have raised an alarm.
func isCharted(watched []watchedDrift) bool {
	for _, w := range watched {
		if len(w.Observations) > 0 || len(w.Episodes) > 0 {
			return true
		}
	}
	return false
}

// knownAt returns when an episode could be seen for the first time: its week
// had to settle. Nobody can answer before.
func (e *Episode) knownAt() int64 { return e.RaisedAt.Add(settleLag).UnixMicro() }

// recent calls visit for every episode that became known in the 91 days.
func (x *indexer) recent(watched []watchedDrift, visit func(w watchedDrift, e *Episode)) {
	for _, w := range watched {
		for i := range w.Episodes {
			if at := w.Episodes[i].knownAt(); at >= x.since && at <= x.until {
				visit(w, &w.Episodes[i])
			}
		}
	}
}

// correction adds the items about how drift was met.
func (x *indexer) correction(watched []watchedDrift) {
	if x.h.rules.Pauses() {
		var drags []stats.Observation
		for _, i := range x.parts {
			drags = append(drags, x.h.teams[i].drags()...)
		}
		x.median("correction", "drag", drags)
	}
	if !isCharted(watched) {
		return
	}
	var decisions, recoveries []stats.Observation
	x.recent(watched, func(w watchedDrift, e *Episode) {
		decisions = append(decisions, x.decision(w, e))
		recoveries = append(recoveries, x.recovery(w, e))
	})
	x.median("correction", "decision", decisions)
	x.median("correction", "recovery", recoveries)
}

// episodeSignals returns the raised episodes as signals.
func (x *indexer) episodeSignals(watched []watchedDrift) []signal {
	var out []signal
	x.recent(watched, func(w watchedDrift, e *Episode) {
		out = append(out, signal{
			Observation: x.decision(w, e),
			age:         w.past.worked(e.knownAt(), x.until),
			limit:       answerDays * w.past.workday(),
		})
	})
	return out
}

// decision returns the time from when an episode became known to the first
// change of status or target of a goal it is about, or acknowledgement. An
// episode that went away before that is not waited for any longer.
func (x *indexer) decision(w watchedDrift, e *Episode) stats.Observation {
	known := e.knownAt()
	answer := w.past.decided(x.h.goalIndex(e.Series.Goal), known)
	for _, a := range x.log.Acknowledgements {
		if at := a.At.UnixMicro(); a.Team == e.Series.Team && a.Goal == e.Series.Goal && at > known {
			answer = min(answer, at)
		}
	}
	over := int64(endOfTime)
	if e.How == ByData {
		over = e.ClearedAt.UnixMicro()
	}
	end := min(answer, over, x.until)
	return stats.Observation{Time: w.past.worked(known, end), Event: answer <= over && answer <= x.until}
}

// recovery returns the time from the raise of an episode, the end of its week,
// until the end of the one in which the share was back.
func (x *indexer) recovery(w watchedDrift, e *Episode) stats.Observation {
	end := x.until
	if e.How != StillOpen {
		end = min(end, e.ClearedAt.UnixMicro())
	}
	return stats.Observation{Time: w.past.worked(e.RaisedAt.UnixMicro(), end), Event: e.How == ByData && !e.ClearedAt.After(time.UnixMicro(x.until))}
}

func (h *History) goalIndex(id string) int {
	for i, g := range h.rules.Goals() {
		if g.ID == id {
			return i
		}
	}
	return -1
}

// decided returns the first instant after t at which a goal, for -1 any goal,
// gets another status or target.
func (p *past) decided(goal int, t int64) int64 {
	first := int64(endOfTime)
	for g := range p.goals() {
		if goal < 0 || g == goal {
			first = min(first, p.sheets[0].decided(g, t))
		}
	}
	return first
}

// worked returns the working time between two instants in seconds, for several
// teams its mean by capacity.
func (p *past) worked(from, to int64) float64 {
	return p.meanOf(func(s *sheet) float64 { return seconds(s.cal.measure(from, to)) })
}

// workday returns the hours of a working day in seconds, likewise.
func (p *past) workday() float64 {
	return p.meanOf(func(s *sheet) float64 {
		c := &s.view.team.Calendar
		return (c.To - c.From).Seconds()
	})
}

func (p *past) meanOf(value func(*sheet) float64) float64 {
	var sum, capacity float64
	for _, s := range p.sheets {
		sum += float64(s.view.team.Capacity) * value(s)
		capacity += float64(s.view.team.Capacity)
	}
	return sum / capacity
}

func (p *past) zone() *time.Location { return p.sheets[0].view.team.Location }

// today is the first local day that is not closed.
func (p *past) today() mapping.Date { return p.first + mapping.Date(p.days) }
