package alignment

import (
	"slices"
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// IndexItem is one item of the alignment index of a team over the last 91
// days (measures: 4). There is no composite, and nothing below team level.
// Items that nothing can be said about are not listed.
type IndexItem struct {
	Dimension string // surprise, flow, correction, safety or pivot
	Item      string
	// Observations is the number of cases behind the item. It is 0 and the
	// item has no value where something could have been observed and was not.
	Observations int
	// Ratio is set for items that are a part of cases, with its Wilson
	// interval over them; Seconds for items that are a median of working time.
	// Both are nil without observations, and Seconds too where fewer than half
	// of the cases have come to their end.
	Ratio   *Share
	Seconds *float64
	At      time.Time // what it is as of: the watermark, or the date of a survey
}

// partOf is a number of cases and how many of them are special.
type partOf struct{ part, of int }

func (p *partOf) note(special bool) {
	p.of++
	if special {
		p.part++
	}
}

func (p *partOf) join(other partOf) {
	p.part += other.part
	p.of += other.of
}

// indexer lists the items of one team, or of all.
type indexer struct {
	h     *History
	past  *past
	parts []int // index of the teams whose cases count
	log   *Log
	since int64 // the beginning of the 91 days
	until int64 // the watermark
	items []IndexItem
}

// index returns the items of all known teams and of all teams together.
func (h *History) index(log *Log, drifts []Drift) map[string][]IndexItem {
	out := map[string][]IndexItem{}
	var all []int
	for i, p := range h.teams {
		if p != nil {
			out[p.id] = h.newIndexer(p, []int{i}, log).list(drifts)
			all = append(all, i)
		}
	}
	if h.company != nil {
		out[AllTeams] = h.newIndexer(h.company, all, log).list(drifts)
	}
	return out
}

func (h *History) newIndexer(p *past, parts []int, log *Log) *indexer {
	x := &indexer{h: h, past: p, parts: parts, log: log, since: endOfTime, until: endOfTime}
	for _, s := range p.sheets {
		x.since = min(x.since, s.cal.start(s.view.today-longestWindow+1))
		x.until = min(x.until, s.view.watermark)
	}
	return x
}

// list goes through the table of measures: 4, in its order.
func (x *indexer) list(drifts []Drift) []IndexItem {
	c := x.joined()
	if c.spans {
		x.ratio("surprise", "late_scope", c.lateScope)
	}
	if c.dues {
		x.ratio("surprise", "short_notice", c.shortNotice)
	}
	if c.estimates {
		x.ratio("surprise", "reestimated", c.reestimated)
	}
	if x.h.rules.SurprisesDeclared() || x.h.uses.surprises {
		x.ratio("surprise", "declared", c.declared)
	}
	if c.inPeriod {
		x.share("surprise", "unplanned_new", c.unplanned, c.worked, c.workers)
	}
	watched := x.watched(drifts)
	if signals := append(x.episodeSignals(watched), c.signals...); isCharted(watched) || x.h.rules.SignalsDeclared() || x.h.uses.signals {
		x.flow(signals)
	}
	if x.h.rules.TellsOffPlan() {
		x.share("flow", "reasoned", c.reasoned, c.offPlan, c.strays)
		x.median("flow", "time_to_reason", c.reasons)
	}
	x.correction(watched)
	x.surveyed()
	x.pivots()
	return x.items
}

// joined puts the cases of the teams together.
func (x *indexer) joined() *cases {
	sum := &cases{}
	for _, i := range x.parts {
		c := *x.h.cases[i]
		c.signals = x.acknowledged(i, slices.Clone(c.signals))
		sum.join(&c)
	}
	return sum
}

func (x *indexer) add(dimension, item string, observations int) *IndexItem {
	x.items = append(x.items, IndexItem{
		Dimension: dimension, Item: item, Observations: observations, At: time.UnixMicro(x.until).UTC(),
	})
	return &x.items[len(x.items)-1]
}

func (x *indexer) ratio(dimension, item string, p partOf) {
	x.share(dimension, item, float64(p.part), float64(p.of), p.of)
}

// share adds a ratio of amounts that stand for a number of observations.
func (x *indexer) share(dimension, item string, part, of float64, observations int) {
	if of == 0 {
		observations = 0
	}
	added := x.add(dimension, item, observations)
	if of > 0 {
		ratio := newShare(part/of, float64(observations), 1)
		added.Ratio = &ratio
	}
}

// median adds the median time of cases, of which some may still be open.
func (x *indexer) median(dimension, item string, cases []stats.Observation) {
	added := x.add(dimension, item, len(cases))
	if seconds, ok := stats.KaplanMeier(cases).Median(); ok {
		added.Seconds = &seconds
	}
}

// The rules for surveys (measures: 4).
const (
	surveyMinimum = 5   // answers below which nothing is shown
	surveyLasts   = 120 // days
)

// surveyed adds the newest result that may be shown; of several teams the mean
// of all answers.
func (x *indexer) surveyed() {
	var sum, answers float64
	var oldest time.Time
	for _, i := range x.parts {
		s := x.h.survey(i)
		if s == nil {
			continue
		}
		sum += float64(s.Answers) * float64(s.Mean) / 1000
		answers += float64(s.Answers)
		if at := s.Date.In(x.h.teams[i].zone()).UTC(); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	if answers > 0 {
		x.share("safety", "survey", (sum/answers-1)/6*answers, answers, int(answers))
		x.items[len(x.items)-1].At = oldest
	}
}

// survey returns the survey of a team that is shown, nil if there is none.
func (h *History) survey(team int) *mapping.Survey {
	var newest *mapping.Survey
	surveys, today := h.rules.Surveys(), h.teams[team].sheets[0].view.today
	for i := range surveys {
		s := &surveys[i]
		if s.Team == team && s.Answers >= surveyMinimum && s.Date <= today && today-s.Date <= surveyLasts &&
			(newest == nil || s.Date > newest.Date) {
			newest = s
		}
	}
	return newest
}
