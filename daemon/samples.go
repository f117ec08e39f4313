package daemon

import (
	"iter"

	"alignd/mapping"
	"alignd/store"
	"alignd/ticket"
)

// samples yields the tickets of a store that carry work as the rules see them
// today: with what stands above them, and with their part of the work.
func samples(v store.View, rules *mapping.RuleSet, work map[ticket.ID]int64) iter.Seq[mapping.Sample] {
	f := lineages{view: v, rules: rules, known: map[ticket.ID]*relative{}}
	return func(yield func(mapping.Sample) bool) {
		for tk := range v.Tickets() {
			if tk.Container || tk.Outside {
				continue
			}
			s := mapping.Sample{Key: tk.Key, Work: work[tk.ID], Former: formerLabels(tk), Lineage: f.lineage(f.relative(tk.Clone()))}
			if !yield(s) {
				return
			}
		}
	}
}

func formerLabels(tk *ticket.Ticket) (labels []string) {
	for i := range tk.Changes {
		if c := &tk.Changes[i]; c.Field == ticket.FieldLabel && c.From != "" {
			labels = append(labels, c.From)
		}
	}
	return labels
}

// lineages finds what stands above tickets, and reads each of it once.
type lineages struct {
	view  store.View
	rules *mapping.RuleSet
	known map[ticket.ID]*relative // nil: there is no such ticket
}

// relative is a ticket or something above it.
type relative struct {
	tk    ticket.Ticket
	facts *mapping.Facts
	named bool // facts name what stands above
}

func (f *lineages) relative(tk ticket.Ticket) *relative {
	facts := &mapping.Facts{
		Connector: tk.ID.Connector, Project: tk.Project, Type: tk.Type, Status: tk.Status, Priority: tk.Priority,
		Title: tk.Title, Labels: tk.Labels, Components: tk.Components,
	}
	if team := f.rules.TeamOf(tk.ID.Connector, tk.Project); team >= 0 {
		facts.Team = f.rules.Teams()[team].ID
	}
	return &relative{tk: tk, facts: facts}
}

// elder returns a known ticket by id, nil if there is none.
func (f *lineages) elder(connector, uid string) *relative {
	id := ticket.ID{Connector: connector, UID: uid}
	m, asked := f.known[id]
	if asked || uid == "" {
		return m
	}
	if tk, ok := f.view.Ticket(id); ok {
		m = f.relative(tk)
	}
	f.known[id] = m
	return m
}

// lineage returns the ticket and what stands above it, nearest first: parents
// before Linear projects and initiatives of the same distance.
func (f *lineages) lineage(m *relative) []mapping.Relative {
	line := f.above(m)
	out := make([]mapping.Relative, len(line))
	for i, x := range line {
		f.name(x)
		out[i] = mapping.Relative{Key: x.tk.Key, Facts: x.facts}
	}
	return out
}

func (f *lineages) above(m *relative) []*relative {
	line := []*relative{m}
	seen := map[string]bool{m.tk.ID.UID: true} // cuts loops
	for i := 0; i < len(line); i++ {
		tk := &line[i].tk
		for _, uid := range append([]string{tk.Parent}, tk.Groups...) {
			if x := f.elder(tk.ID.Connector, uid); x != nil && !seen[uid] {
				seen[uid] = true
				line = append(line, x)
			}
		}
	}
	return line
}

// name fills in what rules may ask about what stands above.
func (f *lineages) name(m *relative) {
	if m.named {
		return
	}
	m.named = true
	for _, x := range f.above(m)[1:] {
		switch isProject := x.tk.Type == ticket.TypeProject && x.tk.Container && x.tk.Project == ""; {
		case isProject:
			m.facts.LinearProjects = append(m.facts.LinearProjects, x.tk.Title)
			continue
		case x.tk.Type == ticket.TypeInitiative && x.tk.Container:
			m.facts.Initiatives = append(m.facts.Initiatives, x.tk.Title)
		}
		if x.tk.Key != "" {
			m.facts.Parents = append(m.facts.Parents, x.tk.Key)
		}
	}
}
