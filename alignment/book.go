package alignment

import (
	"cmp"
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// ground is what the numbers of one team stand on besides tickets.
type ground struct {
	rules *mapping.RuleSet
	view  *teamView
	cal   *calendar
	cells cellTable
}

// book is what one team is computed from: its tickets as known at the team's
// watermark, their ancestors and their descendants.
type book struct {
	*ground
	facts   *facts
	nodes   []*node // by place in facts; nil: not looked at yet, or not known at the watermark
	asked   []bool  // by place: nodes holds the answer
	members []*node // tickets that were ever in the team, by id
	own     []own   // by node: what the rules say of the ticket by itself
}

// own is what the rules say of a ticket by itself.
type own struct {
	matches     []step[mapping.Match] // see book.matchesOf; nil: not asked yet
	last        mapping.Match         // see book.matchAt
	isLastKnown bool
}

// node is one ticket in a book.
type node struct {
	place    int32          // in facts
	number   int32          // in book.own
	tk       *ticket.Ticket // as known at the team's watermark
	parents  []step[*node]  // nil value: no known parent
	groups   []step[[]*node]
	children []*node // every child it ever had
	states   []step[status]
	teams    []step[int] // index of the team, -1 for none

	above []*node // see kin; nil: not asked yet

	active spans // active, in the team, not waiting, not excluded
	fresh  spans // the part of active that is fresh
	silent spans // stretches in which an active, fresh descendant is in the team
}

// status is a status with its category.
type status struct {
	name  string
	state ticket.State
}

func newBook(rules *mapping.RuleSet, view *teamView, f *facts) *book {
	n := len(f.known)
	b := &book{ground: &ground{rules: rules, view: view}, facts: f, nodes: make([]*node, n), asked: make([]bool, n)}
	first := view.first
	for _, place := range f.membersOf(rules, view.index) {
		if n := b.node(place); n != nil {
			b.members = append(b.members, n)
			first = min(first, mapping.DateOf(n.tk.Created.In(view.team.Location))-1)
		}
	}
	slices.SortFunc(b.members, func(x, y *node) int { return compareIDs(x.tk.ID, y.tk.ID) })
	b.cal = newCalendar(view.team, first, view.today)
	b.cells.init(rules)
	b.cells.readStatuses(rules.Goals(), view.team.Location)
	return b
}

func compareIDs(x, y ticket.ID) int {
	return cmp.Or(cmp.Compare(x.Connector, y.Connector), cmp.Compare(x.UID, y.UID))
}

// node returns the node of a known ticket with everything it hangs together
// with, or nil if there was no such ticket at the watermark.
func (b *book) node(place int32) *node {
	if b.asked[place] {
		return b.nodes[place]
	}
	b.asked[place] = true
	tk := asOf(b.facts.known[place].tk, b.view.watermark)
	if tk == nil {
		return nil
	}
	connector := tk.ID.Connector
	n := &node{
		place: place, number: int32(len(b.own)),
		tk:     tk,
		states: history(tk, ticket.FieldState, func(tk *ticket.Ticket) status { return status{tk.Status, tk.State} }),
		teams:  history(tk, ticket.FieldProject, func(tk *ticket.Ticket) int { return b.rules.TeamOf(connector, tk.Project) }),
	}
	b.nodes[place] = n
	b.own = push(b.own, own{})
	parents := history(tk, ticket.FieldParent, func(tk *ticket.Ticket) string { return tk.Parent })
	n.parents = make([]step[*node], 0, len(parents))
	for _, s := range parents {
		n.parents = append(n.parents, step[*node]{s.from, b.elder(connector, s.value)})
	}
	n.groups = b.groupsOf(tk)
	for _, kid := range b.facts.known[place].children {
		if k := b.node(kid); k != nil {
			n.children = append(n.children, k)
		}
	}
	return n
}

func (b *book) elder(connector, uid string) *node {
	if uid == "" {
		return nil
	}
	if place, ok := b.facts.place[ticket.ID{Connector: connector, UID: uid}]; ok {
		return b.node(place)
	}
	return nil
}

func (b *book) groupsOf(tk *ticket.Ticket) (out []step[[]*node]) {
	isGroup := func(f ticket.Field) bool { return f == ticket.FieldGroup }
	if len(tk.Groups) == 0 && !slices.ContainsFunc(tk.Changes, func(c ticket.Change) bool { return isGroup(c.Field) }) {
		return nil
	}
	replay(tk, isGroup, func(at int64, now *ticket.Ticket) {
		var groups []*node
		for _, uid := range now.Groups {
			if g := b.elder(tk.ID.Connector, uid); g != nil {
				groups = append(groups, g)
			}
		}
		out = append(out, step[[]*node]{at, groups})
	})
	return out
}

// parentAt returns the parent as of t, nil if there is none or it is unknown.
func (n *node) parentAt(t int64) *node {
	p, _ := valueAt(n.parents, t)
	return p
}

// lineage calls visit for the ticket and its ancestors as of t, nearest first:
// the parent, then the groups, then theirs. It stops when visit returns false.
// A ticket met twice is passed over, which also cuts loops.
func (n *node) lineage(t int64, visit func(x *node, distance int) bool) {
	if !visit(n, 0) {
		return
	}
	seen := append(make([]*node, 0, 8), n)
	for from, distance := 0, 1; from < len(seen); distance++ {
		level := seen[from:]
		from = len(seen)
		for _, x := range level {
			groups, _ := valueAt(x.groups, t)
			for i := -1; i < len(groups); i++ {
				elder := x.parentAt(t)
				if i >= 0 {
					elder = groups[i]
				}
				if elder == nil || slices.Contains(seen, elder) {
					continue
				}
				if !visit(elder, distance) {
					return
				}
				seen = append(seen, elder)
			}
		}
	}
}

// forebears calls visit for the parent, its parent and so on as of t, each
// once. A ticket that is its own ancestor has none: in a loop of parents no
// ticket is deeper than another.
func (n *node) forebears(t int64, visit func(x *node)) {
	seen := make([]*node, 0, 8)
	x := n.parentAt(t)
	for ; x != nil && x != n && !slices.Contains(seen, x); x = x.parentAt(t) {
		seen = append(seen, x)
	}
	if x == n {
		return
	}
	for _, x := range seen {
		visit(x)
	}
}

// root returns the topmost ancestor below epic level as of t.
func (n *node) root(t int64) *node {
	root := n
	n.forebears(t, func(x *node) {
		if !x.tk.Container {
			root = x
		}
	})
	return root
}
