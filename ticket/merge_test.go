package ticket_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alignd/ticket"
)

func TestMerge(t *testing.T) {
	plan := func(d int) ticket.Change { return ticket.Change{At: day(d), Field: ticket.FieldPlan} }
	touch := func(d int) ticket.Change { return ticket.Change{At: day(d)} }
	reading := func(title string, updated int, changes ...ticket.Change) ticket.Ticket {
		return ticket.Ticket{Title: title, Created: day(1), Updated: day(updated), Changes: changes}
	}
	for name, test := range map[string]struct{ a, b, want ticket.Ticket }{
		"later wins": {
			reading("a", 3), reading("b", 5), reading("b", 5, touch(3)),
		},
		"later wins, read first": {
			reading("a", 5), reading("b", 3), reading("a", 5, touch(3)),
		},
		"same stamp: the one read last": {
			reading("a", 5, plan(2)), reading("b", 5), reading("b", 5),
		},
		"history of the loser is not kept": {
			reading("a", 3, plan(2)), reading("b", 5, plan(4)), reading("b", 5, touch(3), plan(4)),
		},
		"stamp with an entry needs no touch": {
			reading("a", 3), reading("b", 5, plan(3)), reading("b", 5, plan(3)),
		},
		"stamp of the creation needs no touch": {
			reading("a", 1), reading("b", 5), reading("b", 5),
		},
		"touches add up, in order": {
			reading("a", 4, touch(2)), reading("b", 6, touch(3), plan(5)), reading("b", 6, touch(2), touch(3), touch(4), plan(5)),
		},
		"no stamp, no touch": {
			ticket.Ticket{Title: "a"}, reading("b", 5), reading("b", 5),
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.b.Clone()
			if diff := cmp.Diff(test.want, ticket.Merge(test.a, test.b), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(before, test.b); diff != "" {
				t.Errorf("an argument was changed (-want +got):\n%s", diff)
			}
		})
	}
}

// life draws readings of one ticket as a tracker gives them: each has the
// whole history up to then, and a stamp that may lie on an entry of it or not.
func life(t *rapid.T) []ticket.Ticket {
	var readings []ticket.Ticket
	tk := ticket.Ticket{Created: day(1)}
	at := day(1)
	for i := range rapid.IntRange(3, 6).Draw(t, "readings") {
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			at = at.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "hours")) * time.Hour)
			field := ticket.Field(rapid.IntRange(0, int(ticket.FieldDue)).Draw(t, "field"))
			tk.Changes = append(slices.Clone(tk.Changes), ticket.Change{At: at, Field: field, To: strconv.Itoa(i)})
		}
		at = at.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "unseen")) * time.Hour)
		tk.Title, tk.Updated = strconv.Itoa(i), at
		readings = append(readings, tk)
	}
	return readings
}

func same(t *rapid.T, what string, want, got ticket.Ticket) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		readings := life(t)
		pick := rapid.SampledFrom(readings)
		a, b, c := pick.Draw(t, "a"), pick.Draw(t, "b"), pick.Draw(t, "c")
		ab := ticket.Merge(a, b)
		same(t, "idempotent", a, ticket.Merge(a, a))
		same(t, "absorbs its second part", ab, ticket.Merge(ab, b))
		if !a.Updated.Equal(b.Updated) {
			same(t, "absorbs its first part", ab, ticket.Merge(a, ab))
			same(t, "commutative", ab, ticket.Merge(b, a))
		}
		if !a.Updated.Equal(b.Updated) && !b.Updated.Equal(c.Updated) && !a.Updated.Equal(c.Updated) {
			same(t, "associative", ticket.Merge(ab, c), ticket.Merge(a, ticket.Merge(b, c)))
		}
		sorted := slices.IsSortedFunc(ab.Changes, func(x, y ticket.Change) int { return x.At.Compare(y.At) })
		if !sorted {
			t.Fatalf("history is not in order: %v", ab.Changes)
		}
	})
}

// TestMergeForgetsNoSign merges all readings in any order: each stamp that was
// seen is the creation, the last stamp, or in the history.
func TestMergeForgetsNoSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		readings := life(t)
		order := rapid.Permutation(readings).Draw(t, "order")
		merged := order[0]
		for _, r := range order[1:] {
			merged = ticket.Merge(merged, r)
		}
		for _, r := range readings {
			at := func(c ticket.Change) bool { return c.At.Equal(r.Updated) }
			if !r.Updated.Equal(merged.Created) && !r.Updated.Equal(merged.Updated) && !slices.ContainsFunc(merged.Changes, at) {
				t.Fatalf("stamp %s is not in %v", r.Updated, merged.Changes)
			}
		}
	})
}
