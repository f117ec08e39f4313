package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"alignd/store"
	"alignd/ticket"
)

func testEarlyBreak(t *testing.T, s store.Store) {
	many(t, s, "acme", 2000)
	many(t, s, "other", 10)
	view(t, s, func(v store.View) {
		for _, after := range []int{1, 63, 64, 65, 1999, 2000, 2005} {
			seen := 0
			for range v.Tickets() {
				if seen++; seen == after {
					break
				}
			}
			equal(t, "tickets before the break", after, seen)
		}
		equal(t, "tickets without one", 2010, len(collect(v)))
	})
	t.Run("Panic", func(t *testing.T) {
		defer func() { equal(t, "panic", "from the consumer", recover()) }()
		view(t, s, func(v store.View) {
			for range v.Tickets() {
				panic("from the consumer")
			}
		})
	})
	many(t, s, "third", 1) // no view is left that could stand in the way
}

func testReadWhileStreaming(t *testing.T, s store.Store) {
	many(t, s, "acme", 500)
	view(t, s, func(v store.View) {
		seen := 0
		for tk := range v.Tickets() {
			again, ok := v.Ticket(tk.ID)
			if !ok {
				t.Fatalf("ticket %q is not found", tk.ID)
			}
			if seen++; seen%100 == 0 {
				equal(t, "ticket", tk.Clone(), again)
				equal(t, "tickets within", 500, len(collect(v)))
			}
		}
		equal(t, "tickets", 500, seen)
	})
}

func testLargeBatch(t *testing.T, s store.Store) {
	many(t, s, "acme", 20_000)
	seen := 0
	view(t, s, func(v store.View) {
		for tk := range v.Tickets() {
			if want := fmt.Sprintf("%06d", seen); tk.ID.UID != want {
				t.Fatalf("ticket %q, want %q", tk.ID.UID, want)
			}
			seen++
		}
	})
	equal(t, "tickets", 20_000, seen)
}

func testOddTexts(t *testing.T, s store.Store) {
	odd := []string{"null", "hasOwnProperty", ",", "a\x00b", "\xff\xfe", "\x00", " ", "\u202eright to left", strings.Repeat("é", 50_000)}
	b := store.Batch{Connector: "odd \x00 name", Names: map[string]string{"\x00": "\xff", "\xff\xfe": ""}}
	for i, text := range odd {
		tk := full(b.Connector, text[:min(len(text), 1000)])
		tk.Key, tk.Title, tk.Type, tk.Priority, tk.Parent = text, text, text, text, text
		tk.Labels, tk.Components, tk.Groups = odd[i:], odd[:i], odd
		b.Tickets = append(b.Tickets, tk)
	}
	apply(t, s, b)
	for i, tk := range b.Tickets {
		want := tk.Clone()
		for j, label := range want.Labels {
			if name, ok := b.Names[label]; ok {
				want.Labels[j] = name
			}
		}
		got, _ := one(t, s, tk.ID)
		equal(t, fmt.Sprintf("ticket %d", i), want, got)
	}
}

func testViewStandsStill(t *testing.T, s store.Store) {
	many(t, s, "acme", 300)
	before := all(t, s)
	done := make(chan struct{})
	view(t, s, func(v store.View) {
		written := false
		var got []ticket.Ticket
		for tk := range v.Tickets() {
			if !written {
				written = true
				go func() {
					defer close(done)
					next := full("acme", "000200")
					next.Title, next.Updated, next.Labels = "changed", day(20), []string{"never seen"}
					_, err := s.Apply(t.Context(), store.Batch{
						Connector: "acme", Tickets: []ticket.Ticket{next}, Gone: []string{"000250"},
						Names: map[string]string{"label-id": "renamed"}, Watermark: day(20),
					})
					if err != nil {
						t.Error(err)
					}
				}()
				select {
				case <-done:
				case <-time.After(time.Second): // it is allowed to wait for the view
				}
			}
			got = append(got, tk.Clone())
		}
		equal(t, "tickets in the old view", before, got)
		if len(v.Watermarks()) != 0 {
			t.Error("the watermark moved within the view")
		}
	})
	<-done
	equal(t, "tickets in a new one", 299, len(all(t, s)))
	equal(t, "watermarks in a new one", 1, len(watermarks(t, s)))
}

// testConcurrent has writers that give all their tickets the same title and
// the watermark of the same number, and readers that look for any other sight.
func testConcurrent(t *testing.T, s store.Store) {
	const writers, rounds, tickets = 3, 15, 40
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			connector := fmt.Sprintf("c%d", w)
			for round := range rounds {
				b := store.Batch{Connector: connector, Watermark: day(round)}
				for i := range tickets {
					tk := full(connector, fmt.Sprint(i))
					tk.Title, tk.Updated = fmt.Sprint(round), day(10+round)
					b.Tickets = append(b.Tickets, tk)
				}
				if _, err := s.Apply(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		reading.Go(func() {
			for {
				checkRound(t, s, tickets)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	equal(t, "tickets", writers*tickets, len(all(t, s)))
}

func checkRound(t *testing.T, s store.Store, tickets int) {
	err := s.View(t.Context(), func(v store.View) error {
		marks, seen := v.Watermarks(), map[string]int{}
		for tk := range v.Tickets() {
			seen[tk.ID.Connector]++
			var round int
			if _, err := fmt.Sscan(tk.Title, &round); err != nil || !marks[tk.ID.Connector].Equal(day(round)) {
				return fmt.Errorf("ticket %q of round %s beside watermark %s", tk.ID, tk.Title, marks[tk.ID.Connector])
			}
		}
		for connector := range marks {
			if seen[connector] != tickets {
				return fmt.Errorf("%d tickets of %s, want %d", seen[connector], connector, tickets)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func testCanceled(t *testing.T, s store.Store) {
	many(t, s, "acme", 2000)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.View(ctx, func(v store.View) error {
		for range v.Tickets() {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("view: error %v, want context canceled", err)
	}
	if _, err := s.Apply(ctx, store.Batch{Connector: "acme", Watermark: day(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: error %v, want context canceled", err)
	}
	if _, err := s.Append(ctx, record("episodes", "a", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("append: error %v, want context canceled", err)
	}
	equal(t, "watermarks", 0, len(watermarks(t, s)))
}

func testErrorOfFn(t *testing.T, s store.Store) {
	want := errors.New("of fn")
	if err := s.View(t.Context(), func(store.View) error { return want }); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func testClosed(t *testing.T, s store.Store) {
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, applyErr := s.Apply(ctx, store.Batch{Connector: "acme", Watermark: day(1)})
	_, appendErr := s.Append(ctx, record("episodes", "a", 1))
	_, sizeErr := s.Size(ctx)
	viewErr := s.View(ctx, func(store.View) error { return nil })
	if applyErr == nil || appendErr == nil || sizeErr == nil || viewErr == nil {
		t.Errorf("errors after Close: %v, %v, %v, %v", applyErr, appendErr, sizeErr, viewErr)
	}
}
