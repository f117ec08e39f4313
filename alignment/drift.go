package alignment

import (
	"time"

	"alignd/alignment/stats"
	"alignd/mapping"
)

// The default drift alarm (measures: 3.5).
const (
	driftAllowance      = 0.5 // k
	driftLimit          = 5   // h against a declared target, in tickets
	driftLimitEstimated = 7   // h where the reference is estimated, or the unit is time
	driftMinimum        = 10  // n_eff of an observation
	driftPool           = 4   // weeks an observation may span
	driftClip           = 4   // |x| at most
	driftMemory         = 0.2 // λ, weight of the newest observation in the average
	driftSkips          = 4   // skipped weeks in a row that make the chart forget
	driftClearing       = 4   // observations whose mean closes an episode
	driftFresh          = 0.6 // fresh share below which a week is skipped
	driftRecent         = 4   // weeks without an observation after which a chart is not evaluable
	referenceMinimum    = 8   // observations a reference is estimated from
)

// Observation is one point of a drift chart: as many closed, settled weeks as
// it took to have enough tickets.
type Observation struct {
	First, Last      mapping.Date // Mondays of the first and the last week
	Share            float64
	EffectiveTickets float64
	Reference        float64 // the share it is compared with
	Z                float64 // distance from it in standard errors
	Sigma            float64 // overdispersion, at least 1
	X                float64 // Z by Sigma, clipped
	Up, Down         float64 // C⁺ and C⁻ after it, 0 while an episode is open
	EWMA             float64 // moving average of X after it, to look at: it decides nothing
}

// Interval returns the share with its 95 % Wilson interval.
func (o *Observation) Interval() Share { return newShare(o.Share, o.EffectiveTickets, o.Sigma) }

// Drift is the chart of one series.
type Drift struct {
	Series Series
	// Evaluable says that one of the last four settled weeks is part of an
	// observation that was compared with a reference.
	Evaluable    bool
	Reference    float64 // of the last observation
	Estimated    bool    // from the first observations, since no target is declared
	Threshold    float64 // h
	Up, Down     float64 // C⁺ and C⁻ now
	EWMA         float64 // moving average of X now
	Observations []Observation
	Episodes     []Episode // on record, oldest first; only the last one can be open
}

// Open returns the open episode, nil if there is none.
func (d *Drift) Open() *Episode {
	if n := len(d.Episodes); n > 0 && d.Episodes[n-1].How == StillOpen {
		return &d.Episodes[n-1]
	}
	return nil
}

// Due says what the next observation will bring if it is like the last ones:
// an episode in a direction, or the end of the open one.
func (d *Drift) Due() (raise Direction, ends bool) {
	e := d.Open()
	if e == nil {
		chart := stats.CUSUM{H: d.Threshold, Up: d.Up, Down: d.Down}
		if alarm, ok := chart.Alarm(); ok {
			return Direction(alarm.Direction), false
		}
		return 0, false
	}
	return 0, len(d.Observations) > 0 && isBack(d.Observations, e.Direction)
}

// isBack reports whether the last observations no longer lean in a direction.
func isBack(all []Observation, direction Direction) bool {
	recent := all[max(0, len(all)-driftClearing):]
	var sum float64
	for i := range recent {
		sum += recent[i].X * float64(direction)
	}
	return sum/float64(len(recent)) < driftAllowance
}

// chart draws the chart of one series over the settled weeks of a past.
type chart struct {
	Drift
	past *past
	goal int // index; -1 for the aligned share
	log  *seriesLog

	cusum   stats.CUSUM
	ewma    stats.EWMA
	begins  map[Direction]mapping.Date // first week of the present runs
	zs      []float64
	skipped int          // weeks in a row
	last    mapping.Date // week that was looked at
	waiting int          // weeks up to last that wait for more tickets
	told    int          // transitions of the log that were applied

	declared   int64        // target at the end of the last observation, millionths; -1 before
	learning   []observed   // what an estimated reference will be taken from
	fixed      float64      // the estimated reference, -1 while it is being learned
	paused     mapping.Date // the last week in which nothing was to be done
	redeclared time.Time    // when the target changed, until the open episode was ended for it
	news       []Record
}

func newChart(p *past, s Series, goal int, log *seriesLog) *chart {
	c := &chart{
		Drift: Drift{Series: s, Threshold: driftLimitEstimated}, past: p, goal: goal, log: log,
		begins: map[Direction]mapping.Date{}, last: beforeAllDates, declared: -1, fixed: -1, paused: beforeAllDates,
	}
	c.Estimated = !p.hasTarget(goal)
	if !c.Estimated && s.Unit == UnitTickets {
		c.Threshold = driftLimit
	}
	c.forget()
	return c
}

