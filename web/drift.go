package web

import (
	"net/url"
	"slices"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// movement is what the history says: of each series where it stands, and what
// was noticed.
type movement struct {
	UpTo   string // last settled week
	InTime bool   // shares of team time, not of completed tickets
	Stale  string // why it may not fit the numbers beside it
	Open   []episode
	Past   []episode // latest first
	Series []seriesRow
}

// Unit says what the shares are shares of.
func (m *movement) Unit() string {
	if m.InTime {
		return unitWords[alignment.UnitTime]
	}
	return unitWords[alignment.UnitTickets]
}

// seriesRow is one monitored share.
type seriesRow struct {
	ID, Name       string
	Share, Between string // of the last observation
	Size           string // its effective tickets
	Reference      string
	State          string
	Trend          string
	Chart          *chart // nil without observations
	Recent         []observationRow
}

type observationRow struct {
	Weeks, Share, Between, Size, Reference, Up, Down string
}

// episode is one alarm in words.
type episode struct {
	ID, Title, Since, Question string
	Ending                     string // empty while it is open
	Doubt                      string
	Cells                      []cellMove
	Tickets                    []ticketLink
	Chart                      *chart // of the series
}

type cellMove struct{ CSS, Name, Before, After string }

// ticketLink says nothing of a share below one in a hundred.
type ticketLink struct{ Key, Href, Share string }

// newMovement returns nil before the first review.
func newMovement(snap *alignment.Snapshot, n names) *movement {
	r := snap.Review
	if r == nil {
		return nil
	}
	m, past := &movement{}, []*alignment.Episode{}
	if r.Fingerprint != snap.Fingerprint {
		m.Stale = "The rules have changed since this was judged. It is being judged anew."
	}
	if at, ok := r.Settled[alignment.AllTeams]; ok {
		m.UpTo = day(sundayBefore(at))
	}
	for i := range r.Drifts {
		d := &r.Drifts[i]
		m.InTime = d.Series.Unit == alignment.UnitTime
		row := newSeriesRow(d, n)
		row.Trend = trendWords(trendsOf(snap, d.Series), d.Series.Goal)
		m.Series = append(m.Series, row)
		for e := range d.Episodes {
			if e := &d.Episodes[e]; e.How != alignment.StillOpen {
				past = append(past, e)
				continue
			}
			open := newEpisode(&d.Episodes[e], n)
			open.Chart = row.Chart
			m.Open = append(m.Open, open)
		}
	}
	slices.SortStableFunc(past, func(x, y *alignment.Episode) int { return y.RaisedAt.Compare(x.RaisedAt) })
	for _, e := range past {
		m.Past = append(m.Past, newEpisode(e, n))
	}
	return m
}

// sundayBefore returns the last day of a week that ended at an instant, in
// whatever zone that was: its Monday morning is the one nearest to the instant.
func sundayBefore(end time.Time) mapping.Date {
	d := mapping.DateOf(end.Add(84 * time.Hour).UTC())
	return d - mapping.Date((d.Weekday()+6)%7) - 1
}

func trendsOf(snap *alignment.Snapshot, s alignment.Series) []alignment.Trend {
	for i := range snap.Teams {
		if snap.Teams[i].ID == s.Team {
			return snap.Teams[i].Trends
		}
	}
	return snap.Company.Trends
}

func seriesID(s alignment.Series) string {
	if s.Goal != "" {
		return "goal-" + s.Goal
	}
	return "team-" + s.Team
}

// recentObservations is how many of them are printed as a table.
const recentObservations = 13

func newSeriesRow(d *alignment.Drift, n names) seriesRow {
	row := seriesRow{ID: seriesID(d.Series), Name: capital(n.series(d.Series)), State: driftState(d), Chart: newChart(d)}
	for i := range d.Observations {
		o := &d.Observations[i]
		share := o.Interval()
		row.Share, row.Between, row.Size = percent(share.Value), between(share), number(o.EffectiveTickets)
		row.Reference = "the declared " + percent(o.Reference)
		if d.Estimated {
			row.Reference = "the usual " + percent(o.Reference)
		}
		row.Recent = append(row.Recent, observationRow{
			weekWords(o), row.Share, row.Between, row.Size, percent(o.Reference), number(o.Up), number(o.Down),
		})
	}
	if !d.Evaluable {
		row.Share, row.Between, row.Size = "", "", ""
	}
	row.Recent = row.Recent[max(0, len(row.Recent)-recentObservations):]
	return row
}

func weekWords(o *alignment.Observation) string {
	if o.First == o.Last {
		return day(o.First)
	}
	return day(o.First) + " to " + day(o.Last)
}

func driftState(d *alignment.Drift) string {
	switch {
	case d.Open() != nil:
		return "noticed, see above"
	case len(d.Observations) == 0 && d.Estimated:
		return "not enough data yet to know what is usual"
	case !d.Evaluable:
		return "not enough data in the last four weeks"
	default:
		return "no drift noticed"
	}
}

func newEpisode(e *alignment.Episode, n names) episode {
	out := episode{
		ID: seriesID(e.Series), Title: "Noticed: " + n.episode(e), Since: sinceWords(e), Question: question(e), Ending: endingWords(e),
	}
	if e.Doubted {
		out.Doubt = doubtWords
	}
	if e.Movement == nil {
		return out
	}
	for _, c := range e.Movement.Cells {
		css, name := n.cell(c)
		out.Cells = append(out.Cells, cellMove{css, name, percent(c.Before), percent(c.After)})
	}
	for _, t := range e.Movement.Tickets {
		to := ticketLink{Key: t.Key, Href: "/explain?" + url.Values{"key": {t.Key}}.Encode()}
		if t.Share >= 0.01 {
			to.Share = percent(t.Share)
		}
		out.Tickets = append(out.Tickets, to)
	}
	return out
}

// cell returns the colour and the name of a cell.
func (n names) cell(c alignment.CellMove) (css, name string) {
	for _, class := range alignment.Classes {
		if class.String() != c.Class {
			continue
		}
		words := classWords[class]
		switch {
		case class == alignment.Aligned:
			return words.css, n.goal(c.Goal)
		case class == alignment.NotNow:
			return words.css, n.goal(c.Goal) + ", not now"
		case class == alignment.OffPlan:
			return words.css, words.label + ": " + n.reason(c.Reason)
		default:
			return words.css, words.label
		}
	}
	return "", c.Class
}
