package alignment

import (
	"reflect"
	"slices"
	"sort"

	"alignd/mapping"
	"alignd/ticket"
)

// A plan needs only a part of two snapshots and two histories. What does not
// depend on rules (the tickets, when they were active and fresh, when they were
// completed) is found out once for both.

// drafts are the numbers of two mappings, as far as a plan tells of them.
type drafts struct {
	facts   *facts
	current []bool // by place in facts: open, or with work in the last 91 days
	was, is *draft
	roots   *rootTable
	same    bool // both have the same teams
}

// draft is the numbers of one mapping.
type draft struct {
	rules *mapping.RuleSet
	views []teamView   // as Compute looks at them
	teams []*draftTeam // in config order, nil where nothing is known
}

// draftTeam is the work of one team.
type draftTeam struct {
	*teamWork          // of all days that a History looks at
	recent    *sheet   // the days of the windows, in all units and bases
	charted   *sheet   // all days, in the unit of drift, basis then
	ledger    *ledger  // in the unit of drift
	copied    bool     // ledger, days and members are those of the other mapping
	isWorked  []bool   // by member: with work in the last 28 days
	lately    []int64  // by member: team time of these days in nanoseconds
	worked    []int64  // by member: team time of the last 91 days in nanoseconds
	ends      []finish // that count, of members in order
	since     mapping.Date
	perMember [][]dayWork // in the unit of drift, while it is team time
}

// finish is a completion that counts.
type finish struct {
	member int32
	day    mapping.Date
	at     int64
	isLeaf bool
	points int64 // left for the ticket itself
}

func newDrafts(in Input, rules *mapping.RuleSet) *drafts {
	d := &drafts{was: newDraft(in, in.Rules), is: newDraft(in, rules), roots: &rootTable{number: map[ticket.ID]int32{}}}
	d.same = reflect.DeepEqual(in.Rules.Teams(), rules.Teams())
	wide := append(wideViews(d.was.views), wideViews(d.is.views)...)
	lately := slices.Clone(wide)
	for i := range lately {
		lately[i].first = lately[i].today - longestWindow + 1
	}
	since, all := horizon(lately), horizon(wide)
	d.facts = gatherIf(in.Tickets, in.Rules, func(tk *ticket.Ticket) bool { return isOpen(tk) || carriesWork(tk, all) })
	d.current = make([]bool, d.facts.relevant)
	for i := range d.current {
		tk := d.facts.known[i].tk
		d.current[i] = isOpen(tk) || carriesWork(tk, since)
	}
	n := len(d.was.views)
	if d.same {
		for i := range n {
			wide[i].first = min(wide[i].first, wide[n+i].first)
		}
		inParallel(n, func(i int) {
			d.was.compute(i, &wide[i], d)
			d.is.computeLike(i, d.was.teams[i], d)
		})
		return d
	}
	inParallel(len(wide), func(i int) {
		if i < n {
			d.was.compute(i, &wide[i], d)
		} else {
			d.is.compute(i-n, &wide[i], d)
		}
	})
	return d
}

func isOpen(tk *ticket.Ticket) bool {
	return tk.State == ticket.StateTodo || tk.State == ticket.StateActive
}

func newDraft(in Input, rules *mapping.RuleSet) *draft {
	views := newTeamViews(rules, in.Watermarks)
	return &draft{rules: rules, views: views, teams: make([]*draftTeam, len(views))}
}

// wideViews reach as far back as a History, or as the windows if they go
// farther.
func wideViews(views []teamView) []teamView {
	wide := slices.Clone(views)
	for i := range wide {
		if v := &wide[i]; v.known {
			v.first = min(v.first, v.backTo())
		}
	}
	return wide
}

// compute fills in a team from nothing.
func (d *draft) compute(team int, wide *teamView, all *drafts) {
	if !wide.known {
		return
	}
	w := newTeamWork(d.rules, wide, all.facts)
	w.setPresence()
	w.measureFreshness()
	d.teams[team] = d.newTeam(team, w)
	d.teams[team].finishes()
	d.teams[team].bookAll(all)
}

// computeLike fills in a team that has the same tickets under other rules.
func (d *draft) computeLike(team int, other *draftTeam, all *drafts) {
	if other == nil {
		return
	}
	w := other.under(d.rules)
	if !w.excludesLike(other.teamWork) || d.rules.FirstCompletion() != other.rules.FirstCompletion() || d.rules.DriftInTime() != other.rules.DriftInTime() {
		d.compute(team, other.view, all)
		return
	}
	t := d.newTeam(team, w)
	t.copied, t.ledger, t.ends = true, other.ledger, other.ends
	d.teams[team] = t
	t.bookAll(all)
}

