package sandbox

import "time"

// board is the place in a tracker where a crew's tickets stand.
type board interface {
	create(at time.Time, d draft) string
	advance(at time.Time, ref string, to stage)
	tag(at time.Time, ref, kind string)
	untag(at time.Time, ref, kind string)
	estimate(at time.Time, ref string, points float64)
	touch(at time.Time, ref string)
	delete(at time.Time, ref string)
	// move takes a ticket to another board of the same tracker.
	move(at time.Time, ref string, to board) (string, bool)
}

// draft is a ticket to be written.
type draft struct {
	title  string
	kind   string
	tagged bool // carries the label of its kind
	nested bool // stands under the epic or project of its kind, if there is one
	parent string
	noise  string // a label that means nothing
	points *float64
}

// stage is where a ticket stands.
type stage int

const (
	todo stage = iota
	doing
	review
	finished
	dropped
)

type jiraBoard struct {
	site    *Site
	project string
	epics   map[string]string // by kind
}

var jiraStages = [...]string{"To Do", "In Progress", "In Review", "Done", "Won't Do"}

func (b *jiraBoard) create(at time.Time, d draft) string {
	in := NewIssue{Project: b.project, Title: d.title, Parent: d.parent, Points: d.points}
	switch {
	case d.parent != "":
		in.Type = "Sub-task"
	case d.kind == incident || d.kind == escalation:
		in.Type, in.Priority = "Bug", "High"
	}
	epic := b.epics[d.kind]
	if d.nested && d.parent == "" {
		in.Parent = epic
	}
	if label := jiraLabels[d.kind]; d.tagged || d.nested && epic == "" {
		in.Labels = append(in.Labels, label)
	}
	if d.noise != "" {
		in.Labels = append(in.Labels, d.noise)
	}
	return b.site.CreateIssue(at, in)
}

func (b *jiraBoard) advance(at time.Time, ref string, to stage) {
	b.site.Transition(at, ref, jiraStages[to])
}

func (b *jiraBoard) tag(at time.Time, ref, kind string) { b.site.AddLabel(at, ref, jiraLabels[kind]) }

func (b *jiraBoard) untag(at time.Time, ref, kind string) {
	b.site.RemoveLabel(at, ref, jiraLabels[kind])
}

func (b *jiraBoard) estimate(at time.Time, ref string, points float64) {
	b.site.Estimate(at, ref, &points)
}

func (b *jiraBoard) touch(at time.Time, ref string) { b.site.Touch(at, ref) }

func (b *jiraBoard) delete(_ time.Time, ref string) { b.site.Delete(ref) }

func (b *jiraBoard) move(at time.Time, ref string, to board) (string, bool) {
	other, ok := to.(*jiraBoard)
	if !ok || other == b {
		return ref, false
	}
	return b.site.Move(at, ref, other.project), true
}

type linearBoard struct {
	ws   *Workspace
	team string
}

var linearStages = [...]string{"Todo", "In Progress", "In Review", "Done", "Canceled"}

func (b *linearBoard) create(at time.Time, d draft) string {
	in := NewLinearIssue{Team: b.team, Title: d.title, Parent: d.parent, Estimate: d.points, Priority: 3}
	project := b.projectFor(d.kind)
	if d.nested {
		in.Project = project
	}
	if d.kind == incident || d.kind == escalation {
		in.Priority = 1
	}
	if label := linearLabels[d.kind]; d.tagged || d.nested && project == "" {
		in.Labels = append(in.Labels, label)
	}
	if d.noise != "" {
		in.Labels = append(in.Labels, d.noise)
	}
	return b.ws.CreateIssue(at, in)
}

func (b *linearBoard) projectFor(kind string) string {
	for _, p := range companyLinearProjects {
		if p.team == b.team && p.kind == kind {
			return p.Name
		}
	}
	return ""
}

func (b *linearBoard) advance(at time.Time, ref string, to stage) {
	b.ws.Transition(at, ref, linearStages[to])
}

func (b *linearBoard) tag(at time.Time, ref, kind string) {
	b.ws.AddLabel(at, ref, linearLabels[kind])
}

func (b *linearBoard) untag(at time.Time, ref, kind string) {
	b.ws.RemoveLabel(at, ref, linearLabels[kind])
}

func (b *linearBoard) estimate(at time.Time, ref string, points float64) {
	b.ws.Estimate(at, ref, &points)
}

func (b *linearBoard) touch(at time.Time, ref string) { b.ws.Touch(at, ref) }

func (b *linearBoard) delete(at time.Time, ref string) { b.ws.Trash(at, ref) }

func (b *linearBoard) move(at time.Time, ref string, to board) (string, bool) {
	other, ok := to.(*linearBoard)
	if !ok || other == b {
		return ref, false
	}
	return b.ws.Move(at, ref, other.team), true
}
