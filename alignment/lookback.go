package alignment

import (
	"slices"
	"sync"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// historyWeeks is the number of closed weeks LookBack goes back: two years and
// a little, so that every week has its neighbor of the year before.
const historyWeeks = 106

// historyLengths are the windows in days that a History knows for each day:
// the day itself, those of the metrics, and the pools of weeks that the drift
// alarm may need (measures: 2.4).
var historyLengths = [...]mapping.Date{1, 7, 14, 21, 28, longestWindow}

// History is the work of the last two years by local day, under today's rules
// and with everything known today. Nothing in it may be modified.
type History struct {
	rules   *mapping.RuleSet
	teams   []*past  // in config order, nil where the team has no watermark
	company *past    // nil unless every team is known
	cases   []*cases // likewise by team
	uses    labelUse // of all tickets
}

// lookBackAtOnce is how many tickets a History is computed from at a time, but
// for a team that has more: each takes some kilobytes meanwhile.
const lookBackAtOnce = 150_000

// LookBack computes the history of the input. It takes several times as long
// as Compute, and changes little from one hour to the next.
func LookBack(in Input) *History { return lookBack(in, lookBackAtOnce) }

func lookBack(in Input, atOnce int) *History {
	teams := backViews(in)
	h := &History{rules: in.Rules, teams: make([]*past, len(teams)), cases: make([]*cases, len(teams))}
	ledgers := make([]*ledger, len(teams))
	roots := &rootTable{number: map[ticket.ID]int32{}}
	labels, since := newLabelKinds(in.Rules, teams), horizon(teams)
	matters := func(tk *ticket.Ticket) bool { return labels.concernIndex(tk) || carriesWork(tk, since) }
	inGroups(in, teams, matters, atOnce, func(f *facts, group []int) {
		inParallel(len(group), func(g int) {
			i := group[g]
			b := newCaseBook(in.Rules, &teams[i], f, labels)
			t, found := b.tally, b.cases // a copy: a pointer into b would keep all of its tickets
			h.cases[i] = &found
			ledgers[i] = newLedger(t, roots)
			h.teams[i] = &past{id: teams[i].team.ID, sheets: []*sheet{t.sheet}, lastUnit: UnitPoints}
		})
	})
	h.uses = labels.labelUse
	h.addCompany()
	inParallel(len(teams)+1, func(i int) {
		switch {
		case i == len(teams) && h.company != nil:
			h.company.measure(ledgers, roots.size(), h.driftUnit())
		case i < len(teams) && h.teams[i] != nil:
			h.teams[i].measure(ledgers[i:i+1], roots.size(), h.driftUnit())
		}
	})
	return h
}

// inGroups calls fn with one group of known teams after the other, and the
// tickets that matter of those that ever were in it.
func inGroups(in Input, teams []teamView, matters func(*ticket.Ticket) bool, atOnce int, fn func(f *facts, group []int)) {
	for _, group := range groupTeams(in, teams, matters, atOnce) {
		fn(gatherIf(in.Tickets, in.Rules, func(tk *ticket.Ticket) bool {
			return matters(tk) && everIn(tk, in.Rules, func(team int) bool { return slices.Contains(group, team) })
		}), group)
	}
}

// groupTeams divides the known teams into groups with not many more tickets
// that matter than atOnce, so that not all tickets of two years are in memory
// together.
func groupTeams(in Input, teams []teamView, matters func(*ticket.Ticket) bool, atOnce int) (groups [][]int) {
	counts := make([]int, len(teams))
	for tk := range in.Tickets.Tickets() {
		if !tk.Container && !tk.Outside && matters(tk) {
			everIn(tk, in.Rules, func(team int) bool { counts[team]++; return false })
		}
	}
	held := 0
	for i := range teams {
		if !teams[i].known {
			continue
		}
		if len(groups) == 0 || held+counts[i] > atOnce {
			groups, held = append(groups, nil), 0
		}
		held += counts[i]
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}

// backViews returns the teams with the stretch of time that a History covers.
func backViews(in Input) []teamView {
	views := newTeamViews(in.Rules, in.Watermarks)
	for i := range views {
		if v := &views[i]; v.known {
			v.first = v.backTo()
		}
	}
	return views
}

// backTo returns the first day of a History.
func (v *teamView) backTo() mapping.Date { return mondayOf(v.today) - 7*historyWeeks }

func mondayOf(d mapping.Date) mapping.Date { return d - mapping.Date((d.Weekday()+6)%7) }

func (h *History) addCompany() {
	all := &past{id: AllTeams, lastUnit: UnitTickets}
	for _, p := range h.teams {
		if p == nil {
			return
		}
		all.sheets = append(all.sheets, p.sheets...)
	}
	if len(all.sheets) > 0 {
		h.company = all
	}
}

// rootTable numbers root tickets over all teams.
type rootTable struct {
	mu     sync.Mutex
	number map[ticket.ID]int32
	next   int32
}

// alone returns the number of a root that no other member can have.
func (r *rootTable) alone() int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next - 1
}

func (r *rootTable) of(id ticket.ID) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.number[id]
	if !ok {
		n = r.next
		r.number[id] = n
		r.next++
	}
	return n
}

