package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shurcooL/graphql"

	"alignd/connectors"
)

// catalog is what stands around the issues of a workspace: small lists that
// change without touching the issues, so each walk reads them anew.
type catalog struct {
	clock       time.Time // of the tracker when it answered the first request
	teams       map[string]string
	states      map[string]wireNamedState
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

var catalogRoots = []catalogRoot{
	root("teams", withArchived, func(c *catalog, t wireTeam) { c.teams[t.ID] = t.Key }),
	root("workflowStates", withArchived, func(c *catalog, s wireNamedState) { c.states[s.ID] = s }),
	root("issueLabels", withArchived, addLabel),
	root("projectLabels", withArchived, addLabel),
	root("initiativeLabels", withArchived, addLabel),
	root("projects", withArchived, addProject),
	root("initiatives", withArchived, func(c *catalog, i wireInitiative) { c.initiatives = append(c.initiatives, i) }),
	// An archived link may be one that was taken back.
	root("initiativeToProjects", "", addLink),
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

// readCatalog reads all lists: the first page of each in one request, further
// pages only of those that have more, again in one request each time.
func readCatalog(ctx context.Context, client *graphql.Client) (*catalog, error) {
	c, pages := newCatalog(), firstPages()
	for len(pages) > 0 {
		q, variables := catalogQuery(pages)
		got, err := query(ctx, client, "catalogs", q, variables)
		if err != nil {
			return nil, fmt.Errorf("read catalogs: %w", err)
		}
		if err := c.addPages(got.data, pages); err != nil {
			return nil, fmt.Errorf("read catalogs: %w", err)
		}
		if c.clock.IsZero() {
			c.clock = got.clock
		}
	}
	return c, nil
}

func newCatalog() *catalog {
	return &catalog{
		teams: map[string]string{}, states: map[string]wireNamedState{},
		labels: map[string]wireLabel{}, links: map[string][]string{}, starts: map[string]string{},
	}
}

func firstPages() map[string]*cursor {
	pages := map[string]*cursor{}
	for _, r := range catalogRoots {
		pages[r.name] = &cursor{}
	}
	return pages
}

// catalogQuery asks for the next page of each list in pages. The struct is
// made at run time because a further request must hold only those lists that
// have more.
func catalogQuery(pages map[string]*cursor) (any, map[string]any) {
	var fields []reflect.StructField
	variables := map[string]any{}
	for _, r := range catalogRoots {
		page, ok := pages[r.name]
		if !ok {
			continue
		}
		fields = append(fields, reflect.StructField{
			Name: strings.ToUpper(r.name[:1]) + r.name[1:],
			Type: r.page,
			Tag:  reflect.StructTag(fmt.Sprintf(`graphql:"%s(first: 250, after: $%s%s)"`, r.name, r.name, r.args)),
		})
		variables[r.name] = page.after()
	}
	return reflect.New(reflect.StructOf(fields)).Interface(), variables
}

// addPages takes an answer in, and deletes from pages what is complete.
func (c *catalog) addPages(data json.RawMessage, pages map[string]*cursor) error {
	var lists map[string]connection[json.RawMessage]
	if err := json.Unmarshal(data, &lists); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	for _, r := range catalogRoots {
		page, wanted := pages[r.name]
		if !wanted {
			continue
		}
		list, ok := lists[r.name]
		if !ok || list.Nodes == nil {
			return fmt.Errorf("answer without %s", r.name)
		}
		c.addNodes(r, list.Nodes)
		more, err := page.advance(list.PageInfo)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if !more {
			delete(pages, r.name)
		}
	}
	return nil
}

func (c *catalog) addNodes(r catalogRoot, nodes []json.RawMessage) {
	for _, raw := range nodes {
		if err := r.add(c, raw); err != nil {
			c.skipped = append(c.skipped, connectors.Skipped{UID: uidOf(raw), Err: fmt.Errorf("decode one of %s: %w", r.name, err)})
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
