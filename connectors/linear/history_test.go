package linear_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/connectors/linear"
	"alignd/ticket"
)

// life is an issue as it really went, to be told as Linear tells it and then
// read back from the ticket.
type life struct {
	states []string // in each step
	labels [][]string
	points []int
}

var (
	stateTypes = map[string]string{
		"s-unstarted": "unstarted", "s-started": "started", "s-review": "started", "s-completed": "completed",
	}
	stateOf = map[string]ticket.State{
		"s-unstarted": ticket.StateTodo, "s-started": ticket.StateActive,
		"s-review": ticket.StateActive, "s-completed": ticket.StateDone,
	}
)

func drawLife(t *rapid.T) life {
	states := []string{"s-unstarted", "s-started", "s-review", "s-completed"}
	labels := []string{"l-bug", "l-checkout", "l-mobile"}
	var l life
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		l.states = append(l.states, rapid.SampledFrom(states).Draw(t, "state"))
		set := rapid.SliceOfDistinct(rapid.SampledFrom(labels), rapid.ID[string]).Draw(t, "labels")
		slices.Sort(set)
		l.labels = append(l.labels, set)
		l.points = append(l.points, rapid.IntRange(0, 3).Draw(t, "points"))
	}
	return l
}

func step(n int) time.Time { return at(1, n) }

// entries tells the life as history entries, newest first.
func (l life) entries() []obj {
	entries := []obj{}
	for i := 1; i < len(l.states); i++ {
		e := obj{
			"createdAt": stamp(step(i)), "fromEstimate": l.points[i-1], "toEstimate": l.points[i],
			"addedLabelIds": without(l.labels[i], l.labels[i-1]), "removedLabelIds": without(l.labels[i-1], l.labels[i]),
		}
		if l.states[i] != l.states[i-1] {
			e["fromStateId"], e["toStateId"] = l.states[i-1], l.states[i]
		}
		entries = append(entries, e)
	}
	slices.Reverse(entries)
	return entries
}

// spans tells the stays in states, from the given step on.
func (l life) spans(from int) []obj {
	spans := []obj{}
	for i, s := range l.states {
		if i < from || i > from && s == l.states[i-1] {
			continue
		}
		if len(spans) > 0 {
			spans[len(spans)-1]["endedAt"] = stamp(step(i))
		}
		spans = append(spans, obj{"stateId": s, "startedAt": stamp(step(i))})
	}
	return spans
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// Whichever sources tell a life, and however much of the spans is there, the
// ticket says at each instant what was true then.
func TestHistoryTellsTheLife(t *testing.T) {
	catalogs := read(t, "testdata/catalogs.json")
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		last := len(l.states) - 1
		issue := newIssue(1, obj{
			"createdAt": stamp(step(0)), "updatedAt": stamp(step(last)),
			"state": obj{"id": l.states[last], "type": stateTypes[l.states[last]]}, "labelIds": l.labels[last], "estimate": l.points[last],
			"history":      obj{"nodes": l.entries()},
			"stateHistory": obj{"nodes": l.spans(rapid.IntRange(0, last+1).Draw(t, "first step with a span"))},
		})
		data, err := json.Marshal(obj{"issues": obj{"nodes": []obj{issue}}})
		if err != nil {
			t.Fatal(err)
		}
		page, err := linear.ConvertPage(catalogs, data)
		if err != nil {
			t.Fatal(err)
		}
		tk := page.Tickets[len(page.Tickets)-1]
		for i := range l.states {
			status, state, ok := tk.StateAt(step(i))
			if !ok || status != l.states[i] || state != stateOf[l.states[i]] {
				t.Errorf("state at step %d = %s %s, want %s", i, status, state, l.states[i])
			}
			if diff := cmp.Diff(l.labels[i], labelsAt(tk, step(i))); diff != "" {
				t.Errorf("labels at step %d (-want +got):\n%s", i, diff)
			}
			if got, want := pointsAt(tk, step(i)), int64(l.points[i])*1e6; got != want {
				t.Errorf("points at step %d = %d, want %d", i, got, want)
			}
		}
	})
}

// labelsAt undoes the changes of labels after an instant.
func labelsAt(tk ticket.Ticket, at time.Time) []string {
	set := slices.Clone(tk.Labels)
	for _, c := range slices.Backward(tk.Changes) {
		if c.Field != ticket.FieldLabel || !c.At.After(at) {
			continue
		}
		if c.To != "" {
			set = without(set, []string{c.To})
		} else {
			set = append(set, c.From)
		}
	}
	slices.Sort(set)
	return append([]string{}, set...)
}

func pointsAt(tk ticket.Ticket, at time.Time) int64 {
	points := tk.Estimate
	for _, c := range slices.Backward(tk.Changes) {
		if c.Field == ticket.FieldEstimate && c.At.After(at) {
			points = c.FromPoints
		}
	}
	return points.Micros
}

