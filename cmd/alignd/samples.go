package main

import (
	"iter"
	"slices"
	"time"

	"alignd/mapping"
	"alignd/store"
	"alignd/ticket"
)

// samples yields the tickets of a store that carry work as the rules see them
// today: with what stands above them. A ticket's work is 1 if somebody worked
// on it since an instant, else 0.
func samples(v store.View, rules *mapping.RuleSet, since time.Time) iter.Seq[mapping.Sample] {
	f := family{view: v, rules: rules, known: map[ticket.ID]*member{}}
	return func(yield func(mapping.Sample) bool) {
		for tk := range v.Tickets() {
			if tk.Container || tk.Outside {
				continue
			}
			s := mapping.Sample{Key: tk.Key, Former: formerLabels(tk), Lineage: f.lineage(f.member(tk.Clone()))}
			if workedOn(tk, since) {
				s.Work = 1
			}
			if !yield(s) {
				return
			}
		}
	}
}

// lookBack returns from when on work counts: from the beginning of the period,
// or as far back as the longest window of the reports.
func lookBack(v store.View, rules *mapping.RuleSet) time.Time {
	const longestWindow = 91 * 24 * time.Hour
	since := rules.Period().From.In(time.UTC)
	for _, watermark := range v.Watermarks() {
		if back := watermark.Add(-longestWindow); back.Before(since) {
			since = back
		}
	}
	return since
}

// workedOn reports whether the ticket was active or completed at or after an
// instant.
func workedOn(tk *ticket.Ticket, since time.Time) bool {
	if tk.State == ticket.StateActive {
		return true
	}
	done := func(s ticket.State) bool { return s == ticket.StateDone }
	if done(tk.State) && !tk.Created.Before(since) {
		return true
	}
	return slices.ContainsFunc(tk.Changes, func(c ticket.Change) bool {
		return c.Field == ticket.FieldState && !c.At.Before(since) && (done(c.ToState) || c.FromState == ticket.StateActive || c.ToState == ticket.StateActive)
	})
}

func formerLabels(tk *ticket.Ticket) (labels []string) {
	for i := range tk.Changes {
		if c := &tk.Changes[i]; c.Field == ticket.FieldLabel && c.From != "" {
			labels = append(labels, c.From)
		}
	}
	return labels
}

// family finds what stands above tickets, and reads each of it once.
type family struct {
	view  store.View
	rules *mapping.RuleSet
	known map[ticket.ID]*member // nil: there is no such ticket
}

// member is a ticket or something above it.
type member struct {
	tk    ticket.Ticket
	facts *mapping.Facts
	named bool // facts name what stands above
}

func (f *family) member(tk ticket.Ticket) *member {
	facts := &mapping.Facts{
		Connector: tk.ID.Connector, Project: tk.Project, Type: tk.Type, Status: tk.Status, Priority: tk.Priority,
		Title: tk.Title, Labels: tk.Labels, Components: tk.Components,
	}
	if team := f.rules.TeamOf(tk.ID.Connector, tk.Project); team >= 0 {
		facts.Team = f.rules.Teams()[team].ID
	}
	return &member{tk: tk, facts: facts}
}

// elder returns a known ticket by id, nil if there is none.
func (f *family) elder(connector, uid string) *member {
	id := ticket.ID{Connector: connector, UID: uid}
	m, asked := f.known[id]
	if asked || uid == "" {
		return m
	}
	if tk, ok := f.view.Ticket(id); ok {
		m = f.member(tk)
	}
	f.known[id] = m
	return m
}

// lineage returns the ticket and what stands above it, nearest first: parents
// before Linear projects and initiatives of the same distance.
func (f *family) lineage(m *member) []mapping.Relative {
	line := f.above(m)
	out := make([]mapping.Relative, len(line))
	for i, x := range line {
		f.name(x)
		out[i] = mapping.Relative{Key: x.tk.Key, Facts: x.facts}
	}
	return out
}

func (f *family) above(m *member) []*member {
	line := []*member{m}
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
func (f *family) name(m *member) {
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
