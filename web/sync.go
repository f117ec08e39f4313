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
			State: syncState(c, now), Shrank: shrankWords(c), Verified: verifiedWords(c, now),
		}
		if snap != nil {
			row.Known = counted(float64(knownTickets(snap, c.Name)), "ticket", "tickets")
		}
		rows = append(rows, row)
	}
	return rows
}

func syncState(c ConnectorStatus, now time.Time) string {
	switch {
	case c.Elsewhere:
		return "Read by another replica"
	case c.Walking && c.Watermark.IsZero():
		return "First reading under way: " + counted(float64(c.Read), "ticket", "tickets") + " so far"
	case c.Error != "":
		text := "The last attempt failed " + ago(now.Sub(c.LastAttempt))
		if c.NextAttempt.After(now) {
			text += "; the next one is at " + c.NextAttempt.UTC().Format("15:04:05 UTC")
		}
		return text
	case c.LastSuccess.IsZero():
		return "Not read yet"
	default:
		return "Read " + ago(now.Sub(c.LastSuccess))
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
