package daemon_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"alignd/sandbox"
)

// chronicle lets people work at random in both trackers, and keeps by itself
// what simple things must be true of the tickets afterwards.
type chronicle struct {
	rng   *rand.Rand
	world *sandbox.World
	now   atomic.Int64 // milliseconds; the trackers' clock
	all   []*piece     // that exist
	said  []string     // every action
	begin int          // of what happened after the stage was set, in said
	names []string     // of Linear's labels, which are renamed
	plans []string     // names of Linear's projects, which are renamed
	above [][]string   // the initiatives of each of them
	made  int
	jumps bool // the clock may jump by hours

	statuses []string        // of Jira, as they are called today
	curtains map[string]bool // projects and teams that the account may not see
	shelves  map[string]bool // projects and teams that are archived

	// announced means that nothing happens but what a walk can see: trackers
	// say no word of what is hidden, and of what a deletion does to others.
	announced bool
}

// piece is one ticket as a person at the tracker would describe it.
type piece struct {
	jira bool
	uid  string
	typ  string
	moment
	past     []moment // one for each time that somebody worked on it, oldest first
	hidden   bool
	trashed  bool
	archived bool
}

// moment is what may be different at another time.
type moment struct {
	at     time.Time
	home   string // project or team
	state  string
	parent *piece
	labels []string // of Jira
	tags   []int    // of Linear, as indices of names
	plan   int      // of Linear, as an index of plans, or -1
}

// note keeps how a piece is now.
func (c *chronicle) note(p *piece) {
	p.at = c.time()
	m := p.moment
	m.labels, m.tags = slices.Clone(m.labels), slices.Clone(m.tags)
	p.past = append(p.past, m)
}

// scope says which projects and teams are read, and whose they are.
var scope = map[string]string{"PAY": "payments", "BILL": "billing", "PLT": "platform", "APP": ""}

