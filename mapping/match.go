package mapping

import (
	"encoding/binary"
	"slices"
	"strings"
)

// rule is a compiled rule.
type rule struct {
	when          []condition
	caseSensitive bool
	leads         Kind
	goals         []GoalWeight // by index; for ToGoals
	weighted      bool         // their weights are written; means nothing for the numbers
	reason        string       // for OffPlan
	capture       *pattern     // of a label that names the reason, nil for none
	override      bool
}

// failing returns the first condition that does not hold, -1 if the rule
// matches.
func (r *rule) failing(s *scratch) int {
	for i := range r.when {
		c := &r.when[i]
		if !c.holds(s.values(c.field, r.caseSensitive)) {
			return i
		}
	}
	return -1
}

// Match returns what the rules say of f by itself: an exclude rule wins over
// everything, then the first off-plan rule marked override, then all goal
// rules together, then the first off-plan rule.
func (rs *RuleSet) Match(f *Facts) Match {
	s := rs.scratch()
	defer rs.pool.Put(s)
	s.load(rs, f)
	s.hits = rs.index.candidates(s, s.hits[:0])
	hits := s.hits[:0]
	for _, r := range s.hits {
		if rs.rules[r].failing(s) < 0 {
			hits = append(hits, r)
		}
	}
	m := rs.decideOnce(s, hits)
	if m.Kind == OffPlan {
		if r := &rs.rules[m.Rules[0]]; r.capture != nil {
			m.Reason = rs.captured(r, s.values(fieldLabels, r.caseSensitive))
		}
	}
	return m
}

// decideOnce is decide with a memory: the same rules make the same Match.
func (rs *RuleSet) decideOnce(s *scratch, hits []int32) Match {
	if len(hits) == 0 {
		return Match{}
	}
	s.key = s.key[:0]
	for _, r := range hits {
		s.key = binary.LittleEndian.AppendUint32(s.key, uint32(r))
	}
	if m, ok := s.matches[string(s.key)]; ok {
		return m
	}
	if len(s.matches) >= maxRemembered {
		clear(s.matches)
	}
	m := rs.decide(hits)
	s.matches[string(s.key)] = m
	return m
}

// decide says what a ticket counts for that matches the given rules, which
// stand in file order.
func (rs *RuleSet) decide(hits []int32) Match {
	first := func(is func(*rule) bool) int {
		return slices.IndexFunc(hits, func(r int32) bool { return is(&rs.rules[r]) })
	}
	if i := first(func(r *rule) bool { return r.leads == Excluded }); i >= 0 {
		return Match{Kind: Excluded, Rules: []int{int(hits[i])}}
	}
	offPlan := first(func(r *rule) bool { return r.override })
	if offPlan < 0 {
		if m := rs.toGoals(hits); m.Kind == ToGoals {
			return m
		}
		offPlan = first(func(r *rule) bool { return r.leads == OffPlan })
	}
	if offPlan < 0 {
		return Match{}
	}
	r := int(hits[offPlan])
	return Match{Kind: OffPlan, Reason: rs.rules[r].reason, Rules: []int{r}}
}

// toGoals joins all goal rules among hits. A goal that several rules name has
// the largest of their weights.
func (rs *RuleSet) toGoals(hits []int32) Match {
	weights := map[int]int64{}
	for _, h := range hits {
		for _, g := range rs.rules[h].goals {
			weights[g.Goal] = max(weights[g.Goal], g.Weight)
		}
	}
	if len(weights) == 0 {
		return Match{}
	}
	m := Match{Kind: ToGoals, Conflict: rs.conflict(hits)}
	for g, w := range weights {
		m.Goals = append(m.Goals, GoalWeight{g, w})
	}
	slices.SortFunc(m.Goals, func(a, b GoalWeight) int { return a.Goal - b.Goal })
	if rs.firstGoal {
		m.Goals = []GoalWeight{{m.Goals[0].Goal, 1}}
	}
	for _, h := range hits {
		leadsTo := func(g GoalWeight) bool { return g.Goal == m.Goals[0].Goal }
		if goals := rs.rules[h].goals; len(goals) > 0 && (!rs.firstGoal || slices.ContainsFunc(goals, leadsTo)) {
			m.Rules = append(m.Rules, int(h))
		}
	}
	return m
}

// conflict says that two goal rules among hits lead to different goals.
func (rs *RuleSet) conflict(hits []int32) bool {
	var goals []GoalWeight
	for _, h := range hits {
		other := rs.rules[h].goals
		same := slices.EqualFunc(goals, other, func(a, b GoalWeight) bool { return a.Goal == b.Goal })
		if goals != nil && other != nil && !same {
			return true
		}
		if goals == nil {
			goals = other
		}
	}
	return false
}

// maxRemembered bounds the memories of a scratch.
const maxRemembered = 4096

// scratch is what one call of Match works on. Calls share it one after the
// other, so that folding a name and joining rules is done once, not for every
// ticket.
type scratch struct {
	raw, folded [fieldCount][]string
	single      [fieldCount][1]string // backs raw of fields with one value
	singleFold  [fieldCount][1]string // backs folded of fields with one value
	hits        []int32
	key         []byte
	folds       map[string]string
	matches     map[string]Match
}

func (rs *RuleSet) scratch() *scratch {
	if s, ok := rs.pool.Get().(*scratch); ok {
		return s
	}
	return &scratch{folds: map[string]string{}, matches: map[string]Match{}}
}

func (s *scratch) values(f field, caseSensitive bool) []string {
	if caseSensitive {
		return s.raw[f]
	}
	return s.folded[f]
}

func (s *scratch) load(rs *RuleSet, f *Facts) {
	s.many(rs, fieldLabels, f.Labels)
	s.many(rs, fieldParent, f.Parents)
	s.many(rs, fieldComponent, f.Components)
	s.many(rs, fieldLinearProject, f.LinearProjects)
	s.many(rs, fieldInitiative, f.Initiatives)
	s.one(rs, fieldProject, f.Project)
	s.one(rs, fieldType, f.Type)
	s.one(rs, fieldPriority, f.Priority)
	s.one(rs, fieldStatus, f.Status)
	s.one(rs, fieldTeam, f.Team)
	s.one(rs, fieldConnector, f.Connector)
	if rs.used[fieldTitle] {
		// Regular expressions fold by themselves.
		s.single[fieldTitle][0] = f.Title
		s.raw[fieldTitle] = s.single[fieldTitle][:]
		s.folded[fieldTitle] = s.raw[fieldTitle]
	}
}

func (s *scratch) many(rs *RuleSet, f field, values []string) {
	if !rs.used[f] {
		return
	}
	s.raw[f] = values
	s.folded[f] = s.folded[f][:0]
	for _, v := range values {
		s.folded[f] = append(s.folded[f], s.fold(v))
	}
}

func (s *scratch) one(rs *RuleSet, f field, value string) {
	if !rs.used[f] {
		return
	}
	s.raw[f], s.folded[f] = nil, nil
	if value != "" {
		s.single[f][0], s.singleFold[f][0] = value, s.fold(value)
		s.raw[f], s.folded[f] = s.single[f][:], s.singleFold[f][:]
	}
}

func (s *scratch) fold(v string) string {
	if isFolded(v) {
		return v
	}
	if folded, ok := s.folds[v]; ok {
		return folded
	}
	if len(s.folds) >= maxRemembered {
		clear(s.folds)
	}
	folded := fold(v)
	s.folds[strings.Clone(v)] = folded
	return folded
}
