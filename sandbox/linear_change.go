package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// NewLinearIssue describes a Linear issue to be created. It starts in Todo
// unless a state, by name or type, is given.
type NewLinearIssue struct {
	Team, Title, State string
	Labels             []string // "Name" or "Group/Name"
	Parent             string   // identifier
	Project            string   // name
	Estimate           *float64
	Priority           int    // 0 none, 1 urgent, ... 4 low
	Cycle              int    // 0 for none
	Milestone          string // name, of the project
	Due                string // 2006-01-02
}

// CreateIssue creates an issue and returns its identifier.
func (ws *Workspace) CreateIssue(at time.Time, in NewLinearIssue) string {
	var identifier string
	ws.w.change(func() {
		t := ws.team(in.Team)
		t.number++
		is := &linearIssue{
			thing: ws.thing(at, "issue"), number: t.number, identifier: t.key + "-" + strconv.Itoa(t.number), team: t,
			title: in.Title, estimate: in.Estimate, priority: in.Priority, due: in.Due, creator: somebody(int64(ws.made)),
		}
		for _, name := range in.Labels {
			is.labels = append(is.labels, ws.label("IssueLabel", name))
		}
		if in.Parent != "" {
			is.parent = ws.issue(in.Parent)
		}
		if in.Project != "" {
			is.project = pick(ws.projects, "Linear project", in.Project)
		}
		if in.Milestone != "" {
			is.milestone = pick(is.project.milestones, "milestone", in.Milestone)
		}
		if in.Cycle != 0 {
			is.cycle = ws.cycle(t, in.Cycle)
		}
		state := in.State
		if state == "" {
			state = "Todo"
		}
		ws.enter(is, stamp(at), ws.state(t, state))
		ws.issues = append(ws.issues, is)
		ws.byID[is.id], ws.byIdentifier[is.identifier] = is, is
		identifier = is.identifier
	})
	return identifier
}

// enter puts an issue into a state: the span before it ends, the dates follow.
func (ws *Workspace) enter(is *linearIssue, at time.Time, state *linearState) {
	if n := len(is.spans); n > 0 && is.spans[n-1].end.IsZero() {
		is.spans[n-1].end = at
	}
	is.state = state
	is.spans = append(is.spans, &linearSpan{thing: ws.thing(at, "span"), state: state, start: at})
	is.completed, is.canceled = time.Time{}, time.Time{}
	switch state.kind {
	case "started":
		if is.started.IsZero() {
			is.started = at
		}
	case "completed":
		is.completed = at
	case "canceled", "duplicate":
		is.canceled = at
	default:
		is.started = time.Time{}
	}
}

// Transition moves an issue to another state of its team, named by name or
// type.
func (ws *Workspace) Transition(at time.Time, ref, state string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		to := ws.state(is.team, state)
		pair(&e.state, is.state, to)
		ws.enter(is, e.created, to)
	})
}

// pair notes a change in an entry. A second one in the same entry keeps the
// first value as the old one.
func pair[T any](p **[2]T, from, to T) {
	if *p == nil {
		*p = &[2]T{from, to}
		return
	}
	(*p)[1] = to
}

// AddLabel puts labels on an issue.
func (ws *Workspace) AddLabel(at time.Time, ref string, labels ...string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		for _, name := range labels {
			if l := ws.label("IssueLabel", name); !slices.Contains(is.labels, l) {
				is.labels = append(is.labels, l)
				e.added = append(e.added, l)
			}
		}
	})
}

// RemoveLabel takes labels off an issue.
func (ws *Workspace) RemoveLabel(at time.Time, ref string, labels ...string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		for _, name := range labels {
			l := ws.label("IssueLabel", name)
			if i := slices.Index(is.labels, l); i >= 0 {
				is.labels = slices.Delete(slices.Clone(is.labels), i, i+1)
				e.removed = append(e.removed, l)
			}
		}
	})
}

// SetParent makes an issue a sub-issue of another one; an empty parent undoes
// it.
func (ws *Workspace) SetParent(at time.Time, ref, parent string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		var to *linearIssue
		if parent != "" {
			to = ws.issue(parent)
		}
		pair(&e.parent, is.parent, to)
		is.parent = to
	})
}

// SetProject puts an issue into a project; an empty name takes it out.
func (ws *Workspace) SetProject(at time.Time, ref, project string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		var to *linearProject
		if project != "" {
			to = pick(ws.projects, "Linear project", project)
		}
		pair(&e.project, is.project, to)
		is.project = to
	})
}

// SetCycle plans an issue for a cycle of its team; 0 takes it out.
func (ws *Workspace) SetCycle(at time.Time, ref string, number int) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		var to *linearCycle
		if number != 0 {
			to = ws.cycle(is.team, number)
		}
		pair(&e.cycle, is.cycle, to)
		is.cycle = to
	})
}

// SetMilestone puts an issue into a milestone of its project; an empty name
// takes it out.
func (ws *Workspace) SetMilestone(at time.Time, ref, name string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		var to *linearMilestone
		if name != "" {
			to = pick(is.project.milestones, "milestone", name)
		}
		pair(&e.milestone, is.milestone, to)
		is.milestone = to
	})
}

