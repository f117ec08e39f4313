package web

import (
	"cmp"
	"slices"

	"alignd/alignment"
	"alignd/mapping"
)

type reasonRow struct{ Name, Share, Between, Amount, Href string }

// reasonRows lists the off-plan work by reason: declared ones in config order,
// then what labels say besides, then retired goals, then no reason.
func reasonRows(snap *alignment.Snapshot, w *alignment.Window, v view) []reasonRow {
	work := &w.Units[v.unit]
	var cells []alignment.CellAmount
	for _, c := range work.Cells[v.basis] {
		if c.Cell.Class == alignment.OffPlan {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b alignment.CellAmount) int {
		return cmp.Compare(reasonOrder(snap, a.Cell.Reason), reasonOrder(snap, b.Cell.Reason))
	})
	rows := make([]reasonRow, 0, len(cells))
	for _, c := range cells {
		row := reasonRow{reasonName(snap, c.Cell.Reason), "–", "not enough data", amount(v.unit, c.Amount), v.behind(alignment.AllTeams, alignment.OffPlan, "", cmp.Or(c.Cell.Reason, NoReason))}
		if share, _ := work.CellShare(v.basis, c.Cell); work.EffectiveTickets >= minEffective {
			row.Share, row.Between = percent(share.Value), between(share)
		}
		rows = append(rows, row)
	}
	return rows
}

func reasonOrder(snap *alignment.Snapshot, id string) int {
	n := len(snap.Reasons)
	switch at := slices.IndexFunc(snap.Reasons, func(r mapping.Reason) bool { return r.ID == id }); {
	case at >= 0:
		return at
	case id == "":
		return n + 2
	case id == alignment.Retired:
		return n + 1
	default:
		return n
	}
}

func reasonName(snap *alignment.Snapshot, id string) string {
	switch at := slices.IndexFunc(snap.Reasons, func(r mapping.Reason) bool { return r.ID == id }); {
	case at >= 0:
		return cmp.Or(snap.Reasons[at].Name, id)
	case id == "":
		return "No reason given"
	case id == alignment.Retired:
		return "Goals that are retired"
	default:
		return id
	}
}
