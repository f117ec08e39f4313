package alignment

import (
	"cmp"
	"slices"

	"alignd/mapping"
)

// EpisodeChange is what would become of an episode: it opens or ends with the
// next week that is like the last ones, or is gone at once. How says why it ends:
// ByData, or NewReference with the week of the watermark, whatever that brings.
type EpisodeChange struct {
	Series    Series    `json:"series"`
	Direction Direction `json:"direction"`
	Opens     bool      `json:"opens"`
	How       Clearing  `json:"how,omitempty"`
	Gone      bool      `json:"gone,omitempty"` // the other mapping has no such team, goal or unit of drift
}

// outlook is what charts lead to expect.
type outlook struct {
	watched map[Series]bool
	open    []EpisodeChange // the episodes that are, with nothing that becomes of them
	due     []EpisodeChange
}

// episodeChanges lists what is due on the charts and was not, and what is open
// on charts that there will not be.
func episodeChanges(before, after outlook) []EpisodeChange {
	same := func(x EpisodeChange) func(EpisodeChange) bool {
		return func(y EpisodeChange) bool {
			return x.Series == y.Series && x.Direction == y.Direction && x.Opens == y.Opens
		}
	}
	changed := slices.DeleteFunc(after.due, func(c EpisodeChange) bool { return slices.ContainsFunc(before.due, same(c)) })
	for _, c := range before.open {
		if !after.watched[c.Series] {
			c.Gone = true
			changed = append(changed, c)
		}
	}
	slices.SortFunc(changed, func(x, y EpisodeChange) int {
		return cmp.Or(cmp.Compare(x.Series.String(), y.Series.String()), cmp.Compare(x.Direction, y.Direction))
	})
	return changed
}

// episodesDue draws all charts and says what is due on each.
func (h *History) episodesDue(log *Log) outlook {
	out := outlook{watched: map[Series]bool{}}
	for _, w := range h.watched(h.driftUnit()) {
		out.watched[w.series] = true
		c := newChart(w.past, w.series, w.goal, log.of(w.series, h.rules.ClassFingerprint()))
		c.draw()
		raise, ends := c.Due()
		e := c.Open()
		if e != nil {
			out.open = append(out.open, EpisodeChange{Series: w.series, Direction: e.Direction})
		}
		switch {
		case raise != 0:
			out.due = append(out.due, EpisodeChange{Series: w.series, Direction: raise, Opens: true})
		case e != nil && c.hasNewReference(e):
			out.due = append(out.due, EpisodeChange{Series: w.series, Direction: e.Direction, How: NewReference})
		case ends:
			out.due = append(out.due, EpisodeChange{Series: w.series, Direction: e.Direction, How: ByData})
		}
	}
	return out
}

// hasNewReference reports whether the open episode ends with the week of the
// watermark because nothing was to be done in a week, because it is void, or
// because what is declared or usual is another than when it was raised.
func (c *chart) hasNewReference(e *Episode) bool {
	if c.isVoid(e) {
		return true
	}
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
