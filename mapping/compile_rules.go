package mapping

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"alignd/yamlfile"
)

const maxWeight = 1000

const outcomes = "goal, goals, reason, off_plan: true, reason_from_label, exclude: true"

func (c *compiler) rules() {
	first := map[string]int{}
	for i := range c.cfg.Rules {
		rc, path := &c.cfg.Rules[i], at("rules", i)
		other, twice := first[rc.Name]
		switch {
		case rc.Name == "":
			c.doc.Problemf(path+".name", "is missing; a name is how explanations call the rule")
		case twice:
			c.doc.Problemf(path+".name", "%q is the name of the rule on line %d already; names must differ", rc.Name, c.doc.At(at("rules", other)+".name", "").Line)
		default:
			first[rc.Name] = i
		}
		r := rule{caseSensitive: rc.When.CaseSensitive, override: rc.Override}
		c.outcome(path, rc, &r)
		c.when(path+".when", &rc.When, &r)
		c.rs.rules = append(c.rs.rules, r)
		c.rs.names = append(c.rs.names, rc.Name)
	}
}

// outcome reads where a rule leads.
func (c *compiler) outcome(path string, rc *RuleConfig, r *rule) {
	var given []string
	for _, o := range []struct {
		key string
		on  bool
	}{{"goal", rc.Goal != ""}, {"goals", rc.Goals != nil}, {"reason", rc.Reason != ""}, {"off_plan", rc.OffPlan}, {"reason_from_label", rc.ReasonFromLabel != ""}, {"exclude", rc.Exclude}} {
		if o.on {
			given = append(given, o.key)
		}
	}
	switch len(given) {
	case 0:
		c.doc.Problemf(path, "leads nowhere; add one of %s", outcomes)
		return
	case 1:
	default:
		c.doc.Problemf(path, "leads to %s at once; keep one of %s", strings.Join(given, " and "), outcomes)
		return
	}
	switch given[0] {
	case "goal":
		r.leads = ToGoals
		c.ruleGoal(path, rc, r)
	case "goals":
		r.leads = ToGoals
		c.ruleGoals(path+".goals", rc, r)
	case "reason":
		r.leads, r.reason = OffPlan, rc.Reason
		c.lookup(&c.reasonIDs, path+".reason", rc.Reason)
	case "off_plan":
		r.leads = OffPlan
	case "reason_from_label":
		c.capture(path+".reason_from_label", rc.ReasonFromLabel, r)
	default:
		r.leads = Excluded
	}
	if rc.Override && r.leads != OffPlan {
		c.doc.Problemf(path+".override", "belongs to rules with reason, off_plan or reason_from_label only: it lets them win over goals")
	}
	if rc.Weight != nil && given[0] != "goal" {
		c.doc.Problemf(path+".weight", "belongs to rules with goal only; goals has weights of its own")
	}
}

func (c *compiler) ruleGoal(path string, rc *RuleConfig, r *rule) {
	weight := 1
	if rc.Weight != nil {
		weight, r.weighted = *rc.Weight, true
		c.weight(path+".weight", weight)
	}
	if goal, ok := c.lookup(&c.goalIDs, path+".goal", rc.Goal); ok {
		r.goals = []GoalWeight{{goal, int64(weight)}}
	}
}

func (c *compiler) ruleGoals(path string, rc *RuleConfig, r *rule) {
	weights := rc.Goals
	r.weighted = true
	if len(weights) == 0 {
		c.doc.Problemf(path, "lists nothing; write goals with their weights, such as %s", rc.Goals.Example())
	}
	for _, id := range slices.Sorted(maps.Keys(weights)) {
		here := yamlfile.Join(path, id)
		c.weight(here, weights[id])
		if goal, ok := c.lookup(&c.goalIDs, here, id); ok {
			r.goals = append(r.goals, GoalWeight{goal, int64(weights[id])})
		}
	}
	slices.SortFunc(r.goals, func(a, b GoalWeight) int { return a.Goal - b.Goal })
}

func (c *compiler) weight(path string, w int) {
	if w < 1 || w > maxWeight {
		c.doc.Problemf(path, "a weight is a whole number from 1 to %d; found %d", maxWeight, w)
	}
}

// when reads what a ticket must be like.
func (c *compiler) when(path string, w *WhenConfig, r *rule) {
	if l := w.Labels; l.Any == nil && l.All == nil && l.None == nil && c.doc.Has(path+".labels") {
		c.doc.Problemf(path+".labels", "lists nothing; write labels under any, all or none, or remove the key")
	}
	c.condition(path+".labels.any", fieldLabels, anyOf, w.Labels.Any, r)
	c.condition(path+".labels.all", fieldLabels, allOf, w.Labels.All, r)
	c.condition(path+".labels.none", fieldLabels, noneOf, w.Labels.None, r)
	for _, f := range []struct {
		field  field
		values []string
	}{
		{fieldConnector, w.Connector},
		{fieldProject, w.Project},
		{fieldTeam, w.Team},
		{fieldType, w.Type},
		{fieldComponent, w.Component},
		{fieldStatus, w.Status},
		{fieldPriority, w.Priority},
		{fieldParent, w.Parent},
		{fieldLinearProject, w.LinearProject},
		{fieldInitiative, w.Initiative},
	} {
		c.condition(path+"."+fieldNames[f.field], f.field, anyOf, f.values, r)
	}
	c.title(path+".title", w.Title, r)
	if len(r.when) == 0 {
		c.doc.Problemf(path, "has no condition, so every ticket would match; add one such as labels: {any: [checkout]}")
	}
}

func (c *compiler) condition(path string, f field, q quantity, values []string, r *rule) {
	if values == nil {
		return
	}
	var patterns []pattern
	for i, v := range c.texts(path, values) {
		here := at(path, i)
		switch {
		case v == "":
			c.doc.Problemf(here, "is empty; no ticket has an empty value")
		case !f.globs() && strings.Contains(v, "*"):
			c.doc.Problemf(here, "* stands for any text in labels, component, linear_project and initiative only; found %q", v)
		case f == fieldTeam:
			c.lookup(&c.teamIDs, here, v)
		}
		patterns = append(patterns, newPattern(v, f.globs(), r.caseSensitive))
	}
	if len(values) == 0 {
		c.doc.Problemf(path, "lists nothing; write a value or remove the key")
	}
	c.use(f)
	r.when = append(r.when, newCondition(f, q, patterns))
}

func (c *compiler) title(path string, expressions []string, r *rule) {
	if expressions == nil {
		return
	}
	cond := condition{field: fieldTitle}
	for i, e := range expressions {
		flags := "(?i)"
		if r.caseSensitive {
			flags = ""
		}
		re, err := regexp.Compile(flags + e)
		switch {
		case e == "":
			c.doc.Problemf(at(path, i), "is empty, so every title would match")
		case err != nil:
			c.doc.Problemf(at(path, i), "is no regular expression (RE2): %s", complaint(err, flags))
		default:
			cond.titles = append(cond.titles, re)
			cond.patterns = append(cond.patterns, pattern{written: e})
		}
	}
	if len(expressions) == 0 {
		c.doc.Problemf(path, "lists nothing; write a regular expression or remove the key")
	}
	c.use(fieldTitle)
	r.when = append(r.when, cond)
}

// complaint is the error of a regular expression as the user wrote it.
func complaint(err error, flags string) string {
	words := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	return strings.Replace(words, "`"+flags, "`", 1)
}

func (c *compiler) use(f field) {
	c.rs.used[f] = true
	if f == fieldParent || f == fieldLinearProject || f == fieldInitiative {
		c.rs.needsAncestors = true
	}
}