func (r *rootTable) size() int { return int(r.next) }

// ledger lists a team's work by ticket without the tickets: how much on which
// day, and which root ticket each of them hung under from which day on.
type ledger struct {
	works [unitCount][]rootWorkDay
}

// rootWorkDay is the work of one ticket on one day. Roots is shared by all
// entries of a ticket.
type rootWorkDay struct {
	day    mapping.Date
	amount int64
	roots  *rootSteps
}

// rootSteps says under which root a ticket hung at the end of each local day.
type rootSteps struct {
	root  int32 // before the first step
	steps []rootStep
}

type rootStep struct {
	day  mapping.Date
	root int32
}

func newLedger(t *tally, table *rootTable) *ledger {
	l := &ledger{}
	var sizes [unitCount]int
	for _, works := range t.byMember {
		for _, w := range works {
			sizes[w.unit]++
		}
	}
	for u, n := range sizes {
		l.works[u] = make([]rootWorkDay, 0, n)
	}
	for m, works := range t.byMember {
		if len(works) == 0 {
			continue
		}
		roots := t.rootsOf(t.members[m], table)
		for _, w := range works {
			l.works[w.unit] = append(l.works[w.unit], rootWorkDay{w.day, w.amount, roots})
		}
	}
	for u := range l.works {
		slices.SortFunc(l.works[u], func(x, y rootWorkDay) int { return int(x.day - y.day) })
	}
	return l
}

func (w *teamWork) rootsOf(n *node, table *rootTable) *rootSteps {
	if n.isAlone() {
		return &rootSteps{root: table.alone()}
	}
	endOf := func(d mapping.Date) int64 { return min(w.cal.start(d+1), w.view.watermark) - 1 }
	days := []mapping.Date{}
	for _, x := range n.kin() {
		for _, p := range x.parents {
			days = append(days, max(w.view.first, w.cal.dayOf(p.from)))
		}
	}
	slices.Sort(days)
	s := &rootSteps{root: table.of(n.root(endOf(w.view.first)).tk.ID)}
	last := s.root
	for _, d := range slices.Compact(days) {
		if d > w.view.today {
			break
		}
		if root := table.of(n.root(endOf(d)).tk.ID); root != last {
			s.steps = append(s.steps, rootStep{d, root})
			last = root
		}
	}
	return s
}

// HistoryWindows are the windows, in local days, that a History answers for.
var HistoryWindows = [...]mapping.Date{1, 7, 28, longestWindow}

// Range returns the first and the last closed local day of a team's history,
// or of AllTeams; false where there is none.
func (h *History) Range(team string) (first, last mapping.Date, ok bool) {
	p := h.of(team)
	if p == nil || p.days == 0 {
		return 0, 0, false
	}
	return p.first, p.first + mapping.Date(p.days) - 1, true
}

// Window returns the work of the local days that end with last, under today's
// rules and with everything known today. The day must lie in the team's Range
// and length be one of HistoryWindows. A window that begins before the range
// holds what is inside.
func (h *History) Window(team string, last, length mapping.Date) Window {
	return h.of(team).window(last, length)
}

// Snapshot returns what a snapshot would have said at the end of a local day,
// had everything been known then that is known today: the rolling windows of
// each team and the targets. Teams whose Range does not hold the day are not
// Known.
func (h *History) Snapshot(day mapping.Date) *Snapshot {
	s := &Snapshot{
		ComputedAt: day.In(time.UTC), Fingerprint: h.rules.Fingerprint(), Period: h.rules.Period(), Strict: h.rules.Strict(),
		Goals: h.rules.Goals(), Reasons: h.rules.Reasons(), Company: TeamResult{ID: AllTeams},
	}
	for i, team := range h.rules.Teams() {
		s.Teams = append(s.Teams, TeamResult{ID: team.ID})
		if h.teams[i] != nil {
			s.Teams[i] = h.teams[i].result(day)
		}
	}
	if h.company != nil {
		s.Company = h.company.result(day)
	}
	return s
}

// End returns the instant at which a local day ends for a team; for AllTeams
// where it ends last.
func (h *History) End(team string, day mapping.Date) time.Time { return h.of(team).end(day) }

func (h *History) of(team string) *past {
	for _, p := range h.all() {
		if p.id == team {
			return p
		}
	}
	return nil
}
