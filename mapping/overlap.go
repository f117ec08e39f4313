package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// mostCompared bounds the rules that are compared with each other, because
// that takes time for every pair of them.
const mostCompared = 2000

// warnOverlaps notes rules that can never count because another one always
// wins, and rules to different goals that match the same tickets.
func (c *compiler) warnOverlaps() {
	if len(c.rs.rules) > mostCompared {
		c.warnf("rules", "there are more than %d rules, too many to tell which of them overlap", mostCompared)
		return
	}
	for i := range c.rs.rules {
		if j := c.rs.shadow(i); j >= 0 {
			c.warnf(at("rules", i), "rule %q never counts: every ticket it matches also matches rule %q, %s; remove one of the two",
				c.rs.names[i], c.rs.names[j], c.rs.whyWins(i, j))
			continue
		}
		c.warnOverlap(i)
	}
}

// warnOverlap compares a rule with those above it.
func (c *compiler) warnOverlap(i int) {
	first, more := "", 0
	for j := range i {
		switch words := c.rs.overlap(i, j); {
		case words != "" && first == "":
			first = words
		case words != "":
			more++
		}
	}
	if more > 0 {
		first += fmt.Sprintf(", and %d more", more)
	}
	if first != "" {
		c.warnf(at("rules", i), "%s; %s", first, isSplit)
	}
}

const isSplit = "their work is split; if that is meant, write a weight in both rules"

// settled says that the file itself tells what becomes of the tickets that two
// goal rules match: by the order of goals, or by a weight in both rules, even
// the one that they would have anyway.
func (rs *RuleSet) settled(i, j int) bool {
	return rs.firstGoal || rs.rules[i].weighted && rs.rules[j].weighted
}

// shadow returns a rule that wins over rule i on every ticket that i matches,
// -1 if there is none.
func (rs *RuleSet) shadow(i int) int {
	for j := range rs.rules {
		if i != j && rs.beats(j, i) && covers(&rs.rules[j], &rs.rules[i]) {
			return j
		}
	}
	return -1
}

// rank orders what wins over what, see Match.
func (r *rule) rank() int {
	switch {
	case r.leads == Excluded:
		return 0
	case r.override:
		return 1
	case r.leads == ToGoals:
		return 2
	}
	return 3
}

// beats says that where rules j and i both match, i changes nothing.
func (rs *RuleSet) beats(j, i int) bool {
	a, b := &rs.rules[j], &rs.rules[i]
	switch {
	case a.rank() != b.rank():
		return a.rank() < b.rank()
	case a.leads != ToGoals:
		return j < i
	case rs.firstGoal && len(a.goals) > 0 && len(b.goals) > 0 && a.goals[0].Goal != b.goals[0].Goal:
		return a.goals[0].Goal < b.goals[0].Goal
	}
	return j < i && slices.Equal(a.goals, b.goals)
}

func (rs *RuleSet) whyWins(i, j int) string {
	switch a, b := &rs.rules[j], &rs.rules[i]; {
	case a.leads == Excluded && b.leads != Excluded:
		return "which excludes it"
	case a.rank() == 1 && b.rank() != 1:
		return "which wins by override"
	case a.leads == ToGoals && b.leads == ToGoals && slices.Equal(a.goals, b.goals):
		return "which leads to the same"
	case a.leads == ToGoals && b.leads == ToGoals:
		return "whose goal stands first under goals"
	case a.leads == ToGoals:
		return "and goals win over off-plan rules without override"
	}
	return "which stands first"
}

// overlap says in words that two goal rules lead the same tickets to different
// goals, empty if that is not certain or is settled.
func (rs *RuleSet) overlap(i, j int) string {
	a, b := &rs.rules[i], &rs.rules[j]
	sameGoal := func(x, y GoalWeight) bool { return x.Goal == y.Goal }
	if a.leads != ToGoals || b.leads != ToGoals || slices.EqualFunc(a.goals, b.goals, sameGoal) || rs.settled(i, j) {
		return ""
	}
	wide, narrow := i, j
	switch value := common(a, b); {
	case covers(b, a):
		wide, narrow = j, i
		fallthrough
	case covers(a, b):
		return fmt.Sprintf("every ticket that rule %q (%s) matches also matches rule %q (%s)",
			rs.names[narrow], rs.leadsToGoals(&rs.rules[narrow]), rs.names[wide], rs.leadsToGoals(&rs.rules[wide]))
	case value != "":
		return fmt.Sprintf("tickets with %s can match rule %q (%s) as well as rule %q (%s)",
			value, rs.names[i], rs.leadsToGoals(a), rs.names[j], rs.leadsToGoals(b))
	}
	return ""
}

