package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"alignd/sandbox"
)

// firm is a company that works on while replicas have a bad time. Its
// trackers have a clock of their own.
type firm struct {
	t       *testing.T
	random  *rand.Rand
	world   *sandbox.World
	server  *sandbox.Server
	seconds atomic.Int64
	keys    []string
	ids     []string
	deleted int
}

var firmConnectors = []string{"acme", "acme-billing", "acme-linear"}

func newFirm(t *testing.T, random *rand.Rand) *firm {
	t.Helper()
	o := &firm{t: t, random: random}
	o.seconds.Store(time.Date(2026, 5, 12, 9, 0, 0, 0, time.UTC).Unix())
	o.world = sandbox.NewWorld(o.now)
	o.world.Jira.AddProject(sandbox.NewProject{Key: "PAY", Name: "Payments"})
	o.world.Jira.AddProject(sandbox.NewProject{Key: "BILL", Name: "Billing"})
	o.world.Linear.AddTeam("PLT", "Platform", "Europe/Berlin")
	o.world.Linear.AddLabelDefinition("goal-checkout")
	// Nobody touches or deletes these, so that each team always has shares.
	for _, project := range []string{"PAY", "BILL"} {
		key := o.world.Jira.CreateIssue(o.now(), sandbox.NewIssue{Project: project, Title: "Kept"})
		o.world.Jira.Transition(o.now(), key, "In Progress")
	}
	o.world.Linear.CreateIssue(o.now(), sandbox.NewLinearIssue{Team: "PLT", Title: "Kept", State: "In Progress"})
	for range 60 {
		o.create()
		o.seconds.Add(6 * 3600)
		o.work()
	}
	var err error
	if o.server, err = sandbox.Start(o.world, sandbox.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.server.Close() })
	// So that what goes wrong does so in the middle of a walk, mostly.
	o.server.SetFaults(sandbox.Faults{
		HTTP: []sandbox.Fault{{Kind: sandbox.Slow, Delay: 150 * time.Millisecond}},
		Jira: sandbox.JiraFaults{ShortPages: true, ChangePages: 5},
	})
	return o
}

func (o *firm) now() time.Time { return time.Unix(o.seconds.Load(), 0).UTC() }

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

func (o *firm) create() {
	var labels []string
	if o.random.IntN(2) == 0 {
		labels = []string{"goal-checkout"}
	}
	if o.random.IntN(3) == 0 {
		o.ids = append(o.ids, o.world.Linear.CreateIssue(o.now(), sandbox.NewLinearIssue{Team: "PLT", Title: "Issue", Labels: labels, State: "In Progress"}))
		return
	}
	project := pick(o.random, []string{"PAY", "BILL"})
	o.keys = append(o.keys, o.world.Jira.CreateIssue(o.now(), sandbox.NewIssue{Project: project, Title: "Story", Labels: labels}))
}

// work changes one ticket.
func (o *firm) work() {
	at, jira, linear := o.now(), o.world.Jira, o.world.Linear
	if len(o.keys) == 0 || len(o.ids) == 0 {
		return
	}
	key, id := pick(o.random, o.keys), pick(o.random, o.ids)
	switch o.random.IntN(8) {
	case 0, 1:
		jira.Transition(at, key, pick(o.random, []string{"In Progress", "Done", "To Do"}))
	case 2:
		jira.AddLabel(at, key, pick(o.random, []string{"goal-checkout", "incident"}))
	case 3:
		jira.RemoveLabel(at, key, "goal-checkout")
	case 4, 5:
		linear.Transition(at, id, pick(o.random, []string{"In Progress", "Done", "Todo"}))
	case 6:
		linear.AddLabel(at, id, "goal-checkout")
	default:
		points := float64(1 + o.random.IntN(8))
		jira.Estimate(at, key, &points)
	}
}

// act lets a little time pass and things happen.
func (o *firm) act() {
	for range 1 + o.random.IntN(4) {
		o.seconds.Add(int64(1 + o.random.IntN(1800)))
		if o.random.IntN(4) == 0 {
			o.create()
		}
		o.work()
	}
	// What is deleted needs two counts to leave. More than ten at once would
	// have to be accepted.
	if o.deleted < 8 && o.random.IntN(12) == 0 {
		at := o.random.IntN(len(o.keys))
		o.world.Jira.Delete(o.keys[at])
		o.keys = append(o.keys[:at], o.keys[at+1:]...)
		o.deleted++
	}
}

const firmMapping = `
period: {name: 2026-Q2, from: 2026-04-01, to: 2026-06-30}
teams:
  - {id: payments, owns: {acme: [PAY]}, time_zone: America/New_York}
  - {id: billing, owns: {acme-billing: [BILL]}, time_zone: Asia/Kolkata}
  - {id: platform, owns: {acme-linear: [PLT]}, time_zone: Europe/Berlin}
goals:
  - {id: checkout, name: Checkout in under a minute, target: 50%}
reasons:
  - {id: incident, name: Incident}
rules:
  - {name: by label, when: {labels: {any: [goal-checkout]}}, goal: checkout}
  - {name: incidents come first, when: {labels: {any: [incident]}}, reason: incident, override: true}
`

const firmLease = 1200 * time.Millisecond

// install writes the files of an alignd with this store, and returns the path
// of its configuration.
func (o *firm) install(store string) string {
	o.t.Helper()
	dir := o.t.TempDir()
	jira := func(name, project string) string {
		return fmt.Sprintf("{name: %s, url: %q, auth: {email: %q, token_file: jira-token}, projects: [%s], %s}",
			name, o.server.JiraURL, sandbox.JiraEmail, project, firmReading)
	}
	for name, content := range map[string]string{
		"jira-token": sandbox.JiraToken, "linear-key": sandbox.LinearAPIKey, "mapping.yml": firmMapping,
		"alignd.yml": fmt.Sprintf(`
stale_after: 200000h
store: %s
connectors:
  jira:
    - %s
    - %s
  linear:
    - {name: acme-linear, url: %q, auth: {api_key_file: linear-key}, teams: [PLT], %s}
`, store, jira("acme", "PAY"), jira("acme-billing", "BILL"), o.server.LinearURL, firmReading),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "alignd.yml")
}

const firmReading = "poll_interval: 1s, census_interval: 3s, overlap: 1s, requests_per_second: 100000"
