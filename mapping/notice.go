package mapping

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"alignd/yamlfile"
)

// Notice returns what is suspicious in the light of the tickets there are: what
// rules ask for and no ticket has, rules that match none or lead tickets to
// different goals without saying so, teams without tickets and tickets without
// a team, by line.
func (rs *RuleSet) Notice(samples iter.Seq[Sample]) []yamlfile.Problem {
	n := newNoticer(rs)
	for sample := range samples {
		n.add(&sample)
	}
	if len(n.known) == 0 {
		return nil
	}
	n.noticeTeams()
	n.noticeRules()
	n.noticeConflicts()
	byLine(n.found, func(p yamlfile.Problem) yamlfile.Problem { return p })
	return n.found
}

// Removed returns a warning for each goal of the rules before that is no longer
// declared although lost says that work which counted for it counts for no goal
// now.
func (rs *RuleSet) Removed(before *RuleSet, lost func(goal string) bool) []yamlfile.Problem {
	var found []yamlfile.Problem
	for i := range before.goals {
		id := before.goals[i].ID
		still := slices.ContainsFunc(rs.goals, func(g Goal) bool { return g.ID == id })
		if !still && lost(id) {
			found = append(found, rs.doc.At("goals", "goal %s is gone, and the past work on it with it; declare it again with a status {from: <date>, is: retired}, and remove it when that is more than 91 days ago", id))
		}
	}
	return found
}

// noticer gathers what tickets have.
type noticer struct {
	rs    *RuleSet
	found []yamlfile.Problem

	known    map[*Facts][]int32 // the rules that match
	values   [fieldCount]map[string]bool
	tickets  []int // by rule
	teams    []int // tickets by team
	homeless map[home]int
	clashes  map[[2]int]*clash
}

// home is where a ticket is in its tracker.
type home struct{ connector, project string }

// clash is what two goal rules match together.
type clash struct {
	tickets int
	example string
}

func newNoticer(rs *RuleSet) *noticer {
	n := &noticer{
		rs: rs, known: map[*Facts][]int32{}, tickets: make([]int, len(rs.rules)), teams: make([]int, len(rs.teams)),
		homeless: map[home]int{}, clashes: map[[2]int]*clash{},
	}
	for f := range n.values {
		n.values[f] = map[string]bool{}
	}
	return n
}

func (n *noticer) add(s *Sample) {
	for i := range s.Lineage {
		n.look(s.Lineage[i].Facts)
	}
	n.note(fieldLabels, s.Former...)
	own := s.Lineage[0].Facts
	if team := n.rs.TeamOf(own.Connector, own.Project); team >= 0 {
		n.teams[team]++
	} else {
		n.homeless[home{own.Connector, own.Project}]++
	}
	for _, rules := range n.rs.clashesOf(n.known[own]) {
		n.clash(rules, s.Key)
	}
}

func (n *noticer) clash(rules [2]int, key string) {
	c := n.clashes[rules]
	if c == nil {
		c = &clash{example: key}
		n.clashes[rules] = c
	}
	c.tickets++
}

// look notes what one ticket has and which rules match it.
func (n *noticer) look(f *Facts) {
	if _, done := n.known[f]; done {
		return
	}
	n.known[f] = n.rs.matching(f)
	for _, r := range n.known[f] {
		n.tickets[r]++
	}
	n.note(fieldLabels, f.Labels...)
	n.note(fieldComponent, f.Components...)
	n.note(fieldParent, f.Parents...)
	n.note(fieldLinearProject, f.LinearProjects...)
	n.note(fieldInitiative, f.Initiatives...)
	n.note(fieldConnector, f.Connector)
	n.note(fieldProject, f.Project)
	n.note(fieldType, f.Type)
	n.note(fieldStatus, f.Status)
	n.note(fieldPriority, f.Priority)
	n.note(fieldTitle, f.Title)
}

func (n *noticer) note(f field, values ...string) {
	if n.rs.used[f] {
		for _, v := range values {
			n.values[f][v] = true
		}
	}
}

