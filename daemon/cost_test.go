package daemon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/metrics"
	"alignd/sandbox"
	"alignd/store"
)

// price is what something costs the tracker. Points are Jira's hourly quota:
// one for a request and one for each issue in its answer.
type price struct{ requests, points int }

// till counts the requests to a sandbox.
type till struct {
	mu  sync.Mutex
	sum price
}

func (c *till) ring(e sandbox.Exchange) {
	var answer struct {
		Issues, IssueChangeLogs []json.RawMessage
	}
	_ = json.Unmarshal(e.ResponseBody, &answer) // lists of fields and statuses are no issues
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.requests++
	c.sum.points += 1 + len(answer.Issues) + len(answer.IssueChangeLogs)
}

// of returns what a step costs.
func (c *till) of(t testing.TB, step func() error) price {
	t.Helper()
	c.mu.Lock()
	c.sum = price{}
	c.mu.Unlock()
	if err := step(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

// shop is a tracker with a poller and a till.
type shop struct {
	*poller
	till   *till
	world  *sandbox.World
	keys   []string                       // of all tickets
	change func(at time.Time, ref string) // touches a ticket
}

const shopProjects = 20

// newShop opens a shop of a kind with n tickets in 20 projects or teams,
// which all changed once, before today.
func newShop(t testing.TB, kind string, n int) *shop {
	t.Helper()
	world, c := sandbox.NewWorld(nil), &till{}
	s := &shop{till: c, world: world, change: world.Jira.Touch}
	if kind == "linear" {
		s.change = world.Linear.Touch
	}
	var names []string
	for i := range shopProjects {
		name := fmt.Sprintf("P%02d", i)
		names = append(names, name)
		if kind == "jira" {
			world.Jira.AddProject(sandbox.NewProject{Key: name, Name: name})
		} else {
			world.Linear.AddTeam(name, name, "UTC")
		}
	}
	past := time.Now().Add(-48 * time.Hour)
	for i := range n {
		at := past.Add(time.Duration(i) * time.Second)
		name := names[i%len(names)]
		if kind == "jira" {
			s.keys = append(s.keys, world.Jira.CreateIssue(at, sandbox.NewIssue{Project: name, Title: "Something"}))
		} else {
			s.keys = append(s.keys, world.Linear.CreateIssue(at, sandbox.NewLinearIssue{Team: name, Title: "Something"}))
		}
	}
	for _, key := range s.keys {
		s.change(past.Add(24*time.Hour), key)
	}
	server, err := sandbox.Start(world, sandbox.Options{Record: c.ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s.poller = shopPoller(t, shopAccount(t, kind, server, names))
	return s
}

func shopAccount(t testing.TB, kind string, server *sandbox.Server, names []string) config.Account {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	text := map[string]string{"jira": sandbox.JiraToken, "linear": sandbox.LinearAPIKey}[kind]
	if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	account := config.Account{Common: connectors.Common{Name: "acme", RequestsPerSecond: 1e6}.WithDefaults(), Kind: kind}
	account.Settings = linear.Config{Common: account.Common, URL: server.LinearURL, Auth: linear.Auth{APIKeyFile: secret}, Teams: names}
	if kind == "jira" {
		account.Settings = jira.Config{
			Common: account.Common, URL: server.JiraURL, Projects: names,
			Auth: jira.Auth{Email: sandbox.JiraEmail, TokenFile: secret},
		}
	}
	return account
}

func shopPoller(t testing.TB, account config.Account) *poller {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "alignd.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	connector, err := newConnector(account, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &poller{
		account: account, connector: connector, store: st, counts: metrics.NewProcess(prometheus.NewRegistry()),
		zone: func(string, string) *time.Location { return time.UTC }, changed: func() {},
		logger: slog.New(slog.DiscardHandler), memory: newMemory(),
	}
}

// under puts the first n tickets under parents of their own that are outside of
// the scope, before today.
func (s *shop) under(n int) {
	past := time.Now().Add(-24 * time.Hour)
	if s.account.Kind == "jira" {
		s.world.Jira.AddProject(sandbox.NewProject{Key: "GOAL", Name: "Goals"})
	} else {
		s.world.Linear.AddTeam("GOAL", "Goals", "UTC")
	}
	for _, key := range s.keys[:n] {
		if s.account.Kind == "jira" {
			s.world.Jira.SetParent(past, key, s.world.Jira.CreateIssue(past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Goal"}))
		} else {
			s.world.Linear.SetParent(past, key, s.world.Linear.CreateIssue(past, sandbox.NewLinearIssue{Team: "GOAL", Title: "Goal"}))
		}
	}
}

// restart gives the poller a new connector.
func (s *shop) restart(t testing.TB) {
	t.Helper()
	connector, err := newConnector(s.account, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.poller.connector, s.told, s.latest = connector, false, time.Time{}
}

// again reads a seventh, or a thousand, of the known tickets again.
func (s *shop) again(t testing.TB) price {
	t.Helper()
	s.reread = time.Now().Add(-time.Second)
	return s.till.of(t, func() error { return s.rereadPart(t.Context()) })
}

func (s *shop) poll(t testing.TB) price {
	t.Helper()
	return s.till.of(t, func() error { return s.attempt(t.Context()) })
}

// pollAfter has k tickets changed now and polls.
func (s *shop) pollAfter(t testing.TB, k int) price {
	t.Helper()
	for _, key := range s.keys[:k] {
		s.change(time.Now(), key)
	}
	return s.poll(t)
}

func (s *shop) census(t testing.TB) price {
	t.Helper()
	return s.till.of(t, func() error {
		_, err := s.takeCensus(t.Context(), false)
		return err
	})
}

func ceil(n, by int) int { return (n + by - 1) / by }

// What reading costs a tracker, in requests, however many projects and teams
// there are.
func TestCost(t *testing.T) {
	type sum struct {
		what string
		got  price
		most int
	}
	check := func(t *testing.T, sums []sum) {
		for _, s := range sums {
			t.Logf("%-14s %3d requests, at most %3d; %5d points", s.what, s.got.requests, s.most, s.got.points)
			if s.got.requests > s.most {
				t.Errorf("%s: %d requests, want at most %d", s.what, s.got.requests, s.most)
			}
		}
	}
	t.Run("jira", func(t *testing.T) {
		const n = 2345
		s := newShop(t, "jira", n)
		sums := []sum{
			// Besides the tickets: what kind of Jira it is, fields, statuses, and
			// whether it knows us.
			{"first sync", s.poll(t), ceil(n, 100) + ceil(n, 1000) + 4},
			{"idle poll", s.poll(t), 2},
			{"idle poll", s.poll(t), 2},
			{"census", s.census(t), 2 + ceil(n, 5000)},
			{"read again", s.again(t), ceil(ceil(n, 7), 100) + 1},
		}
		for _, k := range []int{1, 100, 250, 1100} {
			sums = append(sums, sum{fmt.Sprintf("%d changed", k), s.pollAfter(t, k), 2 + ceil(k, 100) + ceil(k, 1000)})
		}
		check(t, sums)
	})
	t.Run("linear", func(t *testing.T) {
		const n = 620
		s := newShop(t, "linear", n)
		sums := []sum{
			{"first sync", s.poll(t), ceil(n, 50) + 1},
			{"idle poll", s.poll(t), 2},
			{"idle poll", s.poll(t), 2},
			{"census", s.census(t), 2 + ceil(n, 250)},
			{"read again", s.again(t), 1 + ceil(ceil(n, 7), 50)},
		}
		for _, k := range []int{1, 50, 120} {
			sums = append(sums, sum{fmt.Sprintf("%d changed", k), s.pollAfter(t, k), 1 + ceil(k, 50)})
		}
		check(t, sums)
	})
}

// Parents outside of the scope, which are followed all the same, cost an idle
// poll nothing: not after a census, not after a restart, not by the hour, and
// not if there are more than one query can name.
func TestCostOfParentsOutside(t *testing.T) {
	for kind, n := range map[string]int{"jira": 1300, "linear": 300} {
		t.Run(kind, func(t *testing.T) {
			s := newShop(t, kind, n)
			s.under(n)
			first := s.poll(t)
			// Parents come in bulk.
			if most := map[string]int{"jira": 2*(ceil(n, 100)+ceil(n, 1000)) + 4, "linear": 2*ceil(n, 50) + 1}[kind]; first.requests > most {
				t.Errorf("first sync: %d requests, want at most %d", first.requests, most)
			}
			idle := func(when string) {
				t.Helper()
				for range 3 {
					if got := s.poll(t); got.requests > 2 {
						t.Errorf("%s: %d requests of an idle poll, want at most 2", when, got.requests)
					}
				}
			}
			idle("at first")
			count := map[string]int{"jira": ceil(n, 5000), "linear": ceil(n, 250)}[kind]
			look := map[string]int{"jira": ceil(n, 100) + ceil(n, 1000) + ceil(n, 50), "linear": 2 + ceil(n, 50)}[kind]
			if got := s.census(t); got.requests > count+look {
				t.Errorf("census: %d requests, want at most %d", got.requests, count+look)
			}
			idle("after a census")
			s.restart(t)
			// What the site is, its fields, its statuses.
			if got, most := s.poll(t), map[string]int{"jira": 2 + 3, "linear": 2}[kind]; got.requests > most {
				t.Errorf("after a restart: %d requests, want at most %d", got.requests, most)
			}
			idle("after a restart")
			s.till.of(t, func() error { s.change(time.Now(), s.keys[0]); return nil })
			if got := s.poll(t); got.requests > 4 {
				t.Errorf("one change: %d requests, want at most 4", got.requests)
			}
		})
	}
}

// BenchmarkCost reports requests and points of Jira's quota: of a first sync
// and a census per 1,000 tickets, of a poll as it is. Time does not matter.
func BenchmarkCost(b *testing.B) {
	const n = 4000
	for _, kind := range []string{"jira", "linear"} {
		steps := []struct {
			name string
			per  float64
			take func(s *shop) price
		}{
			{"first sync per 1000", n / 1000, func(s *shop) price { return s.poll(b) }},
			{"idle poll", 1, func(s *shop) price { return s.poll(b) }},
			{"census per 1000", n / 1000, func(s *shop) price { return s.census(b) }},
			{"reading again per 1000", 4.0 / 7, func(s *shop) price { return s.again(b) }},
			{"1 changed", 1, func(s *shop) price { return s.pollAfter(b, 1) }},
			{"1000 changed", 1, func(s *shop) price { return s.pollAfter(b, 1000) }},
		}
		s := newShop(b, kind, n)
		for _, step := range steps {
			cost := step.take(s)
			b.Run(kind+"/"+step.name, func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(cost.requests)/step.per, "requests")
				if kind == "jira" {
					b.ReportMetric(float64(cost.points)/step.per, "points")
				}
			})
		}
	}
}
