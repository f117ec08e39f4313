package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Site is the content of a Jira site. It is served as Jira Cloud and as Jira
// Data Center at the same time.
type Site struct {
	w          *World
	zone       *time.Location // timestamps in answers are rendered in it
	userZone   *time.Location // profile zone of the account the connector uses; JQL dates are read in it
	statuses   []*jiraStatus
	types      []*jiraType
	priorities []*named
	projects   []*jiraProject
	sprints    []*sprint
	issues     []*jiraIssue          // by id
	byID       map[int64]*jiraIssue  // present issues
	byKey      map[string]*jiraIssue // present and former keys
	nextIssue  int64
	nextEntry  int64 // id of the next history entry
	nextThing  int64 // id of the next component or sprint
}

type named struct{ id, name string }

type jiraStatus struct{ id, name, category string }

type jiraType struct {
	id, name string
	level    int
}

type jiraProject struct {
	id         int64
	key, name  string
	former     []string // keys
	category   string
	team       bool // team-managed
	hidden     bool
	archived   bool // no search finds its issues, but they can be read
	public     bool // visitors see it
	number     int  // of the newest issue
	components []*named
}

type sprint struct {
	id       int64
	name     string
	from, to time.Time
}

type jiraIssue struct {
	id                        int64
	key                       string
	number                    int
	project                   *jiraProject
	typ                       *jiraType
	status                    *jiraStatus
	priority                  *named
	resolution                *named // nil while unresolved
	title, text               string
	labels                    []string // sorted, as Jira keeps them
	components                []*named
	parent                    *jiraIssue
	points                    *float64
	sprints                   []*sprint // oldest first
	due                       string
	creator, assignee         *person
	created, updated          time.Time
	categoryChanged, resolved time.Time
	hidden                    bool
	history                   []*entry   // by time, then id
	raw                       []rawField // recorded fields, which win over the ones above
}

// rawField is a recorded field of a raw issue document.
type rawField struct {
	name  string
	value json.RawMessage
}

// entry is one history of an issue: what one person changed at one time.
type entry struct {
	id     int64
	at     time.Time
	author *person
	items  []*item
}

// item is one field of an entry. Nil stands for what Jira sends as null.
type item struct {
	field, fieldID, fieldType  string
	from, fromText, to, toText *string
}

// Ids of the custom fields every site of the sandbox has.
const (
	fieldStoryPointEstimate = "customfield_10016" // team-managed projects
	fieldStoryPoints        = "customfield_10031" // company-managed projects
	fieldSprint             = "customfield_10020"
	fieldEpicLink           = "customfield_10014" // dead on the Cloud, but still listed
	fieldEpicName           = "customfield_10011" // Data Center only
	fieldParentLink         = "customfield_10018" // Data Center only
)

func newSite(w *World) *Site {
	s := &Site{
		w:         w,
		zone:      mustZone("America/Los_Angeles"),
		userZone:  mustZone("Australia/Sydney"),
		byID:      map[int64]*jiraIssue{},
		byKey:     map[string]*jiraIssue{},
		nextIssue: 10000, nextEntry: 20000, nextThing: 100,
	}
	for _, st := range []jiraStatus{
		{"10000", "To Do", "new"},
		{"3", "In Progress", "indeterminate"},
		{"10001", "In Review", "indeterminate"},
		{"10002", "Blocked", "indeterminate"},
		{"10003", "Done", "done"},
		{"10004", "Won't Do", "done"},
	} {
		s.statuses = append(s.statuses, &st)
	}
	for _, t := range []jiraType{
		{"10020", "Initiative", 2},
		{"10000", "Epic", 1},
		{"10001", "Story", 0},
		{"10002", "Task", 0},
		{"10003", "Bug", 0},
		{"10004", "Sub-task", -1},
	} {
		s.types = append(s.types, &t)
	}
	for i, name := range []string{"Highest", "High", "Medium", "Low", "Lowest"} {
		s.priorities = append(s.priorities, &named{strconv.Itoa(i + 1), name})
	}
	return s
}

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	return must(zone, err == nil, "time zone %s: %v", name, err)
}

// SetZones chooses the zone in which timestamps are rendered and the profile
// zone of the calling user, in which JQL dates are read. On a real site they
// often differ.
func (s *Site) SetZones(site, user string) {
	s.w.change(func() { s.zone, s.userZone = mustZone(site), mustZone(user) })
}

// NewProject describes a project to be added.
type NewProject struct {
	Key, Name   string
	Category    string // empty for none
	TeamManaged bool   // decides which field holds the story points
}

