package daemon

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

// metered is a shop whose tracker has an hourly budget, and a clock that the
// test sets.
type metered struct {
	*shop
	server  *sandbox.Server
	forward atomic.Int64 // how far the tracker's clock was set forward
	stops   int
}

// budget is what a tracker allows in an hour, in points of its own.
type budget struct {
	kind     string
	tickets  int
	points   int
	noRetry  bool // refusals tell the reset, and no Retry-After
	repeated int  // requests that an interruption costs at most
}

func newMetered(t *testing.T, b budget) *metered {
	t.Helper()
	m := &metered{shop: newShop(t, b.kind, b.tickets)}
	began := time.Now()
	hour := began.Truncate(time.Hour).Add(time.Minute) // so that no refusal is short
	m.world.SetClock(func() time.Time { return hour.Add(time.Since(began)).Add(time.Duration(m.forward.Load())) })
	var err error
	if m.server, err = sandbox.Start(m.world, sandbox.Options{Record: m.till.ring, LinearComplexity: b.points}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.server.Close() })
	m.limit(b)
	m.poller = shopPoller(t, shopAccount(t, b.kind, m.server, m.names()))
	return m
}

func (m *metered) names() (names []string) {
	for i := range shopProjects {
		names = append(names, fmt.Sprintf("P%02d", i))
	}
	return names
}

func (m *metered) limit(b budget) {
	m.server.SetFaults(sandbox.Faults{
		Jira:   sandbox.JiraFaults{PointsPerHour: b.points, NoRetryAfter: b.noRetry},
		Linear: sandbox.LinearFaults{EnforceLimits: true},
	})
}

// finish has the poller try again after each pause until its walk is done.
func (m *metered) finish(t *testing.T, meanwhile func(stop int)) price {
	t.Helper()
	m.stops = 0
	return m.till.of(t, func() error {
		for {
			err := m.attempt(t.Context())
			if err == nil {
				return nil
			}
			pause := m.pause(err, 1)
			if pause < 5*time.Minute {
				return fmt.Errorf("after %s is to be asked again: %w", pause, err)
			}
			if m.stops++; m.stops > 20 {
				return fmt.Errorf("no end: %w", err)
			}
			m.forward.Add(int64(pause))
			meanwhile(m.stops)
		}
	})
}

// tickets returns what is known, by id.
func (m *metered) tickets(t *testing.T, p *poller) map[string]ticket.Ticket {
	t.Helper()
	all := map[string]ticket.Ticket{}
	err := p.store.View(t.Context(), func(v store.View) error {
		for tk := range v.Tickets() {
			all[tk.ID.UID] = *tk
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// truth is what somebody learns who reads everything at once, now.
func (m *metered) truth(t *testing.T) map[string]ticket.Ticket {
	t.Helper()
	m.server.SetFaults(sandbox.Faults{})
	fresh := shopPoller(t, shopAccount(t, m.account.Kind, m.server, m.names()))
	if err := fresh.attempt(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m.tickets(t, fresh)
}

// edit changes a ticket that was read, one that was not, and adds one.
func (m *metered) edit(stop int) {
	at := m.world.Now()
	for _, key := range []string{m.keys[stop], m.keys[len(m.keys)-stop]} {
		if m.account.Kind == "jira" {
			m.world.Jira.SetTitle(at, key, fmt.Sprintf("Edited at stop %d", stop))
			m.world.Jira.AddLabel(at, key, "edited")
		} else {
			m.world.Linear.Estimate(at, key, new(float64(stop)))
		}
	}
	if m.account.Kind == "jira" {
		m.world.Jira.CreateIssue(at, sandbox.NewIssue{Project: "P01", Title: "New"})
	} else {
		m.world.Linear.CreateIssue(at, sandbox.NewLinearIssue{Team: "P01", Title: "New"})
	}
}

// A first walk, and one after a long time, of three times what the tracker
// allows in an hour ends in the fourth hour. It costs the requests that it
// would cost at once, and for each interruption what was read of one page.
// What people do meanwhile is known after the next poll.
func TestWalksAcrossBudgets(t *testing.T) {
	for name, b := range map[string]budget{
		"jira":                     {kind: "jira", tickets: 2500, points: 1700, repeated: 11},
		"jira without Retry-After": {kind: "jira", tickets: 2500, points: 1700, noRetry: true, repeated: 11},
		"linear":                   {kind: "linear", tickets: 620, points: 40_000, repeated: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMetered(t, b)
			usual := map[string]int{"jira": ceil(b.tickets, 100) + ceil(b.tickets, 1000) + 4, "linear": ceil(b.tickets, 50) + 1}[b.kind]
			check := func(what string, got price) {
				t.Helper()
				most := usual + m.stops*b.repeated
				t.Logf("%s: %d requests, at most %d; %d interruptions", what, got.requests, most, m.stops)
				if m.stops < 2 || m.stops > 4 {
					t.Errorf("%s: %d interruptions, want 2 to 4", what, m.stops)
				}
				if got.requests > most {
					t.Errorf("%s: %d requests, want at most %d", what, got.requests, most)
				}
			}
			start := m.world.Now()
			check("first walk", m.finish(t, m.edit))
			_, watermark := (&rig{poller: m.poller}).stored(t)
			if behind := start.Sub(watermark); behind < 0 || behind > 10*time.Minute {
				t.Errorf("the watermark is %s before the start of the walk", behind)
			}
			m.forward.Add(int64(2 * time.Hour))
			m.finish(t, func(int) {})
			if diff := cmp.Diff(m.truth(t), m.tickets(t, m.poller)); diff != "" {
				t.Errorf("after the first walk (-truth +known):\n%s", diff)
			}

			m.limit(b)
			m.forward.Add(int64(30 * 24 * time.Hour))
			for i, key := range m.keys {
				m.change(m.world.Now().Add(-time.Duration(i)*time.Minute), key)
			}
			check("catching up", m.finish(t, m.edit))
			m.forward.Add(int64(2 * time.Hour))
			m.finish(t, func(int) {})
			if diff := cmp.Diff(m.truth(t), m.tickets(t, m.poller)); diff != "" {
				t.Errorf("after catching up (-truth +known):\n%s", diff)
			}
		})
	}
}
