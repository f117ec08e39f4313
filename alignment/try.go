package alignment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/ticket"
	"alignd/yamlfile"
)

// MadeUp is a ticket that does not exist, as people describe one.
type MadeUp struct {
	Connector  string   `json:"connector,omitempty"` // empty: the only one in which a team owns the project, or that of the parent
	Project    string   `json:"project,omitempty"`
	Type       string   `json:"type,omitempty"`
	Title      string   `json:"title,omitempty"`
	Status     string   `json:"status,omitempty"`
	Priority   string   `json:"priority,omitempty"`
	Labels     []string `json:"labels,omitempty"`
	Components []string `json:"components,omitempty"`
	Parent     string   `json:"parent,omitempty"` // key of a ticket that exists
}

// Try returns what the rules would say of a ticket that does not exist. Only
// one with a parent needs Tickets. An AskError says what is wrong with it.
func Try(in Input, m MadeUp) (Explanation, error) {
	tk := ticket.Ticket{
		ID: ticket.ID{Connector: m.Connector}, Project: m.Project, Type: m.Type, Title: m.Title, Status: m.Status, Priority: m.Priority,
		Labels: m.Labels, Components: m.Components, State: ticket.StateActive, Created: in.Now, Updated: in.Now,
	}
	if err := in.checkConnector(m.Connector); err != nil {
		return Explanation{}, err
	}
	connectors := ownersOf(in.Rules, m.Project)
	if m.Connector == "" && m.Parent == "" && len(connectors) > 1 {
		return Explanation{}, ambiguous(fmt.Sprintf("project %s is in several connectors", m.Project), connectors)
	}
	if m.Connector == "" && len(connectors) == 1 {
		tk.ID.Connector = connectors[0]
	}
	if m.Parent != "" {
		parent, err := in.parent(m.Parent, tk.ID.Connector)
		if err != nil {
			return Explanation{}, err
		}
		tk.ID.Connector, tk.Parent = parent.Connector, parent.UID
	}
	return explain(in, &tk), nil
}

// checkConnector refuses a connector that is neither named by the rules nor
// read.
func (in *Input) checkConnector(name string) error {
	known := slices.Collect(maps.Keys(in.Watermarks))
	for _, ref := range in.Rules.Connectors() {
		known = append(known, ref.Connector)
	}
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	slices.Sort(known)
	return unknown("connector", name, slices.Compact(known), "")
}

// ownersOf lists the connectors in which a team owns a project.
func ownersOf(rules *mapping.RuleSet, project string) (connectors []string) {
	for i := range rules.Teams() {
		for _, c := range rules.Teams()[i].Connectors() {
			if rules.TeamOf(c, project) >= 0 && !slices.Contains(connectors, c) {
				connectors = append(connectors, c)
			}
		}
	}
	slices.Sort(connectors)
	return connectors
}

func ambiguous(what string, connectors []string) error {
	return &AskError{"connector", "", connectors, what + "; say which of them is meant: " + strings.Join(connectors, ", ")}
}

// parent finds what stands above a ticket by its key, in one connector unless
// that is empty.
func (in *Input) parent(key, connector string) (ticket.ID, error) {
	var found []ticket.ID
	for tk := range in.Tickets.Tickets() {
		if hasKey(tk, key) && (connector == "" || connector == tk.ID.Connector) {
			found = append(found, tk.ID)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		where := ""
		if connector != "" {
			where = " in " + connector
		}
		return ticket.ID{}, &AskError{"parent", key, nil, fmt.Sprintf("no ticket %q is known%s that could stand above it", key, where)}
	}
	var connectors []string
	for _, id := range found {
		connectors = append(connectors, id.Connector)
	}
	return ticket.ID{}, ambiguous(fmt.Sprintf("parent %s is known more than once", key), connectors)
}

// Homeless says why a made-up ticket is in no team. Its connector is the one
// that Try found.
func (m *MadeUp) Homeless(rules *mapping.RuleSet, connector string) string {
	if m.Project == "" {
		return "say in which project it is: --project"
	}
	if owners := ownersOf(rules, m.Project); len(owners) > 0 {
		return fmt.Sprintf("no team owns project %s of %s, only of %s", m.Project, connector, strings.Join(owners, ", "))
	}
	var projects []string
	for i := range rules.Teams() {
		team := &rules.Teams()[i]
		for _, c := range team.Connectors() {
			projects = append(projects, team.Owns(c)...)
		}
	}
	slices.Sort(projects)
	projects = slices.Compact(projects)
	return fmt.Sprintf("no team owns project %s; %sowned are %s", m.Project, yamlfile.DidYouMean(m.Project, projects), strings.Join(projects, ", "))
}
