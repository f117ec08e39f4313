package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/store"
	"alignd/ticket"
)

// company is all that a store tells, for comparison.
type company struct {
	Tickets    []ticket.Ticket
	Watermarks map[string]time.Time
	Scope      string
	Census     store.Census
	Records    []store.Record
}

func look(t testing.TB, s store.Store) (c company) {
	t.Helper()
	err := s.View(context.Background(), func(v store.View) error {
		for tk := range v.Tickets() {
			c.Tickets = append(c.Tickets, tk.Clone())
		}
		c.Watermarks, c.Scope, c.Census = v.Watermarks(), v.Scope("acme"), v.Census("acme")
		c.Records = slices.Collect(v.Records("episodes"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sees(t testing.TB, who string, s store.Store, want company) {
	t.Helper()
	if got := look(t, s); !reflect.DeepEqual(want, got) { // many times faster than cmp.Diff
		t.Errorf("%s sees (-want +got):\n%s", who, cmp.Diff(want, got))
	}
}

func follow(t testing.TB, s store.Store) (changed bool) {
	t.Helper()
	changed, err := s.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func acquire(t testing.TB, s store.Store) int64 {
	t.Helper()
	epoch, err := s.Acquire(t.Context(), "acme", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// walked is the last page of a walk with these tickets.
func walked(epoch int64, days int, tickets ...int) store.Batch {
	b := store.Batch{
		Connector: "acme", Epoch: epoch, Watermark: crashStart.AddDate(0, 0, days), Scope: "PAY",
		Census: &store.Census{At: crashStart.AddDate(0, 0, days), Found: len(tickets)},
		Names:  map[string]string{"label-7": "Seven"},
	}
	for _, i := range tickets {
		tk := fact(i, number(i))
		tk.Title = "of day " + strconv.Itoa(days)
		tk.Updated = tk.Updated.AddDate(0, 0, days)
		b.Tickets = append(b.Tickets, tk)
	}
	return b
}

// page is one that is not the last.
func page(epoch int64, days int, tickets ...int) store.Batch {
	b := walked(epoch, days, tickets...)
	b.Watermark, b.Scope, b.Census = time.Time{}, "", nil
	return b
}

func write(t testing.TB, s store.Store, b store.Batch) {
	t.Helper()
	if _, err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, s store.Store, b store.Batch) {
	t.Helper()
	if _, err := s.Apply(t.Context(), b); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("error %v, want %v", err, store.ErrLeaseLost)
	}
}

func TestTakeOver(t *testing.T) {
	cfg := startRedis(t).config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	first := acquire(t, a)
	if _, err := b.Acquire(t.Context(), "acme", time.Minute); !errors.Is(err, store.ErrHeld) {
		t.Errorf("a lease that is held: %v", err)
	}
	if epoch, err := b.Acquire(t.Context(), "linear", time.Minute); err != nil || epoch == 0 {
		t.Errorf("the lease of another connector: epoch %d, error %v", epoch, err)
	}
	write(t, a, walked(first, 1, 1, 2, 7))
	refused(t, b, walked(0, 2, 2))
	refused(t, b, walked(first, 2, 2))
	if err := b.Release(t.Context(), "acme"); err != nil { // of somebody else: nothing happens
		t.Fatal(err)
	}
	write(t, a, page(first, 2, 8))
	if err := a.Release(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}

	second := acquire(t, b)
	if second <= first {
		t.Errorf("epoch %d after epoch %d", second, first)
	}
	want := look(t, a)
	sees(t, "the new holder", b, want) // without having followed
	refused(t, a, walked(first, 3, 3))
	refused(t, a, walked(second, 3, 3))
	refused(t, a, store.Batch{Connector: "acme", Epoch: first}) // even if it says nothing
	sees(t, "the old holder", a, want)
	write(t, b, walked(second, 4, 1))
	if !follow(t, a) || follow(t, a) {
		t.Error("the old holder does not follow, or does so twice")
	}
	sees(t, "the old holder", a, look(t, b))
}

func TestLeaseEnds(t *testing.T) {
	cfg := startRedis(t).config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	const short = 200 * time.Millisecond
	first, err := a.Acquire(t.Context(), "acme", short)
	if err != nil {
		t.Fatal(err)
	}
	write(t, a, page(first, 1, 1))
	var second int64
	for second == 0 {
		second, err = b.Acquire(t.Context(), "acme", time.Minute)
		if err != nil && !errors.Is(err, store.ErrHeld) {
			t.Fatal(err)
		}
	}
	refused(t, a, walked(first, 2, 2))
	if _, err := a.Acquire(t.Context(), "acme", short); !errors.Is(err, store.ErrHeld) {
		t.Errorf("error %v, want %v", err, store.ErrHeld)
	}
	sees(t, "the new holder", b, look(t, a))
}

// A lease that has run out goes on if nobody took it meanwhile.
func TestLeaseGoesOn(t *testing.T) {
	a := openConfig(t, startRedis(t).config(""))
	first, err := a.Acquire(t.Context(), "acme", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond)
	write(t, a, page(first, 1, 1))
	if again := acquire(t, a); again != first {
		t.Errorf("epoch %d, want %d", again, first)
	}
}

func TestReplicas(t *testing.T) {
	cfg := startRedis(t).config("")
	alive := func(s store.Store, within time.Duration, want int) {
		t.Helper()
		if got, err := s.Replicas(t.Context(), within); err != nil || got != want {
			t.Errorf("%d replicas, want %d, error %v", got, want, err)
		}
	}
	a := openConfig(t, cfg)
	alive(a, time.Minute, 1)
	b, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	alive(b, time.Minute, 2)
	alive(openConfig(t, cfg), time.Minute, 3)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	alive(a, time.Minute, 2)
	time.Sleep(20 * time.Millisecond)
	alive(a, 10*time.Millisecond, 1)
}

// What two replicas conclude from the same records is not mixed.
func TestConclusionsDoNotMix(t *testing.T) {
	cfg := startRedis(t).config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	conclude := func(s store.Store, recorded int, keys ...string) error {
		records := make([]store.Record, len(keys))
		for i, key := range keys {
			records[i] = store.Record{Log: "episodes", Key: key, At: crashStart}
		}
		_, err := s.AppendAfter(t.Context(), recorded, records...)
		return err
	}
	if err := conclude(a, 0, "raised", "judged"); err != nil {
		t.Fatal(err)
	}
	if err := conclude(b, 0, "not raised", "judged"); !errors.Is(err, store.ErrRecorded) {
		t.Errorf("the second conclusion: error %v, want %v", err, store.ErrRecorded)
	}
	want := look(t, a)
	sees(t, "the second, who was refused", b, want)
	if err := conclude(b, len(want.Records), "cleared"); err != nil {
		t.Errorf("what follows from the first: %v", err)
	}
	if err := conclude(a, len(want.Records), "cleared again"); !errors.Is(err, store.ErrRecorded) {
		t.Errorf("who has not followed: error %v, want %v", err, store.ErrRecorded)
	}
	follow(t, a)
	sees(t, "the first", a, look(t, b))
}

func TestFollowAfterTrimming(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	write(t, a, walked(0, 0, 1, 2, 3))
	follow(t, b)
	for i := range 1500 {
		batch := page(0, i+1, 1)
		if i == 700 {
			batch.Gone = []string{number(2)}
		}
		write(t, a, batch)
	}
	if n := server.client().XLen(t.Context(), "alignd:{acme}:feed").Val(); n > 1200 {
		t.Errorf("the feed has %d entries and is not trimmed", n)
	}
	follow(t, b)
	sees(t, "who was away for long", b, look(t, a))
	write(t, a, walked(0, 2000, 3))
	follow(t, b)
	sees(t, "who is back", b, look(t, a))
}
