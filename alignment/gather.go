package alignment

import (
	"iter"
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// facts is what one pass over all tickets leaves behind: counts of everything,
// and the tickets that can carry work in the time looked at together with
// their ancestors and descendants.
type facts struct {
	counts  map[TicketCount]int // Count is 0 in the keys
	outside map[string]int

	known    []known
	place    map[ticket.ID]int32 // of every ticket in known
	relevant int                 // known[:relevant] can carry work

	rules  *mapping.RuleSet
	byTeam [][]int32 // places of relevant tickets that were ever in a team of the rules, by team
}

// known is a ticket that matters, with the places of its children: all it ever
// had, not only today's.
type known struct {
	tk       *ticket.Ticket
	children []int32
}

// link is a child and one of the parents it ever had.
type link struct {
	parent string
	child  ticket.ID
}

// gather collects the tickets that can carry work on the days of the views.
func gather(src Source, rules *mapping.RuleSet, views []teamView) *facts {
	since := horizon(views)
	return gatherIf(src, rules, func(tk *ticket.Ticket) bool { return carriesWork(tk, since) })
}

// gatherIf collects the tickets that matter for a reason of the caller's.
func gatherIf(src Source, rules *mapping.RuleSet, matters func(*ticket.Ticket) bool) *facts {
	f := &facts{counts: map[TicketCount]int{}, outside: map[string]int{}, place: map[ticket.ID]int32{}}
	var links []link
	for tk := range src.Tickets() {
		f.count(tk, rules)
		links = appendLinks(links, tk)
		if !tk.Container && !tk.Outside && matters(tk) {
			keep := tk.Clone()
			f.add(&keep)
		}
	}
	f.relevant = len(f.known)
	f.rules, f.byTeam = rules, f.membersByTeam(rules)
	f.fetchDescendants(src, links)
	f.fetchAncestors(src)
	return f
}

// membersOf returns the places of the relevant tickets that were ever in a team.
func (f *facts) membersOf(rules *mapping.RuleSet, team int) []int32 {
	if team < 0 {
		return nil
	}
	if rules == f.rules {
		return f.byTeam[team]
	}
	return f.membersByTeam(rules)[team]
}

func (f *facts) membersByTeam(rules *mapping.RuleSet) [][]int32 {
	members := make([][]int32, len(rules.Teams()))
	for i := range f.relevant {
		tk := f.known[i].tk
		everIn(tk, rules, func(team int) bool {
			if m := members[team]; len(m) == 0 || m[len(m)-1] != int32(i) {
				members[team] = push(m, int32(i))
			}
			return false
		})
	}
	return members
}

// everIn calls fn with each team that the ticket ever was in, some more than
// once, until it says yes, and reports whether it did.
func everIn(tk *ticket.Ticket, rules *mapping.RuleSet, fn func(team int) bool) bool {
	is := func(project string) bool {
		team := rules.TeamOf(tk.ID.Connector, project)
		return team >= 0 && fn(team)
	}
	if is(tk.Project) {
		return true
	}
	for i := range tk.Changes {
		if c := &tk.Changes[i]; c.Field == ticket.FieldProject && (is(c.From) || is(c.To)) {
			return true
		}
	}
	return false
}

func (f *facts) add(tk *ticket.Ticket) int32 {
	place := int32(len(f.known))
	f.place[tk.ID] = place
	f.known = push(f.known, known{tk: tk})
	return place
}

// push appends and doubles the capacity when it is used up. The slices it
// serves grow to millions of elements, where append's smaller steps would leave
// several times as much behind for the garbage collector.
func push[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, max(64, len(s)))
	}
	return append(s, v)
}

// horizon returns the earliest instant any team needs.
func horizon(teams []teamView) int64 {
	since := int64(endOfTime)
	for i := range teams {
		if v := &teams[i]; v.known {
			since = min(since, v.first.In(v.team.Location).UnixMicro())
		}
	}
	return since
}

func (f *facts) count(tk *ticket.Ticket, rules *mapping.RuleSet) {
	if tk.Container || tk.Outside {
		return
	}
	key := TicketCount{Connector: tk.ID.Connector, State: tk.State.String()}
	if t := rules.TeamOf(tk.ID.Connector, tk.Project); t >= 0 {
		key.Team = rules.Teams()[t].ID
	} else {
		f.outside[tk.ID.Connector]++
	}
	f.counts[key]++
}

// carriesWork reports whether the ticket was active or entered done at or
// after an instant. It may say yes too often, never no too often.
func carriesWork(tk *ticket.Ticket, since int64) bool {
	state, from := tk.State, int64(endOfTime)
	for i := len(tk.Changes) - 1; i >= 0; i-- {
		c := &tk.Changes[i]
		if c.Field != ticket.FieldState {
			continue
		}
		at := c.At.UnixMicro()
		if worksIn(c.ToState, at, from, since) {
			return true
		}
		state, from = c.FromState, at
	}
	return worksIn(state, tk.Created.UnixMicro(), from, since)
}

func worksIn(state ticket.State, from, to, since int64) bool {
	return state == ticket.StateActive && to >= since || state == ticket.StateDone && from >= since
}

// appendLinks notes every parent the ticket ever had.
func appendLinks(links []link, tk *ticket.Ticket) []link {
	if tk.Parent != "" {
		links = push(links, link{tk.Parent, tk.ID})
	}
	for i := range tk.Changes {
		c := &tk.Changes[i]
		if c.Field != ticket.FieldParent {
			continue
		}
		for _, p := range [2]string{c.From, c.To} {
			if p != "" && p != tk.Parent {
				links = push(links, link{p, tk.ID})
			}
		}
	}
	return links
}

// fetchDescendants adds the children of relevant tickets, and theirs: they
// decide whether a ticket is a leaf and how many points are left for it. Each
// round goes one generation down.
func (f *facts) fetchDescendants(src Source, links []link) {
	for from := -1; from < len(f.known); {
		from = len(f.known)
		rest := links[:0]
		for _, l := range links {
			p, ok := f.place[ticket.ID{Connector: l.child.Connector, UID: l.parent}]
			if !ok {
				rest = append(rest, l)
				continue
			}
			kid := f.fetch(src, l.child)
			if kid >= 0 && !slices.Contains(f.known[p].children, kid) {
				f.known[p].children = append(f.known[p].children, kid)
			}
		}
		links = rest
	}
}

// fetchAncestors adds every ticket that a known one could inherit from.
func (f *facts) fetchAncestors(src Source) {
	for i := 0; i < len(f.known); i++ {
		tk := f.known[i].tk
		for uid := range elders(tk) {
			f.fetch(src, ticket.ID{Connector: tk.ID.Connector, UID: uid})
		}
	}
}

// fetch returns the place of a ticket, -1 if there is no such ticket.
func (f *facts) fetch(src Source, id ticket.ID) int32 {
	if place, ok := f.place[id]; ok {
		return place
	}
	tk, ok := src.Ticket(id)
	if !ok {
		return -1
	}
	return f.add(&tk)
}

// elders yields the UIDs of every parent and group a ticket ever had.
func elders(tk *ticket.Ticket) iter.Seq[string] {
	return func(yield func(string) bool) {
		if tk.Parent != "" && !yield(tk.Parent) {
			return
		}
		for _, g := range tk.Groups {
			if !yield(g) {
				return
			}
		}
		for i := range tk.Changes {
			c := &tk.Changes[i]
			if c.Field != ticket.FieldParent && c.Field != ticket.FieldGroup {
				continue
			}
			if c.From != "" && !yield(c.From) || c.To != "" && !yield(c.To) {
				return
			}
		}
	}
}
