package mapping

import (
	"cmp"
	"iter"
	"slices"
)

// Amount is a number of tickets and their work, in the unit of the samples.
type Amount struct {
	Work    int64
	Tickets int
}

func (a *Amount) add(work int64, sign int) {
	a.Work += int64(sign) * work
	a.Tickets += sign
}

// Suggestions are proposals for rules, the most useful first.
type Suggestions struct {
	Total     Amount // of the samples that count, excluded ones left out
	Unmapped  Amount // the part of it that no rule says anything of
	Even      bool   // no unmapped ticket has work, so that each counts as 1
	Proposals []Proposal
}

// Proposal is a rule that would map tickets that are unmapped now. The amounts
// are beyond those of the proposals before it.
type Proposal struct {
	Name string
	When []Ask
	// Goal or Reason is where the rule would lead; both are empty where nothing
	// tells.
	Goal, Reason string
	Covers       Amount // unmapped tickets that it would map
	// Touches are tickets that are mapped to something else already, which
	// the rule would change.
	Touches  Amount
	Examples []Example // of Covers, those with the most work
}

// Ask is one condition of a proposal.
type Ask struct {
	Key    string // under when, such as "component"; "labels" stands for labels.all
	Values []string
}

// Example is a ticket for people to recognise.
type Example struct{ Key, Title string }

// SuggestOptions say what Suggest is to look for.
type SuggestOptions struct {
	Team  string // id; empty for all
	Limit int    // how many proposals at most; 0 for all
}

// Suggest proposes rules for the work that no rule says anything of: labels,
// epics, components, projects, types and words of titles, single or in pairs.
// Each maps much of that work, changes little of what is mapped, and does not
// match so much of all work that it could not be one purpose. The same samples
// in any order give the same proposals.
func (rs *RuleSet) Suggest(samples iter.Seq[Sample], opts SuggestOptions) Suggestions {
	s := newSuggester(rs, opts.Team)
	for sample := range samples {
		s.add(sample)
	}
	s.evenIfIdle()
	s.count()
	out := Suggestions{Total: s.total, Unmapped: s.unmapped, Even: !s.busy}
	for opts.Limit == 0 || len(out.Proposals) < opts.Limit {
		best, ok := s.best()
		if !ok {
			break
		}
		out.Proposals = append(out.Proposals, s.propose(best))
	}
	return out
}

// mostPaired bounds the features that are looked at in pairs.
const mostPaired = 64

// Proposals that would map less than this part of the unmapped work, or fewer
// tickets, are not worth a rule.
const (
	leastPart    = 1.0 / 500
	leastTickets = 3
)

// suggester looks for the best proposal again and again.
type suggester struct {
	rs      *RuleSet
	team    string
	hints   hints
	match   func(*Facts) Match
	numbers *numbering
	all     []candidateTicket

	total, unmapped Amount
	busy            bool // some unmapped ticket has work

	single []score   // by feature
	paired []int32   // the features that are looked at in pairs
	place  []int32   // by feature: its place in paired, -1 for none
	pair   [][]score // by places in paired, the smaller first
	names  map[string]bool
}

// candidateTicket is a sample with what the rules say of it.
type candidateTicket struct {
	Sample
	match   Match
	decides int  // how much of the lineage a new rule would have a say on
	open    bool // unmapped, and of the team that is asked for
}

// score is what a rule that asks for something would do.
type score struct {
	gain    Amount  // unmapped tickets that it would map
	reach   int64   // all work it would match
	touched []int64 // mapped work it would change, by goal; off-plan last
}

// choice is one feature, or two.
type choice [2]int32

const alone = -1

func newSuggester(rs *RuleSet, team string) *suggester {
	s := &suggester{rs: rs, team: team, hints: newHints(rs), match: rs.remembered(), numbers: newNumbering(), names: map[string]bool{}}
	for _, name := range rs.names {
		s.names[name] = true
	}
	return s
}

func (s *suggester) add(sample Sample) {
	t := candidateTicket{Sample: sample}
	t.match, t.decides = s.rs.verdictOf(&sample, s.match)
	if t.match.Kind == Excluded || len(sample.Lineage) == 0 {
		return
	}
	if t.match.Kind == NoMatch {
		t.open = s.team == "" || sample.Lineage[0].Facts.Team == s.team
	} else {
		t.decides++
	}
	for i := range t.Lineage[:t.decides] {
		s.numbers.of(t.Lineage[i].Facts)
	}
	s.all = append(s.all, t)
}

// evenIfIdle makes all tickets equal where the unmapped ones carry no work.
func (s *suggester) evenIfIdle() {
	s.busy = slices.ContainsFunc(s.all, func(t candidateTicket) bool { return t.open && t.Work > 0 })
	for i := range s.all {
		if !s.busy {
			s.all[i].Work = 1
		}
		s.total.add(s.all[i].Work, 1)
		if s.all[i].open {
			s.unmapped.add(s.all[i].Work, 1)
		}
	}
}

// count finds out what each feature, and each pair of those that matter most,
// would do.
func (s *suggester) count() {
	s.single = make([]score, len(s.numbers.list))
	for i := range s.all {
		s.singles(&s.all[i], func(f int32) { s.all[i].countIn(&s.single[f], s.rs) })
	}
	s.choosePaired()
	s.pair = make([][]score, len(s.paired))
	for i := range s.pair {
		s.pair[i] = make([]score, len(s.paired))
	}
	for i := range s.all {
		s.pairs(&s.all[i], func(p, q int32) { s.all[i].countIn(&s.pair[p][q], s.rs) })
	}
}

