package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alignd/yamlfile"
)

// fewPeople is the capacity, in thousandths, below which numbers about a team
// are numbers about a person.
const fewPeople = 3000

// warn notes what is allowed but probably not meant. What depends on several
// parts can be told only if none of them has a mistake.
func (c *compiler) warn() {
	c.warnCapacities()
	c.warnGoals()
	c.warnConditions()
	c.warnQuotes()
	if c.doc.Err() == nil {
		c.warnTargets()
		c.warnUnused()
		c.warnOrder()
		c.warnOverlaps()
	}
	byLine(c.rs.warnings, func(p yamlfile.Problem) yamlfile.Problem { return p })
}

// warnf warns of a part of the file, unless that has a mistake.
func (c *compiler) warnf(path, format string, args ...any) {
	if !c.doc.Wrong(path) {
		c.rs.warnings = append(c.rs.warnings, c.doc.At(path, format, args...))
	}
}

func (c *compiler) warnCapacities() {
	declared := 0
	for i := range c.cfg.Teams {
		if c.cfg.Teams[i].Capacity != nil {
			declared++
		}
	}
	for i := range c.cfg.Teams {
		switch capacity := c.cfg.Teams[i].Capacity; {
		case capacity != nil && *capacity < fewPeople:
			c.warnf(at("teams", i)+".capacity", "numbers about a team of one or two are numbers about a person; join the team with another one")
		case capacity == nil && declared > 0:
			c.warnf(at("teams", i), "team %s has no capacity while others have one, so it counts as one person in the numbers of the whole company; declare it for all teams or for none", c.cfg.Teams[i].ID)
		}
	}
}

// ends says that the goal is over by its last declared status.
func (g *Goal) ends() bool {
	return len(g.Statuses) > 0 && g.Statuses[len(g.Statuses)-1].Is == GoalRetired
}

// warnGoals notes goals that do not say what they are.
func (c *compiler) warnGoals() {
	for i := range c.rs.goals {
		g := &c.rs.goals[i]
		var missing []string
		for _, part := range []struct {
			key    string
			absent bool
		}{{"why", g.Why == ""}, {"done_when", g.DoneWhen == ""}, {"review", g.Review == nil}} {
			if part.absent {
				missing = append(missing, part.key)
			}
		}
		if len(missing) > 0 && !g.ends() {
			c.warnf(at("goals", i), "goal %s has no %s; a goal needs a reason, a way to tell that it is reached, and a date to look at it again", g.ID, strings.Join(missing, ", no "))
		}
	}
}

// Today returns, by line, what should be seen to on a day: a period that is
// over or has not begun, and the review of goals that are not over.
func (rs *RuleSet) Today(today Date) []yamlfile.Problem {
	var found yamlfile.Problems
	warnf := func(path, format string, args ...any) {
		if !rs.doc.Wrong(path) {
			found = append(found, rs.doc.At(path, format, args...))
		}
	}
	switch p := rs.period; {
	case p == Period{}: // which is a mistake
	case p.To < today:
		warnf("period.to", "the period %s ended on %s; write the one that is on now", p.Name, p.To)
	case p.From > today:
		warnf("period.from", "the period %s begins on %s only; until then there are no numbers of the window \"period\"", p.Name, p.From)
	}
	for i := range rs.goals {
		g := &rs.goals[i]
		if g.Review == nil || *g.Review >= today || g.ends() {
			continue
		}
		warnf(at("goals", i)+".review", "goal %s was to be looked at again on %s; do so and write the next date", g.ID, *g.Review)
	}
	byLine(found, func(p yamlfile.Problem) yamlfile.Problem { return p })
	return found
}

// warnTargets notes when in the period targets and slack do not add up.
func (c *compiler) warnTargets() {
	p := c.cfg.Period
	if p.From == nil || p.To == nil {
		return
	}
	begin, end := p.From.In(time.UTC), (*p.To + 1).In(time.UTC)
	last := ""
	for _, m := range c.moments() {
		at := m.In(time.UTC)
		if at.Before(begin) {
			at = begin
		}
		sum, parts := c.sumAt(at, time.UTC)
		if words := c.unbalanced(sum, parts); words != "" && words != last && at.Before(end) {
			c.warnf("goals", "from %s on %s", DateOf(at), words)
			last = words
		}
	}
}