// Estimate sets the estimate; nil clears it.
func (ws *Workspace) Estimate(at time.Time, ref string, points *float64) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		pair(&e.estimate, is.estimate, points)
		is.estimate = points
	})
}

// SetPriority changes the priority: 0 none, 1 urgent, ... 4 low.
func (ws *Workspace) SetPriority(at time.Time, ref string, priority int) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		pair(&e.priority, float64(is.priority), float64(priority))
		is.priority = priority
	})
}

// SetDue sets the due date, written as 2006-01-02; empty clears it.
func (ws *Workspace) SetDue(at time.Time, ref, date string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		pair(&e.due, is.due, date)
		is.due = date
	})
}

// SetTitle changes the title.
func (ws *Workspace) SetTitle(at time.Time, ref, title string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		pair(&e.title, is.title, title)
		is.title = title
	})
}

// Assign hands the issue to somebody else.
func (ws *Workspace) Assign(at time.Time, ref string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		to := somebody(int64(ws.made))
		pair(&e.assignee, is.assignee, to)
		is.assignee = to
	})
}

// Touch edits the description: a change of a field nobody interprets.
func (ws *Workspace) Touch(at time.Time, ref string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		is.text = "Edited " + strconv.Itoa(len(is.history)) + " times. Ask " + e.actor.name + " about it."
		e.text = true
	})
}

// Move moves an issue to another team and returns its new identifier. It keeps
// its id and goes on in the state of the same name, or else of the same type;
// the old identifier is remembered.
func (ws *Workspace) Move(at time.Time, ref, team string) string {
	var identifier string
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		to := ws.team(team)
		pair(&e.team, is.team, to)
		to.number++
		is.former = append(is.former, is.identifier)
		is.team, is.number, is.identifier = to, to.number, to.key+"-"+strconv.Itoa(to.number)
		ws.byIdentifier[is.identifier] = is
		state := ws.sameState(to, is.state)
		pair(&e.state, is.state, state)
		started, completed, canceled := is.started, is.completed, is.canceled
		ws.enter(is, e.created, state)
		is.started, is.completed, is.canceled = started, completed, canceled
		identifier = is.identifier
	})
	return identifier
}

func (ws *Workspace) sameState(t *linearTeam, s *linearState) *linearState {
	if i := slices.IndexFunc(ws.states, func(o *linearState) bool { return o.team == t && o.name == s.name }); i >= 0 {
		return ws.states[i]
	}
	return ws.state(t, s.kind)
}

// Archive archives an issue, as Linear does on its own. Its "updated" stamp
// does not move.
func (ws *Workspace) Archive(at time.Time, ref string) {
	ws.quietly(at, ref, func(is *linearIssue, e *linearEntry) {
		is.archived, is.autoArchived = e.created, e.created
		e.archives, e.auto = new(true), true
	})
}

// Trash deletes an issue as a user does: it is archived and marked. Its
// "updated" stamp does not move.
func (ws *Workspace) Trash(at time.Time, ref string) {
	ws.quietly(at, ref, func(is *linearIssue, e *linearEntry) {
		is.archived, is.trashed = e.created, true
		e.archives, e.trashes = new(true), new(true)
	})
}

// Restore takes an issue back out of the trash or the archive.
func (ws *Workspace) Restore(at time.Time, ref string) {
	ws.edit(at, ref, func(is *linearIssue, e *linearEntry) {
		e.archives = new(false)
		if is.trashed {
			e.trashes = new(false)
		}
		is.archived, is.autoArchived, is.trashed = time.Time{}, time.Time{}, false
	})
}

// Purge removes an issue without a trace, as Linear does after thirty days in
// the trash. Its sub-issues lose their parent.
func (ws *Workspace) Purge(ref string) {
	ws.w.change(func() {
		gone := ws.issue(ref)
		ws.issues = slices.DeleteFunc(ws.issues, func(is *linearIssue) bool { return is == gone })
		delete(ws.byID, gone.id)
		for _, identifier := range append(slices.Clone(gone.former), gone.identifier) {
			delete(ws.byIdentifier, identifier)
		}
		for _, is := range ws.issues {
			if is.parent == gone {
				is.parent = nil
			}
		}
	})
}

// edit changes one issue and keeps its history. Changes of the same instant
// share an entry, as Linear groups what one person changes in a short time. A
// time before the last change is allowed, except for states.
func (ws *Workspace) edit(at time.Time, ref string, f func(*linearIssue, *linearEntry)) {
	ws.quietly(at, ref, func(is *linearIssue, e *linearEntry) {
		f(is, e)
		is.updated = later(is.updated, e.created)
	})
}

func (ws *Workspace) quietly(at time.Time, ref string, f func(*linearIssue, *linearEntry)) {
	ws.w.change(func() {
		is, at := ws.issue(ref), stamp(at)
		i, found := slices.BinarySearchFunc(is.history, at, func(e *linearEntry, at time.Time) int { return e.created.Compare(at) })
		if !found {
			e := &linearEntry{thing: ws.thing(at, "history"), issue: is, actor: somebody(int64(ws.made))}
			is.history = slices.Insert(is.history, i, e)
		}
		f(is, is.history[i])
	})
}