// under returns the work of the same team under rules with the same teams.
// Tickets, spans and days are shared.
func (w *teamWork) under(rules *mapping.RuleSet) *teamWork {
	g := &ground{rules: rules, view: w.view, cal: w.cal}
	g.cells.init(rules)
	g.cells.readStatuses(rules.Goals(), w.view.team.Location)
	b := &book{ground: g, facts: w.facts, nodes: w.nodes, asked: w.asked, members: w.members, own: make([]own, len(w.own))}
	other := &teamWork{book: b, days: w.days, now: make([]verdict, len(w.members))}
	for i, n := range b.members {
		other.now[i] = other.resolve(n, w.view.watermark)
	}
	return other
}

// excludesLike reports whether the rules of both exclude the same tickets, so
// that the work is the same, if not its classes.
func (w *teamWork) excludesLike(other *teamWork) bool {
	isMember := make([]bool, len(w.own))
	for i, n := range w.members {
		isMember[n.number] = true
		if (w.now[i].match.Kind == mapping.Excluded) != (other.now[i].match.Kind == mapping.Excluded) {
			return false
		}
	}
	for _, n := range w.nodes {
		if n != nil && !isMember[n.number] && w.isExcluded(n) != other.isExcluded(n) {
			return false
		}
	}
	return true
}

func (b *book) isExcluded(n *node) bool {
	return b.resolve(n, b.view.watermark).match.Kind == mapping.Excluded
}

func (d *draft) newTeam(team int, w *teamWork) *draftTeam {
	view := &d.views[team]
	return &draftTeam{
		teamWork: w, since: view.first,
		recent:  newSheet(&ground{rules: d.rules, view: view, cal: w.cal}, make([]dayTotal, view.today-view.first+1)),
		charted: newSheet(w.ground, w.days),
		ledger:  &ledger{}, isWorked: make([]bool, len(w.members)), lately: make([]int64, len(w.members)), worked: make([]int64, len(w.members)),
	}
}

// measureFreshness fills in how much was active and fresh on each day.
func (w *teamWork) measureFreshness() {
	first := w.view.first
	w.integrate(first, w.borders(first, func(n *node) spans { return n.active }), func(d *dayTotal, _ span, set []int32, length int64) {
		d.active += int64(len(set)) * length
	})
	w.integrate(first, w.borders(first, func(n *node) spans { return n.fresh }), func(d *dayTotal, _ span, set []int32, length int64) {
		d.fresh += int64(len(set)) * length
	})
}

// finishes lists the completions that count.
func (t *draftTeam) finishes() {
	begin := t.cal.start(t.view.first)
	for i, n := range t.members {
		at, ok := completion(n.states, t.rules.FirstCompletion())
		if !ok || at < begin || at >= t.view.watermark || t.now[i].match.Kind == mapping.Excluded {
			continue
		}
		if team, _ := valueAt(n.teams, at); team != t.view.index {
			continue
		}
		f := finish{member: int32(i), day: t.cal.dayOf(at), at: at, isLeaf: n.isLeaf(at, t.teamWork), points: n.residual(at, t.teamWork)}
		if f.isLeaf || f.points > 0 {
			t.ends = append(t.ends, f)
		}
	}
}

// bookAll books what the plan tells of.
func (t *draftTeam) bookAll(all *drafts) {
	inTime, from := t.rules.DriftInTime(), t.since
	if inTime {
		from = t.view.first
		t.perMember = make([][]dayWork, len(t.members))
	}
	t.take = t.add
	t.bookTimeFrom(from)
	for i := range t.ends {
		t.bookFinish(&t.ends[i])
	}
	if !t.copied {
		t.fillLedger(all.roots)
	}
	t.perMember = nil
	t.recent.cells = t.cells // which are complete now
}

// bookTimeFrom splits the working time from a day on.
func (t *draftTeam) bookTimeFrom(first mapping.Date) {
	begin := t.cal.start(first)
	sharers := make([]sharer, len(t.members))
	for i, n := range t.members {
		if len(n.fresh) > 0 && n.fresh[len(n.fresh)-1].to > begin {
			sharers[i] = sharer{then: t.classes(n), now: t.parts(t.now[i].match, t.view.watermark)}
		}
	}
	split := newSplitter(t.teamWork, sharers)
	t.integrate(first, t.borders(first, func(n *node) spans { return n.fresh }), func(_ *dayTotal, s span, set []int32, length int64) {
		if len(set) > 0 {
			split.interval(s, set, length*t.view.team.Capacity)
		}
	})
	split.flush()
}