func (c *compiler) unbalanced(sum int64, parts string) string {
	switch slack := c.cfg.Slack; {
	case sum == 0:
		return ""
	case slack == nil && sum == whole:
		return fmt.Sprintf("the targets add up to 100%% (%s), which leaves nothing for incidents, customers and debt; leave some room, or write slack: 0%% if that is meant", parts)
	case slack != nil && sum+int64(*slack) != whole:
		return fmt.Sprintf("the targets add up to %s (%s) and slack is %s, which makes %s and not 100%%; change the targets or the slack",
			percent(sum), parts, percent(int64(*slack)), percent(sum+int64(*slack)))
	}
	return ""
}

func (c *compiler) warnUnused() {
	goals, reasons, captures := map[int]bool{}, map[string]bool{}, false
	for i := range c.rs.rules {
		for _, g := range c.rs.rules[i].goals {
			goals[g.Goal] = true
		}
		reasons[c.rs.rules[i].reason] = true
		captures = captures || c.rs.rules[i].capture != nil
	}
	for i := range c.rs.goals {
		g := &c.rs.goals[i]
		if !goals[i] && !g.ends() {
			c.warnf(at("goals", i), "no rule leads to goal %s, so no work will ever count for it", g.ID)
		}
	}
	for i, r := range c.rs.reasons {
		if !reasons[r.ID] && !captures {
			c.warnf(at("reasons", i), "no rule leads to reason %s, so no work will ever count for it", r.ID)
		}
	}
}

func (r *rule) givesReason() bool { return r.reason != "" || r.capture != nil }

// warnConditions notes rules that match nearly everything.
func (c *compiler) warnConditions() {
	for i := range c.rs.rules {
		if !slices.ContainsFunc(c.rs.rules[i].when, func(c condition) bool { return c.quantity != noneOf }) {
			c.warnf(at("rules", i)+".when", "rule %q matches every ticket that lacks some labels, so hardly any ticket inherits from its parent any more; add a condition that must be true", c.rs.names[i])
		}
	}
}

// warnOrder notes rules without a reason that win over those with one.
func (c *compiler) warnOrder() {
	last := -1 // the last off-plan rule with a reason
	for i := range c.rs.rules {
		if c.rs.rules[i].givesReason() {
			last = i
		}
	}
	for i := range c.rs.rules {
		r := &c.rs.rules[i]
		if r.leads == OffPlan && !r.givesReason() && i < last && r.override == c.rs.rules[last].override {
			c.warnf(at("rules", i), "rule %q gives no reason but stands before rules that do, and the first that matches wins; move it to the end", c.rs.names[i])
		}
	}
}

// curlyQuotes are what a text processor makes of quotes, and languages have.
const curlyQuotes = "“”„‘’«»"

// warnQuotes notes values that were pasted from a document: YAML takes its
// quotes as text.
func (c *compiler) warnQuotes() {
	for i := range c.rs.rules {
		for _, cond := range c.rs.rules[i].when {
			for k, p := range cond.patterns {
				if bare := strings.Trim(p.written, curlyQuotes); bare != p.written {
					c.warnf(at(cond.path(i), k), "the quotes of %s are part of the text that a ticket must have, since they are curly; if they are not meant, write %q", p.written, bare)
				}
			}
		}
	}
}

// connectors notes where connectors are named.
func (c *compiler) connectors() {
	note := func(path, connector string) {
		c.rs.connectors = append(c.rs.connectors, Ref{connector, c.doc.At(path, "")})
	}
	for i := range c.cfg.Teams {
		for _, connector := range slices.Sorted(maps.Keys(c.cfg.Teams[i].Owns)) {
			note(yamlfile.Join(at("teams", i)+".owns", connector), connector)
		}
	}
	for i := range c.cfg.Rules {
		for k, connector := range c.cfg.Rules[i].When.Connector {
			note(at(at("rules", i)+".when.connector", k), connector)
		}
	}
	byLine(c.rs.connectors, func(r Ref) yamlfile.Problem { return r.At })
}

func byLine[T any](list []T, place func(T) yamlfile.Problem) {
	slices.SortStableFunc(list, func(a, b T) int {
		p, q := place(a), place(b)
		return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
}
