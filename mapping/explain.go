package mapping

import (
	"fmt"
	"strings"
)

// Step says what became of one rule when it was held against a ticket.
type Step struct {
	Rule    int    // index into RuleNames
	Name    string // of the rule
	LeadsTo string // where the rule leads, in words
	Matched bool
	Decides bool   // the rule is one of Match.Rules
	Failed  string // the first condition that does not hold, in words; empty if Matched
}

// Explain holds every rule against f, in file order. It looks at all rules one
// by one and needs no index, but comes to the same end as Match.
func (rs *RuleSet) Explain(f *Facts) []Step {
	s := rs.scratch()
	defer rs.pool.Put(s)
	s.load(rs, f)
	steps := make([]Step, len(rs.rules))
	var hits []int32
	for i := range rs.rules {
		r := &rs.rules[i]
		steps[i] = Step{Rule: i, Name: rs.names[i], LeadsTo: rs.leadsTo(r)}
		if c := r.failing(s); c >= 0 {
			steps[i].Failed = r.when[c].whyNot(s.values(r.when[c].field, true), s.values(r.when[c].field, r.caseSensitive))
			continue
		}
		steps[i].Matched = true
		hits = append(hits, int32(i))
	}
	for _, i := range rs.decide(hits).Rules {
		steps[i].Decides = true
	}
	return steps
}

func (rs *RuleSet) leadsTo(r *rule) string {
	switch r.leads {
	case ToGoals:
		return rs.leadsToGoals(r)
	case Excluded:
		return "left out of all accounts"
	}
	words := "off-plan"
	switch {
	case r.reason != "":
		words += " for " + r.reason
	case r.capture != nil:
		words += " for what its label " + r.capture.written + " says"
	}
	if r.override {
		words += ", wins over goals"
	}
	return words
}

func (rs *RuleSet) leadsToGoals(r *rule) string {
	words := make([]string, len(r.goals))
	for i, g := range r.goals {
		words[i] = rs.goals[g.Goal].ID
		if len(r.goals) > 1 || g.Weight != 1 {
			words[i] += fmt.Sprintf(" (weight %d)", g.Weight)
		}
	}
	if len(words) == 1 {
		return "goal " + words[0]
	}
	return "goals " + strings.Join(words, ", ")
}

// whyNot says why the condition does not hold. raw are the ticket's values as
// they are, values as they were compared.
func (c *condition) whyNot(raw, values []string) string {
	has := "the ticket has " + quoted(raw, ", ")
	switch {
	case c.quantity == noneOf:
		return fmt.Sprintf("labels.none: the ticket has %q", raw[c.hit(values)])
	case c.quantity == allOf:
		return fmt.Sprintf("labels.all: %q is missing; %s", c.patterns[c.missing(values)].written, has)
	case c.field == fieldTitle:
		return "title: does not match " + c.written()
	case c.field == fieldLabels:
		return "labels.any: wants " + c.written() + "; " + has
	default:
		return fieldNames[c.field] + ": wants " + c.written() + "; " + has
	}
}

func (c *condition) written() string {
	texts := make([]string, len(c.patterns))
	for i := range c.patterns {
		texts[i] = c.patterns[i].written
	}
	return quoted(texts, " or ")
}

// quoted lists texts for people, the first few of them.
func quoted(texts []string, separator string) string {
	const most = 10
	if len(texts) == 0 {
		return "none"
	}
	var words []string
	for _, s := range texts[:min(most, len(texts))] {
		words = append(words, fmt.Sprintf("%q", s))
	}
	if len(texts) > most {
		words = append(words, fmt.Sprintf("%d more", len(texts)-most))
	}
	return strings.Join(words, separator)
}
