package storetest

import (
	"testing"
	"time"

	"alignd/store"
	"alignd/ticket"
)

func testLease(t *testing.T, s store.Store) {
	acquire := func(connector string) int64 {
		t.Helper()
		epoch, err := s.Acquire(t.Context(), connector, time.Minute)
		if err != nil || epoch <= 0 {
			t.Fatalf("acquired epoch %d, error %v", epoch, err)
		}
		return epoch
	}
	epoch := acquire("acme")
	equal(t, "renewed", epoch, acquire("acme"))
	want := full("acme", "1")
	b := store.Batch{Connector: "acme", Epoch: epoch, Tickets: []ticket.Ticket{want}}
	equal(t, "under the lease", store.Applied{Created: 1}, apply(t, s, b))
	other := store.Batch{Connector: "linear", Epoch: acquire("linear"), Watermark: day(1)}
	apply(t, s, other)
	equal(t, "under the lease, again", store.Applied{}, apply(t, s, b))

	for range 2 {
		if err := s.Release(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	b.Epoch = acquire("acme")
	if b.Epoch < epoch {
		t.Errorf("epoch %d after epoch %d", b.Epoch, epoch)
	}
	equal(t, "under a new one", store.Applied{}, apply(t, s, b))
	equal(t, "tickets", []ticket.Ticket{want}, all(t, s))

	if changed, err := s.Follow(t.Context()); err != nil || changed {
		t.Errorf("nobody else has written: changed %t, error %v", changed, err)
	}
	for range 2 {
		if n, err := s.Replicas(t.Context(), time.Minute); err != nil || n != 1 {
			t.Errorf("%d replicas, error %v", n, err)
		}
	}
}