// matching returns the rules that match f, in file order.
func (rs *RuleSet) matching(f *Facts) []int32 {
	s := rs.scratch()
	defer rs.pool.Put(s)
	s.load(rs, f)
	return slices.DeleteFunc(rs.index.candidates(s, nil), func(r int32) bool { return rs.rules[r].failing(s) >= 0 })
}

func (n *noticer) warnf(path, format string, args ...any) {
	n.found = append(n.found, n.rs.doc.At(path, format, args...))
}

func (n *noticer) noticeTeams() {
	for i, tickets := range n.teams {
		if tickets == 0 {
			n.warnf(at("teams", i)+".owns", "no ticket was read of team %s; look whether its projects are right, and read", n.rs.teams[i].ID)
		}
	}
	homes := slices.SortedFunc(maps.Keys(n.homeless), func(a, b home) int {
		return cmp.Or(cmp.Compare(a.connector, b.connector), cmp.Compare(a.project, b.project))
	})
	for _, h := range homes {
		n.warnf("teams", "no team owns %s of %s (%s), so that work counts nowhere; add %s to what a team owns, or do not read it",
			h.project, h.connector, tickets(n.homeless[h]), h.project)
	}
}

func tickets(n int) string {
	if n == 1 {
		return "1 ticket"
	}
	return fmt.Sprintf("%d tickets", n)
}

func (n *noticer) noticeRules() {
	for i := range n.rs.rules {
		before := len(n.found)
		for k := range n.rs.rules[i].when {
			n.noticeCondition(i, &n.rs.rules[i].when[k])
		}
		if n.tickets[i] == 0 && len(n.found) == before {
			n.warnf(at("rules", i), "rule %q matches no ticket that was read: no ticket fulfils all of its conditions", n.rs.names[i])
		}
	}
}

var seenWords = [fieldCount]string{
	fieldLabels: "has the label", fieldParent: "is below", fieldComponent: "has the component", fieldLinearProject: "belongs to the Linear project",
	fieldInitiative: "belongs to the initiative", fieldProject: "is in the project", fieldType: "has the type", fieldPriority: "has the priority",
	fieldStatus: "has the status", fieldConnector: "comes from the connector", fieldTitle: "has a title that matches",
}

func (n *noticer) noticeCondition(i int, c *condition) {
	if c.quantity == noneOf || c.field == fieldTeam {
		return
	}
	path := c.path(i)
	for k := range c.patterns {
		if n.seen(c, k, n.rs.rules[i].caseSensitive) {
			continue
		}
		written := c.patterns[k].written
		known := slices.Sorted(maps.Keys(n.values[c.field]))
		near := ""
		if guess := yamlfile.DidYouMean(written, known); guess != "" && c.field != fieldTitle {
			near = "; " + strings.TrimSpace(guess)
		}
		n.warnf(at(path, k), "no ticket that was read %s %q%s", seenWords[c.field], written, near)
	}
}

func (n *noticer) seen(c *condition, pattern int, caseSensitive bool) bool {
	for v := range n.values[c.field] {
		switch {
		case c.field == fieldTitle:
			if c.titles[pattern].MatchString(v) {
				return true
			}
			continue
		case !caseSensitive:
			v = fold(v)
		}
		if c.patterns[pattern].matches(v) {
			return true
		}
	}
	return false
}

func (n *noticer) noticeConflicts() {
	pairs := slices.SortedFunc(maps.Keys(n.clashes), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	for _, rules := range pairs {
		a, b, c := rules[0], rules[1], n.clashes[rules]
		if n.rs.settled(a, b) {
			continue
		}
		n.warnf(at("rules", b), "rule %q (%s) and rule %q (%s) match the same tickets (%d, such as %s); %s",
			n.rs.names[a], n.rs.leadsToGoals(&n.rs.rules[a]), n.rs.names[b], n.rs.leadsToGoals(&n.rs.rules[b]),
			c.tickets, c.example, isSplit)
	}
}
