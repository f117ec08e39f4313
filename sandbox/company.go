package sandbox

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Names of the two connectors in Mapping, and what they should read.
const (
	CompanyJira   = "acme"
	CompanyLinear = "acme-linear"
)

// CompanyProjects are the Jira projects the company's teams work in. There is
// one more, GOAL, that holds initiatives and no work.
func CompanyProjects() []string { return []string{"PAY", "BILL", "OPS", "WEB"} }

// CompanyTeams are the keys of the company's Linear teams.
func CompanyTeams() []string { return []string{"PLT", "MOB", "GRO"} }

// Company is Acme, a pretend company of five teams in four time zones that has
// been at work for a year. Its history is written as if people had clicked:
// in working hours, with goals forgotten, tickets reopened, moved and dropped.
// Equal seeds and times make equal companies.
//
// Three things can be seen in it: a goal was paused three weeks ago and a
// little work on it goes on; somebody has begun with a goal of the next
// quarter; and the payments team slowly drifts towards work that no goal
// explains.
type Company struct {
	World *World

	began time.Time // first day of the history
	now   time.Time // its end, when the mapping is written
	rng   *rand.Rand
	crews []*crew
}

const companyHistory = 364 * 24 * time.Hour

// NewCompany writes the company's history up to now. The clock of its world is
// the machine's; change it with World.SetClock.
func NewCompany(seed uint64, now time.Time) *Company {
	now = stamp(now)
	c := &Company{
		World: NewWorld(nil), began: now.Add(-companyHistory), now: now,
		rng: rand.New(rand.NewPCG(seed, 0x5a)),
	}
	c.found()
	for day := c.began; day.Before(now); day = day.AddDate(0, 0, 1) {
		c.work(day)
	}
	c.archive()
	return c
}

// turn is one action of a crew.
type turn struct {
	at   time.Time
	crew *crew
}

// turns is how often a crew does something in a day, on average, for each
// ticket it works on at a time.
const turnsPerTicket = 1.9

// work lets all crews work for one day, in the order things happen.
func (c *Company) work(day time.Time) {
	var turns []turn
	for _, cr := range c.crews {
		n := int(turnsPerTicket * float64(cr.plan.wip) * (0.8 + 0.4*c.rng.Float64()))
		if !cr.worksOn(day) {
			n = 0
			if c.rng.IntN(40) == 0 {
				cr.onCall(c.instant(cr, day))
			}
		}
		for range n {
			turns = append(turns, turn{c.instant(cr, day), cr})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return a.at.Compare(b.at) })
	for _, t := range turns {
		if t.at.Before(c.now) && t.at.After(c.began) {
			t.crew.act(t.at)
		}
	}
}

// instant is a moment of the crew's working hours, 9:00 to 17:30 of its own
// zone, seldom on the minute.
func (c *Company) instant(cr *crew, day time.Time) time.Time {
	y, m, d := day.In(cr.zone).Date()
	after := time.Duration(c.rng.Int64N(int64(8*time.Hour + 30*time.Minute)))
	return stamp(time.Date(y, m, d, 9, 0, 0, 0, cr.zone).Add(after))
}

// worksOn is false at weekends and on the holidays everybody has.
func (cr *crew) worksOn(day time.Time) bool {
	local := day.In(cr.zone)
	switch local.Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	switch local.Format("01-02") {
	case "12-24", "12-25", "12-26", "01-01":
		return false
	}
	return true
}

// archive does what Linear does on its own with what has been done for long.
func (c *Company) archive() {
	const after = 180 * 24 * time.Hour
	for _, cr := range c.crews {
		for _, j := range cr.done {
			if b, ok := j.board.(*linearBoard); ok && j.at.Add(after).Before(c.now) {
				b.ws.Archive(j.at.Add(after), j.ref)
			}
		}
	}
}

// found sets up projects, teams, epics and initiatives, all a month before the
// history begins.
func (c *Company) found() {
	at := c.began.AddDate(0, -1, 0)
	s, ws := c.World.Jira, c.World.Linear
	s.SetZones("America/New_York", "Europe/Berlin")
	for _, p := range companyProjects {
		s.AddProject(p)
	}
	for _, t := range companyTeams {
		ws.AddTeam(t[0], t[1], t[2])
	}
	epics := map[string]map[string]string{}
	for i, e := range companyEpics {
		key := s.CreateIssue(at.Add(time.Duration(i)*time.Minute), NewIssue{
			Project: e.project, Type: e.typ, Title: e.title, Labels: e.labels, Parent: e.parent, Status: "In Progress",
		})
		if epics[e.project] == nil {
			epics[e.project] = map[string]string{}
		}
		epics[e.project][e.kind] = key
	}
	s.CreateIssue(at, NewIssue{Project: "OPS", Type: "Task", Title: "Template: review of an incident", Labels: []string{"template"}})
	for i, in := range companyInitiatives {
		ws.AddInitiative(at.Add(time.Duration(i)*time.Minute), in)
	}
	for i, p := range companyLinearProjects {
		ws.AddProject(at.Add(time.Duration(i)*time.Hour), p.NewLinearProject)
	}
	for i, plan := range companyCrews {
		cr := &crew{plan: plan, company: c, zone: mustZone(plan.zone), rng: rand.New(rand.NewPCG(c.rng.Uint64(), uint64(i)))}
		for _, place := range plan.places {
			if slices.Contains(CompanyTeams(), place) {
				cr.boards = append(cr.boards, &linearBoard{ws, place})
			} else {
				cr.boards = append(cr.boards, &jiraBoard{s, place, epics[place]})
			}
		}
		c.crews = append(c.crews, cr)
	}
}

// paused is when the tablet goal was paused, at midnight UTC of that day.
func (c *Company) paused() time.Time { return c.now.AddDate(0, 0, -21).Truncate(24 * time.Hour) }

// ramp grows from 0 to 1 within thirteen weeks, until so many weeks before now.
func (c *Company) ramp(at time.Time, before float64) float64 {
	const week = 7 * 24 * time.Hour
	age := float64(c.now.Sub(at)) / float64(week)
	return min(1, max(0, 1-(age-before)/13))
}
