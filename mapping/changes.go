package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes says in sentences for people what is different from the rules
// before: settings, teams, goals, reasons, rules, and what the index reads. It
// returns none if both mean the same, and the same ones each time.
func (rs *RuleSet) Changes(before *RuleSet) []string { return rs.compare(before).said }

// IsReordered reports whether nothing but the order of teams, goals, reasons or
// rules is different from the rules before.
func (rs *RuleSet) IsReordered(before *RuleSet) bool {
	c := rs.compare(before)
	return c.orders > 0 && c.orders == len(c.said)
}

func (rs *RuleSet) compare(before *RuleSet) *comparison {
	c := &comparison{was: before, is: rs}
	if rs.fingerprint == before.fingerprint {
		return c
	}
	c.settings()
	c.teams()
	c.goals()
	c.reasons()
	c.rules()
	c.index()
	if len(c.said) == 0 { // such as a survey that is listed twice now
		c.sayf("Details changed.")
	}
	return c
}

// comparison collects what is said about two rule sets.
type comparison struct {
	was, is *RuleSet
	said    []string
	orders  int // how much of it is about the order of a list
}

func (c *comparison) sayf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

func (c *comparison) settings() {
	if was, is := c.was.period, c.is.period; was != is {
		c.sayf("The period is %s now, from %s to %s; it was %s, from %s to %s.", is.Name, is.From, is.To, was.Name, was.From, was.To)
	}
	c.choice(c.was.firstGoal, c.is.firstGoal, "A ticket with several goals counts for the first of them now.", "The work of a ticket with several goals is split between them now.")
	c.choice(c.was.strict, c.is.strict, "What was learned later no longer fills what was unknown at the time.", "What was learned later fills what was unknown at the time now.")
	c.choice(c.was.firstCompletion, c.is.firstCompletion, "Of a ticket that is opened again the first completion counts now.", "Of a ticket that is opened again the last completion counts now.")
	c.choice(c.was.driftInTime, c.is.driftInTime, "Drift is watched in team time now.", "Drift is watched in completed tickets now.")
	if was, is := slackWords(c.was.slack), slackWords(c.is.slack); was != is {
		c.sayf("The slack is %s now; it was %s.", is, was)
	}
}

func (c *comparison) choice(was, is bool, on, off string) {
	switch {
	case is && !was:
		c.sayf("%s", on)
	case was && !is:
		c.sayf("%s", off)
	}
}

func (c *comparison) order(isAnother bool, words string) {
	if isAnother {
		c.sayf("%s", words)
		c.orders++
	}
}

func slackWords(s *Share) string {
	if s == nil {
		return "not declared"
	}
	return percent(int64(*s))
}

// matched is what became of the elements of a list, told apart by name.
type matched[T any] struct {
	removed, added []*T
	kept           []pair[T]
	reordered      bool // those that were kept
}

type pair[T any] struct{ was, is *T }

func match[T any](was, is []T, name func(*T) string) (m matched[T]) {
	old := map[string]int{}
	for i := range was {
		old[name(&was[i])] = i
	}
	kept := map[string]bool{}
	last := -1
	for i := range is {
		at, ok := old[name(&is[i])]
		if !ok {
			m.added = append(m.added, &is[i])
			continue
		}
		m.kept = append(m.kept, pair[T]{&was[at], &is[i]})
		m.reordered = m.reordered || at < last
		kept[name(&is[i])], last = true, at
	}
	for i := range was {
		if !kept[name(&was[i])] {
			m.removed = append(m.removed, &was[i])
		}
	}
	return m
}

// titled names something by its id, and by its name where that is another.
func titled(id, name string) string {
	if name == id {
		return id
	}
	return id + " (" + name + ")"
}

// details says of one element what is different about it.
func (c *comparison) details(what string, details []string) {
	if len(details) > 0 {
		c.sayf("%s: %s.", what, strings.Join(details, "; "))
	}
}

func renamed(was, is string) []string {
	if was == is {
		return nil
	}
	return []string{fmt.Sprintf("called %q, no longer %q", is, was)}
}