var (
	homesOfJira   = []string{"PAY", "PAY", "BILL", "BILL", "OPS"}
	homesOfLinear = []string{"PLT", "PLT", "APP", "SUP"}
	labelsOfJira  = []string{"goal-checkout", "checkout-web", "goal-mobile", "incident", "misc", "template"}
	stateOfJira   = map[string]string{
		"To Do": "todo", "In Progress": "active", "In Review": "active", "Blocked": "active", "Done": "done", "Won't Do": "canceled",
	}
	stateOfLinear = map[string]string{
		"Triage": "todo", "Backlog": "todo", "Todo": "todo", "In Progress": "active", "In Review": "active",
		"Done": "done", "Canceled": "canceled", "Duplicate": "canceled",
	}
	statusesOfJira   = sortedKeys(stateOfJira)
	statusesOfLinear = sortedKeys(stateOfLinear)
	initiatives      = []string{"Growth", "Mobile", "Rest"}
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// newChronicle sets the stage: teams, projects, and a stock of tickets.
func newChronicle(rng *rand.Rand) *chronicle {
	c := &chronicle{rng: rng, names: []string{"goal-checkout", "Area/Mobile", "incident", "misc"}, plans: []string{"Relaunch", "App"}}
	c.statuses, c.curtains, c.shelves = slices.Clone(statusesOfJira), map[string]bool{}, map[string]bool{}
	c.now.Store(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixMilli())
	c.world = sandbox.NewWorld(c.time)
	for _, key := range []string{"PAY", "BILL", "OPS"} {
		c.world.Jira.AddProject(sandbox.NewProject{Key: key, Name: key, TeamManaged: key == "BILL"})
	}
	for _, key := range []string{"PLT", "APP", "SUP"} {
		c.world.Linear.AddTeam(key, key, "Europe/Berlin")
	}
	for i, name := range initiatives {
		c.world.Linear.AddInitiative(c.time(), sandbox.NewInitiative{Name: name, Parent: []string{"", "Growth", ""}[i]})
	}
	for i, name := range c.plans {
		c.above = append(c.above, initiatives[i:i+1])
		c.world.Linear.AddProject(c.time(), sandbox.NewLinearProject{Name: name, Teams: []string{"PLT"}, Initiatives: c.above[i]})
	}
	for range 90 {
		c.later(3 * time.Hour)
		c.create()
	}
	for range 60 {
		c.later(4 * time.Hour)
		c.work()
	}
	return c
}

func (c *chronicle) time() time.Time { return time.UnixMilli(c.now.Load()).UTC() }

func (c *chronicle) later(most time.Duration) {
	c.now.Add(c.rng.Int64N(most.Milliseconds()))
}

func (c *chronicle) say(format string, args ...any) {
	c.said = append(c.said, c.time().Format("01-02T15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// act lets a little time pass, or none, and something happen.
func (c *chronicle) act() {
	switch p := c.rng.IntN(100); {
	case p < 20: // at the same instant
	case p < 96 || !c.jumps:
		c.later(10 * time.Second)
	default:
		c.later(20 * time.Hour)
	}
	switch p := c.rng.IntN(100); {
	case p < 12:
		c.create()
	case p < 20 && !c.announced:
		c.vanish()
	case p < 26:
		c.rename()
	default:
		c.work()
	}
}

func (c *chronicle) pick(fits func(*piece) bool) *piece {
	var some []*piece
	for _, p := range c.all {
		if fits(p) {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[c.rng.IntN(len(some))]
}

func one[T any](c *chronicle, list []T) T { return list[c.rng.IntN(len(list))] }

// levels are the types of Jira, each above the next.
var levels = []string{"Epic", "Story", "Sub-task"}

func (c *chronicle) create() {
	c.made++
	p := &piece{jira: c.rng.IntN(5) < 3, moment: moment{plan: -1}}
	if p.jira {
		p.home, p.typ = one(c, homesOfJira), one(c, []string{"Epic", "Story", "Story", "Story", "Bug", "Sub-task"})
		p.parent = c.parentFor(p)
		if p.typ == "Sub-task" && p.parent == nil {
			p.typ = "Story"
			p.parent = c.parentFor(p)
		}
		status := c.rng.IntN(len(c.statuses))
		p.state = stateOfJira[statusesOfJira[status]]
		for range c.rng.IntN(3) {
			p.labels = append(p.labels, one(c, labelsOfJira))
		}
		in := sandbox.NewIssue{Project: p.home, Type: p.typ, Title: "Ticket " + strconv.Itoa(c.made), Status: c.statuses[status], Labels: p.labels}
		if p.parent != nil {
			in.Parent = p.parent.uid
		}
		p.uid = c.world.Jira.ID(c.world.Jira.CreateIssue(c.time(), in))
	} else {
		p.home = one(c, homesOfLinear)
		p.parent = c.parentFor(p)
		status := one(c, statusesOfLinear)
		p.state = stateOfLinear[status]
		in := sandbox.NewLinearIssue{Team: p.home, Title: "Issue " + strconv.Itoa(c.made), State: status}
		if p.parent != nil {
			in.Parent = p.parent.uid
		}
		if c.rng.IntN(2) == 0 {
			p.plan = c.rng.IntN(len(c.plans))
			in.Project = c.plans[p.plan]
		}
		p.uid = c.world.Linear.ID(c.world.Linear.CreateIssue(c.time(), in))
	}
	c.all = append(c.all, p)
	c.note(p)
	c.say("create %s in %s as %s %s, parent %s", p.uid, p.home, p.typ, p.state, p.parent.name())
}

func (p *piece) name() string {
	if p == nil {
		return "none"
	}
	return p.uid
}

// parentFor finds something that may stand above a piece, or nothing. Of
// Linear issues only older ones may, so that no circle arises.
func (c *chronicle) parentFor(p *piece) *piece {
	if c.rng.IntN(3) == 0 && p.typ != "Sub-task" {
		return nil
	}
	older := true
	return c.pick(func(q *piece) bool {
		older = older && q != p
		if q.jira != p.jira || q.trashed || q == p {
			return false
		}
		if p.jira {
			return slices.Index(levels, storyIf(q.typ))+1 == slices.Index(levels, storyIf(p.typ))
		}
		return older
	})
}

func storyIf(typ string) string {
	if typ == "Bug" {
		return "Story"
	}
	return typ
}

// work changes one ticket, whether alignd may see it or not.
func (c *chronicle) work() {
	p := c.pick(func(p *piece) bool { return !p.trashed })
	if p == nil {
		return
	}
	if p.jira {
		c.workInJira(p, c.world.Jira)
	} else {
		c.workInLinear(p, c.world.Linear)
	}
	c.note(p)
}

func (c *chronicle) workInJira(p *piece, site *sandbox.Site) {
	at := c.time()
	switch c.rng.IntN(12) {
	case 0, 1, 2:
		status := c.rng.IntN(len(c.statuses))
		c.say("transition %s to %s", p.uid, c.statuses[status])
		site.Transition(at, p.uid, c.statuses[status])
		next := stateOfJira[statusesOfJira[status]]
		closed := func(state string) bool { return state == "done" || state == "canceled" }
		if !closed(p.state) || !closed(next) { // between closed ones the resolution stays
			p.state = next
		}
	case 3, 4:
		label := one(c, labelsOfJira)
		if i := slices.Index(p.labels, label); i >= 0 {
			c.say("unlabel %s: %s", p.uid, label)
			p.labels = slices.DeleteFunc(p.labels, func(l string) bool { return l == label })
			site.RemoveLabel(at, p.uid, label)
		} else {
			c.say("label %s: %s", p.uid, label)
			p.labels = append(p.labels, label)
			site.AddLabel(at, p.uid, label)
		}
	case 5, 6:
		parent := c.parentFor(p)
		if parent == nil && p.typ == "Sub-task" {
			return
		}
		c.say("put %s under %s", p.uid, parent.name())
		p.parent = parent
		ref := ""
		if parent != nil {
			ref = parent.uid
		}
		site.SetParent(at, p.uid, ref)
	case 7:
		c.say("estimate %s", p.uid)
		site.Estimate(at, p.uid, c.points())
	case 8, 9:
		home := one(c, homesOfJira)
		if home == p.home {
			return
		}
		c.say("move %s from %s to %s", p.uid, p.home, home)
		p.home = home
		site.Move(at, p.uid, home)
	case 10:
		c.touch(p)
	case 11:
		c.say("plan %s", p.uid)
		site.SetPriority(at, p.uid, one(c, []string{"High", "Medium", "Low"}))
	}
}

func (c *chronicle) points() *float64 {
	if c.rng.IntN(4) == 0 {
		return nil
	}
	return new(float64(c.rng.IntN(9)))
}

func (c *chronicle) workInLinear(p *piece, ws *sandbox.Workspace) {
	at := c.time()
	switch c.rng.IntN(14) {
	case 0, 1, 2:
		status := one(c, statusesOfLinear)
		if status == "Done" && p.state == "done" {
			return // Linear completes nothing twice
		}
		c.say("transition %s to %s", p.uid, status)
		p.state = stateOfLinear[status]
		ws.Transition(at, p.uid, status)
	case 3, 4:
		tag := c.rng.IntN(len(c.names))
		if i := slices.Index(p.tags, tag); i >= 0 {
			c.say("unlabel %s: %s", p.uid, c.names[tag])
			p.tags = slices.Delete(p.tags, i, i+1)
			ws.RemoveLabel(at, p.uid, c.names[tag])
		} else {
			c.say("label %s: %s", p.uid, c.names[tag])
			p.tags = append(p.tags, tag)
			ws.AddLabel(at, p.uid, c.names[tag])
		}
	case 5, 6:
		p.parent = c.parentFor(p)
		c.say("put %s under %s", p.uid, p.parent.name())
		ref := ""
		if p.parent != nil {
			ref = p.parent.uid
		}
		ws.SetParent(at, p.uid, ref)
	case 7:
		c.say("estimate %s", p.uid)
		ws.Estimate(at, p.uid, c.points())
	case 8, 9:
		home := one(c, homesOfLinear)
		if home == p.home {
			return
		}
		c.say("move %s from %s to %s", p.uid, p.home, home)
		p.home = home
		ws.Move(at, p.uid, home)
	case 10:
		c.touch(p)
	case 11:
		c.say("plan %s", p.uid)
		ws.SetDue(at, p.uid, at.Format(time.DateOnly))
	case 12:
		plan := ""
		if p.plan = c.rng.IntN(len(c.plans)+1) - 1; p.plan >= 0 {
			plan = c.plans[p.plan]
		}
		c.say("put %s into project %q", p.uid, plan)
		ws.SetProject(at, p.uid, plan)
	case 13:
		if p.archived {
			c.say("restore %s", p.uid)
			ws.Restore(at, p.uid)
		} else {
			c.say("archive %s", p.uid)
			ws.Archive(at, p.uid)
		}
		p.archived = !p.archived
	}
}

// vanish makes a ticket go away, or come back.
func (c *chronicle) vanish() {
	p := one(c, c.all)
	if c.rng.IntN(3) == 0 {
		if gone := c.pick(func(p *piece) bool { return p.hidden || p.trashed }); gone != nil {
			p = gone
		}
	}
	switch {
	case p.jira && p.hidden:
		c.hide(p, false)
	case p.jira && c.rng.IntN(2) == 0:
		c.hide(p, true)
	case p.jira:
		c.say("delete %s", p.uid)
		c.world.Jira.Delete(p.uid)
		c.forget(p)
	case p.trashed && c.rng.IntN(2) == 0:
		c.say("restore %s", p.uid)
		p.trashed, p.archived = false, false
		c.world.Linear.Restore(c.time(), p.uid)
	case p.trashed:
		c.say("purge %s", p.uid)
		c.world.Linear.Purge(p.uid)
		c.forget(p)
	default:
		c.say("trash %s", p.uid)
		p.trashed = true
		c.world.Linear.Trash(c.time(), p.uid)
	}
}

// hide takes a ticket from the account's eyes, or gives it back.
func (c *chronicle) hide(p *piece, hidden bool) {
	c.say("hide %s: %t", p.uid, hidden)
	p.hidden = hidden
	c.world.Jira.Hide(p.uid, hidden)
}

// lose hides all tickets of a project, more than may vanish at once.
func (c *chronicle) lose(project string) (lost []*piece) {
	for _, p := range c.all {
		if p.home == project && !p.hidden {
			c.hide(p, true)
			lost = append(lost, p)
		}
	}
	return lost
}

// find gives back what was lost and still exists.
func (c *chronicle) find(lost []*piece) {
	for _, p := range lost {
		if p.hidden && slices.Contains(c.all, p) {
			c.hide(p, false)
		}
	}
}

// curtain hides projects or teams, or gives them back.
func (c *chronicle) curtain() {
	for _, home := range []string{"BILL", "OPS", "APP", "SUP"} {
		if c.rng.IntN(4) == 0 {
			c.draw(home, !c.curtains[home])
		}
	}
}

func (c *chronicle) draw(home string, hidden bool) {
	c.say("hide all of %s: %t", home, hidden)
	c.curtains[home] = hidden
	if slices.Contains(homesOfJira, home) {
		c.world.Jira.HideProject(home, hidden)
	} else {
		c.world.Linear.HideTeam(home, hidden)
	}
}

// shelve archives projects or teams, or restores them.
func (c *chronicle) shelve() {
	for _, home := range []string{"BILL", "OPS", "APP", "SUP"} {
		if c.rng.IntN(5) > 0 {
			continue
		}
		c.shelves[home] = !c.shelves[home]
		c.say("archive all of %s: %t", home, c.shelves[home])
		if slices.Contains(homesOfJira, home) {
			c.world.Jira.ArchiveProject(home, c.shelves[home])
		} else {
			c.world.Linear.ArchiveTeam(c.time(), home, c.shelves[home])
		}
	}
}

// reveal gives back what alignd is told to read, which it could not otherwise,
// and teams, whose names it would remember better than one that never saw them.
func (c *chronicle) reveal() {
	for _, home := range sortedKeys(c.curtains) {
		if _, read := scope[home]; c.curtains[home] && (read || home == "SUP") {
			c.draw(home, false)
		}
	}
}

// away reports whether the account cannot see a piece, or no search finds it. In
// Linear what is archived is found.
func (p *piece) away(c *chronicle) bool {
	return p.hidden || p.trashed || p.jira && c.shelves[p.home]
}

// forget removes a piece, and with one of Jira its sub-tasks.
func (c *chronicle) forget(gone *piece) {
	c.all = slices.DeleteFunc(c.all, func(p *piece) bool {
		return p == gone || p.parent == gone && p.typ == "Sub-task"
	})
	for _, p := range c.all {
		if p.parent == gone {
			p.parent = nil
		}
	}
}

// rename changes what no ticket notices.
func (c *chronicle) rename() {
	at := c.time()
	switch n := c.rng.IntN(4); {
	case n == 0 && !c.announced:
		i := c.rng.IntN(len(c.statuses))
		old := c.statuses[i]
		if state := stateOfJira[statusesOfJira[i]]; state == "done" || state == "canceled" {
			return // their names decide how the site resolves
		}
		if was, ok := strings.CutPrefix(old, "Old "); ok {
			c.statuses[i] = was
		} else {
			c.statuses[i] = "Old " + old
		}
		c.say("rename status %s to %s", old, c.statuses[i])
		c.world.Jira.RenameStatus(old, c.statuses[i])
	case n <= 1:
		i := c.rng.IntN(len(c.names))
		old := c.names[i]
		group, leaf, nested := strings.Cut(old, "/")
		if !nested {
			group, leaf = "", old
		} else {
			group += "/"
		}
		if was, ok := strings.CutPrefix(leaf, "old-"); ok {
			leaf = was
		} else {
			leaf = "old-" + leaf
		}
		c.names[i] = group + leaf
		c.say("rename label %s to %s", old, c.names[i])
		c.world.Linear.RenameLabel(at, old, leaf)
	case n == 2:
		i := c.rng.IntN(len(c.plans))
		old := c.plans[i]
		if was, ok := strings.CutPrefix(old, "Old "); ok {
			c.plans[i] = was
		} else {
			c.plans[i] = "Old " + old
		}
		c.say("rename project %s to %s", old, c.plans[i])
		c.world.Linear.RenameProject(at, old, c.plans[i])
	default:
		i := c.rng.IntN(len(c.plans))
		c.above[i] = initiatives[:c.rng.IntN(len(initiatives)+1)]
		c.say("put project %s under %v", c.plans[i], c.above[i])
		c.world.Linear.SetInitiatives(at, c.plans[i], c.above[i]...)
	}
}
