package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Workspace is the content of a Linear workspace.
type Workspace struct {
	w            *World
	teams        []*linearTeam
	states       []*linearState
	labels       []*linearLabel // of issues
	groupLabels  []*linearLabel // of projects and initiatives
	projects     []*linearProject
	initiatives  []*linearInitiative
	links        []*initiativeLink
	cycles       []*linearCycle
	issues       []*linearIssue
	byID         map[string]*linearIssue
	byIdentifier map[string]*linearIssue // present and former identifiers
	made         int                     // objects made so far, the seed of ids
}

// thing is what every object of Linear has.
type thing struct {
	id                         string
	created, updated, archived time.Time
}

func (t *thing) base() *thing { return t }

type linearTeam struct {
	thing
	key, name, zone string
	number          int // of the newest issue
	hidden          bool
}

type linearState struct {
	thing
	name, kind, color string
	position          float64
	team              *linearTeam
}

// linearLabel is a label of issues, of projects or of initiatives; which one
// is said by kind, the name of its GraphQL type.
type linearLabel struct {
	thing
	kind, name string
	group      bool
	parent     *linearLabel
	team       *linearTeam // nil for a label of the workspace
	retired    time.Time
}

type linearProject struct {
	thing
	name, status string
	labels       []*linearLabel
	teams        []*linearTeam
	trashed      bool
}

type linearInitiative struct {
	thing
	name, status string
	parent       *linearInitiative
	labels       []*linearLabel
	trashed      bool
}

type initiativeLink struct {
	thing
	initiative *linearInitiative
	project    *linearProject
}

type linearCycle struct {
	thing
	team     *linearTeam
	number   int
	from, to time.Time
}

type linearIssue struct {
	thing
	identifier                                 string
	number                                     int
	former                                     []string
	title, text                                string
	team                                       *linearTeam
	state                                      *linearState
	labels                                     []*linearLabel
	project                                    *linearProject
	parent                                     *linearIssue
	cycle                                      *linearCycle
	estimate                                   *float64
	priority                                   int
	due                                        string
	creator, assignee                          *person
	started, completed, canceled, autoArchived time.Time
	trashed                                    bool
	history                                    []*linearEntry // by time
	spans                                      []*linearSpan  // by time
}

// linearSpan is the time an issue spent in one state.
type linearSpan struct {
	thing
	state      *linearState
	start, end time.Time // end is zero while it lasts
}

// linearEntry is one entry of an issue's history. The pairs hold from and to;
// a nil pair means the entry is not about that.
type linearEntry struct {
	thing
	issue          *linearIssue
	actor          *person
	state          *[2]*linearState
	team           *[2]*linearTeam
	project        *[2]*linearProject
	parent         *[2]*linearIssue
	cycle          *[2]*linearCycle
	estimate       *[2]*float64
	priority       *[2]float64
	title          *[2]string
	due            *[2]string
	assignee       *[2]*person
	added, removed []*linearLabel
	text           bool // the description was edited
	archives       *bool
	auto           bool
	trashes        *bool
}

func newWorkspace(w *World) *Workspace {
	return &Workspace{w: w, byID: map[string]*linearIssue{}, byIdentifier: map[string]*linearIssue{}}
}

// thing makes what a new object has in common with all others.
func (ws *Workspace) thing(at time.Time, kind string) thing {
	ws.made++
	return thing{id: uuid("%s %d", kind, ws.made), created: stamp(at), updated: stamp(at)}
}

// linearEpoch is when the workspace was set up: the date of catalog objects
// made without one.
var linearEpoch = time.Date(2020, 1, 1, 9, 0, 0, 0, time.UTC)

// AddTeam adds a team with a usual workflow: Triage, Backlog, Todo, In
// Progress, In Review, Done, Canceled and Duplicate.
func (ws *Workspace) AddTeam(key, name, zone string) {
	ws.w.change(func() {
		t := &linearTeam{thing: ws.thing(linearEpoch, "team"), key: key, name: name, zone: cmp.Or(zone, "UTC")}
		ws.teams = append(ws.teams, t)
		for _, st := range [][2]string{
			{"Triage", "triage"}, {"Backlog", "backlog"}, {"Todo", "unstarted"}, {"In Progress", "started"}, {"In Review", "started"},
			{"Done", "completed"}, {"Canceled", "canceled"}, {"Duplicate", "duplicate"},
		} {
			ws.addState(t, st[0], st[1])
		}
	})
}