func (c *comparison) teams() {
	m := match(c.was.teams, c.is.teams, func(t *Team) string { return t.ID })
	for _, t := range m.removed {
		c.sayf("Team %s was removed.", titled(t.ID, t.Name))
	}
	for _, t := range m.added {
		c.sayf("Team %s was added.", titled(t.ID, t.Name))
	}
	for _, p := range m.kept {
		c.details("Team "+p.is.ID, teamDetails(p.was, p.is))
	}
	c.order(m.reordered, "The teams stand in another order.")
}

func teamDetails(was, is *Team) []string {
	out := renamed(was.Name, is.Name)
	owned, owns := ownedProjects(was), ownedProjects(is)
	for _, project := range missingFrom(owned, owns) {
		out = append(out, "owns "+project+" too")
	}
	for _, project := range missingFrom(owns, owned) {
		out = append(out, "no longer owns "+project)
	}
	if was.Location.String() != is.Location.String() {
		out = append(out, fmt.Sprintf("time zone %s, no longer %s", is.Location, was.Location))
	}
	if was.Capacity != is.Capacity {
		out = append(out, fmt.Sprintf("capacity %s, no longer %s", thousandths(is.Capacity), thousandths(was.Capacity)))
	}
	if was.Calendar.Days != is.Calendar.Days || was.Calendar.From != is.Calendar.From || was.Calendar.To != is.Calendar.To {
		out = append(out, "other working hours")
	}
	if !maps.Equal(was.Calendar.Holidays, is.Calendar.Holidays) {
		out = append(out, "other holidays")
	}
	if !maps.Equal(was.waiting, is.waiting) {
		out = append(out, "other waiting statuses")
	}
	return out
}

func ownedProjects(t *Team) (out []string) {
	for _, connector := range t.Connectors() {
		for _, project := range t.owns[connector] {
			out = append(out, project+" of "+connector)
		}
	}
	return out
}

// missingFrom returns what is in others and not in list, whatever its case.
func missingFrom(list, others []string) (out []string) {
	for _, s := range others {
		if !slices.ContainsFunc(list, func(t string) bool { return fold(t) == fold(s) }) {
			out = append(out, s)
		}
	}
	return out
}

func thousandths(n int64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%03d", n/1000, n%1000), "0"), ".")
}

func (c *comparison) reasons() {
	m := match(c.was.reasons, c.is.reasons, func(r *Reason) string { return r.ID })
	for _, r := range m.removed {
		c.sayf("Reason %s was removed.", titled(r.ID, r.Name))
	}
	for _, r := range m.added {
		c.sayf("Reason %s was added.", titled(r.ID, r.Name))
	}
	for _, p := range m.kept {
		c.details("Reason "+p.is.ID, renamed(p.was.Name, p.is.Name))
	}
	c.order(m.reordered, "The reasons stand in another order.")
}

// index compares what the alignment index reads.
func (c *comparison) index() {
	for _, set := range []struct {
		what    string
		was, is *labelSet
	}{
		{"danger", &c.was.signals, &c.is.signals}, {"a surprise", &c.was.surprises, &c.is.surprises},
	} {
		was, is := set.was.written(), set.is.written()
		if !slices.Equal(foldedSet(was), foldedSet(is)) || set.was.declared != set.is.declared {
			c.sayf("Labels that speak of %s are %s now; they were %s.", set.what, quoted(is, ", "), quoted(was, ", "))
		}
	}
	m := match(c.was.surveyWords(), c.is.surveyWords(), func(s *string) string { return *s })
	for _, s := range m.removed {
		c.sayf("The survey of %s was removed.", *s)
	}
	for _, s := range m.added {
		c.sayf("The survey of %s was added.", *s)
	}
}

func (l *labelSet) written() []string {
	texts := make([]string, len(l.patterns))
	for i := range l.patterns {
		texts[i] = l.patterns[i].written
	}
	return texts
}

func (rs *RuleSet) surveyWords() []string {
	out := make([]string, len(rs.surveyed))
	for i, s := range rs.surveyed {
		out[i] = fmt.Sprintf("team %s of %s (mean %s, %d answers)", rs.teams[s.Team].ID, s.Date, thousandths(int64(s.Mean)), s.Answers)
	}
	return out
}
