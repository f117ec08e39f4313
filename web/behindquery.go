package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"alignd/alignment"
	"alignd/mapping"
)

// readBehind reads what BehindQuery writes, and how many tickets to list.
// Nothing at all asks for the team time of the company in the last 28 days.
func readBehind(v url.Values) (q alignment.Question, limit int, err error) {
	p := params{values: v}
	q.Team, q.Window = cmp.Or(p.value("team"), alignment.AllTeams), cmp.Or(p.value("window"), "28d")
	// What is no choice is noted by p, and leaves the zero value.
	_ = q.Unit.UnmarshalText([]byte(p.choice("unit", "time", "tickets", "points")))
	_ = q.Basis.UnmarshalText([]byte(p.choice("basis", "then", "now")))
	if class := p.optional("class", "aligned", "not_now", "off_plan", "unmapped"); class != "" {
		q.Class = new(alignment.Class)
		_ = q.Class.UnmarshalText([]byte(class))
	}
	if goal := p.value("goal"); goal != "" {
		q.Goal = &goal
	}
	if reason := p.value("reason"); reason != "" {
		if reason == NoReason {
			reason = ""
		}
		q.Reason = &reason
	}
	text := cmp.Or(p.value("limit"), "0")
	if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
		p.refuse("limit", text, "it is no number of tickets", "0 for all", "a number such as 20")
	}
	return q, limit, p.finish()
}

func (h *handler) behindJSON(r *http.Request) (any, error) {
	q, limit, err := readBehind(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return h.behind(r, q, limit)
}

// behind turns what is wrong with a question into an answer of the API.
func (h *handler) behind(r *http.Request, q alignment.Question, limit int) (BehindBody, error) {
	a, err := h.source.Behind(r.Context(), q)
	wrong, isWrong := errors.AsType[*alignment.AskError](err)
	switch {
	case isWrong:
		return BehindBody{}, &apiError{http.StatusBadRequest, ErrorDetail{
			Code: "bad_parameter", Message: wrong.Error(), Parameter: wrong.Field, Value: wrong.Value, Allowed: wrong.Allowed,
		}}
	case errors.Is(err, alignment.ErrNotKnown):
		return BehindBody{}, failure(http.StatusServiceUnavailable, "not_ready", err.Error())
	case err != nil:
		return BehindBody{}, fmt.Errorf("find the tickets behind a number: %w", err)
	}
	return NewBehindBody(q, a, limit), nil
}

// Headline says in words which number this is. Name translates ids of goals
// and reasons.
func (b *BehindBody) Headline(name func(id string) string) string {
	switch {
	case b.Goal != "":
		return "Work on the goal " + name(b.Goal) + goalWords[b.Class]
	case b.Reason == NoReason:
		return "Off-plan work without a reason"
	case b.Reason == alignment.OtherReason:
		return "Off-plan work for reasons that are not declared"
	case b.Reason == alignment.Retired:
		return "Off-plan work: goals that are retired"
	case b.Reason != "":
		return "Off-plan work: " + name(b.Reason)
	}
	return headlines[b.Class]
}

var (
	headlines = map[string]string{
		"": "All work", "aligned": "Work on active goals", "not_now": "Work on goals that are not now", "off_plan": "Off-plan work", "unmapped": "Work that is not mapped",
	}
	goalWords = map[string]string{"aligned": " while it was active", "not_now": " while it was not now"}
)

// Place says whose work it is, of which days, counted in what and seen how.
// Team translates ids of teams.
func (b *BehindBody) Place(team func(id string) string) string {
	whose := "the whole company"
	if b.Team != alignment.AllTeams {
		whose = team(b.Team)
	}
	last := b.To
	if to, err := mapping.ParseDate(b.To); err == nil {
		last = (to - 1).String()
	}
	return fmt.Sprintf("%s, %s (%s to %s), %s, %s", whose, cmp.Or(windowWords[b.Window], "week "+b.Window), b.From, last,
		unitWords[b.unit()], basisWords[b.basis()])
}

func (b *BehindBody) unit() (u alignment.Unit) {
	_ = u.UnmarshalText([]byte(b.Unit)) // it was written by MarshalText
	return u
}

func (b *BehindBody) basis() (s alignment.Basis) {
	_ = s.UnmarshalText([]byte(b.Basis)) // it was written by MarshalText
	return s
}
