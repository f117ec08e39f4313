package web

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"alignd/alignment"
	"alignd/ticket"
)

// BehindPath answers with the tickets behind a number, see BehindBody. It takes
// the parameters that BehindQuery writes, and limit.
const BehindPath = "/api/v1/behind"

// NoReason asks for off-plan work without a reason.
const NoReason = alignment.NoReason

// BehindBody is the answer of BehindPath: an amount of work, and the tickets
// that add up to it. Amounts are exact integers, see AmountsPerUnit.
type BehindBody struct {
	Team      string     `json:"team"` // "all": the whole company
	Window    string     `json:"window"`
	Unit      string     `json:"unit"`
	Basis     string     `json:"basis"`
	Class     string     `json:"class,omitempty"` // absent: all classes; likewise goal and reason
	Goal      string     `json:"goal,omitempty"`
	Reason    string     `json:"reason,omitempty"` // "none": without a reason
	From      string     `json:"from"`
	To        string     `json:"to"` // excluded
	Watermark time.Time  `json:"watermark"`
	Scale     float64    `json:"amounts_per_unit"` // in a second, a ticket or a point
	Amount    int64      `json:"amount"`           // Tickets and More add up to it, exactly
	Total     int64      `json:"total"`            // all work of the same team, window and unit
	Share     *float64   `json:"share"`            // amount by total; null without any work
	Count     int        `json:"count"`            // of the tickets, listed or not
	Tickets   []TicketOf `json:"tickets"`          // most work first
	More      MoreOf     `json:"more"`
}

// TicketOf is the part of one ticket in a number.
type TicketOf struct {
	Connector string   `json:"connector"`
	Key       string   `json:"key"`
	Title     string   `json:"title"`
	Amount    int64    `json:"amount"`
	Share     float64  `json:"share"` // of all work: the shares add up to that of the number
	Parts     []PartOf `json:"parts"` // by team and cell; they add up to the amount
}

// PartOf is what a ticket has in one cell of one team.
type PartOf struct {
	Team   string `json:"team"`
	Class  string `json:"class"`
	Goal   string `json:"goal,omitempty"`
	Reason string `json:"reason,omitempty"`
	Amount int64  `json:"amount"`
}

// MoreOf is what is not listed.
type MoreOf struct {
	Tickets int     `json:"tickets"`
	Amount  int64   `json:"amount"`
	Share   float64 `json:"share"`
}

// BehindQuery writes a question as the parameters of BehindPath.
func BehindQuery(q alignment.Question) url.Values {
	v := url.Values{"team": {q.Team}, "window": {q.Window}, "unit": {q.Unit.String()}, "basis": {q.Basis.String()}}
	if q.Class != nil {
		v.Set("class", q.Class.String())
	}
	if q.Goal != nil {
		v.Set("goal", *q.Goal)
	}
	if q.Reason != nil {
		v.Set("reason", cmp.Or(*q.Reason, NoReason))
	}
	return v
}

// NewBehindBody converts an answer. A limit of 0 lists all tickets.
func NewBehindBody(q alignment.Question, a alignment.Answer, limit int) BehindBody {
	body := BehindBody{
		Team: q.Team, Window: q.Window, Unit: q.Unit.String(), Basis: q.Basis.String(),
		From: a.From.String(), To: a.To.String(), Watermark: a.Watermark, Scale: q.Unit.Scale(), Amount: a.Amount, Total: a.Total,
	}
	asked := BehindQuery(q)
	body.Class, body.Goal, body.Reason = asked.Get("class"), asked.Get("goal"), asked.Get("reason")
	if share, ok := a.Share(); ok {
		body.Share = &share
	}
	all := ticketsOf(a)
	body.Count = len(all)
	if limit == 0 || limit > len(all) {
		limit = len(all)
	}
	body.Tickets = all[:limit:limit]
	body.More.Tickets = len(all) - limit
	for i := range all[limit:] {
		body.More.Amount += all[limit+i].Amount
	}
	if a.Total > 0 {
		body.More.Share = float64(body.More.Amount) / float64(a.Total)
	}
	return body
}

// ticketsOf joins what a ticket has in several teams and cells.
func ticketsOf(a alignment.Answer) []TicketOf {
	out, at := []TicketOf{}, map[ticket.ID]int{}
	for i := range a.Tickets {
		t := &a.Tickets[i]
		n, ok := at[t.ID]
		if !ok {
			n = len(out)
			at[t.ID] = n
			out = append(out, TicketOf{Connector: t.ID.Connector, Key: t.Key, Title: t.Title})
		}
		out[n].Amount += t.Amount
		out[n].Share = float64(out[n].Amount) / float64(a.Total)
		out[n].Parts = append(out[n].Parts, PartOf{t.Team, t.Cell.Class.String(), t.Cell.Goal, t.Cell.Reason, t.Amount})
	}
	slices.SortStableFunc(out, func(x, y TicketOf) int { return cmp.Compare(y.Amount, x.Amount) })
	return out
}
