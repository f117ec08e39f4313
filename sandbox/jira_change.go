package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewIssue describes a Jira issue to be created. Empty fields take the site's
// defaults: a Story of Medium priority in To Do.
type NewIssue struct {
	Project, Type, Title, Status, Priority string
	Labels, Components                     []string
	Parent                                 string // key or id
	Points                                 *float64
	Sprint                                 string
	Due                                    string // 2006-01-02
}

// CreateIssue creates an issue and returns its key.
func (s *Site) CreateIssue(at time.Time, in NewIssue) string {
	var key string
	s.w.change(func() {
		p := s.project(in.Project)
		s.nextIssue++
		p.number++
		is := &jiraIssue{
			id: s.nextIssue, number: p.number, key: p.key + "-" + strconv.Itoa(p.number), project: p,
			typ:      pick(s.types, "issue type", cmp.Or(in.Type, "Story")),
			status:   pick(s.statuses, "status", cmp.Or(in.Status, "To Do")),
			priority: pick(s.priorities, "priority", cmp.Or(in.Priority, "Medium")),
			title:    in.Title, due: in.Due, labels: asSet(in.Labels), points: in.Points,
			creator: somebody(s.nextIssue), created: stamp(at), updated: stamp(at), categoryChanged: stamp(at),
		}
		for _, name := range in.Components {
			is.components = append(is.components, s.component(p, name))
		}
		if in.Parent != "" {
			is.parent = s.issue(in.Parent)
		}
		if in.Sprint != "" {
			is.sprints = append(is.sprints, pick(s.sprints, "sprint", in.Sprint))
		}
		if is.status.category == "done" {
			is.resolve(at)
		}
		s.insert(is)
		key = is.key
	})
	return key
}

func (s *Site) insert(is *jiraIssue) {
	s.issues = append(s.issues, is)
	s.byID[is.id] = is
	s.byKey[is.key] = is
}

// Transition moves an issue to another status. Entering a status of category
// done sets the resolution, leaving it clears the resolution.
func (s *Site) Transition(at time.Time, ref, status string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		old, now := is.status, pick(s.statuses, "status", status)
		e.set(&item{
			field: "status", fieldID: "status", fieldType: "jira",
			from: &old.id, fromText: &old.name, to: &now.id, toText: &now.name,
		})
		is.status = now
		is.dropRaw("status", "statusCategory", "resolution", "resolutiondate")
		if old.category == now.category {
			return
		}
		is.categoryChanged = stamp(at)
		before := is.resolution
		is.resolution, is.resolved = nil, time.Time{}
		if now.category == "done" {
			is.resolve(at)
		}
		if before != is.resolution {
			e.set(namedItem("resolution", "resolution", before, is.resolution))
		}
	})
}

func (is *jiraIssue) resolve(at time.Time) {
	is.resolution, is.resolved = &named{"10000", "Done"}, stamp(at)
	if is.status.name == "Won't Do" {
		is.resolution = &named{"10001", "Won't Do"}
	}
}

// AddLabel puts labels on an issue.
func (s *Site) AddLabel(at time.Time, ref string, labels ...string) {
	s.setLabels(at, ref, func(set []string) []string { return append(set, labels...) })
}

// RemoveLabel takes labels off an issue.
func (s *Site) RemoveLabel(at time.Time, ref string, labels ...string) {
	s.setLabels(at, ref, func(set []string) []string {
		return slices.DeleteFunc(set, func(l string) bool { return slices.Contains(labels, l) })
	})
}

func (s *Site) setLabels(at time.Time, ref string, f func([]string) []string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		before := strings.Join(is.labels, " ")
		is.labels = asSet(f(slices.Clone(is.labels)))
		after := strings.Join(is.labels, " ")
		e.set(&item{field: "labels", fieldID: "labels", fieldType: "jira", fromText: &before, toText: &after})
		is.dropRaw("labels")
	})
}

// SetParent puts an issue under another one; an empty parent takes it out.
func (s *Site) SetParent(at time.Time, ref, parent string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		before := is.parent
		is.parent = nil
		if parent != "" {
			is.parent = s.issue(parent)
		}
		it := &item{field: "IssueParentAssociation", fieldType: "jira"}
		it.from, it.fromText = before.link()
		it.to, it.toText = is.parent.link()
		e.set(it)
		is.dropRaw("parent", "epic")
	})
}

func (is *jiraIssue) link() (id, key *string) {
	if is == nil {
		return nil, nil
	}
	return new(strconv.FormatInt(is.id, 10)), new(is.key)
}

// Estimate sets the story points; nil clears them.
func (s *Site) Estimate(at time.Time, ref string, points *float64) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		id, name := is.pointsField()
		e.set(&item{field: name, fieldID: id, fieldType: "custom", fromText: pointsText(is.points), toText: pointsText(points)})
		is.points = points
	})
}

func pointsText(p *float64) *string {
	if p == nil {
		return nil
	}
	return new(strconv.FormatFloat(*p, 'f', -1, 64))
}