// bookFinish books a completion: by what was known then for the charts, in all
// ways for the windows.
func (t *draftTeam) bookFinish(f *finish) {
	n := t.members[f.member]
	then, now := []part(nil), []part(nil)
	if latest := t.now[f.member]; t.isLastWord(n, f.at) && latest.match.Kind != mapping.Excluded {
		then = t.parts(latest.match, f.at)
	} else {
		then = t.partsAt(n, f.at)
	}
	if f.day >= t.since {
		now = t.parts(t.now[f.member].match, t.view.watermark)
	}
	book := func(unit Unit, amount int64) {
		for basis, parts := range [basisCount][]part{Then: then, Now: now} {
			if len(parts) == 0 {
				continue
			}
			for i, a := range spread(nil, parts, amount) {
				if a != 0 {
					t.add(entry{a, f.member, f.day, parts[i].cell, unit, Basis(basis)})
				}
			}
		}
	}
	if f.isLeaf {
		book(UnitTickets, one)
	}
	if f.points > 0 {
		book(UnitPoints, f.points)
	}
}

// partsAt returns what classes says of one instant.
func (b *book) partsAt(n *node, t int64) []part {
	v := b.resolve(n, t)
	if v.match.Kind == mapping.Excluded {
		v = verdict{} // see verdicts
	}
	if !b.rules.Strict() && !isComplete(v) {
		v = b.fillForward(n, t, v)
	}
	return b.parts(v.match, t)
}

func isComplete(v verdict) bool {
	return v.match.Kind == mapping.ToGoals || v.match.Kind == mapping.OffPlan && v.match.Reason != ""
}

// isLastWord reports whether nothing has changed since t that rules look at, in
// the ticket or in what was ever above it.
func (b *book) isLastWord(n *node, t int64) bool {
	if b.changesAfter(n.tk, t) {
		return false
	}
	return n.hangsNowhere() || !slices.ContainsFunc(n.kin()[1:], func(x *node) bool {
		return x.tk.Created.UnixMicro() > t || b.changesAfter(x.tk, t)
	})
}

// hangsNowhere reports whether nothing was ever above the ticket.
func (n *node) hangsNowhere() bool {
	return len(n.parents) == 1 && n.parents[0].value == nil && len(n.groups) == 0
}

// fillForward is fillBack for one instant: the first later match, then the
// first later reason.
func (b *book) fillForward(n *node, t int64, v verdict) verdict {
	cuts := b.verdictCuts(n)
	for _, at := range cuts[sort.Search(len(cuts), func(i int) bool { return cuts[i] > t }):] {
		later := b.resolve(n, at)
		if later.match.Kind == mapping.OffPlan && later.match.Reason != "" && v.match.Kind == mapping.OffPlan {
			return later
		}
		if v.match.Kind == mapping.NoMatch && later.match.Kind != mapping.Excluded {
			v = later
		}
		if isComplete(v) {
			return v
		}
	}
	return v
}

func (t *draftTeam) add(e entry) {
	unit := UnitTickets
	if t.rules.DriftInTime() {
		unit = UnitTime
	}
	if e.unit == unit && e.basis == Then {
		t.charted.add(e)
	}
	if t.perMember != nil && e.unit == unit && e.basis == Now {
		t.perMember[e.member] = addWork(t.perMember[e.member], dayWork{e.day, e.unit, e.amount})
	}
	if e.day < t.since {
		return
	}
	t.recent.add(e)
	if e.basis == Then {
		return
	}
	if e.day > t.view.today-28 {
		t.isWorked[e.member] = true
		if e.unit == UnitTime {
			t.lately[e.member] += e.amount
		}
	}
	if e.unit == UnitTime && e.day > t.view.today-longestWindow {
		t.worked[e.member] += e.amount
	}
}

// fillLedger lists the work in the unit of drift by root ticket.
func (t *draftTeam) fillLedger(roots *rootTable) {
	first := t.view.backTo()
	if !t.rules.DriftInTime() {
		for _, f := range t.ends {
			if f.isLeaf && f.day >= first {
				w := rootWorkDay{f.day, one, t.rootsOf(t.members[f.member], roots)}
				t.ledger.works[UnitTickets] = push(t.ledger.works[UnitTickets], w)
			}
		}
	}
	for m, works := range t.perMember {
		of := (*rootSteps)(nil)
		for _, w := range works {
			if w.day < first {
				continue
			}
			if of == nil {
				of = t.rootsOf(t.members[m], roots)
			}
			t.ledger.works[UnitTime] = push(t.ledger.works[UnitTime], rootWorkDay{w.day, w.amount, of})
		}
	}
	for u := range t.ledger.works {
		slices.SortFunc(t.ledger.works[u], func(x, y rootWorkDay) int { return int(x.day - y.day) })
	}
}
