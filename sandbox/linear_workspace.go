package sandbox

import (
	"slices"
	"strconv"
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
	start        string // 2006-01-02
	labels       []*linearLabel
	teams        []*linearTeam
	milestones   []*linearMilestone
	trashed      bool
}

// linearMilestone is a stage of a project; target is written as 2006-01-02.
type linearMilestone struct {
	thing
	name, target string
	project      *linearProject
}

func (m *linearMilestone) is(name string) bool { return m.name == name }

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
	milestone                                  *linearMilestone
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
	milestone      *[2]*linearMilestone
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
