package alignment_test

import (
	"testing"

	"alignd/alignment"
)

// itemsOf returns the index of an input by team and "dimension/item".
func itemsOf(in alignment.Input, log alignment.Log) map[string]map[string]alignment.IndexItem {
	review, _ := alignment.Judge(in, alignment.LookBack(in), log)
	out := map[string]map[string]alignment.IndexItem{}
	for team, items := range review.Index {
		out[team] = map[string]alignment.IndexItem{}
		for _, item := range items {
			out[team][item.Dimension+"/"+item.Item] = item
		}
	}
	return out
}

func TestWorkedExampleIndex(t *testing.T) {
	var e struct {
		Scenarios map[string]struct {
			Expected struct {
				Index struct {
					Then     string            `json:"reasoned_share_then"`
					Strict   string            `json:"reasoned_share_strict"`
					ToReason map[string]string `json:"time_to_reason_hours"`
					Response map[string]string `json:"signal_response_hours"`
				}
			}
		}
	}
	readShared(t, "example.json", &e)
	s, want := readExample(t).Scenarios["week"], e.Scenarios["week"].Expected.Index
	then := itemsOf(s.input(s.tickets(nil), s.mapping(t)), alignment.Log{})
	strict := itemsOf(s.input(s.tickets(nil), s.mapping(t, `"basis_then": "strict"`)), alignment.Log{})

	near(t, "reasoned", then["all"]["flow/reasoned"].Ratio.Value, want.Then, 1e-12)
	near(t, "reasoned, strict", strict["all"]["flow/reasoned"].Ratio.Value, want.Strict, 1e-12)
	// T13 begins in platform, and nothing else there is off the plan.
	near(t, "time to reason of T13", hoursOf(then["platform"]["flow/time_to_reason"]), want.ToReason["T13"], 1e-12)
	near(t, "response to the label of T4", hoursOf(then["payments"]["flow/response"]), want.Response["T4"], 1e-12)
	if n := then["payments"]["flow/response"].Observations; n != 1 {
		t.Errorf("payments has %d signals, want that of T4 only", n)
	}
}

// hoursOf returns the value of an item in hours, -1 without one.
func hoursOf(item alignment.IndexItem) float64 {
	if item.Seconds == nil {
		return -1
	}
	return *item.Seconds / 3600
}
