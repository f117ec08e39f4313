package alignment

import (
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// verdict is what the rules say of a ticket from an instant on, and which
// ticket they said it of.
type verdict struct {
	match    mapping.Match
	source   *node // nil for NoMatch
	distance int   // 0: the ticket itself
	filled   bool  // taken back from a later instant
}

// matchesOf evaluates the rules on a ticket's own facts at every instant at
// which these can have changed. The result is kept.
func (b *book) matchesOf(n *node) []step[mapping.Match] {
	o := &b.own[n.number]
	if o.matches != nil {
		return o.matches
	}
	var facts mapping.Facts
	evaluate := func(at int64, now *ticket.Ticket) {
		b.nameFacts(now, &facts)
		o.matches = append(o.matches, step[mapping.Match]{at, b.rules.Match(&facts)})
	}
	if !b.rules.NeedsAncestors() {
		replay(n.tk, b.ruleField, evaluate)
		return o.matches
	}
	for _, at := range b.kinCuts(n) {
		now := asOf(n.tk, at)
		b.nameAncestors(n, at, &facts)
		evaluate(at, now)
	}
	return o.matches
}

// matchAt returns what the rules say of a ticket's own facts as of t. Most
// tickets are asked about when nothing has changed since, so that once is
// enough.
func (b *book) matchAt(n *node, t int64) mapping.Match {
	o := &b.own[n.number]
	if o.matches != nil || b.rules.NeedsAncestors() || t < n.tk.Created.UnixMicro() || b.changesAfter(n.tk, t) {
		m, _ := valueAt(b.matchesOf(n), t)
		return m
	}
	if !o.isLastKnown {
		var facts mapping.Facts
		b.nameFacts(n.tk, &facts)
		o.last, o.isLastKnown = b.rules.Match(&facts), true
	}
	return o.last
}

func (b *book) changesAfter(tk *ticket.Ticket, t int64) bool {
	for i := len(tk.Changes) - 1; i >= 0 && tk.Changes[i].At.UnixMicro() > t; i-- {
		if b.ruleField(tk.Changes[i].Field) {
			return true
		}
	}
	return false
}

// nameFacts fills in what rules may ask about the ticket itself.
func (b *book) nameFacts(tk *ticket.Ticket, f *mapping.Facts) {
	f.Connector, f.Type, f.Priority, f.Title, f.Components = tk.ID.Connector, tk.Type, tk.Priority, tk.Title, tk.Components
	f.Project, f.Status, f.Labels, f.Team = tk.Project, tk.Status, tk.Labels, ""
	if t := b.rules.TeamOf(f.Connector, tk.Project); t >= 0 {
		f.Team = b.rules.Teams()[t].ID
	}
}

// ruleField reports whether a change of the field can change a verdict.
func (b *book) ruleField(f ticket.Field) bool {
	switch f {
	case ticket.FieldLabel, ticket.FieldParent, ticket.FieldGroup:
		return true
	case ticket.FieldState:
		return b.rules.LooksAtStatus()
	case ticket.FieldProject:
		return b.rules.LooksAtProject()
	}
	return false
}

// kinCuts returns the instants from the ticket's creation on at which a fact
// of its own or its ancestry can have changed.
func (b *book) kinCuts(n *node) []int64 {
	created := n.tk.Created.UnixMicro()
	cuts := []int64{created}
	for _, kin := range n.kin() {
		cuts = append(cuts, max(created, kin.tk.Created.UnixMicro()))
		for i := range kin.tk.Changes {
			if c := &kin.tk.Changes[i]; b.ruleField(c.Field) {
				cuts = append(cuts, max(created, c.At.UnixMicro()))
			}
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// kin returns the ticket and everything that was ever above it. The result is
// kept and must not be modified.
func (n *node) kin() []*node {
	if n.above != nil {
		return n.above
	}
	kin := []*node{n}
	for i := 0; i < len(kin); i++ {
		add := func(x *node) {
			if x != nil && !slices.Contains(kin, x) {
				kin = append(kin, x)
			}
		}
		for _, p := range kin[i].parents {
			add(p.value)
		}
		for _, g := range kin[i].groups {
			for _, x := range g.value {
				add(x)
			}
		}
	}
	n.above = kin
	return kin
}

// nameAncestors fills in what rules may ask about the ancestors as of t.
func (b *book) nameAncestors(n *node, t int64, f *mapping.Facts) {
	f.Parents, f.LinearProjects, f.Initiatives = nil, nil, nil
	n.lineage(t, func(x *node, distance int) bool {
		switch {
		case distance == 0:
		case x.tk.Type == ticket.TypeProject && x.tk.Container && x.tk.Project == "":
			f.LinearProjects = append(f.LinearProjects, x.tk.Title)
		case x.tk.Type == ticket.TypeInitiative && x.tk.Container:
			f.Initiatives = append(f.Initiatives, x.tk.Title)
			if x.tk.Key != "" {
				f.Parents = append(f.Parents, x.tk.Key)
			}
		default:
			f.Parents = append(f.Parents, x.tk.Key)
		}
		return true
	})
}

// resolve returns what the rules say of a ticket at t: its own match, else
// that of the nearest ancestor as of t that has one (measures: 2.1).
func (b *book) resolve(n *node, t int64) verdict {
	var v verdict
	n.lineage(t, func(x *node, distance int) bool {
		m := b.matchAt(x, t)
		if m.Kind == mapping.NoMatch {
			return true
		}
		v = verdict{match: m, source: x, distance: distance}
		return false
	})
	return v
}

// verdicts returns what the rules said of a ticket over time: as it was known
// at each instant, with unknowns filled from the first later match unless the
// mapping is strict (measures: 1.8).
func (b *book) verdicts(n *node) []step[verdict] {
	var out []step[verdict]
	for _, at := range b.verdictCuts(n) {
		out = append(out, step[verdict]{at, b.resolve(n, at)})
	}
	for i := range out {
		if out[i].value.match.Kind == mapping.Excluded {
			// Whether a ticket is excluded is decided at the watermark, for
			// all time, because a basis never changes the amount of work.
			out[i].value = verdict{}
		}
	}
	if !b.rules.Strict() {
		fillBack(out)
	}
	return out
}

// verdictCuts returns the instants at which the verdict of a ticket can change.
func (b *book) verdictCuts(n *node) []int64 {
	kin := n.kin()
	if len(kin) == 1 {
		matches := b.matchesOf(n)
		cuts := make([]int64, len(matches))
		for i := range matches {
			cuts[i] = matches[i].from
		}
		return cuts
	}
	return b.kinCuts(n)
}

// fillBack replaces what is unknown at an instant by what was first known
// later: no match by the first match, off-plan without a reason by the first
// reason given.
func fillBack(steps []step[verdict]) {
	var match, reason verdict
	for i := len(steps) - 1; i >= 0; i-- {
		v := &steps[i].value
		switch known := *v; {
		case known.match.Kind == mapping.NoMatch:
			*v = match
			v.filled = match.match.Kind != mapping.NoMatch
		case known.match.Kind == mapping.OffPlan && known.match.Reason != "":
			match, reason = known, known
		default:
			match = known
		}
		if v.match.Kind == mapping.OffPlan && v.match.Reason == "" && reason.match.Kind == mapping.OffPlan {
			*v = reason
			v.filled = true
		}
	}
}

// part is a cell's part of a ticket's work: weight divided by the sum of the
// weights. Parts stand in config order of the goals, and never change.
type part struct {
	cell   int32
	weight int64
}

// parts turns a verdict into cells, with the goals' statuses as of t.
func (b *book) parts(m mapping.Match, t int64) []part {
	switch m.Kind {
	case mapping.ToGoals:
		if len(m.Goals) == 1 {
			return b.cells.alone(b.cells.goal(m.Goals[0].Goal, b.goalStatus(m.Goals[0].Goal, t)))
		}
		var out []part
		for _, g := range m.Goals {
			cell := b.cells.goal(g.Goal, b.goalStatus(g.Goal, t))
			if i := slices.IndexFunc(out, func(p part) bool { return p.cell == cell }); i >= 0 {
				out[i].weight += g.Weight
				continue
			}
			out = append(out, part{cell, g.Weight})
		}
		return out
	case mapping.OffPlan:
		return b.cells.alone(b.cells.offPlan(m.Reason))
	}
	return b.cells.alone(b.cells.unmapped)
}

// classes returns the parts of a ticket's work over time on basis then.
func (b *book) classes(n *node) []step[[]part] {
	var out []step[[]part]
	verdicts := b.verdicts(n)
	for i, v := range verdicts {
		end := int64(endOfTime)
		if i+1 < len(verdicts) {
			end = verdicts[i+1].from
		}
		for at := v.from; at < end; at = b.nextStatusChange(v.value.match, at) {
			p := b.parts(v.value.match, at)
			if len(out) == 0 || !slices.Equal(out[len(out)-1].value, p) {
				out = append(out, step[[]part]{at, p})
			}
		}
	}
	return out
}

func (b *book) goalStatus(goal int, t int64) mapping.GoalStatus {
	status, _ := valueAt(b.cells.statuses[goal], t)
	return status
}

// nextStatusChange returns the first instant after t at which one of the
// matched goals changes its status.
func (b *book) nextStatusChange(m mapping.Match, t int64) int64 {
	next := int64(endOfTime)
	if m.Kind != mapping.ToGoals {
		return next
	}
	for _, g := range m.Goals {
		for _, s := range b.cells.statuses[g.Goal] {
			if s.from > t {
				next = min(next, s.from)
				break
			}
		}
	}
	return next
}
