package sandbox

import "slices"

func issueFields() fieldTable {
	type issue = *linearIssue
	return common(fieldTable{
		"identifier":          get(func(i issue) any { return i.identifier }),
		"previousIdentifiers": get(func(i issue) any { return orEmpty(i.former) }),
		"number":              get(func(i issue) any { return float64(i.number) }),
		"title":               get(func(i issue) any { return i.title }),
		"description":         get(func(i issue) any { return nullable(i.text) }),
		"priority":            get(func(i issue) any { return float64(i.priority) }),
		"priorityLabel":       get(func(i issue) any { return priorityLabels[i.priority] }),
		"estimate":            get(func(i issue) any { return i.estimate }),
		"url":                 get(func(i issue) any { return "https://linear.app/acme/issue/" + i.identifier }),
		"labelIds":            get(func(i issue) any { return ids(i.labels) }),
		"labels":              list("IssueLabel", func(_ *Workspace, i issue) []any { return anys(i.labels) }),
		"team":                get(func(i issue) any { return i.team }),
		"state":               get(func(i issue) any { return i.state }),
		"project":             get(func(i issue) any { return opt(i.project) }),
		"parent":              get(func(i issue) any { return opt(i.parent) }),
		"cycle":               get(func(i issue) any { return opt(i.cycle) }),
		"projectMilestone":    get(func(i issue) any { return opt(i.milestone) }),
		"creator":             get(func(i issue) any { return user(i.creator) }),
		"assignee":            get(func(i issue) any { return user(i.assignee) }),
		"dueDate":             get(func(i issue) any { return nullable(i.due) }),
		"startedAt":           get(func(i issue) any { return i.started }),
		"completedAt":         get(func(i issue) any { return i.completed }),
		"canceledAt":          get(func(i issue) any { return i.canceled }),
		"autoArchivedAt":      get(func(i issue) any { return i.autoArchived }),
		"trashed": get(func(i issue) any {
			if i.trashed {
				return true
			}
			return nil
		}),
		"children": list("Issue", func(ws *Workspace, i issue) []any {
			return where(ws.issues, func(c issue) bool { return c.parent == i && c.visible() })
		}),
		"history": func(x *execution, self any, _ arguments) (any, error) {
			i := self.(issue)
			return x.shuffled(connection{node: "IssueHistory", nodes: anys(i.history)}, i), nil
		},
		"stateHistory": func(x *execution, self any, _ arguments) (any, error) {
			i := self.(issue)
			return x.shuffled(connection{node: "IssueStateSpan", nodes: anys(i.spans), sorted: true}, i), nil
		},
	})
}

var priorityLabels = [...]string{"No priority", "Urgent", "High", "Medium", "Low"}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func ids(labels []*linearLabel) []string {
	list := []string{}
	for _, l := range labels {
		list = append(list, l.id)
	}
	return list
}

// part resolves one side of what an entry says was changed.
func part[T any](f func(*linearEntry) *[2]T, side int, show func(T) any) resolver {
	return get(func(e *linearEntry) any {
		if p := f(e); p != nil {
			return show(p[side])
		}
		return nil
	})
}

// change adds fromX and toX, and fromXId and toXId for objects, to a table.
func change[T any](t fieldTable, name string, f func(*linearEntry) *[2]T, show func(T) any) {
	for side, prefix := range []string{"from", "to"} {
		t[prefix+name] = part(f, side, show)
		t[prefix+name+"Id"] = part(f, side, func(v T) any {
			if b := baseOf(show(v)); b != nil {
				return b.id
			}
			return nil
		})
	}
}