// AddState adds a workflow state to a team. The kind is one of Linear's state
// types: triage, backlog, unstarted, started, completed, canceled, duplicate.
func (ws *Workspace) AddState(team, name, kind string) {
	ws.w.change(func() { ws.addState(ws.team(team), name, kind) })
}

func (ws *Workspace) addState(t *linearTeam, name, kind string) {
	ws.states = append(ws.states, &linearState{
		thing: ws.thing(linearEpoch, "state"), name: name, kind: kind, color: "#bec2c8", position: float64(len(ws.states)), team: t,
	})
}

// HideTeam takes the account's access to a team away, or gives it back.
func (ws *Workspace) HideTeam(key string, hidden bool) {
	ws.w.change(func() { ws.team(key).hidden = hidden })
}

// AddLabelDefinition adds a label to the workspace. "Group/Name" adds the
// group as well if it is not there yet. Labels that issues are given are added
// on their own.
func (ws *Workspace) AddLabelDefinition(name string) {
	ws.w.change(func() { ws.label("IssueLabel", name) })
}

// RenameLabel renames a label, or a group. No issue is touched by it.
func (ws *Workspace) RenameLabel(at time.Time, from, to string) {
	ws.w.change(func() {
		l := ws.label("IssueLabel", from)
		l.name, l.updated = to, stamp(at)
	})
}

// label finds a label by "Name" or "Group/Name", adding it if needed.
func (ws *Workspace) label(kind, path string) *linearLabel {
	list := &ws.labels
	if kind != "IssueLabel" {
		list = &ws.groupLabels
	}
	var parent *linearLabel
	group, name, nested := strings.Cut(path, "/")
	if nested {
		parent = ws.labelIn(list, kind, group, nil)
		parent.group = true
	} else {
		name = group
	}
	return ws.labelIn(list, kind, name, parent)
}

func (ws *Workspace) labelIn(list *[]*linearLabel, kind, name string, parent *linearLabel) *linearLabel {
	for _, l := range *list {
		if l.kind == kind && l.name == name && l.parent == parent {
			return l
		}
	}
	l := &linearLabel{thing: ws.thing(linearEpoch, "label"), kind: kind, name: name, parent: parent}
	*list = append(*list, l)
	return l
}

// NewProject describes a Linear project, which stands above issues.
type NewLinearProject struct {
	Name        string
	Status      string   // backlog, planned, started (the default), paused, completed, canceled
	Labels      []string // project labels
	Teams       []string // keys
	Initiatives []string // names; a project may stand under several
}

// AddProject adds a project.
func (ws *Workspace) AddProject(at time.Time, in NewLinearProject) {
	ws.w.change(func() {
		p := &linearProject{thing: ws.thing(at, "project"), name: in.Name, status: cmp.Or(in.Status, "started")}
		for _, l := range in.Labels {
			p.labels = append(p.labels, ws.label("ProjectLabel", l))
		}
		for _, key := range in.Teams {
			p.teams = append(p.teams, ws.team(key))
		}
		ws.projects = append(ws.projects, p)
		for _, name := range in.Initiatives {
			ws.link(at, ws.initiative(name), p)
		}
	})
}

func (ws *Workspace) link(at time.Time, i *linearInitiative, p *linearProject) {
	ws.links = append(ws.links, &initiativeLink{thing: ws.thing(at, "initiativeToProject"), initiative: i, project: p})
}

// NewInitiative describes an initiative, which stands above projects.
type NewInitiative struct {
	Name   string
	Status string // Proposed, Planned, Active (the default), Completed, Canceled
	Parent string // name of the initiative above
	Labels []string
}

