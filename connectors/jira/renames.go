package jira

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Some names stand in tickets as they were when the ticket was read: of its
// status, its project, its components; and so do the dates of its sprints. When
// somebody renames one of these, moves a status to another category, or starts
// or moves a sprint, no ticket counts as changed. So they are compared with
// those met before, by id, and a new one makes the next walk ask for all
// tickets that have it. What was renamed while alignd was stopped the daemon
// finds, which knows the tickets as they were.

// rereadAge is how long after such a question it is not asked again, since an
// index that is behind may show old and new names in turn.
const rereadAge = time.Hour

// nameplates are the names met so far.
type nameplates struct {
	known   map[string]string    // name by the condition that finds its tickets
	renamed map[string]bool      // conditions to be asked for
	reread  map[string]time.Time // when they last were
}

func newNameplates() nameplates {
	return nameplates{known: map[string]string{}, renamed: map[string]bool{}, reread: map[string]time.Time{}}
}

// meet compares one name with what it was.
func (n *nameplates) meet(field, id, name string) {
	if _, ok := numeric(id); !ok {
		return
	}
	condition := field + " = " + id
	if before, known := n.known[condition]; known && before != name {
		n.renamed[condition] = true
	}
	n.known[condition] = name
}

func (n *nameplates) meetStatus(s status) { n.meet("status", s.ID, s.Category.Key+" "+s.Name) }

func (n *nameplates) meetTicket(is *issue) {
	f := &is.Fields
	n.meetStatus(f.Status)
	n.meet("project", text(f.Project.ID), f.Project.Key)
	for _, c := range f.Components {
		n.meet("component", text(c.ID), c.Name)
	}
	for _, s := range is.sprints {
		n.meet("sprint", s.id, s.span.From.String()+s.span.To.String())
	}
}

// due returns the conditions that a walk should ask for.
func (n *nameplates) due() []string {
	var conditions []string
	for condition := range n.renamed {
		if at, before := n.reread[condition]; !before || time.Since(at) >= rereadAge {
			conditions = append(conditions, condition)
		}
	}
	slices.Sort(conditions)
	return conditions
}

// done notes that a walk has read what was asked for, to its end.
func (n *nameplates) done(conditions []string) {
	for _, condition := range conditions {
		delete(n.renamed, condition)
		n.reread[condition] = time.Now()
	}
}

// forget gives up on conditions that Jira refuses.
func (n *nameplates) forget(conditions []string) {
	maps.DeleteFunc(n.renamed, func(condition string, _ bool) bool { return slices.Contains(conditions, condition) })
}

// changedSince returns the condition of what a walk is after.
func (c *Connector) changedSince(bound string) string {
	if len(c.walk.renamed) == 0 {
		return bound
	}
	return "(" + bound + " OR " + strings.Join(c.walk.renamed, " OR ") + ")"
}
