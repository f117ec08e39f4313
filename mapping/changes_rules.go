package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// namedRule is a rule with what its parts mean, in words that compare.
type namedRule struct {
	*rule
	name  string
	leads string
	asks  string // as the fingerprint sees it
}

func (rs *RuleSet) namedRules() []namedRule {
	out := make([]namedRule, len(rs.rules))
	for i := range rs.rules {
		r := &rs.rules[i]
		var asks strings.Builder
		fmt.Fprintf(&asks, "%t\n", r.caseSensitive)
		writeWhen(&asks, r)
		out[i] = namedRule{r, rs.names[i], rs.leadsTo(r), asks.String()}
	}
	return out
}

func (c *comparison) rules() {
	m := match(c.was.namedRules(), c.is.namedRules(), func(r *namedRule) string { return r.name })
	for _, r := range m.removed {
		same := func(other *namedRule) bool { return other.leads == r.leads && other.asks == r.asks }
		if at := slices.IndexFunc(m.added, same); at >= 0 {
			c.sayf("Rule %q is called %q now.", r.name, m.added[at].name)
			m.added = slices.Delete(m.added, at, at+1)
			continue
		}
		c.sayf("Rule %q was removed (%s).", r.name, r.leads)
	}
	for _, r := range m.added {
		c.sayf("Rule %q was added: %s, for %s.", r.name, r.leads, r.conditions())
	}
	for _, p := range m.kept {
		var details []string
		if p.was.leads != p.is.leads {
			details = append(details, p.is.leads+", no longer "+p.was.leads)
		}
		if p.was.asks != p.is.asks {
			details = append(details, askChanges(p.was.rule, p.is.rule)...)
		}
		c.details(fmt.Sprintf("Rule %q", p.is.name), details)
	}
	c.order(m.reordered, "The rules stand in another order; of off-plan rules that match, the first one counts.")
}

// conditions writes what a ticket must be like.
func (r *rule) conditions() string {
	words := make([]string, len(r.when))
	for i := range r.when {
		words[i] = r.when[i].what() + " " + r.when[i].written()
	}
	if r.caseSensitive {
		words = append(words, "upper and lower case as written")
	}
	return strings.Join(words, " and ")
}

func (c *condition) what() string {
	what := strings.ReplaceAll(fieldNames[c.field], "_", " ")
	switch c.quantity {
	case allOf:
		return "all of " + what
	case noneOf:
		return "none of " + what
	default:
		return what
	}
}

// askChanges says what else a rule asks for than before.
func askChanges(was, is *rule) (out []string) {
	m := match(was.when, is.when, (*condition).what)
	for _, a := range m.added {
		out = append(out, "asks for "+a.what()+" "+a.written()+" too")
	}
	for _, r := range m.removed {
		out = append(out, "no longer asks for "+r.what()+" "+r.written())
	}
	for _, p := range m.kept {
		same := func(a, b string) bool {
			return a == b || !is.caseSensitive && p.is.field != fieldTitle && fold(a) == fold(b)
		}
		if more := without(p.is.patterns, p.was.patterns, same); len(more) > 0 {
			out = append(out, p.is.what()+" also "+quoted(more, ", "))
		}
		if less := without(p.was.patterns, p.is.patterns, same); len(less) > 0 {
			out = append(out, p.is.what()+" no longer "+quoted(less, ", "))
		}
	}
	if was.caseSensitive != is.caseSensitive {
		words := map[bool]string{true: "upper and lower case differ now", false: "upper and lower case are the same now"}
		out = append(out, words[is.caseSensitive])
	}
	return out
}

// without returns what is written in the patterns and not in others.
func without(patterns, others []pattern, same func(a, b string) bool) (out []string) {
	for _, p := range patterns {
		if !slices.ContainsFunc(others, func(o pattern) bool { return same(p.written, o.written) }) {
			out = append(out, p.written)
		}
	}
	return out
}
