package alignment

import (
	"cmp"
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// moves lists the tickets that count elsewhere.
func (d *drafts) moves() []Move {
	was, is := d.was.places(d), d.is.places(d)
	m := newMover()
	for i, isCurrent := range d.current {
		if isCurrent {
			m.note(d.facts.known[i].tk, was[i], is[i])
		}
	}
	return m.moves()
}

// places returns by place in facts where the current tickets count.
func (d *draft) places(all *drafts) []placed {
	out := make([]placed, len(all.current))
	for _, t := range d.teams {
		if t == nil {
			continue
		}
		for i, n := range t.members {
			if !all.current[n.place] {
				continue
			}
			p := &out[n.place]
			p.time += t.worked[i]
			if team, _ := valueAt(n.teams, t.view.watermark); team == t.view.index {
				p.place = t.placeOf(t.now[i])
			}
		}
	}
	return out
}

// results returns the windows of the company and of the teams, as far as
// amounts go.
func (d *draft) results() []TeamResult {
	out, sheets := []TeamResult{{ID: AllTeams}}, []*sheet{}
	for i := range d.views {
		r := TeamResult{ID: d.views[i].team.ID}
		if t := d.teams[i]; t != nil {
			r.Windows = windowsOf([]*sheet{t.recent}, d.rules, UnitPoints)
			sheets = append(sheets, t.recent)
		}
		out = append(out, r)
	}
	if len(sheets) > 0 && len(sheets) == len(d.views) {
		out[0].Windows = windowsOf(sheets, d.rules, UnitTickets)
	}
	return out
}

func windowsOf(sheets []*sheet, rules *mapping.RuleSet, last Unit) []Window {
	first := slices.MinFunc(sheets, func(x, y *sheet) int { return cmp.Compare(x.view.today, y.view.today) })
	var out []Window
	for _, f := range frames(first.view.today, rules.Period()) {
		w := Window{Name: f.name, From: f.from, To: f.to}
		for u := UnitTime; u <= last; u++ {
			w.Units[u] = workOf(f, u, sheets)
		}
		out = append(out, w)
	}
	return out
}

// ruleUse counts as a Snapshot does.
func (d *draft) ruleUse(f *facts) []RuleUse {
	used := make([]map[ticket.ID]bool, len(d.rules.RuleNames()))
	since := horizon(d.views)
	for _, t := range d.teams {
		if t == nil {
			continue
		}
		for i, n := range t.members {
			m := t.now[i].match
			if !t.isWorked[i] && (m.Kind != mapping.Excluded || !carriesWork(f.known[n.place].tk, since)) {
				continue
			}
			for _, r := range m.Rules {
				if used[r] == nil {
					used[r] = map[ticket.ID]bool{}
				}
				used[r][n.tk.ID] = true
			}
		}
	}
	var out []RuleUse
	for r, name := range d.rules.RuleNames() {
		out = append(out, RuleUse{Rule: name, Tickets: len(used[r])})
	}
	return out
}

// histories returns what the drift charts of both mappings are drawn from.
func (d *drafts) histories() (was, is *History) {
	was = d.was.history(d.roots, nil)
	return was, d.is.history(d.roots, was)
}

// history measures only what charts look at. Sample sizes of teams with the
// same work are those of the other history.
func (d *draft) history(roots *rootTable, other *History) *History {
	h := &History{rules: d.rules, teams: make([]*past, len(d.teams))}
	ledgers, copied := make([]*ledger, len(d.teams)), true
	for i, t := range d.teams {
		if t != nil {
			h.teams[i] = &past{id: t.view.team.ID, sheets: []*sheet{t.charted}}
			ledgers[i], copied = t.ledger, copied && t.copied
		}
	}
	h.addCompany()
	measure := func(p, like *past, ledgers []*ledger) {
		if p.settle(); like != nil {
			p.sizes = like.sizes
			return
		}
		for weeks := range mapping.Date(driftPool) {
			p.measureUnit(h.driftUnit(), ledgers, roots.size(), 7*(weeks+1))
		}
	}
	inParallel(len(d.teams)+1, func(i int) {
		var like *past
		switch {
		case i < len(d.teams) && d.teams[i] != nil:
			if d.teams[i].copied {
				like = other.teams[i]
			}
			measure(h.teams[i], like, ledgers[i:i+1])
		case i == len(d.teams) && h.company != nil:
			if copied {
				like = other.company
			}
			measure(h.company, like, ledgers)
		}
	})
	return h
}
