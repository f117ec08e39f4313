package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// jqlView is what a query is evaluated against: the site as its search index
// knows it.
type jqlView struct {
	site *Site
	now  time.Time
	lag  time.Duration // the index is that far behind
	// consistent issues are seen as they are, whatever the lag (reconcileIssues).
	consistent map[int64]bool
	dates      map[string]time.Time // literals already read
}

// date reads a literal once.
func (v *jqlView) date(literal string) time.Time {
	at, ok := v.dates[literal]
	if !ok {
		at, _ = jqlDate(literal, v.now, v.site.userZone)
		if v.dates == nil {
			v.dates = map[string]time.Time{}
		}
		v.dates[literal] = at
	}
	return at
}

// check refuses operators that do not fit the field and dates that are none.
func (c *jqlClause) check() error {
	dated := c.field == "updated" || c.field == "created"
	if slices.Contains([]string{"<", "<=", ">", ">="}, c.op) && !dated {
		return fmt.Errorf("The operator '%s' is not supported by the '%s' field.", c.op, c.field)
	}
	if strings.HasSuffix(c.op, "empty") && !slices.Contains([]string{"labels", "parent", "epic link", "parent link"}, c.field) {
		return fmt.Errorf("The field '%s' does not support searching for EMPTY values.", c.field)
	}
	if !dated {
		return nil
	}
	for _, v := range c.values {
		if _, ok := jqlDate(v, time.Time{}, time.UTC); !ok {
			return fmt.Errorf("Date value '%s' for field '%s' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.", v, c.field)
		}
	}
	return nil
}

// bind refuses values that do not exist on the site: one missing project or
// key fails the whole query.
func (n *jqlNode) bind(s *Site) error {
	for _, m := range slices.Concat(n.all, n.any) {
		if err := m.bind(s); err != nil {
			return err
		}
	}
	if n.clause == nil {
		return nil
	}
	for _, v := range n.clause.values {
		if err := n.clause.bind(s, v); err != nil {
			return err
		}
	}
	return nil
}

func (c *jqlClause) bind(s *Site, v string) error {
	ok := true
	switch c.field {
	case "project":
		ok = slices.ContainsFunc(s.projects, func(p *jiraProject) bool { return !p.hidden && p.named(v) })
	case "key", "parent", "epic link", "parent link":
		if is := s.find(strings.ToUpper(v)); is == nil || !is.visible() {
			return fmt.Errorf("An issue with key '%s' does not exist for field '%s'.", v, c.field)
		}
	case "component":
		ok = slices.ContainsFunc(s.projects, func(p *jiraProject) bool {
			return slices.ContainsFunc(p.components, func(n *named) bool { return n.called(v) })
		})
	case "sprint":
		ok = slices.ContainsFunc(s.sprints, func(sp *sprint) bool { return sp.called(v) })
	case "status":
		ok = slices.ContainsFunc(s.statuses, func(st *jiraStatus) bool { return strings.EqualFold(st.name, v) || st.id == v })
	case "issuetype":
		ok = slices.ContainsFunc(s.types, func(t *jiraType) bool { return strings.EqualFold(t.name, v) || t.id == v })
	case "statuscategory":
		_, ok = categoryNames[strings.ToLower(v)]
	}
	if !ok {
		return fmt.Errorf("The value '%s' does not exist for the field '%s'.", v, c.field)
	}
	return nil
}

// categoryNames maps what JQL accepts for a status category to its key.
var categoryNames = map[string]string{
	"new": "new", "to do": "new", "indeterminate": "indeterminate", "in progress": "indeterminate", "done": "done", "complete": "done",
}

func (p *jiraProject) named(v string) bool {
	former := slices.ContainsFunc(p.former, func(key string) bool { return strings.EqualFold(key, v) })
	return former || strings.EqualFold(p.key, v) || strings.EqualFold(p.name, v) || strconv.FormatInt(p.id, 10) == v
}

func (n *named) called(v string) bool { return n.id == v || strings.EqualFold(n.name, v) }

