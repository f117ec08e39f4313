package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/alignment"
)

// listedTickets is how many tickets the page lists unless asked for more.
const listedTickets = 100

// behindData is what the template of the tickets behind a number prints.
type behindData struct {
	Version, Problem    string
	Headline, Place     string
	Lead, Amount, UpTo  string
	Rows                []behindRow
	More, All, JSONPath string
}

type behindRow struct {
	Key, Href, Title, Cells, Amount, Share string
}

func (h *handler) behindPage(w http.ResponseWriter, r *http.Request) {
	data, status := behindData{Version: h.version}, http.StatusOK
	query := r.URL.Query()
	if !query.Has("limit") {
		query.Set("limit", strconv.Itoa(listedTickets))
	}
	q, limit, err := readBehind(query)
	body := BehindBody{}
	if err == nil {
		body, err = h.behind(r, q, limit)
	}
	if known := new(apiError); errors.As(err, &known) {
		status, data.Problem = known.status, known.detail.Message
	} else if err != nil {
		h.logger.Error("Finding the tickets behind a number failed", "err", err)
		status, data.Problem = http.StatusInternalServerError, "the answer could not be computed; the log says why"
	}
	if err == nil {
		data.fill(&body, q, newNames(h.source.Snapshot(), h.source.Status()))
	}
	h.render(w, status, "behind.html", data)
}

func (d *behindData) fill(b *BehindBody, q alignment.Question, n names) {
	d.Headline, d.Place, d.UpTo = b.Headline(n.goal), capital(b.Place(n.team)), stamp(b.Watermark, time.Now())
	d.Amount, d.Lead = b.Words(), "Nothing in this window."
	if b.Share != nil {
		d.Lead = percent(*b.Share) + " of all work"
	}
	for i := range b.Tickets {
		t := &b.Tickets[i]
		d.Rows = append(d.Rows, behindRow{
			Key: cmp.Or(t.Key, t.Title), Href: "/explain?" + url.Values{"key": {t.Key}}.Encode(), Title: t.Title,
			Cells: t.cells(n), Amount: b.AmountText(t.Amount), Share: SmallPercent(t.Share),
		})
	}
	all := BehindQuery(q)
	d.JSONPath = BehindPath + "?" + all.Encode()
	if b.More.Tickets > 0 {
		d.More = b.MoreWords()
		all.Set("limit", "0")
		d.All = "/behind?" + all.Encode()
	}
}

// cells names where the work of a ticket counts.
func (t *TicketOf) cells(n names) string {
	var words []string
	for _, p := range t.Parts {
		word := CellText(alignment.Cell{Class: classOf(p.Class), Goal: p.Goal, Reason: p.Reason}, n.other, n.other)
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, "; ")
}

func classOf(name string) (c alignment.Class) {
	_ = c.UnmarshalText([]byte(name)) // it was written by MarshalText
	return c
}

// Words says how much it is: "120 of 352 hours of team time, on 37 tickets".
func (b *BehindBody) Words() string {
	return fmt.Sprintf("%s of %s, on %s", number(float64(b.Amount)/perPiece(b.unit())), amount(b.unit(), b.Total), counted(float64(b.Count), "ticket", "tickets"))
}

// AmountText prints a part of the number.
func (b *BehindBody) AmountText(n int64) string { return amount(b.unit(), n) }

// MoreWords says what is not listed, empty if that is nothing.
func (b *BehindBody) MoreWords() string {
	if b.More.Tickets == 0 {
		return ""
	}
	return fmt.Sprintf("and %s more, together %s, %s of all work", number(float64(b.More.Tickets)), b.AmountText(b.More.Amount), SmallPercent(b.More.Share))
}

// SmallPercent prints a share that may be small, with one decimal.
func SmallPercent(share float64) string {
	if rounded := fmt.Sprintf("%.1f", share*100); rounded != "0.0" || share == 0 {
		return rounded + nbsp + "%"
	}
	return "under 0.1" + nbsp + "%"
}
