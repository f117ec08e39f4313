package mapping

import (
	"regexp"
	"slices"
	"strings"
)

// field is a fact rules can look at. The order is that of preference when a
// rule is indexed: facts that tend to single out few tickets come first.
type field uint8

const (
	fieldLabels field = iota
	fieldParent
	fieldComponent
	fieldLinearProject
	fieldInitiative
	fieldProject
	fieldType
	fieldPriority
	fieldStatus
	fieldTeam
	fieldConnector
	fieldTitle
	fieldCount
)

var fieldNames = [fieldCount]string{
	"labels", "parent", "component", "linear_project", "initiative", "project",
	"type", "priority", "status", "team", "connector", "title",
}

// globs says in which fields * stands for any text.
func (f field) globs() bool {
	return f == fieldLabels || f == fieldComponent || f == fieldLinearProject || f == fieldInitiative
}

// quantity says how many of a condition's patterns must match.
type quantity uint8

const (
	anyOf quantity = iota
	allOf
	noneOf
)

// condition is one part of a rule's when.
type condition struct {
	field    field
	quantity quantity
	patterns []pattern
	titles   []*regexp.Regexp // instead of patterns, for fieldTitle
	exact    map[string]bool  // the patterns without *
	globs    []pattern        // the others
}

// path returns where the values of a condition of a rule stand in the file.
func (c *condition) path(rule int) string {
	path := at("rules", rule) + ".when." + fieldNames[c.field]
	if c.field == fieldLabels {
		path += map[quantity]string{anyOf: ".any", allOf: ".all", noneOf: ".none"}[c.quantity]
	}
	return path
}

// pattern is a text in which * stands for any text, folded unless the rule is
// case-sensitive.
type pattern struct {
	written string
	parts   []string // what stands between the *
}

func newCondition(f field, q quantity, patterns []pattern) condition {
	c := condition{field: f, quantity: q, patterns: patterns, exact: map[string]bool{}}
	for _, p := range patterns {
		if len(p.parts) == 1 {
			c.exact[p.parts[0]] = true
		} else {
			c.globs = append(c.globs, p)
		}
	}
	return c
}

func newPattern(text string, glob, caseSensitive bool) pattern {
	folded := text
	if !caseSensitive {
		folded = fold(text)
	}
	if !glob {
		return pattern{text, []string{folded}}
	}
	return pattern{text, strings.Split(folded, "*")}
}

// matches says whether the pattern covers the whole of s.
func (p *pattern) matches(s string) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if len(p.parts) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return true
}

// holds says whether the condition is true of a ticket's values, folded unless
// the rule is case-sensitive.
func (c *condition) holds(values []string) bool {
	switch {
	case c.field == fieldTitle:
		return c.titleMatches(values)
	case c.quantity == allOf:
		return c.missing(values) < 0
	default:
		return (c.hit(values) >= 0) == (c.quantity == anyOf)
	}
}

// hit returns the first of the values that a pattern matches, -1 if none.
func (c *condition) hit(values []string) int {
	for i, v := range values {
		if c.exact[v] {
			return i
		}
		for g := range c.globs {
			if c.globs[g].matches(v) {
				return i
			}
		}
	}
	return -1
}

// missing returns the first pattern that matches none of the values, -1 if all
// match one.
func (c *condition) missing(values []string) int {
	for p := range c.patterns {
		if !c.patterns[p].matchesOne(values) {
			return p
		}
	}
	return -1
}

func (p *pattern) matchesOne(values []string) bool {
	return slices.ContainsFunc(values, p.matches)
}

func (c *condition) titleMatches(values []string) bool {
	for _, re := range c.titles {
		if slices.ContainsFunc(values, re.MatchString) {
			return true
		}
	}
	return false
}
