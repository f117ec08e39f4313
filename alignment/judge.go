package alignment

import (
	"maps"
	"slices"
	"time"

	"alignd/mapping"
)

// sameRaise is how many days a chart may put an episode away from where it is
// on record and still mean the same one.
const sameRaise = 28

// Review is what the history says of drift.
type Review struct {
	ComputedAt     time.Time
	Fingerprint    string                    // of the rules
	Oldest         time.Time                 // beginning of the history; zero while no team is known
	Settled        map[string]time.Time      // end of the last settled week by team, AllTeams included
	Drifts         []Drift                   // of each team, then of each goal, in the order of the mapping
	Overdispersion map[string]Overdispersion // by team, AllTeams included
	Index          map[string][]IndexItem    // by team, AllTeams included
}

// Judge draws the drift charts of a history. It also returns what is to be
// appended to the log: raises and clears in weeks that were not judged before,
// references that were estimated, and doubts about what is on record. Input
// and history must come from the same facts.
func Judge(in Input, h *History, log Log) (*Review, []Record) {
	r := &Review{ComputedAt: in.Now, Fingerprint: h.rules.Fingerprint(), Settled: map[string]time.Time{}, Overdispersion: map[string]Overdispersion{}}
	for _, p := range h.all() {
		r.Settled[p.id] = p.weekEnd(p.settled - 7)
		r.Overdispersion[p.id] = p.overdispersion
		if oldest := p.end(p.first - 1); r.Oldest.IsZero() || oldest.Before(r.Oldest) {
			r.Oldest = oldest
		}
	}
	var news []Record
	r.Drifts, news = h.charts(log, in.Now)
	h.explain(in, r.Drifts, news)
	r.Index = h.index(&log, r.Drifts)
	return r, news
}

// charts draws all charts; what moved in new episodes is still to be found.
func (h *History) charts(log Log, now time.Time) (drifts []Drift, news []Record) {
	judged := map[mapping.Date]*Record{}
	for _, w := range h.watched(h.driftUnit()) {
		known := log.of(w.series, h.rules.ClassFingerprint())
		c := newChart(w.past, w.series, w.goal, known)
		c.draw()
		for i := range c.Episodes {
			c.Episodes[i].OnsetAt = w.past.end(c.Episodes[i].Onset - 1)
		}
		news = slices.Concat(news, c.news, c.doubts())
		if c.last > known.charted {
			r := judged[c.last]
			if r == nil {
				r = &Record{Kind: RecordCharted, Week: c.last, At: now}
				judged[c.last] = r
			}
			r.Charted, r.Waiting = append(r.Charted, w.series), append(r.Waiting, c.waiting)
		}
		drifts = append(drifts, c.Drift)
	}
	for _, week := range slices.Sorted(maps.Keys(judged)) {
		news = append(news, *judged[week])
	}
	return drifts, news
}

func (h *History) driftUnit() Unit {
	if h.rules.DriftInTime() {
		return UnitTime
	}
	return UnitTickets
}

// all returns the known teams in order, and the company if it is known.
func (h *History) all() []*past {
	known := slices.DeleteFunc(slices.Clone(h.teams), func(p *past) bool { return p == nil })
	if h.company != nil {
		known = append(known, h.company)
	}
	return known
}

// watch is a series with what it is drawn from.
type watch struct {
	series Series
	past   *past
	goal   int
}

// watched lists the monitored series: T + G of them, since a chart for each
// team and goal would alarm too often by chance (measures: 3.5).
func (h *History) watched(u Unit) []watch {
	var out []watch
	for _, p := range h.teams {
		if p != nil {
			out = append(out, watch{Series{Team: p.id, Unit: u}, p, -1})
		}
	}
	if h.company != nil {
		for g, goal := range h.rules.Goals() {
			out = append(out, watch{Series{Team: AllTeams, Goal: goal.ID, Unit: u}, h.company, g})
		}
	}
	return out
}

// doubts returns a record for each episode on record that the chart, drawn
// from what is known today, would not have raised.
func (c *chart) doubts() []Record {
	oldest := c.past.first
	var out []Record
	var fresh *chart
	for i := range c.log.transitions {
		r := &c.log.transitions[i]
		if r.Kind != RecordRaise || r.Week < oldest || c.log.doubted[r.episodeKey()] {
			continue
		}
		if fresh == nil {
			fresh = c.redrawn()
		}
		if !slices.ContainsFunc(fresh.Episodes, func(e Episode) bool {
			return e.Direction == r.Direction && e.Week <= r.Week+sameRaise && (e.How == StillOpen || e.LastWeek >= r.Week-sameRaise)
		}) {
			out = append(out, Record{Kind: RecordDoubt, Series: c.Series, Direction: r.Direction, Week: r.Week, At: c.past.weekEnd(c.last)})
		}
	}
	return out
}

// redrawn returns the chart as if nothing had been judged before.
func (c *chart) redrawn() *chart {
	log := *c.log
	log.charted, log.used, log.transitions = beforeAllDates, beforeAllDates, nil
	again := newChart(c.past, c.Series, c.goal, &log)
	again.draw()
	return again
}

// explain fills in what moved in each new raise, in the records and in the
// episodes made from them.
func (h *History) explain(in Input, drifts []Drift, news []Record) {
	var open []*movement
	for i := range news {
		if r := &news[i]; r.Kind == RecordRaise {
			open = append(open, h.movementOf(r))
		}
	}
	if len(open) == 0 {
		return
	}
	addTickets(in, open)
	for _, m := range open {
		m.raise.Movement = m.result()
		for d := range drifts {
			for e := range drifts[d].Episodes {
				if x := &drifts[d].Episodes[e]; x.isOf(m.raise) {
					x.Movement = m.raise.Movement
				}
			}
		}
	}
}
