package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alignd/yamlfile"
)

func (c *compiler) teams() {
	if len(c.cfg.Teams) == 0 {
		c.doc.Problemf("teams", "is missing; declare at least one team, because only the work of teams is counted")
	}
	c.rs.owners = map[string]map[string]int{}
	for i := range c.cfg.Teams {
		tc, path := &c.cfg.Teams[i], at("teams", i)
		c.declare(&c.teamIDs, path, tc.ID)
		team := Team{ID: tc.ID, Name: orID(tc.Name, tc.ID), Location: time.UTC, Capacity: 1000, owns: map[string][]string{}}
		if tc.TimeZone != "" {
			team.Location = c.location(path+".time_zone", tc.TimeZone)
		}
		if tc.Capacity != nil {
			team.Capacity = int64(*tc.Capacity)
		}
		team.Calendar = c.calendar(path+".calendar", &tc.Calendar)
		team.waiting = map[string]bool{}
		for k, status := range c.texts(path+".waiting_statuses", tc.WaitingStatuses) {
			if status == "" {
				c.doc.Problemf(at(path+".waiting_statuses", k), "is empty; write the name of a status")
			}
			team.waiting[fold(status)] = true
		}
		c.owns(i, path, &team)
		c.rs.teams = append(c.rs.teams, team)
	}
}

func (c *compiler) location(path, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		c.doc.Problemf(path, "unknown time zone %q; write one such as Europe/Berlin, America/New_York or UTC", name)
		return time.UTC
	}
	return loc
}

// owns gives a team the projects it declares.
func (c *compiler) owns(index int, path string, team *Team) {
	declared := c.cfg.Teams[index].Owns
	if len(declared) == 0 {
		c.doc.Problemf(path+".owns", "is missing; name the projects or Linear teams that belong to the team, such as %s", declared.Example())
	}
	for _, connector := range slices.Sorted(maps.Keys(declared)) {
		here := yamlfile.Join(path+".owns", connector)
		if connector == "" {
			c.doc.Problemf(here, "must be the name of a connector")
		}
		if len(declared[connector]) == 0 {
			c.doc.Problemf(here, "names no project or Linear team")
		}
		for k, project := range c.texts(here, declared[connector]) {
			team.owns[connector] = append(team.owns[connector], project)
			c.own(index, connector, project, at(here, k))
		}
	}
}

func (c *compiler) own(index int, connector, project, path string) {
	owners := c.rs.owners[connector]
	if owners == nil {
		owners = map[string]int{}
		c.rs.owners[connector] = owners
	}
	switch other, taken := owners[fold(project)]; {
	case project == "":
		c.doc.Problemf(path, "is empty; write the key of a project or Linear team")
	case taken && other == index:
		c.doc.Problemf(path, "%s is listed twice", project)
	case taken:
		c.doc.Problemf(path, "%s of %s belongs to team %s already; a project can belong to one team only, here it would belong to %s too",
			project, connector, c.cfg.Teams[other].ID, c.cfg.Teams[index].ID)
	default:
		owners[project], owners[fold(project)] = index, index
	}
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (c *compiler) calendar(path string, cc *CalendarConfig) Calendar {
	cal := Calendar{
		Days: [7]bool{time.Monday: true, time.Tuesday: true, time.Wednesday: true, time.Thursday: true, time.Friday: true},
		From: 9 * time.Hour, To: 17 * time.Hour, Holidays: map[Date]bool{},
	}
	if cc.Days != nil {
		cal.Days = c.days(path+".days", cc.Days)
	}
	if cc.Hours != nil {
		cal.From, cal.To = cc.Hours.From, cc.Hours.To
	}
	for _, d := range cc.Holidays {
		cal.Holidays[d] = true
	}
	return cal
}

func (c *compiler) days(path string, names []string) (days [7]bool) {
	if len(names) == 0 {
		c.doc.Problemf(path, "names no working day")
	}
	for i, name := range names {
		day := slices.IndexFunc(dayNames, func(short string) bool {
			long := strings.ToLower(time.Weekday(slices.Index(dayNames, short)).String())
			return strings.EqualFold(name, short) || strings.EqualFold(name, long)
		})
		if day < 0 {
			c.doc.Problemf(at(path, i), "must be one of mon, tue, wed, thu, fri, sat, sun; found %q", name)
			continue
		}
		days[day] = true
	}
	return days
}

// texts returns the texts of a list without surrounding space, which trackers'
// texts do not have either.
func (c *compiler) texts(path string, list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSpace(s)
		if strings.ContainsAny(out[i], "\n\r") {
			c.doc.Problemf(at(path, i), "must be one line")
		}
	}
	return out
}

func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