func historyFields() fieldTable {
	type entry = *linearEntry
	t := common(fieldTable{
		"issue":              get(func(e entry) any { return e.issue }),
		"actor":              get(func(e entry) any { return user(e.actor) }),
		"actorId":            get(func(e entry) any { return e.actor.linearID() }),
		"addedLabelIds":      get(func(e entry) any { return someIDs(e.added) }),
		"removedLabelIds":    get(func(e entry) any { return someIDs(e.removed) }),
		"addedLabels":        get(func(e entry) any { return someLabels(e.added) }),
		"removedLabels":      get(func(e entry) any { return someLabels(e.removed) }),
		"updatedDescription": get(func(e entry) any { return flag(e.text) }),
		"archived":           get(func(e entry) any { return boolean(e.archives) }),
		"autoArchived":       get(func(e entry) any { return flag(e.auto) }),
		"trashed":            get(func(e entry) any { return boolean(e.trashes) }),
	})
	change(t, "State", func(e entry) *[2]*linearState { return e.state }, opt[linearState])
	change(t, "Team", func(e entry) *[2]*linearTeam { return e.team }, opt[linearTeam])
	change(t, "Project", func(e entry) *[2]*linearProject { return e.project }, opt[linearProject])
	change(t, "Parent", func(e entry) *[2]*linearIssue { return e.parent }, opt[linearIssue])
	change(t, "Cycle", func(e entry) *[2]*linearCycle { return e.cycle }, opt[linearCycle])
	change(t, "Assignee", func(e entry) *[2]*person { return e.assignee }, user)
	change(t, "Estimate", func(e entry) *[2]*float64 { return e.estimate }, func(p *float64) any { return p })
	change(t, "Priority", func(e entry) *[2]float64 { return e.priority }, func(p float64) any { return p })
	change(t, "Title", func(e entry) *[2]string { return e.title }, func(s string) any { return s })
	change(t, "DueDate", func(e entry) *[2]string { return e.due }, nullable)
	change(t, "ProjectMilestone", func(e entry) *[2]*linearMilestone { return e.milestone }, opt[linearMilestone])
	for _, scalar := range []string{"ProjectMilestone", "Estimate", "Priority", "Title", "DueDate"} {
		delete(t, "from"+scalar+"Id")
		delete(t, "to"+scalar+"Id")
	}
	return t
}

func someIDs(labels []*linearLabel) any {
	if len(labels) == 0 {
		return nil
	}
	return ids(labels)
}

func someLabels(labels []*linearLabel) any {
	if len(labels) == 0 {
		return nil
	}
	return anys(labels)
}

func flag(on bool) any {
	if on {
		return true
	}
	return nil
}

func boolean(p *bool) any {
	if p == nil {
		return nil
	}
	return *p
}

func spanFields() fieldTable {
	type span = *linearSpan
	return fieldTable{
		"id":        get(func(s span) any { return s.id }),
		"state":     get(func(s span) any { return s.state }),
		"stateId":   get(func(s span) any { return s.state.id }),
		"startedAt": get(func(s span) any { return s.start }),
		"endedAt":   get(func(s span) any { return s.end }),
	}
}

func teamFields() fieldTable {
	type team = *linearTeam
	return common(fieldTable{
		"key":         get(func(t team) any { return t.key }),
		"name":        get(func(t team) any { return t.name }),
		"displayName": get(func(t team) any { return t.name }),
		"timezone":    get(func(t team) any { return t.zone }),
		"private":     get(func(team) any { return false }),
		"issues": list("Issue", func(ws *Workspace, t team) []any {
			return where(ws.issues, func(i *linearIssue) bool { return i.team == t })
		}),
		"states": list("WorkflowState", func(ws *Workspace, t team) []any {
			return where(ws.states, func(s *linearState) bool { return s.team == t })
		}),
		"labels": list("IssueLabel", func(ws *Workspace, _ team) []any { return anys(ws.labels) }),
	})
}

func stateFields() fieldTable {
	type state = *linearState
	return common(fieldTable{
		"name":        get(func(s state) any { return s.name }),
		"type":        get(func(s state) any { return s.kind }),
		"color":       get(func(s state) any { return s.color }),
		"position":    get(func(s state) any { return s.position }),
		"description": get(func(state) any { return nil }),
		"team":        get(func(s state) any { return s.team }),
	})
}

func labelFields() fieldTable {
	type label = *linearLabel
	return common(fieldTable{
		"name":        get(func(l label) any { return l.name }),
		"isGroup":     get(func(l label) any { return l.group }),
		"color":       get(func(label) any { return "#5e6ad2" }),
		"description": get(func(label) any { return nil }),
		"parent":      get(func(l label) any { return opt(l.parent) }),
		"team":        get(func(l label) any { return opt(l.team) }),
		"retiredAt":   get(func(l label) any { return l.retired }),
		"children": list("IssueLabel", func(ws *Workspace, l label) []any {
			return where(ws.labels, func(c label) bool { return c.parent == l })
		}),
	})
}

