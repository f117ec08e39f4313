package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/metrics"
	"alignd/store"
	"alignd/web"
)

const testLease = 15 * time.Second

// board is what replicas share: facts, leases and signs of life.
type board struct {
	t     *testing.T
	facts store.Store

	mu      sync.Mutex
	leases  map[string]*boardLease
	alive   map[string]time.Time
	batches int
	grants  int // epochs so far
}

type boardLease struct {
	holder string
	epoch  int64
	until  time.Time
}

func newBoard(t *testing.T) *board {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "alignd.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return &board{t: t, facts: st, leases: map[string]*boardLease{}, alive: map[string]time.Time{}}
}

var errAway = errors.New("connection refused")

// seat is the board as one replica sees it.
type seat struct {
	store.Store
	*board
	name string
	away bool // guarded by board.mu
	seen int
}

func (s *seat) Acquire(_ context.Context, connector string, ttl time.Duration) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[connector]
	if l == nil {
		l = &boardLease{}
		s.leases[connector] = l
	}
	switch now := time.Now(); {
	case s.away:
		return 0, errAway
	case l.holder != "" && l.holder != s.name && l.until.After(now):
		return 0, store.ErrHeld
	case l.holder != s.name:
		s.grants++
		l.holder, l.epoch = s.name, l.epoch+1
	}
	l.until = time.Now().Add(ttl)
	return l.epoch, nil
}

func (s *seat) Release(_ context.Context, connector string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	if l := s.leases[connector]; l != nil && l.holder == s.name {
		l.holder = ""
	}
	return nil
}

func (s *seat) Replicas(_ context.Context, within time.Duration) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return 0, errAway
	}
	s.alive[s.name] = time.Now()
	for _, at := range s.alive {
		if time.Since(at) <= within {
			n++
		}
	}
	return n, nil
}

func (s *seat) Follow(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return false, errAway
	}
	changed := s.batches != s.seen
	s.seen = s.batches
	return changed, nil
}

func (s *seat) Apply(ctx context.Context, b store.Batch) (store.Applied, error) {
	if err := s.mayWrite(b); err != nil {
		return store.Applied{}, err
	}
	return s.facts.Apply(ctx, b)
}

func (s *seat) mayWrite(b store.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches++
	switch l := s.leases[b.Connector]; {
	case s.away:
		return errAway
	case l == nil || l.holder != s.name || l.epoch != b.Epoch:
		return store.ErrLeaseLost
	}
	return nil
}

func (b *board) holders() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[string]string{}
	for name, l := range b.leases {
		if l.holder != "" && l.until.After(time.Now()) {
			found[name] = l.holder
		}
	}
	return found
}

func (b *board) epochs() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.grants
}

