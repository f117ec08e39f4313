package sandbox

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

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
			{"Triage", "triage"},
			{"Backlog", "backlog"},
			{"Todo", "unstarted"},
			{"In Progress", "started"},
			{"In Review", "started"},
			{"Done", "completed"},
			{"Canceled", "canceled"},
			{"Duplicate", "duplicate"},
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

// RenameState renames a workflow state of a team. No issue is touched by it.
func (ws *Workspace) RenameState(at time.Time, team, from, to string) {
	ws.w.change(func() {
		st := ws.state(ws.team(team), from)
		st.name, st.updated = to, later(st.updated, stamp(at))
	})
}

// HideTeam takes the account's access to a team away, or gives it back.
func (ws *Workspace) HideTeam(key string, hidden bool) {
	ws.w.change(func() { ws.team(key).hidden = hidden })
}

// ArchiveTeam archives a team or restores it: no issue is touched by it.
func (ws *Workspace) ArchiveTeam(at time.Time, key string, archived bool) {
	ws.w.change(func() {
		t := ws.team(key)
		t.updated, t.archived = stamp(at), time.Time{}
		if archived {
			t.archived = stamp(at)
		}
	})
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

// NewLinearProject describes a Linear project, which stands above issues.
type NewLinearProject struct {
	Name        string
	Status      string   // backlog, planned, started (the default), paused, completed, canceled
	Labels      []string // project labels
	Teams       []string // keys
	Initiatives []string // names; a project may stand under several
	Start       string   // 2006-01-02
}

// AddProject adds a project.
func (ws *Workspace) AddProject(at time.Time, in NewLinearProject) {
	ws.w.change(func() {
		p := &linearProject{thing: ws.thing(at, "project"), name: in.Name, status: cmp.Or(in.Status, "started"), start: in.Start}
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

// RenameInitiative renames an initiative. None of its projects is touched by it.
func (ws *Workspace) RenameInitiative(at time.Time, from, to string) {
	ws.w.change(func() {
		i := ws.initiative(from)
		i.name, i.updated = to, later(i.updated, stamp(at))
	})
}

// SetInitiatives puts a project under other initiatives. Neither the project
// nor any of its issues is touched by it: Linear does not say whether it is.
func (ws *Workspace) SetInitiatives(at time.Time, project string, initiatives ...string) {
	ws.w.change(func() {
		p := pick(ws.projects, "Linear project", project)
		ws.links = slices.DeleteFunc(ws.links, func(l *initiativeLink) bool { return l.project == p })
		for _, name := range initiatives {
			ws.link(at, ws.initiative(name), p)
		}
	})
}

// RenameProject renames a project. None of its issues is touched by it.
func (ws *Workspace) RenameProject(at time.Time, from, to string) {
	ws.w.change(func() {
		p := pick(ws.projects, "Linear project", from)
		p.name, p.updated = to, later(p.updated, stamp(at))
	})
}

// DeleteProject removes a project without a trace. None of its issues is touched
// by it, although they lose it.
func (ws *Workspace) DeleteProject(name string) {
	ws.w.change(func() {
		gone := pick(ws.projects, "Linear project", name)
		ws.projects = slices.DeleteFunc(ws.projects, func(p *linearProject) bool { return p == gone })
		ws.links = slices.DeleteFunc(ws.links, func(l *initiativeLink) bool { return l.project == gone })
		for _, is := range ws.issues {
			if is.project == gone {
				is.project, is.milestone = nil, nil
			}
		}
	})
}

// AddMilestone adds a milestone to a project; target is written as 2006-01-02,
// empty for none.
func (ws *Workspace) AddMilestone(at time.Time, project, name, target string) {
	ws.w.change(func() {
		p := pick(ws.projects, "Linear project", project)
		p.milestones = append(p.milestones, &linearMilestone{thing: ws.thing(at, "milestone"), name: name, target: target, project: p})
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