func projectFields() fieldTable {
	type project = *linearProject
	return common(fieldTable{
		"name":        get(func(p project) any { return p.name }),
		"description": get(func(project) any { return "" }),
		"slugId":      get(func(p project) any { return slug(p.name) }),
		"url":         get(func(p project) any { return "https://linear.app/acme/project/" + slug(p.name) }),
		"state":       get(func(p project) any { return p.status }),
		"startDate":   get(func(p project) any { return nullable(p.start) }),
		"trashed":     get(func(p project) any { return flag(p.trashed) }),
		"labelIds":    get(func(p project) any { return ids(p.labels) }),
		"labels":      list("ProjectLabel", func(_ *Workspace, p project) []any { return anys(p.labels) }),
		"teams":       list("Team", func(_ *Workspace, p project) []any { return anys(p.teams) }),
		"issues": list("Issue", func(ws *Workspace, p project) []any {
			return where(ws.issues, func(i *linearIssue) bool { return i.project == p })
		}),
		"status": get(func(p project) any {
			return record{"ProjectStatus", map[string]any{"id": uuid("project status %s", p.status), "name": p.status, "type": p.status}}
		}),
		"initiatives": list("Initiative", func(ws *Workspace, p project) []any {
			var out []any
			for _, l := range ws.links {
				if l.project == p {
					out = append(out, l.initiative)
				}
			}
			return out
		}),
	})
}

func initiativeFields() fieldTable {
	type initiative = *linearInitiative
	return common(fieldTable{
		"name":             get(func(i initiative) any { return i.name }),
		"description":      get(func(initiative) any { return nil }),
		"status":           get(func(i initiative) any { return i.status }),
		"trashed":          get(func(i initiative) any { return flag(i.trashed) }),
		"parentInitiative": get(func(i initiative) any { return opt(i.parent) }),
		"labelIds":         get(func(i initiative) any { return ids(i.labels) }),
		"labels":           list("InitiativeLabel", func(_ *Workspace, i initiative) []any { return anys(i.labels) }),
		"owner":            get(func(initiative) any { return user(&people[0]) }),
		"subInitiatives": list("Initiative", func(ws *Workspace, i initiative) []any {
			return where(ws.initiatives, func(s initiative) bool { return s.parent == i })
		}),
		"parentInitiatives": list("Initiative", func(ws *Workspace, i initiative) []any {
			return where(ws.initiatives, func(s initiative) bool { return s == i.parent })
		}),
		"projects": list("Project", func(ws *Workspace, i initiative) []any {
			return where(ws.projects, func(p *linearProject) bool {
				return slices.ContainsFunc(ws.links, func(l *initiativeLink) bool { return l.project == p && l.initiative == i })
			})
		}),
	})
}

func linkFields() fieldTable {
	type link = *initiativeLink
	return common(fieldTable{
		"initiative": get(func(l link) any { return l.initiative }),
		"project":    get(func(l link) any { return l.project }),
		"sortOrder":  get(func(link) any { return "0" }),
	})
}

func cycleFields() fieldTable {
	type cycle = *linearCycle
	return common(fieldTable{
		"number":   get(func(c cycle) any { return float64(c.number) }),
		"name":     get(func(cycle) any { return nil }),
		"team":     get(func(c cycle) any { return c.team }),
		"startsAt": get(func(c cycle) any { return c.from }),
		"endsAt":   get(func(c cycle) any { return c.to }),
	})
}

func milestoneFields() fieldTable {
	type milestone = *linearMilestone
	return common(fieldTable{
		"name":       get(func(m milestone) any { return m.name }),
		"project":    get(func(m milestone) any { return m.project }),
		"targetDate": get(func(m milestone) any { return nullable(m.target) }),
	})
}

func userFields() fieldTable {
	type u = *linearUser
	return common(fieldTable{
		"name":        get(func(u u) any { return u.p.name }),
		"displayName": get(func(u u) any { return u.p.name }),
		"email":       get(func(u u) any { return u.p.email }),
		"active":      get(func(u) any { return true }),
	})
}