// peer is one replica: what Daemon has of it, around fake connectors.
type peer struct {
	*seat
	sharing  *sharing
	pollers  []*poller
	registry *prometheus.Registry
	log      *lockedBuffer
	pages    map[string]int // read by connector
	made     map[string]int // connectors that were made after the first
	page     func(ctx context.Context, connector string, q connectors.Query) (connectors.Page, error)
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// peerConnector is a fake one that several goroutines may use.
type peerConnector struct {
	fakeConnector
	peer *peer
	name string
}

func (c *peerConnector) Page(ctx context.Context, q connectors.Query) (connectors.Page, error) {
	c.peer.mu.Lock()
	c.peer.pages[c.name]++
	c.peer.mu.Unlock()
	return c.peer.page(ctx, c.name, q)
}

func nothingNew(context.Context, string, connectors.Query) (connectors.Page, error) {
	return connectors.Page{Clock: time.Now()}, nil
}

// join starts a replica with these connectors.
func (b *board) join(name string, names ...string) *peer {
	p := &peer{
		seat: &seat{Store: b.facts, board: b, name: name}, registry: prometheus.NewRegistry(), log: &lockedBuffer{},
		pages: map[string]int{}, made: map[string]int{}, page: nothingNew,
	}
	counts := metrics.NewProcess(p.registry)
	logger := slog.New(slog.NewTextHandler(p.log, nil))
	p.sharing = newSharing(p.seat, testLease, counts, logger, func(ctx context.Context) {
		for _, q := range p.pollers {
			q.showShared(ctx)
		}
	})
	p.sharing.configure(len(names))
	for _, n := range names {
		connect := func() (connectors.Connector, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			p.made[n]++
			return &peerConnector{peer: p, name: n}, nil
		}
		p.pollers = append(p.pollers, &poller{
			account: config.Account{
				Common: connectors.Common{Name: n}.WithDefaults(), Kind: "jira", Settings: jira.Config{Projects: []string{"PAY"}},
			},
			connector: &peerConnector{peer: p, name: n}, connect: connect, store: p.seat, counts: counts,
			zone: func(string, string) *time.Location { return time.UTC }, changed: func() {}, logger: logger,
			memory: newMemory(), sharing: p.sharing, status: web.ConnectorStatus{Name: n, Kind: "jira"},
		})
	}
	return p
}

func (p *peer) start() *peer {
	ctx, cancel := context.WithCancel(p.t.Context())
	p.cancel = cancel
	p.sharing.follow(ctx)
	p.running.Go(func() { p.sharing.run(ctx) })
	for _, q := range p.pollers {
		p.running.Go(func() { q.lead(ctx) })
	}
	return p
}

func (p *peer) stop() {
	p.cancel()
	p.running.Wait()
}

// setAway cuts the replica off from the board, or ends that.
func (p *peer) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

func (p *peer) reads(connector string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pages[connector]
}

func some(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	return names
}

// load counts the connectors of each holder.
func (b *board) load() map[string]int {
	n := map[string]int{}
	for _, holder := range b.holders() {
		n[holder]++
	}
	return n
}

func TestConnectorsAreDivided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		names := some(7)
		first := b.join("a", names...).start()
		defer first.stop()
		time.Sleep(time.Second)
		if diff := cmp.Diff(map[string]int{"a": 7}, b.load()); diff != "" {
			t.Errorf("alone (-want +got):\n%s", diff)
		}
		for _, name := range []string{"b", "c"} {
			defer b.join(name, names...).start().stop()
		}
		time.Sleep(10 * time.Second)
		load := b.load()
		if load["a"] > 3 || load["b"] > 3 || load["c"] > 3 || load["a"]+load["b"]+load["c"] != 7 {
			t.Errorf("divided as %v", load)
		}
		before := b.epochs()
		time.Sleep(24 * time.Hour)
		if after := b.epochs(); after != before {
			t.Errorf("%d leases changed hands in a calm day", after-before)
		}
	})
}

func TestTakeOverWithinTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		names := some(3)
		peers := map[string]*peer{}
		for _, name := range []string{"a", "b", "c"} {
			peers[name] = b.join(name, names...).start()
			defer peers[name].stop()
		}
		time.Sleep(time.Minute)
		lost := b.holders()["c0"]
		peers[lost].setAway(true)
		died := time.Now()
		const step = 100 * time.Millisecond
		for b.holders()["c0"] == lost || b.holders()["c0"] == "" {
			time.Sleep(step)
		}
		// A step more: what comes at the instant of a look may be seen by the next.
		if took := time.Since(died); took > testLease+2*longestBeat+step {
			t.Errorf("taken over after %s, want %s and two beats", took, testLease)
		}
		read := peers[lost].reads("c0")
		time.Sleep(time.Hour)
		if now := peers[lost].reads("c0"); now != read {
			t.Errorf("who is cut off has read %d pages more", now-read)
		}
		// Who is back does not take away what others read, beyond its part.
		peers[lost].setAway(false)
		time.Sleep(time.Minute)
		before := b.epochs()
		time.Sleep(time.Hour)
		if load := b.load(); len(load) != 3 || b.epochs() != before {
			t.Errorf("divided as %v, and still moving: %t", load, b.epochs() != before)
		}
	})
}

func TestHandOverAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		one := b.join("a", "c0").start()
		other := b.join("b", "c0").start()
		defer other.stop()
		time.Sleep(time.Minute)
		one.stop()
		b.mu.Lock()
		delete(b.alive, "a") // Close says so
		b.mu.Unlock()
		time.Sleep(2*longestBeat + time.Millisecond)
		if diff := cmp.Diff(map[string]string{"c0": "b"}, b.holders()); diff != "" {
			t.Errorf("holders (-want +got):\n%s", diff)
		}
		if other.made["c0"] != 0 {
			t.Errorf("%d connectors were made although the first is unused", other.made["c0"])
		}
	})
}

