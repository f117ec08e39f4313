package alignment

import (
	"alignd/alignment/stats"
	"alignd/mapping"
)

// Overdispersion is how much more the aligned share of a team moves from week
// to week than so few tickets explain: σ_z >= 1 of measures 3.5, in the unit of
// drift. It changes when a week has settled.
type Overdispersion []OverdispersionStep

// OverdispersionStep is what is known from the end of a local day on.
type OverdispersionStep struct {
	From  mapping.Date
	Sigma float64
}

// At returns what the weeks that had settled by the end of a local day say; 1
// while fewer than eight were usable.
func (o Overdispersion) At(day mapping.Date) float64 {
	sigma := 1.0
	for i := range o {
		if o[i].From <= day {
			sigma = o[i].Sigma
		}
	}
	return sigma
}

// Latest returns what all settled weeks say.
func (o Overdispersion) Latest() float64 { return o.At(endOfDates) }

// overdispersion draws the chart and returns how that changed.
func (c *chart) overdispersion() (out Overdispersion) {
	c.draw()
	known := beforeAllDates
	if n := len(c.learning); n > 0 {
		known = c.learning[n-1].last
	}
	for i := range c.Observations {
		out = append(out, OverdispersionStep{known + 6 + settleDays, c.Observations[i].Sigma})
		known = c.Observations[i].Last
	}
	return append(out, OverdispersionStep{known + 6 + settleDays, stats.Laney(c.zs)})
}