func (tk *candidateTicket) countIn(sc *score, rs *RuleSet) {
	sc.reach += tk.Work
	switch {
	case tk.open:
		sc.gain.add(tk.Work, 1)
		return
	case tk.match.Kind == NoMatch:
		return // of another team
	case sc.touched == nil:
		sc.touched = make([]int64, len(rs.goals)+1)
	}
	if tk.match.Kind == OffPlan {
		sc.touched[len(rs.goals)] += tk.Work
		return
	}
	var weights int64
	for _, g := range tk.match.Goals {
		weights += g.Weight
	}
	for _, g := range tk.match.Goals {
		sc.touched[g.Goal] += tk.Work / weights * g.Weight
	}
}

// singles calls visit once for each feature of the ticket and what stands
// above it.
func (s *suggester) singles(t *candidateTicket, visit func(f int32)) {
	var seen []int32
	for i := range t.Lineage[:t.decides] {
		for _, f := range s.numbers.of(t.Lineage[i].Facts) {
			if t.decides > 1 {
				if slices.Contains(seen, f) {
					continue
				}
				seen = append(seen, f)
			}
			visit(f)
		}
	}
}

// pairs calls visit once for each two features that matter and that the ticket,
// or one above it, has both of.
func (s *suggester) pairs(t *candidateTicket, visit func(p, q int32)) {
	var seen []choice
	for i := range t.Lineage[:t.decides] {
		var here []int32
		for _, f := range s.numbers.of(t.Lineage[i].Facts) {
			if s.place[f] >= 0 {
				here = append(here, s.place[f])
			}
		}
		slices.Sort(here)
		for k, p := range here {
			for _, q := range here[k+1:] {
				if !s.combines(p, q) || slices.Contains(seen, choice{p, q}) {
					continue
				}
				seen = append(seen, choice{p, q})
				visit(p, q)
			}
		}
	}
}

// combines says that one rule can ask for both features and that the second
// adds something to the first.
func (s *suggester) combines(p, q int32) bool {
	a, b := s.numbers.list[s.paired[p]].field, s.numbers.list[s.paired[q]].field
	return a != b || a == fieldLabels
}

// choosePaired takes the features that would map the most work.
func (s *suggester) choosePaired() {
	s.place = make([]int32, len(s.single))
	for f := range s.single {
		s.place[f] = -1
		if s.worth(&s.single[f]) {
			s.paired = append(s.paired, int32(f))
		}
	}
	slices.SortFunc(s.paired, func(x, y int32) int {
		return cmp.Or(cmp.Compare(s.single[y].gain.Work, s.single[x].gain.Work), compareFeatures(s.numbers.list[x], s.numbers.list[y]))
	})
	s.paired = s.paired[:min(len(s.paired), mostPaired)]
	for place, f := range s.paired {
		s.place[f] = int32(place)
	}
}

func compareFeatures(a, b feature) int {
	return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.text, b.text))
}

func (s *suggester) worth(sc *score) bool {
	return sc.gain.Tickets >= leastTickets && float64(sc.gain.Work) >= leastPart*float64(s.unmapped.Work) && sc.gain.Work > 0
}

// best returns the choice with the highest value.
func (s *suggester) best() (choice, bool) {
	var best choice
	highest := 0.0
	consider := func(c choice, value float64) {
		if value > highest || value == highest && value > 0 && s.compare(c, best) < 0 {
			best, highest = c, value
		}
	}
	for f := range s.single {
		consider(choice{int32(f), alone}, s.value(choice{int32(f), alone}, &s.single[f]))
	}
	for p := range s.pair {
		for q := p + 1; q < len(s.pair); q++ {
			c := choice{s.paired[p], s.paired[q]}
			if compareFeatures(s.numbers.list[c[1]], s.numbers.list[c[0]]) < 0 {
				c[0], c[1] = c[1], c[0]
			}
			consider(c, s.value(c, &s.pair[p][q]))
		}
	}
	return best, highest > 0
}

func (s *suggester) compare(a, b choice) int {
	for i := range a {
		switch {
		case a[i] == b[i]:
			continue
		case a[i] == alone || b[i] == alone:
			return cmp.Compare(a[i], b[i])
		}
		return compareFeatures(s.numbers.list[a[i]], s.numbers.list[b[i]])
	}
	return 0
}

// What a second condition costs, because a simple rule is easier to keep right,
// and what a rule is worth more if its goal is known.
const (
	pairFactor = 0.85
	hintFactor = 1.5
)

// value weighs what a rule would map against what it would change and how much
// it would match at all: gain * purity² * (1 - breadth) * trust.
func (s *suggester) value(c choice, sc *score) float64 {
	if !s.worth(sc) {
		return 0
	}
	target := s.target(c, sc)
	gain, touched := float64(sc.gain.Work), float64(sc.touchedBeside(target))
	purity := gain / (gain + touched)
	narrow := 1 - float64(sc.reach)/float64(s.total.Work)
	value := gain * purity * purity * narrow
	if first := trust[s.numbers.list[c[0]].field]; c[1] == alone {
		value *= first
	} else {
		value *= pairFactor * (first + trust[s.numbers.list[c[1]].field]) / 2
	}
	if target.known() {
		value *= hintFactor
	}
	return value
}