// Some replica may not know a connector yet. What nobody else wants stays where
// it is, without being offered again and again.
func TestWhatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		knows := b.join("a", some(4)...).start()
		defer knows.stop()
		time.Sleep(time.Minute)
		defer b.join("b").start().stop()
		time.Sleep(5 * time.Minute)
		before := b.epochs()
		time.Sleep(24 * time.Hour)
		if diff := cmp.Diff(map[string]int{"a": 4}, b.load()); diff != "" {
			t.Errorf("held (-want +got):\n%s", diff)
		}
		if after := b.epochs(); after != before {
			t.Errorf("%d leases were given up and taken again in a day", after-before)
		}
	})
}

func TestReadingPausesWhenTheLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		p := b.join("a", "c0")
		p.pollers[0].account.PollInterval = connectors.Duration(time.Second)
		p.start()
		defer p.stop()
		time.Sleep(time.Minute + 500*time.Millisecond)
		p.setAway(true)
		time.Sleep(testLease / 3)
		before := p.reads("c0")
		time.Sleep(2 * time.Second)
		if p.reads("c0") == before {
			t.Error("reading stops before the lease runs out")
		}
		time.Sleep(testLease)
		before = p.reads("c0")
		p.wantLeader(t, "c0", 0)
		if p.sharing.failure.Load() == nil || p.pollers[0].state().Error == "" {
			t.Error("nobody is told that the store is away")
		}
		time.Sleep(time.Hour)
		if now := p.reads("c0"); now != before {
			t.Errorf("%d pages were read without a lease", now-before)
		}
		p.setAway(false)
		time.Sleep(5 * time.Second)
		if p.reads("c0") == before {
			t.Error("reading does not go on")
		}
		if p.made["c0"] != 0 {
			t.Error("what was known of the tracker is forgotten although nobody else has read")
		}
		p.wantLeader(t, "c0", 1)
		if n := strings.Count(p.log.text.String(), "The store cannot be reached"); n != 1 {
			t.Errorf("the log says %d times that the store is away", n)
		}
	})
}

func (p *peer) wantLeader(t *testing.T, connector string, want int) {
	t.Helper()
	text := fmt.Sprintf(`
# HELP alignd_connector_leader Whether this replica is the one that reads the connector.
# TYPE alignd_connector_leader gauge
alignd_connector_leader{connector=%q} %d
# HELP alignd_leader Whether this replica reads any connector.
# TYPE alignd_leader gauge
alignd_leader %d
`, connector, want, want)
	if err := testutil.GatherAndCompare(p.registry, strings.NewReader(text), "alignd_connector_leader", "alignd_leader"); err != nil {
		t.Error(err)
	}
}

// A walk that began under an epoch that is over is given up, and begun again
// at the watermark with a connector that knows nothing.
func TestAnotherEpochBeginsAnew(t *testing.T) {
	for name, write := range map[string]bool{"when the lease is renewed": false, "when a page is written": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBoard(t)
				p := b.join("a", "c0")
				var tokens []string
				p.page = func(ctx context.Context, _ string, q connectors.Query) (connectors.Page, error) {
					tokens = append(tokens, q.Token)
					if len(tokens) != 2 {
						return connectors.Page{Clock: time.Now(), Next: map[bool]string{true: "two"}[len(tokens) == 1]}, nil
					}
					b.mu.Lock()
					b.leases["c0"].epoch++
					b.mu.Unlock()
					if write {
						return connectors.Page{Clock: time.Now()}, nil
					}
					<-ctx.Done()
					return connectors.Page{}, ctx.Err()
				}
				p.start()
				defer p.stop()
				time.Sleep(testLease)
				p.mu.Lock()
				defer p.mu.Unlock()
				if diff := cmp.Diff([]string{"", "two", ""}, tokens); diff != "" {
					t.Errorf("pages asked for (-want +got):\n%s", diff)
				}
				if p.made["c0"] != 1 {
					t.Errorf("%d connectors were made, want 1", p.made["c0"])
				}
				if strings.Contains(p.log.text.String(), "ERROR") {
					t.Errorf("a lost lease is no error:\n%s", p.log.text.String())
				}
			})
		})
	}
}

