package daemon

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/store"
	"alignd/ticket"
)

// counter counts page by page and fails once on the second.
type counter struct {
	pages  map[string]connectors.CountPage
	fail   error
	tokens []string
}

func (c *counter) count(token string) (connectors.CountPage, error) {
	c.tokens = append(c.tokens, token)
	if err := c.fail; err != nil && token == "two" {
		c.fail = nil
		return connectors.CountPage{}, err
	}
	return c.pages[token], nil
}

// What another scope leaves out is counted twice, also where each count takes
// longer than a budget lasts.
func TestCountsTwiceAcrossBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var some []ticket.Ticket
		for i := range 12 {
			some = append(some, someTicket(i+1))
		}
		r := newRig(t, func(connectors.Query) (connectors.Page, error) {
			return connectors.Page{Tickets: some, Clock: time.Now()}, nil
		})
		uids := make([]string, len(some))
		for i := range some {
			uids[i] = some[i].ID.UID
		}
		refused, asked := false, []string{}
		left := 0 // of the pages that a budget lasts for
		r.connector.counts = func(token string) (connectors.CountPage, error) {
			if left--; left < 0 {
				refused = true
				return connectors.CountPage{}, errThrottled
			}
			asked = append(asked, token)
			return map[string]connectors.CountPage{
				"": {UIDs: uids[:3], Next: "two"}, "two": {UIDs: uids[3:5], Next: "three"}, "three": {UIDs: uids[5:6]},
			}[token], nil
		}
		census := func(budget int) error {
			left = budget
			_, err := r.takeCensus(t.Context(), false)
			time.Sleep(time.Hour)
			return err
		}
		if err := r.attempt(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Everything was in scope, and half of it is not asked for any more.
		if err := r.writeCensus(t.Context(), func(c *store.Census) { c.At, c.Scope = time.Now(), r.account.Scope() }); err != nil {
			t.Fatal(err)
		}
		r.account.Settings = jira.Config{Projects: []string{"PAY"}, JQL: "type = Bug"}
		outside := slices.Clone(some[6:])
		for i := range outside {
			outside[i].Outside = true
		}
		r.connector.look = func([]string) (connectors.Page, error) { return connectors.Page{Tickets: outside}, nil }
		attempts := 1
		for err := census(2); err != nil; err = census(2) {
			if attempts++; attempts > 10 || !errors.Is(err, errThrottled) {
				t.Fatalf("attempt %d: %v", attempts, err)
			}
		}
		if want := []string{"", "two", "three", "", "two", "three"}; !refused || !slices.Equal(asked, want) {
			t.Errorf("asked for %q, want %q across budgets", asked, want)
		}
		if keys, _ := r.stored(t); len(keys) != 6 {
			t.Errorf("stored %v, want the six that are in scope", keys)
		}
	})
}

// A count that is longer than a budget goes on where it stopped. What walks
// bring meanwhile is not missing, and what was called deleted before needs the
// proof of whatever is missing.
func TestCountGoesOnWhereItStopped(t *testing.T) {
	const goesOn, anew = " two two three", " two  two three"
	for name, tc := range map[string]struct {
		fail error
		wait time.Duration
		want string
	}{
		"throttled":  {errThrottled, time.Hour, goesOn},
		"500":        {&connectors.StatusError{Status: 500}, time.Minute, goesOn},
		"refused":    {&connectors.StatusError{Status: 400}, time.Minute, anew},
		"too late":   {errThrottled, 24 * time.Hour, anew},
		"its fault":  {connectors.WalkError("the same page token came twice"), time.Minute, anew},
		"unreadable": {errors.New("decode"), time.Minute, goesOn},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				some := []ticket.Ticket{someTicket(1), someTicket(2), someTicket(3), someTicket(4)}
				r := newRig(t, func(connectors.Query) (connectors.Page, error) {
					return connectors.Page{Tickets: some, Clock: time.Now()}, nil
				})
				if err := r.attempt(t.Context()); err != nil {
					t.Fatal(err)
				}
				c := &counter{fail: tc.fail, pages: map[string]connectors.CountPage{
					"":      {UIDs: []string{"1"}, Gone: []string{"3"}, Next: "two"},
					"two":   {UIDs: []string{"2"}, Next: "three"},
					"three": {UIDs: []string{"4"}},
				}}
				r.connector.counts = c.count
				if _, err := r.takeCensus(t.Context(), true); !errors.Is(err, tc.fail) {
					t.Fatalf("err = %v", err)
				}
				time.Sleep(tc.wait)
				outside := someTicket(6)
				outside.Outside = true
				some = []ticket.Ticket{someTicket(5), outside} // moved into what was counted before
				if err := r.attempt(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.connector.look = func([]string) (connectors.Page, error) {
					return connectors.Page{Tickets: []ticket.Ticket{outside}}, nil
				}
				got, err := r.takeCensus(t.Context(), true)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, strings.Join(c.tokens, " ")); diff != "" {
					t.Errorf("asked for (-want +got):\n%s", diff)
				}
				want := map[string][]string{goesOn: {"3"}, anew: {"5"}}[tc.want]
				if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got.Missing))); diff != "" {
					t.Errorf("missing (-want +got):\n%s", diff)
				}
				keys, _ := r.stored(t)
				if known := slices.Contains(keys, "PAY-3"); known != (tc.want == goesOn) {
					t.Errorf("stored %v", keys)
				}
			})
		})
	}
}
