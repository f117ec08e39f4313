package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"alignd/alignment"
	"alignd/mapping"
)

// review shows how far back and how far up the history was judged. Like a
// watermark it stays when the data is stale.
func (s *section) review(snap *alignment.Snapshot) {
	r := snap.Review
	if r == nil {
		return
	}
	if !r.Oldest.IsZero() {
		s.gauge(descHistoryOldest, timestamp(r.Oldest))
	}
	for _, team := range teams(snap) {
		if settled, ok := r.Settled[team.ID]; ok {
			s.gauge(descDriftWeek, timestamp(settled), team.ID)
		}
	}
}

// movementOf returns what says whether the shares of a team move. A review may
// be older than the mapping in force, so goals are looked up there.
func movementOf(snap *alignment.Snapshot, team *alignment.TeamResult) section {
	s := section{perishable: true, watermark: team.Watermark}
	s.trends(team)
	if snap.Review == nil {
		return s
	}
	if o, ok := snap.Review.Overdispersion[team.ID]; ok {
		s.gauge(descOverdispersion, o.Latest(), team.ID)
	}
	for i := range snap.Review.Drifts {
		d := &snap.Review.Drifts[i]
		known := d.Series.Goal == "" ||
			slices.ContainsFunc(snap.Goals, func(g mapping.Goal) bool { return g.ID == d.Series.Goal })
		if d.Series.Team == team.ID && known {
			s.drift(d)
		}
	}
	for i := range snap.Review.Index[team.ID] {
		s.index(team.ID, &snap.Review.Index[team.ID][i])
	}
	return s
}

func (s *section) trends(team *alignment.TeamResult) {
	units := countedUnits(team)
	for i := range team.Trends {
		t := &team.Trends[i]
		if !slices.Contains(units, t.Unit) {
			continue
		}
		labels := []string{team.ID, t.Goal, t.Unit.String()}
		s.gauge(descTrendObservations, float64(t.Weeks), labels...)
		if t.Known() {
			s.gauge(descTrendSlope, t.Slope, labels...)
			if t.P != nil {
				s.gauge(descTrendP, *t.P, labels...)
			}
		}
	}
}

func (s *section) drift(d *alignment.Drift) {
	labels := []string{d.Series.Team, d.Series.Goal, d.Series.Unit.String()}
	s.gauge(descDriftThreshold, d.Threshold, labels...)
	s.gauge(descDriftEvaluable, truth(d.Evaluable), labels...)
	if d.Evaluable {
		s.gauge(descDriftEWMA, d.EWMA, labels...)
	}
	open := d.Open()
	sums := map[alignment.Direction]float64{alignment.Up: d.Up, alignment.Down: d.Down}
	for _, direction := range alignment.Directions {
		of := append(slices.Clip(labels), direction.String())
		if d.Evaluable {
			s.gauge(descDriftCUSUM, sums[direction], of...)
		}
		isOpen := open != nil && open.Direction == direction
		s.gauge(descEpisode, truth(isOpen), of...)
		if isOpen {
			s.gauge(descEpisodeOnset, timestamp(open.OnsetAt), of...)
			s.gauge(descEpisodeRaised, timestamp(open.RaisedAt), of...)
		}
		recorded := 0
		for i := range d.Episodes {
			if d.Episodes[i].Direction == direction {
				recorded++
			}
		}
		s.add(descEpisodes, prometheus.CounterValue, float64(recorded), of)
	}
}

func (s *section) index(team string, item *alignment.IndexItem) {
	s.gauge(descIndexObservations, float64(item.Observations), team, item.Dimension, item.Item)
	if item.Ratio != nil {
		s.gauge(descIndexRatio, item.Ratio.Value, team, item.Dimension, item.Item)
	}
	if item.Seconds != nil {
		s.gauge(descIndexSeconds, *item.Seconds, team, item.Dimension, item.Item)
	}
}