func (n *jqlNode) match(v *jqlView, is *jiraIssue) bool {
	if n.clause != nil {
		return n.clause.match(v, is)
	}
	for _, m := range n.any {
		if m.match(v, is) {
			return true
		}
	}
	for _, m := range n.all {
		if !m.match(v, is) {
			return false
		}
	}
	return len(n.any) == 0
}

func (c *jqlClause) match(v *jqlView, is *jiraIssue) bool {
	switch c.op {
	case "=", "in":
		return c.equalsAny(v, is)
	case "!=", "not in":
		// An empty field matches neither = nor !=.
		return !c.empty(is) && !c.equalsAny(v, is)
	case "is empty":
		return c.empty(is)
	case "is not empty":
		return !c.empty(is)
	}
	have := v.updated(is)
	if c.field == "created" {
		have = is.created
	}
	switch d := have.Compare(v.date(c.values[0])); c.op {
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	default:
		return d >= 0
	}
}

func (c *jqlClause) empty(is *jiraIssue) bool {
	switch c.field {
	case "labels":
		return len(is.labels) == 0
	case "epic link":
		return is.linkKey(is.typ.level == 0) == nil
	case "parent link":
		return is.linkKey(is.typ.level >= 1) == nil
	}
	return c.field == "parent" && is.parent == nil
}

func (c *jqlClause) equalsAny(v *jqlView, is *jiraIssue) bool {
	return slices.ContainsFunc(c.values, func(want string) bool {
		switch c.field {
		case "project":
			return is.project.named(want)
		case "key":
			return v.site.find(strings.ToUpper(want)) == is
		case "parent", "epic link", "parent link":
			return !c.empty(is) && is.parent != nil && v.site.find(strings.ToUpper(want)) == is.parent
		case "labels":
			return slices.ContainsFunc(is.labels, func(l string) bool { return strings.EqualFold(l, want) })
		case "component":
			return slices.ContainsFunc(is.components, func(n *named) bool { return n.called(want) })
		case "sprint":
			return slices.ContainsFunc(is.sprints, func(sp *sprint) bool { return sp.called(want) })
		case "status":
			return strings.EqualFold(is.status.name, want) || is.status.id == want
		case "issuetype":
			return strings.EqualFold(is.typ.name, want) || is.typ.id == want
		case "statuscategory":
			return is.status.category == categoryNames[strings.ToLower(want)]
		case "created":
			return is.created.Equal(v.date(want))
		default:
			return v.updated(is).Equal(v.date(want))
		}
	})
}

// indexed reports whether the index knows the issue at all.
func (v *jqlView) indexed(is *jiraIssue) bool {
	return v.consistent[is.id] || !is.created.After(v.now.Add(-v.lag))
}

// updated is the issue's stamp as the index knows it.
func (v *jqlView) updated(is *jiraIssue) time.Time {
	edge := v.now.Add(-v.lag)
	if v.lag == 0 || v.consistent[is.id] || !is.updated.After(edge) {
		return is.updated
	}
	at := is.created
	for _, e := range is.history {
		if !e.at.After(edge) {
			at = later(at, e.at)
		}
	}
	return at
}

var jqlPeriod = regexp.MustCompile(`^([+-]?)((?:\d{1,6}[wdhm]\s*)+)$`)

// jqlDate reads a date literal: in the user's zone, to the minute, or relative
// to now. Epoch milliseconds are not documented and not understood.
func jqlDate(text string, now time.Time, zone *time.Location) (time.Time, bool) {
	if text == "now()" {
		return now, true
	}
	for _, layout := range []string{"2006/01/02 15:04", "2006-01-02 15:04", "2006/01/02", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, true
		}
	}
	m := jqlPeriod.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	var period time.Duration
	for _, part := range regexp.MustCompile(`\d+[wdhm]`).FindAllString(m[2], -1) {
		n, _ := strconv.Atoi(part[:len(part)-1])
		unit := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
		period += time.Duration(n) * unit[part[len(part)-1]]
	}
	if m[1] == "-" {
		period = -period
	}
	return now.Add(period), true
}