// Archiving moves no stamp, so what it leaves in a history must not count as a
// sign of life before something else has moved the stamp past it.
func TestArchivingIsNoSignOfLife(t *testing.T) {
	catalogs := read(t, "testdata/catalogs.json")
	for name, tc := range map[string]struct {
		updated int // step
		want    []int
	}{
		"archived only":     {0, nil},
		"archived last":     {2, []int{1}},
		"at the same stamp": {4, []int{1, 4}},
		"edited afterwards": {5, []int{1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			history := []obj{{"createdAt": stamp(step(4))}}
			if tc.updated > 0 {
				history = append(history, obj{"createdAt": stamp(step(1))})
			}
			issue := newIssue(1, obj{
				"createdAt": stamp(step(0)), "updatedAt": stamp(step(tc.updated)), "archivedAt": stamp(step(4)),
				"history":      obj{"nodes": history},
				"stateHistory": obj{"nodes": []obj{}},
				"state":        obj{"id": "s-unstarted", "type": "unstarted"},
			})
			data, err := json.Marshal(obj{"issues": obj{"nodes": []obj{issue}}})
			if err != nil {
				t.Fatal(err)
			}
			page, err := linear.ConvertPage(catalogs, data)
			if err != nil {
				t.Fatal(err)
			}
			var want []ticket.Change
			for _, n := range tc.want {
				want = append(want, ticket.Change{At: step(n), Field: ticket.FieldTouch})
			}
			if diff := cmp.Diff(want, page.Tickets[len(page.Tickets)-1].Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever an issue holds, the conversion neither panics nor returns a ticket
// that breaks the promises of its type.
func FuzzConvert(f *testing.F) {
	catalogs := read(f, "testdata/catalogs.json")
	for _, name := range []string{"facts", "history", "states", "poison"} {
		var data struct {
			Issues struct{ Nodes []json.RawMessage }
		}
		if err := json.Unmarshal(read(f, "testdata/issues-"+name+".json"), &data); err != nil {
			f.Fatal(err)
		}
		for _, node := range data.Issues.Nodes {
			var small bytes.Buffer
			if err := json.Compact(&small, node); err != nil {
				f.Fatal(err)
			}
			f.Add(small.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, issue []byte) {
		page, err := linear.ConvertPage(catalogs, slices.Concat([]byte(`{"issues":{"nodes":[`), issue, []byte(`]}}`)), "*-ignored")
		if err != nil {
			return
		}
		for _, tk := range page.Tickets {
			checkPromises(t, tk)
		}
		for _, s := range page.Skipped {
			if s.Err == nil {
				t.Errorf("%s is skipped without a reason", s.UID)
			}
		}
	})
}

func checkPromises(t *testing.T, tk ticket.Ticket) {
	if tk.ID.UID == "" || tk.Created.IsZero() || tk.Created.Location() != time.UTC || tk.Updated.Location() != time.UTC {
		t.Errorf("ticket is not whole: %+v", tk)
	}
	if tk.Estimate.Micros < 0 {
		t.Errorf("estimate is %d", tk.Estimate.Micros)
	}
	if !slices.IsSortedFunc(tk.Changes, func(a, b ticket.Change) int { return a.At.Compare(b.At) }) {
		t.Errorf("changes are not in order: %+v", tk.Changes)
	}
	status := ""
	for _, c := range tk.Changes {
		if c.At.Location() != time.UTC || c.FromPoints.Micros < 0 || c.ToPoints.Micros < 0 {
			t.Errorf("change is not whole: %+v", c)
		}
		if c.Field == ticket.FieldLabel && (c.From == "") == (c.To == "") {
			t.Errorf("label change with both or neither side: %+v", c)
		}
		if c.Field == ticket.FieldState {
			if status != "" && c.From != status {
				t.Errorf("chain of states breaks at %+v", c)
			}
			status = c.To
		}
	}
	if status != "" && status != tk.Status {
		t.Errorf("history ends in state %s, ticket is in %s", status, tk.Status)
	}
}

// BenchmarkConvert decodes and converts a full page: 50 issues with 10 history
// entries and 4 spans each.
func BenchmarkConvert(b *testing.B) {
	var l life
	for i := range 11 {
		l.states = append(l.states, []string{"s-unstarted", "s-started", "s-review"}[i/4])
		l.labels = append(l.labels, [][]string{{"l-bug"}, {"l-bug", "l-mobile"}}[i%2])
		l.points = append(l.points, i%3)
	}
	var nodes []obj
	for n := range 50 {
		nodes = append(nodes, newIssue(n, obj{"history": obj{"nodes": l.entries()}, "stateHistory": obj{"nodes": l.spans(0)}}))
	}
	issues, err := json.Marshal(obj{"issues": obj{"nodes": nodes}})
	if err != nil {
		b.Fatal(err)
	}
	catalogs := read(b, "testdata/catalogs.json")
	b.SetBytes(int64(len(issues)))
	b.ReportAllocs()
	for b.Loop() {
		page, err := linear.ConvertPage(catalogs, issues)
		if err != nil || len(page.Tickets) < 50 {
			b.Fatal(err, page.Skipped)
		}
	}
}
