package web

import (
	"time"

	"alignd/alignment"
)

// The types below are the JSON form of alignment.Review and its parts. Weeks
// are named by their Mondays.

type trendBody struct {
	Goal  string   `json:"goal,omitempty"` // absent: the aligned share
	Unit  string   `json:"unit"`
	Weeks int      `json:"weeks"`
	Slope *float64 `json:"slope_per_week,omitempty"` // absent with too few weeks
	P     *float64 `json:"p,omitempty"`              // absent where it cannot be tested
}

type reviewBody struct {
	ComputedAt  time.Time                  `json:"computed_at"`
	Fingerprint string                     `json:"fingerprint"`
	Oldest      *time.Time                 `json:"history_from,omitempty"`
	Settled     map[string]time.Time       `json:"settled"` // end of the last settled week, by team
	Drifts      []driftBody                `json:"drifts"`
	Index       map[string][]indexItemBody `json:"index"` // by team
}

type seriesBody struct {
	Team string `json:"team"`
	Goal string `json:"goal,omitempty"` // absent: the aligned share
	Unit string `json:"unit"`
}

type driftBody struct {
	seriesBody
	Evaluable    bool              `json:"evaluable"`
	Reference    *float64          `json:"reference,omitempty"` // absent before the first observation
	Estimated    bool              `json:"reference_estimated"`
	Threshold    float64           `json:"threshold"`
	Up           *float64          `json:"cusum_up,omitempty"` // absent if not evaluable
	Down         *float64          `json:"cusum_down,omitempty"`
	EWMA         *float64          `json:"ewma,omitempty"`
	Observations []observationBody `json:"observations"`
	Episodes     []episodeBody     `json:"episodes"`
}

type observationBody struct {
	FirstWeek string    `json:"first_week"`
	LastWeek  string    `json:"last_week"`
	Share     shareBody `json:"share"`
	Effective float64   `json:"effective_tickets"`
	Reference float64   `json:"reference"`
	Z         float64   `json:"z"`
	Sigma     float64   `json:"sigma"`
	X         float64   `json:"x"`
	Up        float64   `json:"cusum_up"`
	Down      float64   `json:"cusum_down"`
	EWMA      float64   `json:"ewma"` // of x, in standard deviations; decides nothing
}

type episodeBody struct {
	Direction string              `json:"direction"`
	OnsetWeek string              `json:"onset_week"`
	OnsetAt   time.Time           `json:"onset_at"` // beginning of that week
	Week      string              `json:"week"`
	RaisedAt  time.Time           `json:"raised_at"` // end of that week
	Shift     float64             `json:"shift"`     // estimated change of the share
	Share     float64             `json:"share"`     // of the observation that raised it
	Reference float64             `json:"reference"`
	Estimated bool                `json:"reference_estimated"`
	Movement  *alignment.Movement `json:"movement,omitempty"`
	Open      bool                `json:"open"`
	ClearedAt *time.Time          `json:"cleared_at,omitempty"`
	ClearedBy string              `json:"cleared_by,omitempty"` // data, acknowledgement or reference
	Note      string              `json:"note,omitempty"`
	Doubted   bool                `json:"doubted"` // with what is known today it would not have been raised
}

type indexItemBody struct {
	Dimension    string     `json:"dimension"`
	Item         string     `json:"item"`
	Observations int        `json:"observations"`
	Ratio        *shareBody `json:"ratio,omitempty"`
	Seconds      *float64   `json:"seconds,omitempty"`
	At           time.Time  `json:"as_of"`
}

func newTrendBodies(trends []alignment.Trend) []trendBody {
	out := make([]trendBody, 0, len(trends))
	for i := range trends {
		t := &trends[i]
		body := trendBody{Goal: t.Goal, Unit: t.Unit.String(), Weeks: t.Weeks}
		if t.Known() {
			body.Slope, body.P = &t.Slope, t.P
		}
		out = append(out, body)
	}
	return out
}

// newReviewBody returns nil before the first review.
func newReviewBody(r *alignment.Review) *reviewBody {
	if r == nil {
		return nil
	}
	body := &reviewBody{
		ComputedAt: r.ComputedAt.UTC(), Fingerprint: r.Fingerprint, Settled: map[string]time.Time{},
		Drifts: []driftBody{}, Index: map[string][]indexItemBody{},
	}
	if !r.Oldest.IsZero() {
		body.Oldest = &r.Oldest
	}
	for team, at := range r.Settled {
		body.Settled[team] = at.UTC()
	}
	for i := range r.Drifts {
		body.Drifts = append(body.Drifts, newDriftBody(&r.Drifts[i]))
	}
	for team, items := range r.Index {
		body.Index[team] = newIndexBodies(items)
	}
	return body
}

func newSeriesBody(s alignment.Series) seriesBody { return seriesBody{s.Team, s.Goal, s.Unit.String()} }

func newDriftBody(d *alignment.Drift) driftBody {
	body := driftBody{
		seriesBody: newSeriesBody(d.Series), Evaluable: d.Evaluable, Estimated: d.Estimated, Threshold: d.Threshold,
		Observations: []observationBody{}, Episodes: []episodeBody{},
	}
	if len(d.Observations) > 0 {
		body.Reference = &d.Reference
	}
	if d.Evaluable {
		body.Up, body.Down, body.EWMA = &d.Up, &d.Down, &d.EWMA
	}
	for i := range d.Observations {
		o := &d.Observations[i]
		body.Observations = append(body.Observations, observationBody{
			o.First.String(), o.Last.String(), newShareBody(o.Interval()), o.EffectiveTickets,
			o.Reference, o.Z, o.Sigma, o.X, o.Up, o.Down, o.EWMA,
		})
	}
	for i := range d.Episodes {
		body.Episodes = append(body.Episodes, newEpisodeBody(&d.Episodes[i]))
	}
	return body
}

func newEpisodeBody(e *alignment.Episode) episodeBody {
	body := episodeBody{
		Direction: e.Direction.String(), OnsetWeek: e.Onset.String(), OnsetAt: e.OnsetAt.UTC(),
		Week: e.Week.String(), RaisedAt: e.RaisedAt.UTC(), Shift: e.Shift, Share: e.Share, Reference: e.Reference, Estimated: e.Estimated,
		Movement: newMovementBody(e.Movement), Open: e.How == alignment.StillOpen, ClearedBy: string(e.How), Note: e.Note, Doubted: e.Doubted,
	}
	if !body.Open {
		at := e.ClearedAt.UTC()
		body.ClearedAt = &at
	}
	return body
}

func newMovementBody(m *alignment.Movement) *alignment.Movement {
	if m == nil {
		return nil
	}
	return &alignment.Movement{Cells: orEmpty(m.Cells), Tickets: orEmpty(m.Tickets)}
}

func newIndexBodies(items []alignment.IndexItem) []indexItemBody {
	out := make([]indexItemBody, 0, len(items))
	for _, item := range items {
		body := indexItemBody{Dimension: item.Dimension, Item: item.Item, Observations: item.Observations, Seconds: item.Seconds, At: item.At.UTC()}
		if item.Ratio != nil {
			ratio := newShareBody(*item.Ratio)
			body.Ratio = &ratio
		}
		out = append(out, body)
	}
	return out
}
