package daemon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"alignd/config"
	"alignd/daemon"
	"alignd/store"
	"alignd/ticket"
)

// benchTickets is the size of the stores in benchmarks: 100,000, or what
// ALIGND_BENCH_TICKETS says.
func benchTickets(b *testing.B) int {
	text := os.Getenv("ALIGND_BENCH_TICKETS")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkResident starts the daemon on a full store whose tracker is down,
// and reports how long it took to be ready and to have looked back, how long a
// refresh takes, the peak of memory, and what is resident afterwards: all in all and
// without the pages of the store file, which the kernel takes back when it
// needs them.
//
// The company: two years of history, six changes a ticket, 10 teams, 20 goals,
// 200 rules.
func BenchmarkResident(b *testing.B) {
	n := benchTickets(b)
	dir := b.TempDir()
	fillStore(b, filepath.Join(dir, "alignd.db"), n)
	writeFile(b, dir, "token", "secret")
	writeFile(b, dir, "mapping.yml", benchMapping(10, 20))
	writeFile(b, dir, "alignd.yml", `
connectors:
  jira:
    - {name: acme, url: "http://127.0.0.1:1", auth: {email: bot@acme.example, token_file: token}, projects: [P0], poll_interval: 1h}
`)
	debug.FreeOSMemory() // what filling the store has left behind
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		b.Logf("the peak includes filling the store: %v", err)
	}
	for b.Loop() {
		cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		d, err := daemon.New(cfg, daemon.Options{ListenAddresses: []string{"127.0.0.1:0"}, EnableLifecycle: true, ConfigFile: filepath.Join(dir, "alignd.yml")})
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		for get(b, d, http.MethodGet, "/-/ready") != http.StatusOK {
			time.Sleep(5 * time.Millisecond)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-ready")
		for d.Snapshot().Review == nil {
			time.Sleep(5 * time.Millisecond)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-review")
		start = time.Now()
		const refreshes = 3
		for range refreshes {
			if code := get(b, d, http.MethodPost, "/-/reload"); code != http.StatusOK {
				b.Fatalf("reload: HTTP %d", code)
			}
		}
		b.ReportMetric(time.Since(start).Seconds()/refreshes, "s/refresh")
		time.Sleep(5 * time.Second) // the runtime hands memory back in the background
		b.ReportMetric(residentBytes(b, "VmRSS")/float64(n), "resident-B/ticket")
		b.ReportMetric(residentBytes(b, "RssAnon")/float64(n), "anonymous-B/ticket")
		b.ReportMetric(residentBytes(b, "VmHWM")/float64(n), "peak-B/ticket")
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}

func get(b *testing.B, d *daemon.Daemon, method, path string) int {
	req, err := http.NewRequestWithContext(b.Context(), method, "http://"+d.Addr()+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func writeFile(b *testing.B, dir, name, text string) {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// residentBytes reads a figure of the kernel's about this process.
func residentBytes(b *testing.B, field string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skipf("resident memory is only known on Linux: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb * 1024
		}
	}
	b.Fatalf("no %s in the status of the process", field)
	return 0
}

func benchMapping(teams, goals int) string {
	var m strings.Builder
	now := time.Now()
	fmt.Fprintf(&m, "period: {name: now, from: %s, to: %s}\nteams:\n", now.AddDate(0, -1, 0).Format(time.DateOnly), now.AddDate(0, 2, 0).Format(time.DateOnly))
	for i := range teams {
		fmt.Fprintf(&m, "  - {id: team%d, owns: {acme: [P%d]}, time_zone: Europe/Berlin, capacity: 5}\n", i, i)
	}
	fmt.Fprintf(&m, "goals:\n")
	for i := range goals {
		fmt.Fprintf(&m, "  - {id: goal%d, name: Goal %d, target: 2%%}\n", i, i)
	}
	fmt.Fprintf(&m, "reasons: [{id: incident, name: Incident}]\nrules:\n")
	for i := range 200 {
		leadsTo := fmt.Sprintf("goal: goal%d", i%goals)
		if i%10 == 9 {
			leadsTo = "reason: incident"
		}
		fmt.Fprintf(&m, "  - {name: rule %d, when: {labels: {any: [label%d]}}, %s}\n", i, i, leadsTo)
	}
	return m.String()
}

// fillStore writes a store as a complete first sync leaves it behind.
func fillStore(b *testing.B, path string, n int) {
	s, err := store.Open(b.Context(), store.Config{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r := rand.New(rand.NewPCG(1, 2))
	end := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	for from := 0; from < n; from += 1000 {
		batch := store.Batch{Connector: "acme"}
		for i := from; i < min(n, from+1000); i++ {
			batch.Tickets = append(batch.Tickets, benchTicket(r, i, n, end))
		}
		if from+1000 >= n {
			batch.Watermark = end
		}
		if _, err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// benchTicket makes the i-th of n tickets: one in fifty is an epic, most
// others hang under one, one in ten under another ticket.
func benchTicket(r *rand.Rand, i, n int, end time.Time) ticket.Ticket {
	uid := func(i int) string { return strconv.Itoa(10000 + i) }
	created := end.Add(-time.Duration(r.Int64N(int64(730 * 24 * time.Hour)))).Truncate(time.Millisecond)
	epics := max(1, n/50)
	project := fmt.Sprintf("P%d", i%10)
	tk := ticket.Ticket{
		ID: ticket.ID{Connector: "acme", UID: uid(i)}, Key: fmt.Sprintf("%s-%d", project, i),
		Title: fmt.Sprintf("As a customer I want to pay with card number %d", i), Type: "Story", Priority: "Medium",
		Project: project, Container: i < epics, Status: "Done", State: ticket.StateDone, Created: created,
		Labels: []string{"backend", fmt.Sprintf("label%d", r.IntN(200))}, Estimate: ticket.Points{Set: true, Micros: 3e6},
	}
	if i >= epics && r.IntN(4) > 0 {
		tk.Parent, tk.Labels = uid(r.IntN(epics)), tk.Labels[:1]
	}
	if i > epics+10 && r.IntN(10) == 0 {
		tk.Parent = uid(epics + r.IntN(i-epics))
	}
	at := created
	change := func(hours int64, c ticket.Change) {
		at = at.Add(time.Duration(1 + r.Int64N(hours*int64(time.Hour)))).Truncate(time.Millisecond)
		c.At = at
		tk.Changes = append(tk.Changes, c)
	}
	change(200, ticket.Change{Field: ticket.FieldState, From: "To Do", To: "In Progress", FromState: ticket.StateTodo, ToState: ticket.StateActive})
	change(24, ticket.Change{Field: ticket.FieldLabel, To: "backend"})
	change(48, ticket.Change{Field: ticket.FieldTouch})
	change(48, ticket.Change{Field: ticket.FieldEstimate, ToPoints: ticket.Points{Set: true, Micros: 3e6}})
	change(24, ticket.Change{Field: ticket.FieldState, From: "In Progress", To: "In Review", FromState: ticket.StateActive, ToState: ticket.StateActive})
	change(96, ticket.Change{Field: ticket.FieldState, From: "In Review", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone})
	tk.Updated = at
	return tk
}