// Move moves an issue to another project and returns its new key. The old key
// keeps resolving.
func (s *Site) Move(at time.Time, ref, project string) string {
	var key string
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		old, now := is.project, s.project(project)
		oldKey := is.key
		now.number++
		is.project, is.number, is.key = now, now.number, now.key+"-"+strconv.Itoa(now.number)
		s.byKey[is.key] = is
		e.set(&item{
			field: "project", fieldID: "project", fieldType: "jira",
			from: new(strconv.FormatInt(old.id, 10)), fromText: &old.name,
			to: new(strconv.FormatInt(now.id, 10)), toText: &now.name,
		})
		e.set(&item{field: "Key", fieldType: "jira", fromText: &oldKey, toText: new(is.key)})
		is.dropRaw("project")
		key = is.key
	})
	return key
}

// SetSprint adds a sprint to the issue, as planning does.
func (s *Site) SetSprint(at time.Time, ref, name string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		it := &item{field: "Sprint", fieldID: fieldSprint, fieldType: "custom"}
		it.from, it.fromText = sprintTexts(is.sprints)
		is.sprints = append(is.sprints, pick(s.sprints, "sprint", name))
		it.to, it.toText = sprintTexts(is.sprints)
		e.set(it)
	})
}

func sprintTexts(sprints []*sprint) (ids, names *string) {
	var i, n []string
	for _, sp := range sprints {
		i = append(i, strconv.FormatInt(sp.id, 10))
		n = append(n, sp.name)
	}
	return new(strings.Join(i, ", ")), new(strings.Join(n, ", "))
}

// SetPriority changes the priority.
func (s *Site) SetPriority(at time.Time, ref, name string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		before := is.priority
		is.priority = pick(s.priorities, "priority", name)
		e.set(namedItem("priority", "priority", before, is.priority))
		is.dropRaw("priority")
	})
}

// SetDue sets the due date, written as 2006-01-02; empty clears it.
func (s *Site) SetDue(at time.Time, ref, date string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		e.set(&item{
			field: "duedate", fieldID: "duedate", fieldType: "jira",
			from: text(is.due), fromText: midnight(is.due), to: text(date), toText: midnight(date),
		})
		is.due = date
		is.dropRaw("duedate")
	})
}

// midnight is how histories show a date to people.
func midnight(date string) *string {
	if date == "" {
		return nil
	}
	return new(date + " 00:00:00.0")
}

// AddComponent adds a component of the issue's project.
func (s *Site) AddComponent(at time.Time, ref, name string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		c := s.component(is.project, name)
		is.components = append(is.components, c)
		e.items = append(e.items, namedItem("Component", "components", nil, c))
		is.dropRaw("components")
	})
}

// RenameComponent renames a component in the project's settings: no issue is
// touched by it, and none has an entry about it.
func (s *Site) RenameComponent(project, from, to string) {
	s.w.change(func() { pick(s.project(project).components, "component", from).name = to })
}

// RenameProject gives a project another key, and with it all of its issues: none
// is touched by it. Former keys go on to mean what they meant, in queries too.
func (s *Site) RenameProject(from, to string) {
	s.w.change(func() {
		p := s.project(from)
		p.former, p.key = append(p.former, from), to
		for _, is := range s.issues {
			if is.project == p {
				is.key = to + "-" + strconv.Itoa(is.number)
				s.byKey[is.key] = is
			}
		}
	})
}

// RenameStatus renames a status of the site: no issue is touched by it, and
// histories keep the name of their time.
func (s *Site) RenameStatus(from, to string) {
	s.w.change(func() { pick(s.statuses, "status", from).name = to })
}

// SetCategory moves a status of the site to another category ("new",
// "indeterminate" or "done"): no issue is touched by it.
func (s *Site) SetCategory(status, category string) {
	s.w.change(func() { pick(s.statuses, "status", status).category = category })
}

// SetTitle changes the summary.
func (s *Site) SetTitle(at time.Time, ref, title string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		e.set(&item{field: "summary", fieldID: "summary", fieldType: "jira", fromText: text(is.title), toText: &title})
		is.title = title
		is.dropRaw("summary")
	})
}

// Assign hands the issue to somebody else.
func (s *Site) Assign(at time.Time, ref string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		it := &item{field: "assignee", fieldID: "assignee", fieldType: "jira"}
		if p := is.assignee; p != nil {
			it.from, it.fromText = &p.accountID, &p.name
		}
		is.assignee = somebody(e.id)
		it.to, it.toText = &is.assignee.accountID, &is.assignee.name
		e.set(it)
		is.dropRaw("assignee")
	})
}

// Touch edits the description: a change of a field nobody interprets.
func (s *Site) Touch(at time.Time, ref string) {
	s.edit(at, ref, func(is *jiraIssue, e *entry) {
		before := is.text
		is.text = "Edited " + strconv.Itoa(len(is.history)) + " times. Ask " + e.author.name + " about it."
		e.set(&item{field: "description", fieldID: "description", fieldType: "jira", fromText: text(before), toText: new(is.text)})
	})
}

// Delete deletes an issue and its sub-tasks. Nothing is left of them; other
// children lose their parent.
func (s *Site) Delete(ref string) {
	s.w.change(func() {
		gone := s.issue(ref)
		s.remove(gone)
		for _, is := range slices.Clone(s.issues) {
			if is.parent != gone {
				continue
			}
			is.parent = nil
			if is.typ.level < 0 {
				s.remove(is)
			}
		}
	})
}

func (s *Site) remove(gone *jiraIssue) {
	delete(s.byID, gone.id)
	for key, is := range s.byKey {
		if is == gone {
			delete(s.byKey, key)
		}
	}
	s.issues = slices.DeleteFunc(s.issues, func(is *jiraIssue) bool { return is == gone })
}
