package web

import (
	"fmt"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// chart is a drift chart as it is drawn: above, the share of each observation
// with its interval and what it is compared with; below, the two sums and
// their limits. Lengths are those of the view box.
type chart struct {
	Summary  string // for those who cannot see it
	From, To string // ends of the time axis
	Top      string // upper end of the axis of shares
	Limit    string // of the sums

	Shares, Reference string // points of lines
	Up, Down          string
	Dots              []dot
	Intervals         []line
	Episodes          []line // from X1 to X2

	Zero, LimitUp, LimitDown float64 // heights
}

type dot struct {
	X, Y  float64
	Title string
}

type line struct{ X1, Y1, X2, Y2 float64 }

// The view box of a chart is 440 by 250; these are its two panels. The
// template knows them too.
const (
	chartLeft, chartRight = 44.0, 432.0
	shareTop, shareFloor  = 12.0, 128.0
	sumTop, sumFloor      = 150.0, 224.0
)

// chartWeeks is how many weeks a chart shows at most.
const chartWeeks = 52

// newChart returns nil without observations.
func newChart(d *alignment.Drift) *chart {
	n := len(d.Observations)
	if n == 0 {
		return nil
	}
	shown := d.Observations
	for shown[0].First < shown[len(shown)-1].Last-7*(chartWeeks-1) {
		shown = shown[1:]
	}
	s := newScale(d, shown)
	c := &chart{
		From: shortDay(s.from), To: shortDay(s.to - 1), Top: percent(s.top), Limit: number(d.Threshold),
		Zero: s.sumY(0), LimitUp: s.sumY(d.Threshold), LimitDown: s.sumY(-d.Threshold),
	}
	c.Summary = fmt.Sprintf("%s observations from %s to %s; the last share is %s, compared with %s",
		number(float64(len(shown))), c.From, c.To, percent(shown[len(shown)-1].Share), percent(d.Reference))
	s.drawShares(c, shown)
	s.drawSums(c, shown)
	for i := range d.Episodes {
		s.drawEpisode(c, &d.Episodes[i])
	}
	return c
}

func shortDay(d mapping.Date) string { return d.In(time.UTC).Format("2 Jan 2006") }

// scale turns days, shares and sums into lengths.
type scale struct {
	from, to mapping.Date // to excluded
	top      float64      // share
	sum      float64      // largest one either way
}

// tops are the possible upper ends of the axis of shares.
var tops = []float64{.05, .1, .2, .3, .5, .75, 1}

func newScale(d *alignment.Drift, shown []alignment.Observation) scale {
	s := scale{from: shown[0].First, to: shown[len(shown)-1].Last + 7, sum: 1.1 * d.Threshold}
	var highest float64
	for i := range shown {
		highest = max(highest, shown[i].Interval().Upper, shown[i].Reference)
		s.sum = max(s.sum, shown[i].Up, shown[i].Down)
	}
	for _, s.top = range tops {
		if s.top > highest {
			break
		}
	}
	return s
}

func (s scale) x(d float64) float64 {
	return chartLeft + (chartRight-chartLeft)*(d-float64(s.from))/float64(s.to-s.from)
}

// middle is where an observation stands.
func (s scale) middle(o *alignment.Observation) float64 { return s.x(float64(o.First+o.Last+7) / 2) }

func (s scale) shareY(share float64) float64 {
	return shareFloor - (shareFloor-shareTop)*min(share/s.top, 1)
}

func (s scale) sumY(sum float64) float64 {
	return (sumTop+sumFloor)/2 - (sumFloor-sumTop)/2*sum/s.sum
}

func (s scale) drawShares(c *chart, shown []alignment.Observation) {
	var shares, reference path
	for i := range shown {
		o := &shown[i]
		share, x := o.Interval(), s.middle(o)
		shares.to(x, s.shareY(o.Share))
		if i == 0 || o.Reference != shown[i-1].Reference {
			reference.to(s.x(float64(o.First)), s.shareY(o.Reference))
		}
		if i == len(shown)-1 || o.Reference != shown[i+1].Reference {
			reference.to(s.x(float64(o.Last+7)), s.shareY(o.Reference))
		}
		c.Intervals = append(c.Intervals, line{x, s.shareY(share.Lower), x, s.shareY(share.Upper)})
		c.Dots = append(c.Dots, dot{x, s.shareY(o.Share), weekWords(o) + ": " + percent(o.Share) + ", " + between(share)})
	}
	c.Shares, c.Reference = shares.String(), reference.String()
}

func (s scale) drawSums(c *chart, shown []alignment.Observation) {
	var up, down path
	for i := range shown {
		o := &shown[i]
		up.to(s.middle(o), s.sumY(o.Up))
		down.to(s.middle(o), s.sumY(-o.Down))
	}
	c.Up, c.Down = up.String(), down.String()
}

// drawEpisode marks the weeks from the onset of an episode to its end.
func (s scale) drawEpisode(c *chart, e *alignment.Episode) {
	from, to := max(e.Onset, s.from), s.to
	if e.How != alignment.StillOpen {
		to = min(to, e.LastWeek+7)
	}
	if from < to {
		c.Episodes = append(c.Episodes, line{X1: s.x(float64(from)), X2: s.x(float64(to)) - s.x(float64(from))})
	}
}

// path collects the points of a line.
type path struct{ strings.Builder }

func (p *path) to(x, y float64) { fmt.Fprintf(p, "%.1f,%.1f ", x, y) }