func TestWhoDoesNotReadShowsWhatOthersRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		reader := b.join("a", "c0").start()
		defer reader.stop()
		time.Sleep(time.Second)
		other := b.join("b", "c0").start()
		defer other.stop()
		time.Sleep(10 * time.Minute)
		want, got := reader.pollers[0].state(), other.pollers[0].state()
		if !got.Elsewhere || want.Elsewhere || got.Watermark.IsZero() || !got.Watermark.Equal(want.Watermark) {
			t.Errorf("the reader shows %+v, the other %+v", want, got)
		}
		other.wantLeader(t, "c0", 0)
		if other.reads("c0") != 0 {
			t.Error("both read")
		}
		for _, series := range []string{"alignd_sync_last_success_timestamp_seconds", "alignd_connector_authenticated"} {
			if n, err := testutil.GatherAndCount(other.registry, series); n != 0 || err != nil {
				t.Errorf("%d series of %s, error %v", n, series, err)
			}
		}
	})
}

// A first walk may take hours. It is not given up because another replica has
// nothing to do.
func TestWalksAreNotGivenUpForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		busy := b.join("a", "c0", "c1")
		release := make(chan struct{})
		busy.page = func(ctx context.Context, name string, q connectors.Query) (connectors.Page, error) {
			select {
			case <-release:
			case <-ctx.Done():
				return connectors.Page{}, ctx.Err()
			}
			return nothingNew(ctx, name, q)
		}
		busy.start()
		defer busy.stop()
		time.Sleep(time.Second)
		defer b.join("b", "c0", "c1").start().stop()
		time.Sleep(5 * time.Hour)
		if diff := cmp.Diff(map[string]int{"a": 2}, b.load()); diff != "" || b.epochs() != 2 {
			t.Errorf("%d epochs, held (-want +got):\n%s", b.epochs(), diff)
		}
		close(release)
		time.Sleep(5 * time.Second)
		if diff := cmp.Diff(map[string]int{"a": 1, "b": 1}, b.load()); diff != "" {
			t.Errorf("held after the walks (-want +got):\n%s", diff)
		}
	})
}

// Whatever fails, each connector is read by at most one replica at a time, and
// by one when all is well again.
func TestSharingInTrouble(t *testing.T) {
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			b := newBoard(t)
			names := some(1 + seed%5)
			var peers []*peer
			for _, name := range []string{"a", "b", "c"} {
				p := b.join(name, names...).start()
				defer p.stop()
				peers = append(peers, p)
			}
			for step := range 40 {
				p := peers[(seed*7+step*5)%3]
				p.setAway(true)
				time.Sleep(time.Duration((seed*31+step*17)%60) * time.Second)
				p.setAway(false)
				time.Sleep(time.Duration((seed*13+step*29)%30) * time.Second)
			}
			time.Sleep(2 * time.Minute)
			holders := b.holders()
			for _, n := range names {
				leaders := slices.DeleteFunc(slices.Clone(peers), func(p *peer) bool { return p.leads(n) == 0 })
				if len(leaders) != 1 || leaders[0].name != holders[n] {
					t.Errorf("seed %d: %s is held by %q and read by %d", seed, n, holders[n], len(leaders))
				}
			}
		})
	}
}

// leads returns what the metric says.
func (p *peer) leads(connector string) (value float64) {
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Error(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "alignd_connector_leader" && m.GetLabel()[0].GetValue() == connector {
				value = m.GetGauge().GetValue()
			}
		}
	}
	return value
}

func TestAcceptingAtTheWrongReplica(t *testing.T) {
	b := newBoard(t)
	p := b.join("a", "c0")
	d := &Daemon{opts: Options{EnableLifecycle: true}, logger: slog.New(slog.DiscardHandler), pollers: p.pollers}
	p.pollers[0].update(func(s *web.ConnectorStatus) { s.Elsewhere, s.ScopeShrank = true, true })
	answer := httptest.NewRecorder()
	d.acceptOverHTTP(answer, httptest.NewRequest(http.MethodPost, "/-/accept?connector=c0", nil))
	if answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "Another replica reads c0") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if p.pollers[0].isAccepted() {
		t.Error("it is accepted where nobody counts")
	}
}
