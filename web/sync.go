package web

import (
	"time"

	"alignd/alignment"
)

// syncRow is the health of one connector in words.
type syncRow struct {
	Name, Kind string
	UpTo       dated // watermark
	Known      string
	State      string
	Error      string
	Shrank     string // what to know and do when the scope shrank
	Verified   string // what reading everything again has found
}

func syncRows(snap *alignment.Snapshot, status Status, now time.Time) []syncRow {
	rows := make([]syncRow, 0, len(status.Connectors))
	for _, c := range status.Connectors {
		row := syncRow{
			Name: c.Name, Kind: c.Kind, Error: c.Error,
			UpTo:  dateOf(c.Watermark, now, status.StaleAfter),
			State: SyncState(c, now), Shrank: shrankWords(c), Verified: verifiedWords(c, now),
		}
		if snap != nil {
			row.Known = counted(float64(knownTickets(snap, c.Name)), "ticket", "tickets")
		}
		rows = append(rows, row)
	}
	return rows
}

// SyncState says in words what a connector does.
func SyncState(c ConnectorStatus, now time.Time) string {
	switch {
	case c.Elsewhere:
		return "Read by another replica"
	case c.Walking && c.Watermark.IsZero():
		return "First reading under way: " + counted(float64(c.Read), "ticket", "tickets") + " so far"
	case c.Error != "" && c.Stopped:
		return stoppedWords(c) + nextWords(c, now, "; it goes on there at ")
	case c.Error != "":
		return "The last attempt failed " + ago(now.Sub(c.LastAttempt)) + nextWords(c, now, "; the next one is at ")
	case c.LastSuccess.IsZero():
		return "Not read yet"
	default:
		return "Read " + ago(now.Sub(c.LastSuccess))
	}
}

func stoppedWords(c ConnectorStatus) string {
	text := "Reading"
	if c.Watermark.IsZero() {
		text = "First reading"
	}
	text += " has stopped after " + counted(float64(c.Read), "ticket", "tickets")
	if c.Throttled {
		text += " because a budget of the tracker is spent"
	}
	return text
}

func nextWords(c ConnectorStatus, now time.Time, words string) string {
	switch next := c.NextAttempt.UTC(); {
	case !next.After(now):
		return ""
	case next.Sub(now) < 12*time.Hour:
		return words + next.Format("15:04:05 UTC")
	default:
		return words + next.Format("2006-01-02 15:04 UTC")
	}
}

func shrankWords(c ConnectorStatus) string {
	if !c.ScopeShrank {
		return ""
	}
	return "The scope shrank: " + counted(float64(c.Missing), "ticket", "tickets") + " cannot be found. Nothing is removed until they come back, " +
		"or somebody accepts it with: alignd accept " + c.Name
}

func verifiedWords(c ConnectorStatus, now time.Time) string {
	if c.Verified.IsZero() {
		return ""
	}
	text := "Everything was read anew since " + stamp(c.Verified, now)
	if c.Repaired > 0 {
		text += "; " + counted(float64(c.Repaired), "ticket", "tickets") + " had to be repaired"
	}
	return text
}

func knownTickets(snap *alignment.Snapshot, connector string) int {
	total := 0
	for _, c := range snap.Tickets {
		if c.Connector == connector {
			total += c.Count
		}
	}
	return total
}
