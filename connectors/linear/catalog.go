package linear

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"alignd/connectors"
)

// catalog is what stands around the issues of a workspace: lists that change
// without touching the issues, so each walk looks at them anew.
type catalog struct {
	teams       map[string]string
	states      map[string]wireWorkflowState
	labels      map[string]wireLabel
	projects    []wireProject
	starts      map[string]string // the planned first day of a project, empty if there is none
	initiatives []wireInitiative
	links       map[string][]string // project to its initiatives
	skipped     []connectors.Skipped
}

// catalogRoot is one of the lists: what to ask for and where to put it.
type catalogRoot struct {
	name string
	args string // besides the page
	page reflect.Type
	add  func(*catalog, json.RawMessage) error
}

const withArchived = ", includeArchived: true"

const (
	rootProjects    = "projects"
	rootInitiatives = "initiatives"
	rootLinks       = "initiativeToProjects"
)

var catalogRoots = []catalogRoot{
	root("teams", withArchived, func(c *catalog, t wireTeam) { c.teams[t.ID] = t.Key }),
	root("workflowStates", withArchived, func(c *catalog, s wireWorkflowState) { c.states[s.ID] = s }),
	root("issueLabels", withArchived, addLabel),
	root("projectLabels", withArchived, addLabel),
	root("initiativeLabels", withArchived, addLabel),
	root(rootProjects, withArchived, addProject),
	root(rootInitiatives, withArchived, func(c *catalog, i wireInitiative) { c.initiatives = append(c.initiatives, i) }),
	// An archived link may be one that was taken back.
	root(rootLinks, "", addLink),
}

func root[N any](name, args string, add func(*catalog, N)) catalogRoot {
	return catalogRoot{name, args, reflect.TypeFor[connection[N]](), func(c *catalog, raw json.RawMessage) error {
		var node N
		if err := json.Unmarshal(raw, &node); err != nil {
			return err
		}
		add(c, node)
		return nil
	}}
}

func addLabel(c *catalog, l wireLabel) { c.labels[l.ID] = l }

func addProject(c *catalog, p wireProject) {
	c.projects = append(c.projects, p)
	c.starts[p.ID] = p.StartDate
}

func addLink(c *catalog, l wireLink) {
	if l.Project != nil && l.Initiative != nil {
		c.links[l.Project.ID] = append(c.links[l.Project.ID], l.Initiative.ID)
	}
}

func newCatalog() *catalog {
	return &catalog{
		teams: map[string]string{}, states: map[string]wireWorkflowState{},
		labels: map[string]wireLabel{}, links: map[string][]string{}, starts: map[string]string{},
	}
}

func (c *catalog) add(r catalogRoot, entries []entry) {
	for _, e := range entries {
		if err := r.add(c, e.raw); err != nil {
			c.skipped = append(c.skipped, connectors.Skipped{UID: uidOf(e.raw), Err: fmt.Errorf("decode one of %s: %w", r.name, err)})
		}
	}
}

// labelName returns "Group/Label" for a label in a group.
func (c *catalog) labelName(l wireLabel) string {
	if group, ok := c.group(l); ok {
		return strings.TrimSpace(group.Name) + "/" + strings.TrimSpace(l.Name)
	}
	return strings.TrimSpace(l.Name)
}

func (c *catalog) group(l wireLabel) (wireLabel, bool) {
	if l.Parent == nil {
		return wireLabel{}, false
	}
	group, ok := c.labels[l.Parent.ID]
	return group, ok
}

// ignored returns the ids of the labels that the filter drops, by their own
// name, the one with the group, or the group's.
func (c *catalog) ignored(filter connectors.LabelFilter) map[string]bool {
	ids := map[string]bool{}
	for id, l := range c.labels {
		group, inGroup := c.group(l)
		if filter.Drops(strings.TrimSpace(l.Name)) || filter.Drops(c.labelName(l)) ||
			inGroup && filter.Drops(strings.TrimSpace(group.Name)) {
			ids[id] = true
		}
	}
	return ids
}

// names translates the ids that stand in tickets.
func (c *catalog) names(ignored map[string]bool) map[string]string {
	names := maps.Clone(c.teams)
	for id, s := range c.states {
		names[id] = strings.TrimSpace(s.Name)
	}
	for id, l := range c.labels {
		if !ignored[id] {
			names[id] = c.labelName(l)
		}
	}
	for _, p := range c.projects {
		if p.Status != nil {
			names[p.Status.ID] = strings.TrimSpace(p.Status.Name)
		}
	}
	delete(names, "")
	return names
}

// errNoTeam is what is left of a credential whose teams were taken away:
// Linear goes on answering, with nothing. A workspace without any team does
// not exist.
var errNoTeam = &connectors.StatusError{
	Endpoint: "catalogs", Status: http.StatusForbidden,
	Message: "the credential may see no team: its access was taken away, or was never given",
}

// teamIDs returns the ids of the teams with the given keys.
func (c *catalog) teamIDs(keys []string) ([]string, error) {
	if len(c.teams) == 0 {
		return nil, errNoTeam
	}
	var ids []string
	for _, key := range keys {
		found := false
		for id, k := range c.teams {
			if strings.EqualFold(k, key) {
				ids, found = append(ids, id), true
			}
		}
		if !found {
			return nil, fmt.Errorf("team %s is not visible with this credential; visible are: %s",
				key, strings.Join(slices.Sorted(maps.Values(c.teams)), ", "))
		}
	}
	slices.Sort(ids)
	return ids, nil
}
