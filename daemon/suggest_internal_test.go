package daemon

import (
	"net/url"
	"testing"

	"alignd/alignment"
)

func TestSuggestOptionsAsParameters(t *testing.T) {
	for _, want := range []SuggestOptions{{Limit: 0}, {Team: "payments", Window: "7d", Unit: alignment.UnitTickets, Limit: 3}} {
		if got, err := suggestOptions(want.Query()); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, limit := range []string{"", "-1", "many"} {
		if got, err := suggestOptions(url.Values{"unit": {"time"}, "limit": {limit}}); err == nil {
			t.Errorf("limit %q was understood as %d", limit, got.Limit)
		}
	}
}