// AddProject adds an empty project.
func (s *Site) AddProject(p NewProject) {
	s.w.change(func() {
		s.projects = append(s.projects, &jiraProject{
			id: 10000 + int64(len(s.projects)), key: p.Key, name: p.Name, category: p.Category, team: p.TeamManaged,
		})
	})
}

// AddStatus adds a status; category is "new", "indeterminate" or "done".
func (s *Site) AddStatus(name, category string) {
	s.w.change(func() {
		s.statuses = append(s.statuses, &jiraStatus{strconv.Itoa(10100 + len(s.statuses)), name, category})
	})
}

// AddSprint adds a sprint that issues can be put into. Zero times mean that it
// is not planned yet.
func (s *Site) AddSprint(name string, from, to time.Time) {
	s.w.change(func() {
		s.nextThing++
		s.sprints = append(s.sprints, &sprint{s.nextThing, name, stamp(from), stamp(to)})
	})
}

// PlanSprint gives a sprint its dates, as starting it does: no issue is touched
// by it.
func (s *Site) PlanSprint(name string, from, to time.Time) {
	s.w.change(func() {
		sp := pick(s.sprints, "sprint", name)
		sp.from, sp.to = stamp(from), stamp(to)
	})
}

// HideProject takes the account's permission to browse a project away, or
// gives it back.
func (s *Site) HideProject(key string, hidden bool) {
	s.w.change(func() { s.project(key).hidden = hidden })
}

// ArchiveProject archives a project or restores it: no issue is touched by it.
func (s *Site) ArchiveProject(key string, archived bool) {
	s.w.change(func() { s.project(key).archived = archived })
}

// PublishProject lets visitors without an account browse a project.
func (s *Site) PublishProject(key string) {
	s.w.change(func() { s.project(key).public = true })
}

// Hide takes the account's permission to see one issue away, or gives it back.
func (s *Site) Hide(ref string, hidden bool) {
	s.w.change(func() { s.issue(ref).hidden = hidden })
}

// Keys returns the keys of all issues, in order of their ids.
func (s *Site) Keys() []string {
	s.w.mu.RLock()
	defer s.w.mu.RUnlock()
	keys := make([]string, len(s.issues))
	for i, is := range s.issues {
		keys[i] = is.key
	}
	return keys
}

// ID returns the immutable id of the issue with that key or former key.
func (s *Site) ID(ref string) string {
	s.w.mu.RLock()
	defer s.w.mu.RUnlock()
	return strconv.FormatInt(s.issue(ref).id, 10)
}

// find returns the issue with that id, key or former key, or nil.
func (s *Site) find(ref string) *jiraIssue {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return s.byID[id]
	}
	return s.byKey[ref]
}

func (s *Site) issue(ref string) *jiraIssue {
	is := s.find(ref)
	return must(is, is != nil, "no issue %q", ref)
}

func (s *Site) project(key string) *jiraProject { return pick(s.projects, "project", key) }

func (p *jiraProject) is(key string) bool { return p.key == key }
func (t *jiraType) is(name string) bool   { return t.name == name }
func (s *jiraStatus) is(name string) bool { return s.name == name }
func (n *named) is(name string) bool      { return n.name == name }
func (s *sprint) is(name string) bool     { return s.name == name }

func (s *sprint) called(v string) bool {
	return strings.EqualFold(s.name, v) || strconv.FormatInt(s.id, 10) == v
}

// state says how far a sprint has come.
func (s *sprint) state(now time.Time) string {
	switch {
	case s.from.IsZero() || now.Before(s.from):
		return "future"
	case now.Before(s.to):
		return "active"
	}
	return "closed"
}

// pick returns the element with that name and panics if there is none.
func pick[T interface{ is(string) bool }](list []T, kind, name string) T {
	i := slices.IndexFunc(list, func(e T) bool { return e.is(name) })
	if i < 0 {
		panic(fmt.Sprintf("sandbox: no %s %q", kind, name))
	}
	return list[i]
}

// component returns the project's component of that name, adding it if needed.
func (s *Site) component(p *jiraProject, name string) *named {
	for _, c := range p.components {
		if c.name == name {
			return c
		}
	}
	s.nextThing++
	c := &named{strconv.FormatInt(s.nextThing, 10), name}
	p.components = append(p.components, c)
	return c
}

// visible reports whether the account may see the issue.
func (is *jiraIssue) visible() bool { return !is.hidden && !is.project.hidden }

// pointsField is the custom field that holds the issue's story points.
func (is *jiraIssue) pointsField() (id, name string) {
	if is.project.team {
		return fieldStoryPointEstimate, "Story point estimate"
	}
	return fieldStoryPoints, "Story Points"
}

func byTime(a, b *entry) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
}
