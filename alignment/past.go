package alignment

import (
	"slices"
	"time"

	"alignd/mapping"
)

// past is the history of one team, or of all of them together.
type past struct {
	id       string
	sheets   []*sheet // one for a team
	lastUnit Unit
	first    mapping.Date
	days     int                                       // closed local days from first on: the last one ended before the watermark
	settled  mapping.Date                              // the Monday after the last settled week
	sizes    [unitCount][len(historyLengths)][]float64 // n_eff of the window that ends with the day
}

// settleLag is how long a closed week waits for late changes before it can
// raise an alarm (measures: 1.9).
const settleLag = 48 * time.Hour

const endOfDates = mapping.Date(1 << 30)

// measure fills in which days are closed in every team, and the effective
// sample sizes.
func (p *past) measure(ledgers []*ledger, roots int) {
	p.first, p.settled = endOfDates, endOfDates
	last := endOfDates
	for _, s := range p.sheets {
		p.first = min(p.first, s.view.first)
		last = min(last, s.view.today-1)
		settled := time.UnixMicro(s.view.watermark).Add(-settleLag).In(s.view.team.Location)
		p.settled = min(p.settled, mondayOf(mapping.DateOf(settled)))
	}
	p.days = int(max(0, last-p.first+1))
	for u := UnitTime; u <= p.lastUnit; u++ {
		works := mergeWorks(ledgers, u)
		for i, length := range historyLengths {
			p.sizes[u][i] = rollingSizes(works, p.first, p.days, length, roots)
		}
	}
}

// window returns the work of the closed local days that end with last: one of
// historyLengths of them.
func (p *past) window(last, length mapping.Date) Window {
	var sizes [unitCount]float64
	for u := UnitTime; u <= p.lastUnit; u++ {
		sizes[u] = p.sizes[u][slices.Index(historyLengths[:], length)][last-p.first]
	}
	return windowOf(frame{from: last - length + 1, to: last + 1}, p.sheets, p.lastUnit, sizes)
}
