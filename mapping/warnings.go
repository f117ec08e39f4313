package mapping

import (
	"cmp"
	"maps"
	"slices"

	"alignd/yamlfile"
)

// fewPeople is the capacity, in thousandths, below which numbers about a team
// are numbers about a person.
const fewPeople = 3000

// warn notes what is allowed but probably not meant.
func (c *compiler) warn() {
	c.warnCapacities()
	c.warnUnused()
	c.warnRules()
	byLine(c.rs.warnings, func(p yamlfile.Problem) yamlfile.Problem { return p })
}

func (c *compiler) warnf(path, format string, args ...any) {
	c.rs.warnings = append(c.rs.warnings, c.doc.At(path, format, args...))
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

func (c *compiler) warnUnused() {
	goals, reasons := map[int]bool{}, map[string]bool{}
	for i := range c.rs.rules {
		for _, g := range c.rs.rules[i].goals {
			goals[g.Goal] = true
		}
		reasons[c.rs.rules[i].reason] = true
	}
	for i := range c.rs.goals {
		g := &c.rs.goals[i]
		retired := len(g.Statuses) > 0 && g.Statuses[len(g.Statuses)-1].Is == GoalRetired
		if !goals[i] && !retired {
			c.warnf(at("goals", i), "no rule leads to goal %s, so no work will ever count for it", g.ID)
		}
	}
	for i, r := range c.rs.reasons {
		if !reasons[r.ID] {
			c.warnf(at("reasons", i), "no rule leads to reason %s, so no work will ever count for it", r.ID)
		}
	}
}

func (c *compiler) warnRules() {
	last := -1 // the last off-plan rule with a reason
	for i := range c.rs.rules {
		if c.rs.rules[i].reason != "" {
			last = i
		}
	}
	for i := range c.rs.rules {
		r := &c.rs.rules[i]
		if r.leads == OffPlan && r.reason == "" && i < last && r.override == c.rs.rules[last].override {
			c.warnf(at("rules", i), "rule %q gives no reason but stands before rules that do, and the first that matches wins; move it to the end", c.rs.names[i])
		}
		if !slices.ContainsFunc(r.when, func(c condition) bool { return c.quantity != noneOf }) {
			c.warnf(at("rules", i)+".when", "rule %q matches every ticket that lacks some labels, so hardly any ticket inherits from its parent any more; add a condition that must be true", c.rs.names[i])
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
