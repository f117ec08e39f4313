package mapping

// Sample is a ticket that carries work, as the rules see it today.
type Sample struct {
	Key     string
	Work    int64      // its part of the work that is looked at, in any unit; never negative
	Lineage []Relative // the ticket itself, then what stands above it, nearest first
	Former  []string   // labels it had before
}

// Relative is a ticket or something above it. Samples share what stands above
// several of them, so it must not change while they are used. All of Facts is
// filled in, whatever NeedsAncestors says.
type Relative struct {
	Key   string // empty for Linear projects and initiatives without one
	Facts *Facts
}

// verdictOf returns what the rules say of the sample, and which of its lineage
// they say it of.
func (rs *RuleSet) verdictOf(s *Sample, matchOf func(*Facts) Match) (m Match, place int) {
	for i := range s.Lineage {
		if m := matchOf(s.Lineage[i].Facts); m.Kind != NoMatch {
			return m, i
		}
	}
	return Match{}, len(s.Lineage)
}

// remembered is Match for facts that come again and again.
func (rs *RuleSet) remembered() func(*Facts) Match {
	known := map[*Facts]Match{}
	return func(f *Facts) Match {
		m, ok := known[f]
		if !ok {
			m = rs.Match(f)
			known[f] = m
		}
		return m
	}
}
