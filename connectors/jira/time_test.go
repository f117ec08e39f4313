package jira_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// replica is what somebody knows who keeps reading what has changed.
type replica struct {
	conn      *jira.Connector
	overlap   time.Duration
	watermark time.Time
	tickets   map[string]ticket.Ticket
}

func (r *replica) poll(t *testing.T) {
	t.Helper()
	var first time.Time
	for q := (connectors.Query{Since: r.watermark}); ; {
		page, err := r.conn.Page(t.Context(), q)
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		if first.IsZero() {
			first = page.Clock
		}
		for _, tk := range page.Tickets {
			if old, ok := r.tickets[tk.ID.UID]; ok {
				tk = ticket.Merge(old, tk)
			}
			r.tickets[tk.ID.UID] = tk
		}
		if q.Token = page.Next; q.Token == "" {
			break
		}
	}
	if mark := first.Add(-r.overlap); mark.After(r.watermark) {
		r.watermark = mark
	}
}

// office is a site whose people work while it is read.
type office struct {
	*rand.Rand
	site *sandbox.Site
	now  func() time.Time
	keys []string
}

func (o *office) any() string { return o.keys[o.IntN(len(o.keys))] }

func (o *office) work() {
	at := o.now()
	switch key := o.any(); o.IntN(6) {
	case 0:
		o.keys = append(o.keys, o.site.CreateIssue(at, sandbox.NewIssue{Project: "PAY", Title: "new"}))
	case 1:
		o.site.AddLabel(at, key, fmt.Sprint("l", o.IntN(3)))
	case 2:
		o.site.RemoveLabel(at, key, fmt.Sprint("l", o.IntN(3)))
	case 3:
		o.site.Transition(at, key, []string{"To Do", "In Progress", "Done"}[o.IntN(3)])
	case 4:
		o.site.Touch(at, key)
	default: // a bulk edit: one instant for many
		label := fmt.Sprint("bulk", o.IntN(5))
		for range 25 {
			o.site.AddLabel(at, o.any(), label)
		}
	}
}

type timeCase struct {
	start      time.Time // on the tracker's clock
	site, user string    // zones
	habits     sandbox.JiraFaults
}

// However clocks, zones and the index behave, who reads what has changed knows
// in the end what a whole walk says: nothing is lost, nothing counted twice.
func TestTime(t *testing.T) {
	skipIfShort(t)
	now := time.Now()
	for name, tc := range map[string]timeCase{
		"tracker an hour ahead":        {start: now.Add(time.Hour), site: "UTC", user: "UTC"},
		"tracker an hour behind":       {start: now.Add(-time.Hour), site: "UTC", user: "UTC"},
		"fold in Berlin":               {start: time.Date(2026, 10, 25, 0, 20, 0, 0, time.UTC), site: "Europe/Berlin", user: "Europe/Berlin"},
		"fold in Berlin, seen from NY": {start: time.Date(2026, 10, 25, 0, 20, 0, 0, time.UTC), site: "Europe/Berlin", user: "America/New_York"},
		"fold in New York":             {start: time.Date(2026, 11, 1, 5, 20, 0, 0, time.UTC), site: "America/New_York", user: "America/New_York"},
		"fold of the account":          {start: time.Date(2026, 11, 1, 5, 20, 0, 0, time.UTC), site: "Asia/Kolkata", user: "America/New_York"},
		"gap in Berlin":                {start: time.Date(2026, 3, 29, 0, 20, 0, 0, time.UTC), site: "Europe/Berlin", user: "Pacific/Auckland"},
		"index four minutes late":      {start: now, site: "UTC", user: "Asia/Tokyo", habits: sandbox.JiraFaults{IndexLag: 4 * time.Minute}},
		"search not monotonic":         {start: now, site: "UTC", user: "Asia/Tokyo", habits: sandbox.JiraFaults{Flicker: true}},
		"late and not monotonic":       {start: now, site: "Asia/Tokyo", user: "UTC", habits: sandbox.JiraFaults{Flicker: true, IndexLag: 2 * time.Minute}},
	} {
		for _, deployment := range []jira.Deployment{jira.Cloud, jira.DataCenter} {
			t.Run(name+" "+string(deployment), func(t *testing.T) {
				for seed := range uint64(2) {
					follow(t, rand.New(rand.NewPCG(seed, 7)), deployment, tc)
				}
			})
		}
	}
}

// follow lets people work on a site while it is read.
func follow(t *testing.T, r *rand.Rand, deployment jira.Deployment, tc timeCase) {
	t.Helper()
	var ahead atomic.Int64 // of the tracker's clock
	var quiet atomic.Bool
	ahead.Store(int64(time.Until(tc.start)))
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	world := sandbox.NewWorld(clock)
	world.Jira.SetZones(tc.site, tc.user)
	world.Jira.AddProject(sandbox.NewProject{Key: "PAY", Name: "PAY"})
	o := &office{Rand: r, site: world.Jira, now: clock}
	for range 60 {
		o.keys = append(o.keys, world.Jira.CreateIssue(clock().Add(-time.Hour), sandbox.NewIssue{Project: "PAY", Title: "x"}))
	}
	server, err := sandbox.Start(world, sandbox.Options{Record: func(x sandbox.Exchange) {
		if x.Endpoint == "search" && !quiet.Load() && o.IntN(3) == 0 {
			o.work()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	cfg := config(server.JiraURL)
	cfg.Auth.Email = sandbox.JiraEmail
	t.Setenv("JIRA_TOKEN", sandbox.JiraToken)
	if deployment == jira.DataCenter {
		cfg = dataCenter(t, server, cfg)
	}
	follower := &replica{conn: newSandboxConnector(t, cfg), overlap: connectors.DefaultOverlap, tickets: map[string]ticket.Ticket{}}
	follower.poll(t) // what a first walk misses, only a census can find
	habits := tc.habits
	habits.ShortPages, habits.MaxResults = true, 10
	server.SetFaults(sandbox.Faults{Jira: habits})
	for range 25 {
		for range o.IntN(3) {
			o.work()
			ahead.Add(int64(o.IntN(20_000)) * int64(time.Millisecond))
		}
		ahead.Add(int64(o.IntN(120)) * int64(time.Second))
		follower.poll(t)
	}
	quiet.Store(true)
	for range 4 {
		ahead.Add(int64(2 * time.Minute))
		follower.poll(t)
	}
	server.SetFaults(sandbox.Faults{})
	want := walkSandbox(t, cfg, time.Time{})
	if diff := cmp.Diff(want, follower.tickets, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("tickets (-whole walk +what was followed):\n%.3000s", diff)
	}
}