// covers says that a matches every ticket that b matches. It may fail to see
// that, but it is never wrong when it says so.
func covers(a, b *rule) bool {
	if a.caseSensitive && !b.caseSensitive {
		return false
	}
	for i := range a.when {
		implied := func(d condition) bool { return implies(&d, &a.when[i], a.caseSensitive) }
		if !slices.ContainsFunc(b.when, implied) {
			return false
		}
	}
	return true
}

// implies says that c holds wherever d does.
func implies(d, c *condition, caseSensitive bool) bool {
	if c.field != d.field || (c.quantity == noneOf) != (d.quantity == noneOf) {
		return false
	}
	inside := func(q, p *pattern) bool { return within(q, p, caseSensitive) }
	if c.field == fieldTitle {
		inside = func(q, p *pattern) bool { return q.written == p.written }
	}
	switch {
	case c.quantity == noneOf: // d forbids at least as much
		return every(c.patterns, func(p *pattern) bool {
			return some(d.patterns, func(q *pattern) bool { return inside(p, q) })
		})
	case c.quantity == allOf && d.quantity == allOf:
		return every(c.patterns, func(p *pattern) bool {
			return some(d.patterns, func(q *pattern) bool { return inside(q, p) })
		})
	case c.quantity == allOf:
		return every(c.patterns, func(p *pattern) bool {
			return every(d.patterns, func(q *pattern) bool { return inside(q, p) })
		})
	}
	inC := func(q *pattern) bool { return some(c.patterns, func(p *pattern) bool { return inside(q, p) }) }
	if d.quantity == allOf {
		return some(d.patterns, inC)
	}
	return every(d.patterns, inC)
}

// within says that p matches every text that q matches. A * of q can only fall
// to a * of p, since no other part of p has one.
func within(q, p *pattern, caseSensitive bool) bool {
	text := strings.Join(q.parts, "*")
	if !caseSensitive {
		text = fold(text)
	}
	return p.matches(text)
}

// common returns, in words, a value that lets a ticket match both rules, empty
// if none is certain to.
func common(a, b *rule) string {
	if apart(a, b) {
		return ""
	}
	for i := range a.when {
		c := &a.when[i]
		for k := range b.when {
			d := &b.when[k]
			if c.field != d.field || !c.field.many() || c.quantity == noneOf || d.quantity == noneOf {
				continue
			}
			for _, p := range c.patterns {
				for _, q := range d.patterns {
					if s := either(&p, &q); s != "" && !a.forbids(s) && !b.forbids(s) {
						return fmt.Sprintf("%s %q", fieldWords[c.field], s)
					}
				}
			}
		}
	}
	return ""
}

// either returns the narrower of two patterns if one lies within the other.
func either(p, q *pattern) string {
	switch {
	case within(q, p, false):
		return q.written
	case within(p, q, false):
		return p.written
	}
	return ""
}

// many says that a ticket can have several values of the field.
func (f field) many() bool { return f <= fieldInitiative }

var fieldWords = map[field]string{
	fieldLabels: "the label", fieldParent: "the parent", fieldComponent: "the component",
	fieldLinearProject: "the Linear project", fieldInitiative: "the initiative",
}

func (r *rule) forbids(label string) bool {
	return slices.ContainsFunc(r.when, func(c condition) bool {
		return c.quantity == noneOf && some(c.patterns, func(p *pattern) bool { return p.matches(fold(label)) || p.matches(label) })
	})
}

// apart says that the rules want different values of a field of which a ticket
// has one.
func apart(a, b *rule) bool {
	for i := range a.when {
		for k := range b.when {
			c, d := &a.when[i], &b.when[k]
			if c.field == d.field && !c.field.many() && c.field != fieldTitle &&
				!some(c.patterns, func(p *pattern) bool { return some(d.patterns, func(q *pattern) bool { return either(p, q) != "" }) }) {
				return true
			}
		}
	}
	return false
}

func some(patterns []pattern, is func(*pattern) bool) bool {
	for i := range patterns {
		if is(&patterns[i]) {
			return true
		}
	}
	return false
}

func every(patterns []pattern, is func(*pattern) bool) bool {
	return !some(patterns, func(p *pattern) bool { return !is(p) })
}
