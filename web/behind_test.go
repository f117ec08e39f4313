package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/web"
)

// TestQuestionsArrive: what is written into an address is what is asked.
func TestQuestionsArrive(t *testing.T) {
	class, goal, none := alignment.NotNow, "mobile", ""
	for _, q := range []alignment.Question{
		{Team: "payments", Window: "2026-W10", Unit: alignment.UnitPoints, Basis: alignment.Now},
		{Team: "all", Window: "28d", Class: &class, Goal: &goal},
		{Team: "all", Window: "7d", Reason: &none},
	} {
		source := fixture()
		r := get(t, source, readAt, web.BehindPath+"?"+web.BehindQuery(q).Encode())
		if r.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s", r.StatusCode, text(t, r))
		}
		if diff := cmp.Diff(q, source.asked); diff != "" {
			t.Errorf("(-asked +arrived):\n%s", diff)
		}
	}
}

// TestListedAndMoreAddUp: whatever the limit, nothing is lost.
func TestListedAndMoreAddUp(t *testing.T) {
	a := fixture().answer
	for limit := range 5 {
		b := web.NewBehindBody(alignment.Question{Team: "payments", Window: "28d"}, a, limit)
		sum := b.More.Amount
		for _, tk := range b.Tickets {
			parts := int64(0)
			for _, p := range tk.Parts {
				parts += p.Amount
			}
			if parts != tk.Amount {
				t.Errorf("limit %d: the parts of %s add up to %d, not %d", limit, tk.Key, parts, tk.Amount)
			}
			sum += tk.Amount
		}
		if sum != a.Amount || len(b.Tickets)+b.More.Tickets != 3 || b.Count != 3 {
			t.Errorf("limit %d: %d of %d in %d and %d more of %d tickets", limit, sum, a.Amount, len(b.Tickets), b.More.Tickets, b.Count)
		}
	}
}

func TestQuestionsThatAreRefused(t *testing.T) {
	early, odd := fixture(), fixture()
	early.err = fmt.Errorf("%w: nothing is known of team x yet", alignment.ErrNotKnown)
	odd.err = &alignment.AskError{Field: "team", Value: "x", Allowed: []string{"payments"}}
	for target, want := range map[string]struct {
		source    *fakeSource
		status    int
		parameter string
	}{
		"?class=offplan":     {fixture(), 400, "class"},
		"?unit=hours":        {fixture(), 400, "unit"},
		"?basis=later":       {fixture(), 400, "basis"},
		"?limit=-1":          {fixture(), 400, "limit"},
		"?limit=some":        {fixture(), 400, "limit"},
		"?windows=7d":        {fixture(), 400, "windows"},
		"?team=a&team=b":     {fixture(), 400, "team"},
		"?team=x":            {odd, 400, "team"},
		"?window=28d&team=x": {early, 503, ""},
	} {
		r := get(t, want.source, readAt, web.BehindPath+target)
		var body web.ErrorBody
		if err := json.Unmarshal([]byte(text(t, r)), &body); err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != want.status || body.Error.Parameter != want.parameter {
			t.Errorf("%s: %d %+v, want %d about %q", target, r.StatusCode, body.Error, want.status, want.parameter)
		}
		if page := get(t, want.source, readAt, "/behind"+target); page.StatusCode != want.status {
			t.Errorf("%s: the page answers %d, want %d", target, page.StatusCode, want.status)
		}
	}
}

// TestEveryNumberOfThePageLeadsToItsTickets follows each link.
func TestEveryNumberOfThePageLeadsToItsTickets(t *testing.T) {
	body := text(t, get(t, fixture(), readAt, "/?basis=now"))
	links := strings.Split(body, `href="/behind?`)[1:]
	if len(links) < 15 {
		t.Fatalf("only %d links", len(links))
	}
	for _, l := range links {
		query, _, _ := strings.Cut(l, `"`)
		query = strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(query)
		if v, err := url.ParseQuery(query); err != nil || v.Get("basis") != "now" {
			t.Errorf("%s: %v", query, err)
		}
		if r := get(t, fixture(), readAt, "/behind?"+query); r.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", query, r.StatusCode)
		}
	}
}
