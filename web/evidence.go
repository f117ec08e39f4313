package web

import "alignd/alignment"

// evidenceTable says of one team or the company what the classes of its work
// rest on, in team time and in completed tickets.
type evidenceTable struct {
	Name string
	Rows []evidenceRow
}

type evidenceRow struct {
	Name, Note    string
	Time, Tickets string
}

// evidenceWords are the depths in the order in which they are shown.
var evidenceWords = []struct {
	depth alignment.Depth
	name  string
}{
	{alignment.DepthSeveral, "Several rules agree on the ticket itself"},
	{alignment.DepthOwn, "One rule matches the ticket itself"},
	{alignment.DepthParent, "Inherited from right above"},
	{alignment.DepthAncestor, "Inherited from farther up"},
	{alignment.DepthConflict, "Rules lead to different goals"},
	{alignment.DepthNone, "No rule says anything"},
}

func evidenceTables(snap *alignment.Snapshot, n names) []evidenceTable {
	var tables []evidenceTable
	add := func(t *alignment.TeamResult, name string) {
		if rows := evidenceRows(t); rows != nil {
			tables = append(tables, evidenceTable{name, rows})
		}
	}
	add(&snap.Company, "The whole company")
	for i := range snap.Teams {
		add(&snap.Teams[i], n.team(snap.Teams[i].ID))
	}
	return tables
}

// evidenceRows returns nil where there are too few tickets to speak of.
func evidenceRows(t *alignment.TeamResult) []evidenceRow {
	w := findWindow(t, "91d")
	if t.Evidence == nil || w == nil {
		return nil
	}
	enough := false
	row := func(name, note string, part, of func(*alignment.EvidenceWork) int64) evidenceRow {
		cell := func(u alignment.Unit) string {
			work := &t.Evidence.Units[u]
			if of(work) == 0 || w.Units[u].EffectiveTickets < minEffective {
				return "–"
			}
			enough = true
			return percent(float64(part(work)) / float64(of(work)))
		}
		return evidenceRow{name, note, cell(alignment.UnitTime), cell(alignment.UnitTickets)}
	}
	total := func(e *alignment.EvidenceWork) int64 { return e.Total }
	var rows []evidenceRow
	for _, words := range evidenceWords {
		rows = append(rows, row(words.name, "", func(e *alignment.EvidenceWork) int64 { return e.Depths[words.depth] }, total))
	}
	rows = append(rows,
		row("Decided after completion", "of the tickets completed in these days: their label, or what they belong to, came later",
			func(e *alignment.EvidenceWork) int64 { return e.Late }, func(e *alignment.EvidenceWork) int64 { return e.Completed }),
		row("Labelled in a sweep", sweepWords(t.Evidence.Sweeps),
			func(e *alignment.EvidenceWork) int64 { return e.Swept }, total))
	if !enough {
		return nil
	}
	return rows
}

func sweepWords(n int) string {
	return "ten tickets or more got the same goal within an hour, days after they were created; " + counted(float64(n), "time", "times")
}

// evidenceBody is the JSON form of alignment.Evidence.
type evidenceBody struct {
	Sweeps int                         `json:"sweeps"`
	Units  map[string]evidenceWorkBody `json:"units"`
}

type evidenceWorkBody struct {
	Total     int64            `json:"total"`
	Depths    map[string]int64 `json:"depths"` // they add up to the total
	Swept     int64            `json:"swept"`
	Completed int64            `json:"completed"`
	Late      int64            `json:"late"` // part of completed
}

func newEvidenceBody(e *alignment.Evidence) *evidenceBody {
	if e == nil {
		return nil
	}
	body := &evidenceBody{e.Sweeps, map[string]evidenceWorkBody{}}
	for u := range e.Units {
		w := &e.Units[u]
		of := evidenceWorkBody{w.Total, map[string]int64{}, w.Swept, w.Completed, w.Late}
		for _, d := range alignment.Depths {
			of.Depths[d.String()] = w.Depths[d]
		}
		body.Units[alignment.Units[u].String()] = of
	}
	return body
}
