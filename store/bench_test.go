package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"alignd/store"
	"alignd/ticket"
)

// fact makes the i-th of a company's tickets, with six changes.
func fact(i int, uid string) ticket.Ticket {
	created := time.Date(2026, 1, 1, 9, 0, 0, i%1000*1e6, time.UTC).Add(time.Duration(i) * time.Second)
	at := func(n int) time.Time {
		return created.Add(time.Duration(n)*29*time.Hour + time.Duration(i%977)*time.Millisecond)
	}
	project := "PROJ" + strconv.Itoa(i%40)
	return ticket.Ticket{
		ID: ticket.ID{Connector: "acme", UID: uid}, Key: project + "-" + strconv.Itoa(i),
		Title: "As a customer I want to pay with my card number " + strconv.Itoa(i),
		Type:  []string{"Bug", "Story", "Task"}[i%3], Priority: "Medium", Components: []string{"backend"},
		Labels: []string{"goal-checkout", "label-" + strconv.Itoa(i%300)}, Project: project,
		Status: "Done", State: ticket.StateDone, Estimate: ticket.Points{Set: true, Micros: 3e6},
		Parent: strconv.Itoa(10000 + i/10), Created: created, Updated: at(6),
		Changes: []ticket.Change{
			{At: at(1), Field: ticket.FieldLabel, To: "goal-checkout"},
			{At: at(2), Field: ticket.FieldState, From: "To Do", To: "In Progress", FromState: ticket.StateTodo, ToState: ticket.StateActive},
			{At: at(3), Field: ticket.FieldTouch},
			{At: at(4), Field: ticket.FieldEstimate, ToPoints: ticket.Points{Set: true, Micros: 3e6}},
			{At: at(5), Field: ticket.FieldState, From: "In Progress", To: "In Review", FromState: ticket.StateActive, ToState: ticket.StateActive},
			{At: at(6), Field: ticket.FieldState, From: "In Review", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone},
		},
	}
}

// uuid spreads i over the whole range of keys, as random ids do.
func uuid(i int) string {
	a := uint64(i+1) * 0x9e3779b97f4a7c15
	b := (a ^ a>>29) * 0xbf58476d1ce4e5b9
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

func number(i int) string { return strconv.Itoa(10000 + i) }

func fill(b testing.TB, s store.Store, n int, uid func(int) string) {
	const page = 1000
	for from := 0; from < n; from += page {
		batch := store.Batch{Connector: "acme"}
		for i := from; i < min(n, from+page); i++ {
			batch.Tickets = append(batch.Tickets, fact(i, uid(i)))
		}
		if _, err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// tickets is how many tickets the benchmarks of reading use: 100,000, or
// ALIGND_BENCH_TICKETS.
func tickets(b *testing.B) int {
	if text := os.Getenv("ALIGND_BENCH_TICKETS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	return 100_000
}

func BenchmarkTickets(b *testing.B) {
	for name, uid := range map[string]func(int) string{"numbers": number, "uuids": uuid} {
		b.Run(name, func(b *testing.B) {
			n := tickets(b)
			path := filepath.Join(b.TempDir(), "a.db")
			s := open(b, path)
			start := time.Now()
			fill(b, s, n, uid)
			b.Logf("filled in %s", time.Since(start))
			size, err := s.Size(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			start = time.Now()
			s = open(b, path)
			b.Logf("opened in %s", time.Since(start))
			b.ReportAllocs()
			for b.Loop() {
				seen := 0
				err := s.View(b.Context(), func(v store.View) error {
					for range v.Tickets() {
						seen++
					}
					return nil
				})
				if err != nil || seen != n {
					b.Fatal(seen, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/ticket")
			b.ReportMetric(float64(size)/float64(n), "B-file/ticket")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "a.db"))
	const page = 1000
	for i := 0; b.Loop(); i++ {
		batch := store.Batch{Connector: "acme"}
		for j := range page {
			batch.Tickets = append(batch.Tickets, fact(i*page+j, number(i*page+j)))
		}
		if _, err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*page), "ns/ticket")
}

func open(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
