package alignment

import (
	"cmp"
	"slices"

	"alignd/mapping"
)

// EpisodeChange is what would become of an episode: it opens or ends with the
// next week that is like the last ones. How says why it ends: ByData, or
// NewReference with the week of the watermark, whatever that brings.
type EpisodeChange struct {
	Series    Series    `json:"series"`
	Direction Direction `json:"direction"`
	Opens     bool      `json:"opens"`
	How       Clearing  `json:"how,omitempty"`
}

// episodeChanges lists what is due on the charts and was not.
func episodeChanges(before, after []EpisodeChange) []EpisodeChange {
	same := func(x EpisodeChange) func(EpisodeChange) bool {
		return func(y EpisodeChange) bool {
			return x.Series == y.Series && x.Direction == y.Direction && x.Opens == y.Opens
		}
	}
	changed := slices.DeleteFunc(after, func(c EpisodeChange) bool { return slices.ContainsFunc(before, same(c)) })
	slices.SortFunc(changed, func(x, y EpisodeChange) int {
		return cmp.Or(cmp.Compare(x.Series.String(), y.Series.String()), cmp.Compare(x.Direction, y.Direction))
	})
	return changed
}

// episodesDue draws all charts and says what is due on each.
func (h *History) episodesDue(log *Log) (due []EpisodeChange) {
	for _, w := range h.watched(h.driftUnit()) {
		c := newChart(w.past, w.series, w.goal, log.of(w.series, h.rules.ClassFingerprint()))
		c.draw()
		raise, ends := c.Due()
		switch e := c.Open(); {
		case raise != 0:
			due = append(due, EpisodeChange{Series: w.series, Direction: raise, Opens: true})
		case e != nil && c.hasNewReference(e):
			due = append(due, EpisodeChange{Series: w.series, Direction: e.Direction, How: NewReference})
		case ends:
			due = append(due, EpisodeChange{Series: w.series, Direction: e.Direction, How: ByData})
		}
	}
	return due
}

// hasNewReference reports whether the open episode ends with the week of the
// watermark because nothing was to be done in a week, or because what is
// declared or usual is another than when it was raised.
func (c *chart) hasNewReference(e *Episode) bool {
	now := mondayOf(c.past.first + mapping.Date(c.past.days))
	for monday := c.past.settled; monday <= now; monday += 7 {
		if _, mute := c.muteSince(monday); mute {
			return true
		}
	}
	if c.Estimated {
		usual, known := c.usual()
		return known && usual != e.Reference
	}
	declared := c.past.targetAt(c.goal, c.past.weekEnd(now).UnixMicro()-1)
	return !c.redeclared.IsZero() || c.declared >= 0 && c.declared != declared
}

// usual returns the estimated reference of weeks to come.
func (c *chart) usual() (float64, bool) {
	if rec := c.log.referenceFor(endOfDates, c.paused); rec != nil {
		return rec.Reference, true
	}
	return c.fixed, c.fixed >= 0
}
