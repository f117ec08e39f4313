package alignment

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/ticket"
)

// Conflicts are the numbers of tickets of the last 28 days that match several
// goals, and what is new of that.
type Conflicts struct {
	Before int        `json:"before"`
	After  int        `json:"after"`
	New    []Conflict `json:"new,omitempty"` // most tickets first
}

// Conflict is two rules of the other mapping that lead the same tickets to
// different goals. Its tickets are those that are not between these goals now;
// a ticket that matches three rules is in more than one.
type Conflict struct {
	Rules    [2]GoalRule   `json:"rules"` // in the order of the file
	Tickets  int           `json:"tickets"`
	Examples []TicketWorth `json:"examples"` // with the most team time of the last 28 days, at most planExamples
}

// GoalRule is a rule with the ids of the goals that it leads to.
type GoalRule struct {
	Name  string   `json:"name"`
	Goals []string `json:"goals"`
}

// contested is a ticket of the last 28 days that matches several goals.
type contested struct {
	tk    *ticket.Ticket
	time  int64 // team time of these days in nanoseconds
	facts mapping.Facts
}

// contested returns the tickets of the last 28 days that match several goals.
func (d *draft) contested() map[ticket.ID]*contested {
	known := map[ticket.ID]*contested{}
	for _, t := range d.teams {
		if t == nil {
			continue
		}
		for i := range t.members {
			if t.isWorked[i] && t.now[i].match.Conflict {
				t.contest(known, i, t.lately[i])
			}
		}
	}
	return known
}

// contest notes a ticket that matches several goals, and work on it.
func (w *teamWork) contest(known map[ticket.ID]*contested, member int, time int64) {
	tk, v := w.members[member].tk, &w.now[member]
	c := known[tk.ID]
	if c == nil {
		c = &contested{tk: tk}
		w.nameFacts(asOf(v.source.tk, w.view.watermark), &c.facts)
		if w.rules.NeedsAncestors() {
			w.nameAncestors(v.source, w.view.watermark, &c.facts)
		}
		known[tk.ID] = c
	}
	c.time += time
}

// newConflicts compares what is between several goals under two mappings.
func newConflicts(was, is map[ticket.ID]*contested, before, after *mapping.RuleSet) Conflicts {
	pairs := map[[2]int]*Conflict{}
	for id, c := range is {
		known := map[[2]string]bool{}
		if old := was[id]; old != nil {
			for _, pair := range before.Clashes(&old.facts) {
				known[goalsBetween(before, pair)] = true
			}
		}
		for _, pair := range after.Clashes(&c.facts) {
			if known[goalsBetween(after, pair)] {
				continue
			}
			sum := pairs[pair]
			if sum == nil {
				sum = &Conflict{Rules: [2]GoalRule{goalRule(after, pair[0]), goalRule(after, pair[1])}}
				pairs[pair] = sum
			}
			sum.Tickets++
			sum.Examples = append(sum.Examples, TicketWorth{Key: c.tk.Key, Title: c.tk.Title, Time: c.time})
		}
	}
	return Conflicts{len(was), len(is), sortConflicts(pairs)}
}

// goalsBetween identifies the goals that a ticket with these rules is between,
// whatever the rules are called and in which order they stand.
func goalsBetween(rules *mapping.RuleSet, pair [2]int) [2]string {
	var goals [2]string
	for i, r := range pair {
		ids := rules.GoalsOf(r)
		slices.Sort(ids)
		goals[i] = strings.Join(ids, " ")
	}
	return [2]string{min(goals[0], goals[1]), max(goals[0], goals[1])}
}

func goalRule(rules *mapping.RuleSet, r int) GoalRule {
	return GoalRule{Name: rules.RuleNames()[r], Goals: rules.GoalsOf(r)}
}

func sortConflicts(found map[[2]int]*Conflict) []Conflict {
	pairs := slices.SortedFunc(maps.Keys(found), func(x, y [2]int) int {
		return cmp.Or(cmp.Compare(found[y].Tickets, found[x].Tickets), slices.Compare(x[:], y[:]))
	})
	var out []Conflict
	for _, pair := range pairs {
		c := found[pair]
		c.Examples = topTickets(c.Examples)
		out = append(out, *c)
	}
	return out
}