// draw goes through all settled weeks and pools them into observations
// (measures: 2.4).
func (c *chart) draw() {
	weeks, begun := 0, false
	for monday := mondayOf(c.past.first + 6); monday < c.past.settled; monday += 7 {
		if begun = begun || c.past.observe(c.goal, c.Series.Unit, monday, 1).total > 0; !begun {
			continue
		}
		c.last = monday
		if monday == c.log.used+7 { // earlier weeks were used then, however they would be taken together today
			weeks = 0
		}
		if since, mute := c.muteSince(monday); mute {
			c.pause(monday, since)
			c.skip(weeks + 1)
			weeks = 0
			continue
		}
		if weeks++; weeks > driftPool {
			weeks = driftPool
			c.skip(1)
		}
		o := c.past.observe(c.goal, c.Series.Unit, monday, weeks)
		if o.size < driftMinimum {
			continue
		}
		if c.isFresh(o) {
			c.skipped = 0
			c.take(o)
		} else {
			c.skip(weeks)
		}
		weeks = 0
	}
	c.waiting = weeks
	c.retell(endOfDates)
	c.acknowledge(endOfDates)
	c.Up, c.Down, c.EWMA = c.cusum.Up, c.cusum.Down, c.ewma.Value
	n := len(c.Observations)
	c.Evaluable = n > 0 && c.Observations[n-1].Last > c.last-7*driftRecent
}

// muteSince reports whether a week says nothing that could be compared, and
// since when: where nothing was to be done, or the targets in force are those
// of the smaller part of the aligned work, since the others were declared
// later.
func (c *chart) muteSince(monday mapping.Date) (since time.Time, mute bool) {
	if since, paused := c.past.pausedSince(c.goal, monday); paused {
		return since, true
	}
	if c.Estimated || c.goal >= 0 {
		return time.Time{}, false
	}
	now, later := c.past.declaredParts(c.Series.Unit, monday)
	return c.past.weekEnd(monday - 7), later > now
}

// pause is for a week that says nothing. What was usual before is then learned
// anew.
func (c *chart) pause(monday mapping.Date, since time.Time) {
	c.learning, c.fixed, c.paused, c.declared = nil, -1, monday, -1
	if monday > c.log.charted {
		c.retell(endOfDates)
		c.clear(NewReference, since, "")
	}
	c.forget()
}

// catchUp tells all that is on record before the first week that is not judged
// yet, and ends an open episode if somebody took note of it, or if nothing up
// to its alarm is compared with anything any more.
func (c *chart) catchUp(monday mapping.Date) {
	c.retell(endOfDates)
	c.acknowledge(monday)
	if e := c.Open(); e != nil && c.isVoid(e) {
		c.clear(NewReference, c.past.weekEnd(c.paused), "")
	}
}

// isVoid reports whether what is declared now leaves the weeks of an alarm, or
// later ones, without anything to compare them with.
func (c *chart) isVoid(e *Episode) bool { return e.Week <= c.paused }

// isFresh reports whether the tickets were looked after.
func (c *chart) isFresh(o observed) bool {
	fresh, ok := c.past.fresh(o)
	return ok && fresh >= driftFresh || !ok && c.Series.Unit == UnitTickets
}

func (c *chart) skip(weeks int) {
	if c.skipped += weeks; c.skipped >= driftSkips {
		c.forget()
	}
}

// reset begins the sums again.
func (c *chart) reset() {
	c.cusum = stats.CUSUM{K: driftAllowance, H: c.Threshold}
}

// forget begins the average again, too. An episode does not: the average shows
// where the share is while the sums stand still.
func (c *chart) forget() {
	c.reset()
	c.ewma = stats.EWMA{Lambda: driftMemory}
}

// take adds one observation to the chart, unless the reference is still to be
// learned from it.
func (c *chart) take(o observed) {
	isJudged := o.last <= c.log.charted
	reference, ok := c.referenceFor(o, isJudged)
	if !ok {
		return
	}
	if !isJudged {
		c.catchUp(o.last)
	}
	if e := c.Open(); e != nil && !isJudged && c.Estimated && e.Reference != reference {
		c.clear(NewReference, c.past.weekEnd(o.first-7), "")
		c.reset()
	}
	out, se := c.standardise(o, reference)
	c.ewma = c.ewma.Step(out.X)
	out.EWMA = c.ewma.Value
	isOpen := c.Open() != nil
	if !isOpen {
		c.step(&out)
	}
	c.Observations = append(c.Observations, out)
	switch {
	case isJudged:
		c.retell(o.last)
	case isOpen && isBack(c.Observations, c.Open().Direction):
		c.clear(ByData, c.past.weekEnd(out.Last), "")
	case isOpen:
	default:
		c.raiseIfDue(&out, se)
	}
}

// standardise also returns what one σ is in terms of the share.
func (c *chart) standardise(o observed, reference float64) (out Observation, sigma float64) {
	out = Observation{
		First: o.first, Last: o.last, Share: o.share(), EffectiveTickets: o.size,
		Reference: reference, Z: o.z(reference), Sigma: stats.Laney(c.zs),
	}
	out.X = min(max(out.Z/out.Sigma, -driftClip), driftClip)
	c.zs = append(c.zs, out.Z)
	c.Reference = reference
	return out, out.Sigma * o.deviation(reference)
}

