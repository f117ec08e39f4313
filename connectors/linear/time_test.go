package linear_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/connectors"
	"alignd/connectors/linear"
	"alignd/sandbox"
	"alignd/ticket"
)

// replica is what somebody knows who keeps reading what has changed.
type replica struct {
	conn      *linear.Connector
	watermark time.Time
	tickets   map[string]ticket.Ticket
}

func (r *replica) poll(t *testing.T) {
	t.Helper()
	var first time.Time
	for _, page := range walk(t, r.conn, r.watermark) {
		if first.IsZero() {
			first = page.Clock
		}
		for _, tk := range page.Tickets {
			if old, ok := r.tickets[tk.ID.UID]; ok {
				tk = ticket.Merge(old, tk)
			}
			r.tickets[tk.ID.UID] = tk
		}
	}
	if mark := first.Add(-connectors.DefaultOverlap); mark.After(r.watermark) {
		r.watermark = mark
	}
}

// facts are the tickets without mere signs of life: who follows sees more of
// them than a whole walk, which knows the last "updated" only.
func facts(tickets map[string]ticket.Ticket) map[string]ticket.Ticket {
	bare := map[string]ticket.Ticket{}
	for uid, tk := range tickets {
		tk = tk.Clone()
		tk.Changes = slices.DeleteFunc(tk.Changes, func(c ticket.Change) bool { return c.Field == ticket.FieldTouch })
		bare[uid] = tk
	}
	return bare
}

// However the clocks stand and whatever changes while pages are read, who
// reads what has changed knows in the end what a whole walk says.
func TestTime(t *testing.T) {
	skipIfShort(t)
	now := time.Now()
	for name, start := range map[string]time.Time{
		"same clock":             now,
		"tracker an hour ahead":  now.Add(time.Hour),
		"tracker an hour behind": now.Add(-time.Hour),
		"fold in Berlin":         time.Date(2026, 10, 25, 0, 20, 0, 0, time.UTC),
		"fold in New York":       time.Date(2026, 11, 1, 5, 20, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				follow(t, start, rand.New(rand.NewPCG(seed, 9)))
			}
		})
	}
}

func follow(t *testing.T, start time.Time, r *rand.Rand) {
	var ahead atomic.Int64 // of the tracker's clock
	ahead.Store(int64(time.Until(start)))
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	world := sandbox.NewWorld(clock)
	world.Linear.AddTeam("PLT", "Platform", "Europe/Berlin")
	var keys []string
	for range 120 {
		keys = append(keys, world.Linear.CreateIssue(clock().Add(-time.Hour), sandbox.NewLinearIssue{Team: "PLT", Title: "x"}))
	}
	for i := range 8 {
		world.Linear.AddLabel(clock().Add(-time.Hour), keys[0], fmt.Sprint("l", i))
	}
	work := func() {
		at := clock()
		switch key := keys[r.IntN(len(keys))]; r.IntN(5) {
		case 0:
			keys = append(keys, world.Linear.CreateIssue(at, sandbox.NewLinearIssue{Team: "PLT", Title: "new"}))
		case 1:
			world.Linear.AddLabel(at, key, fmt.Sprint("l", r.IntN(3)))
		case 2:
			world.Linear.RemoveLabel(at, key, fmt.Sprint("l", r.IntN(3)))
		case 3:
			world.Linear.Transition(at, key, []string{"Todo", "In Progress", "Done"}[r.IntN(3)])
		default: // one instant for more than a page
			label := fmt.Sprint("l", 3+r.IntN(5))
			for range 70 {
				world.Linear.AddLabel(at, keys[r.IntN(len(keys))], label)
			}
		}
	}
	var quiet atomic.Bool
	server, err := sandbox.Start(world, sandbox.Options{Record: func(sandbox.Exchange) {
		if !quiet.Load() && r.IntN(3) == 0 {
			work()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	cfg := linear.Config{
		Common: connectors.Common{Name: "acme-linear", RequestsPerSecond: 1000}, URL: server.LinearURL, Teams: []string{"PLT"},
		Auth: linear.Auth{APIKeyFile: secretFile(t, sandbox.LinearAPIKey)},
	}
	connect := func() *replica {
		conn, err := linear.New(cfg, connectors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return &replica{conn: conn, tickets: map[string]ticket.Ticket{}}
	}
	follower := connect()
	for range 15 {
		for range r.IntN(3) {
			work()
			ahead.Add(int64(r.IntN(20_000)) * int64(time.Millisecond))
		}
		ahead.Add(int64(r.IntN(120)) * int64(time.Second))
		follower.poll(t)
	}
	quiet.Store(true)
	ahead.Add(int64(time.Minute))
	follower.poll(t)
	whole := connect()
	whole.poll(t)
	if diff := cmp.Diff(facts(whole.tickets), facts(follower.tickets), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("tickets (-whole walk +what was followed):\n%.3000s", diff)
	}
}
