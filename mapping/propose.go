package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"alignd/yamlfile"
)

const mostExamples = 3

// propose makes a proposal of a choice and takes what it maps out of what is
// left to map.
func (s *suggester) propose(c choice) Proposal {
	sc := s.score(c)
	p := Proposal{Covers: sc.gain}
	t := s.target(c, sc)
	switch {
	case t.goal >= 0:
		p.Goal = s.rs.goals[t.goal].ID
	case t.reason >= 0:
		p.Reason = s.rs.reasons[t.reason].ID
	}
	var covered []*candidateTicket
	var facts []*Facts
	for i := range s.all {
		tk := &s.all[i]
		at := s.fits(tk, c)
		switch {
		case at < 0:
			continue
		case tk.open:
			covered = append(covered, tk)
		case tk.match.Kind != NoMatch && !tk.goesTo(t):
			p.Touches.add(tk.Work, 1)
		}
		facts = append(facts, tk.Lineage[at].Facts)
	}
	s.word(&p, c, facts)
	p.Examples = examples(covered)
	for _, tk := range covered {
		s.close(tk)
	}
	return p
}

func (s *suggester) score(c choice) *score {
	if c[1] == alone {
		return &s.single[c[0]]
	}
	p, q := s.place[c[0]], s.place[c[1]]
	return &s.pair[min(p, q)][max(p, q)]
}

// fits returns which of the ticket's lineage the choice matches first, -1 for
// none.
func (s *suggester) fits(tk *candidateTicket, c choice) int {
	return slices.IndexFunc(tk.Lineage[:tk.decides], func(r Relative) bool {
		features := s.numbers.of(r.Facts)
		for _, f := range c {
			if _, has := slices.BinarySearch(features, f); f != alone && !has {
				return false
			}
		}
		return true
	})
}

// goesTo says that all of the ticket goes to the target already.
func (tk *candidateTicket) goesTo(t target) bool {
	return tk.match.Kind == ToGoals && len(tk.match.Goals) == 1 && tk.match.Goals[0].Goal == t.goal
}

// close takes a ticket out of what is left to map.
func (s *suggester) close(tk *candidateTicket) {
	s.singles(tk, func(f int32) { s.single[f].gain.add(tk.Work, -1) })
	s.pairs(tk, func(p, q int32) { s.pair[p][q].gain.add(tk.Work, -1) })
	tk.open, tk.match = false, Match{}
}

func examples(covered []*candidateTicket) []Example {
	slices.SortFunc(covered, func(a, b *candidateTicket) int {
		return cmp.Or(cmp.Compare(b.Work, a.Work), cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Lineage[0].Facts.Title, b.Lineage[0].Facts.Title))
	})
	var out []Example
	for _, tk := range covered[:min(len(covered), mostExamples)] {
		out = append(out, Example{tk.Key, tk.Lineage[0].Facts.Title})
	}
	return out
}

// word fills in what the rule asks for and its name.
func (s *suggester) word(p *Proposal, c choice, facts []*Facts) {
	var names []string
	for _, f := range c {
		if f == alone {
			continue
		}
		field, text := s.numbers.list[f].field, s.numbers.spelling(f, facts)
		names = append(names, askWords[field]+" "+text)
		if field == fieldTitle {
			text = `\b` + text + `\b`
		}
		if n := len(p.When); n > 0 && p.When[n-1].Key == fieldNames[field] {
			p.When[n-1].Values = append(p.When[n-1].Values, text)
			continue
		}
		p.When = append(p.When, Ask{fieldNames[field], []string{text}})
	}
	name := strings.Join(names, " + ")
	p.Name = name
	for i := 2; s.names[p.Name]; i++ {
		p.Name = fmt.Sprintf("%s (%d)", name, i)
	}
	s.names[p.Name] = true
}

var askWords = [fieldCount]string{
	fieldLabels: "label", fieldParent: "below", fieldComponent: "component", fieldLinearProject: "Linear project",
	fieldInitiative: "initiative", fieldProject: "project", fieldType: "type", fieldTitle: "title with",
}

// Unfilled stands in a proposal where a goal must be filled in. A mapping that
// still has it is refused.
const Unfilled = "?"

// YAML returns the rule as an element of the list under rules, each line with
// the given indentation and a line break.
func (p Proposal) YAML(indent string) string {
	var when []string
	for _, ask := range p.When {
		when = append(when, ask.yaml())
	}
	lines := []string{
		"- name: " + yamlfile.Text(p.Name),
		"  when: {" + strings.Join(when, ", ") + "}",
	}
	switch {
	case p.Goal != "":
		lines = append(lines, "  goal: "+yamlfile.Text(p.Goal))
	case p.Reason != "":
		lines = append(lines, "  reason: "+yamlfile.Text(p.Reason))
	default:
		lines = append(lines, `  goal: "`+Unfilled+`" # the id of a goal; or in its place reason: and an id, or off_plan: true`)
	}
	return indent + strings.Join(lines, "\n"+indent) + "\n"
}

func (a Ask) yaml() string {
	values := make([]string, len(a.Values))
	for i, v := range a.Values {
		values[i] = yamlfile.Text(v)
		if a.Key == fieldNames[fieldTitle] {
			values[i] = "'" + v + "'" // of letters, digits and \b only
		}
	}
	list := "[" + strings.Join(values, ", ") + "]"
	switch {
	case a.Key != fieldNames[fieldLabels]:
		return a.Key + ": " + list
	case len(values) > 1:
		return a.Key + ": {all: " + list + "}"
	}
	return a.Key + ": {any: " + list + "}"
}