// AddInitiative adds an initiative.
func (ws *Workspace) AddInitiative(at time.Time, in NewInitiative) {
	ws.w.change(func() {
		i := &linearInitiative{thing: ws.thing(at, "initiative"), name: in.Name, status: cmp.Or(in.Status, "Active")}
		if in.Parent != "" {
			i.parent = ws.initiative(in.Parent)
		}
		for _, l := range in.Labels {
			i.labels = append(i.labels, ws.label("InitiativeLabel", l))
		}
		ws.initiatives = append(ws.initiatives, i)
	})
}

// SetInitiatives puts a project under other initiatives. None of its issues is
// touched by it.
func (ws *Workspace) SetInitiatives(at time.Time, project string, initiatives ...string) {
	ws.w.change(func() {
		p := pick(ws.projects, "Linear project", project)
		ws.links = slices.DeleteFunc(ws.links, func(l *initiativeLink) bool { return l.project == p })
		for _, name := range initiatives {
			ws.link(at, ws.initiative(name), p)
		}
		p.updated = later(p.updated, stamp(at))
	})
}

// RenameProject renames a project. None of its issues is touched by it.
func (ws *Workspace) RenameProject(at time.Time, from, to string) {
	ws.w.change(func() {
		p := pick(ws.projects, "Linear project", from)
		p.name, p.updated = to, later(p.updated, stamp(at))
	})
}

// AddCycle adds a cycle to a team and returns its number.
func (ws *Workspace) AddCycle(team string, from, to time.Time) int {
	var number int
	ws.w.change(func() {
		t := ws.team(team)
		number = 1
		for _, c := range ws.cycles {
			if c.team == t {
				number++
			}
		}
		ws.cycles = append(ws.cycles, &linearCycle{thing: ws.thing(from, "cycle"), team: t, number: number, from: stamp(from), to: stamp(to)})
	})
	return number
}

// Identifiers returns the identifiers of all issues, oldest first.
func (ws *Workspace) Identifiers() []string {
	ws.w.mu.RLock()
	defer ws.w.mu.RUnlock()
	list := make([]string, len(ws.issues))
	for i, is := range ws.issues {
		list[i] = is.identifier
	}
	return list
}

// ID returns the immutable id of the issue with that identifier, present or
// former.
func (ws *Workspace) ID(ref string) string {
	ws.w.mu.RLock()
	defer ws.w.mu.RUnlock()
	return ws.issue(ref).id
}

func (ws *Workspace) find(ref string) *linearIssue {
	if is := ws.byIdentifier[ref]; is != nil {
		return is
	}
	return ws.byID[ref]
}

func (ws *Workspace) issue(ref string) *linearIssue {
	is := ws.find(ref)
	return must(is, is != nil, "no Linear issue %q", ref)
}

func (ws *Workspace) team(key string) *linearTeam { return pick(ws.teams, "Linear team", key) }

func (ws *Workspace) initiative(name string) *linearInitiative {
	return pick(ws.initiatives, "initiative", name)
}

func (t *linearTeam) is(key string) bool        { return t.key == key }
func (p *linearProject) is(name string) bool    { return p.name == name }
func (i *linearInitiative) is(name string) bool { return i.name == name }

// state finds a state of a team by its name or, failing that, its type.
func (ws *Workspace) state(t *linearTeam, name string) *linearState {
	for _, match := range []func(*linearState) bool{
		func(s *linearState) bool { return s.name == name },
		func(s *linearState) bool { return s.kind == name },
	} {
		i := slices.IndexFunc(ws.states, func(s *linearState) bool { return s.team == t && match(s) })
		if i >= 0 {
			return ws.states[i]
		}
	}
	panic("sandbox: team " + t.key + " has no state " + strconv.Quote(name))
}

func (ws *Workspace) cycle(t *linearTeam, number int) *linearCycle {
	i := slices.IndexFunc(ws.cycles, func(c *linearCycle) bool { return c.team == t && c.number == number })
	if i < 0 {
		panic("sandbox: team " + t.key + " has no cycle " + strconv.Itoa(number))
	}
	return ws.cycles[i]
}

// visible reports whether the account may see the issue.
func (is *linearIssue) visible() bool { return !is.team.hidden }

// path is the label as people write it: "Group/Name" or "Name".
func (l *linearLabel) path() string {
	if l.parent != nil {
		return l.parent.name + "/" + l.name
	}
	return l.name
}
