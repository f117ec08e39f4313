package daemon

import (
	"slices"
	"time"

	"alignd/connectors"
	"alignd/ticket"
)

// settleLag is how long after a local day facts about it may still arrive
// without being late.
const settleLag = 48 * time.Hour

// zoneOf returns the time zone of the team that owns a project, UTC if none
// does.
type zoneOf func(connector, project string) *time.Location

// lateChanges counts the new history entries whose local day had ended more
// than the settle lag before the tracker answered.
func lateChanges(changes []ticket.Change, page *connectors.Page, connector string, zone zoneOf) int {
	late := 0
	for _, c := range changes {
		// Zones differ by less than a day: most changes need no look at it.
		if page.Clock.Sub(c.At) <= settleLag {
			continue
		}
		local := c.At.In(zone(connector, projectOf(c, page.Tickets)))
		dayEnd := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, local.Location())
		if page.Clock.Sub(dayEnd) > settleLag {
			late++
		}
	}
	return late
}

// projectOf finds the project of the ticket a change came with.
func projectOf(c ticket.Change, tickets []ticket.Ticket) string {
	for i := range tickets {
		if slices.Contains(tickets[i].Changes, c) {
			return tickets[i].Project
		}
	}
	return ""
}