func (c *chart) step(o *Observation) {
	c.cusum = c.cusum.Step(o.X)
	if c.cusum.UpRun == 1 {
		c.begins[Up] = o.First
	}
	if c.cusum.DownRun == 1 {
		c.begins[Down] = o.First
	}
	o.Up, o.Down = c.cusum.Up, c.cusum.Down
}

// referenceFor returns the share an observation is compared with, and false
// while that is being learned. A newly declared target ends what was, in weeks
// that are on record with the first one that is not.
func (c *chart) referenceFor(o observed, isJudged bool) (float64, bool) {
	if c.Estimated {
		return c.estimate(o)
	}
	mean, atEnd := c.past.declaredTarget(c.goal, o.first, o.last)
	if c.declared >= 0 && c.declared != atEnd {
		c.redeclared = c.declaredBy(o)
		c.forget()
	}
	c.declared = atEnd
	if !isJudged && !c.redeclared.IsZero() {
		c.clear(NewReference, c.redeclared, "")
		c.redeclared = time.Time{}
	}
	return mean, true
}

// declaredBy returns when the target changed for good by the end of an
// observation.
func (c *chart) declaredBy(o observed) time.Time {
	s := c.past.sheets[0]
	at, end := c.past.weekEnd(o.first-7).UnixMicro(), c.past.weekEnd(o.last).UnixMicro()
	found := at
	for sum := c.declared; at < end; {
		next := end
		for i := range c.past.watched(c.goal) {
			next = min(next, s.nextDeclaration(max(c.goal, 0)+i, at))
		}
		if now := c.past.targetAt(c.goal, next); next < end && now != sum {
			found, sum = next, now
		}
		at = next
	}
	return time.UnixMicro(found).UTC()
}

// estimate takes the reference from the first observations, and from the log
// once it is there.
func (c *chart) estimate(o observed) (float64, bool) {
	if rec := c.log.referenceFor(o.last, c.paused); rec != nil {
		if o.last > rec.Week {
			return rec.Reference, true
		}
		c.zs = append(c.zs, o.z(rec.Reference))
		return 0, false
	}
	if c.fixed >= 0 {
		return c.fixed, true
	}
	if c.learning = append(c.learning, o); len(c.learning) < referenceMinimum {
		return 0, false
	}
	var part, total int64
	for _, l := range c.learning {
		part += l.part
		total += l.total
	}
	c.fixed = float64(part) / float64(total)
	for _, l := range c.learning {
		c.zs = append(c.zs, l.z(c.fixed))
	}
	c.news = append(c.news, Record{
		Kind: RecordReference, Series: c.Series, Week: o.last, At: c.past.weekEnd(o.last), Reference: c.fixed, Rules: c.log.rules,
	})
	return 0, false
}

// retell applies what the log says of the weeks up to one. Weeks that were
// judged are not judged again.
func (c *chart) retell(upTo mapping.Date) {
	for ; c.told < len(c.log.transitions); c.told++ {
		rec := &c.log.transitions[c.told]
		switch {
		case rec.Kind == RecordRaise && rec.Week <= upTo:
			c.Episodes = append(c.Episodes, rec.episode(c.log))
		case rec.Kind == RecordClear && rec.LastWeek <= upTo:
			if e := c.Open(); e != nil {
				e.How, e.ClearedAt, e.LastWeek, e.Note = rec.How, rec.At, rec.LastWeek, rec.Note
			}
		default:
			return
		}
		c.redeclared = time.Time{}
		c.reset()
	}
}

// raiseIfDue opens an episode if the chart alarms.
func (c *chart) raiseIfDue(o *Observation, sigma float64) {
	alarm, ok := c.cusum.Alarm()
	if !ok {
		return
	}
	direction := Direction(alarm.Direction)
	rec := Record{
		Kind: RecordRaise, Series: c.Series, Direction: direction, Week: o.Last, At: c.past.weekEnd(o.Last),
		Onset: c.begins[direction], Shift: alarm.Shift * sigma, Share: o.Share, Reference: o.Reference, Estimated: c.Estimated,
	}
	c.Episodes = append(c.Episodes, rec.episode(c.log))
	c.news = append(c.news, rec)
	c.reset()
}

// acknowledge closes the open episode if somebody took note of it after it was
// raised and before the end of a week.
func (c *chart) acknowledge(monday mapping.Date) {
	e := c.Open()
	if e == nil {
		return
	}
	for _, a := range c.log.acknowledgements {
		if a.At.After(e.RaisedAt) && (monday == endOfDates || a.At.Before(c.past.weekEnd(monday))) {
			c.clear(Acknowledged, a.At, a.Note)
			return
		}
	}
}

// clear closes the open episode, if there is one.
func (c *chart) clear(how Clearing, at time.Time, note string) {
	e := c.Open()
	if e == nil {
		return
	}
	last := e.Week
	if n := len(c.Observations); n > 0 {
		last = c.Observations[n-1].Last
	}
	e.How, e.ClearedAt, e.LastWeek, e.Note = how, at, last, note
	c.news = append(c.news, Record{
		Kind: RecordClear, Series: c.Series, Direction: e.Direction, Week: e.Week, At: at, How: how, LastWeek: last, Note: note,
	})
}
