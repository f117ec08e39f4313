package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
	"alignd/sandbox/ports"
)

var (
	replicaRounds = flag.Int("replicas.rounds", 0, "rounds of trouble for several replicas; 0 means 12, 25 where CI=true, 4 with -short")
	replicaSeed   = flag.Uint64("replicas.seed", 0, "seed of the trouble; 0 takes one at random")
)

// takeOver is how long after the end of a lease somebody else has it.
const takeOver = 5 * time.Second

// trouble is what happens around replicas and their Redis.
type trouble struct {
	t        *testing.T
	random   *rand.Rand
	firm     *firm
	redis    *redisProcess
	witness  *witness
	replicas []*replica
	forgets  bool
	taken    []time.Duration // from the end of a lease to the next epoch
}

// Three replicas are killed, stopped and cut off at random, and so is Redis,
// which keeps what it has or loses it. Whoever is left answers all the time and
// takes over; and in the end everybody shows what one shows that was never
// disturbed.
func TestReplicas(t *testing.T) {
	for name, args := range map[string][]string{
		"Redis keeps":   {"--appendonly", "yes", "--appendfsync", "always"},
		"Redis forgets": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := *replicaSeed
			if seed == 0 {
				seed = rand.Uint64() >> 32
			}
			t.Logf("again: -replicas.seed=%d", seed)
			x := newTrouble(t, seed, args == nil, args...)
			for n := range rounds() {
				x.calm()
				x.round(n)
			}
			x.finish()
		})
	}
}

func rounds() int {
	switch {
	case *replicaRounds > 0:
		return *replicaRounds
	case testing.Short():
		return 4
	case os.Getenv("CI") == "true":
		return 25
	default:
		return 12
	}
}

func newTrouble(t *testing.T, seed uint64, forgets bool, redis ...string) *trouble {
	random := rand.New(rand.NewPCG(seed, 1))
	x := &trouble{t: t, random: random, redis: newRedis(t, redis...), firm: newFirm(t, random), forgets: forgets}
	x.witness = watchRedis(x.redis)
	ctx, cancel := context.WithCancel(t.Context())
	var scraping sync.WaitGroup
	t.Cleanup(func() { cancel(); scraping.Wait() })
	for n := range 3 {
		r := x.newReplica(fmt.Sprintf("replica %d", n))
		x.replicas = append(x.replicas, r)
		scraping.Go(func() { r.scrape(ctx) })
	}
	return x
}

func (x *trouble) newReplica(name string) *replica {
	k := newCable(x.t, x.redis.addr)
	r := &replica{
		t: x.t, name: name, addr: ports.Address(x.t), cable: k,
		file: x.firm.install(fmt.Sprintf("{redis: {addrs: [%q], lease: %s}}", k.l.Addr(), firmLease)),
	}
	var err error
	if r.log, err = os.Create(filepath.Join(filepath.Dir(r.file), "log")); err != nil {
		x.t.Fatal(err)
	}
	r.start()
	x.t.Cleanup(func() {
		r.signal(syscall.SIGCONT)
		r.end(syscall.SIGKILL)
		_ = r.log.Close()
		if x.t.Failed() {
			text, _ := os.ReadFile(r.log.Name())
			x.t.Logf("log of %s:\n%s", name, text)
		}
	})
	return r
}

// wait waits until there is nothing to say any more.
func (x *trouble) wait(what string, missing func() string) {
	x.t.Helper()
	deadline, limited := x.t.Deadline()
	for {
		text := missing()
		if text == "" {
			return
		}
		if limited && time.Until(deadline) < 10*time.Second {
			x.t.Fatalf("%s: %s", what, text)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// calm waits until each connector is read by one replica and known by all.
func (x *trouble) calm() {
	x.t.Helper()
	x.wait("before the next round", func() string {
		for _, c := range firmConnectors {
			var leaders []string
			for _, r := range x.replicas {
				if r.leads(c) {
					leaders = append(leaders, r.name)
				}
				if !strings.Contains(r.last(), fmt.Sprintf("alignd_sync_watermark_timestamp_seconds{connector=%q}", c)) {
					return r.name + " does not know " + c
				}
			}
			if _, until := x.redis.lease(c); len(leaders) != 1 || until == 0 {
				return fmt.Sprintf("%s is read by %q", c, leaders)
			}
		}
		return ""
	})
}

// reader returns a replica that reads some connector, or any.
func (x *trouble) reader() *replica {
	if x.random.IntN(4) > 0 {
		c := pick(x.random, firmConnectors)
		for _, r := range x.replicas {
			if r.leads(c) {
				return r
			}
		}
	}
	return x.replicas[x.random.IntN(len(x.replicas))]
}

// round lets one thing go wrong for a moment, at any moment of the work.
func (x *trouble) round(n int) {
	x.t.Helper()
	x.firm.act()
	x.moment(firmLease)
	r := x.reader()
	kinds := 7
	if x.forgets {
		kinds = 8
	}
	kind := x.random.IntN(kinds)
	x.t.Logf("round %d: %s, %s", n, r.name, [...]string{"kill", "stop", "stop", "cut off", "silence", "terminate", "kill Redis", "empty Redis"}[kind])
	switch kind {
	case 0:
		x.without(r, func() { r.end(syscall.SIGKILL) })
		r.start()
	case 1, 2:
		x.without(r, func() { r.signal(syscall.SIGSTOP) })
		x.firm.act()
		x.moment(firmLease)
		r.signal(syscall.SIGCONT)
	case 3:
		x.without(r, func() { r.cable.set(cableCut) })
		r.cable.set(cableUp)
	case 4:
		x.without(r, func() { r.cable.set(cableSilent) })
		x.firm.act()
		x.moment(firmLease)
		r.cable.set(cableUp)
	case 5:
		x.without(r, func() { r.end(syscall.SIGTERM) })
		r.start()
	case 6:
		x.redis.kill()
		x.firm.act()
		x.moment(3 * firmLease)
		x.redis.start()
	case 7:
		if _, err := x.redis.say("FLUSHALL"); err != nil {
			x.t.Error(err)
		}
	}
	x.firm.act()
	if _, _, wrong := x.witness.terms(); len(wrong) > 0 {
		x.t.Fatal(wrong)
	}
}

func (x *trouble) moment(longest time.Duration) {
	time.Sleep(time.Duration(x.random.Int64N(int64(longest))))
}

// without takes a replica away, for a moment or until others have taken over
// what it read.
func (x *trouble) without(r *replica, takeAway func()) {
	x.t.Helper()
	epochs := x.readBy(r)
	takeAway()
	x.firm.act()
	if x.random.IntN(3) == 0 {
		x.moment(firmLease)
		return
	}
	ends := map[string]int64{}
	for c := range epochs {
		if epoch, until := x.redis.lease(c); epoch == epochs[c] {
			ends[c] = until
		}
	}
	var stalled time.Duration // the longest time in which this process did not come to look
	looked := time.Now()
	for c := range epochs {
		x.wait("take over "+c+" from "+r.name, func() string {
			epoch, _ := x.redis.lease(c)
			stalled, looked = max(stalled, time.Since(looked)), time.Now()
			if epoch == epochs[c] {
				return "nobody does"
			}
			if ends[c] > 0 { // it was not given back, nor taken over already
				x.took(c, time.Duration(epoch-ends[c])*time.Millisecond, stalled) // an epoch is Redis' time at which it began
			}
			return ""
		})
		x.wait("read "+c, func() string {
			for _, other := range x.replicas {
				if other != r && other.leads(c) {
					return ""
				}
			}
			return "nobody does"
		})
	}
}

// readBy returns what a replica reads, with the epochs.
func (x *trouble) readBy(r *replica) map[string]int64 {
	epochs := map[string]int64{}
	for _, c := range firmConnectors {
		before, _ := x.redis.lease(c)
		text, err := fetchMetrics(x.t.Context(), r.addr)
		after, until := x.redis.lease(c)
		if err == nil && before == after && until > 0 && leads(text, c) {
			epochs[c] = after
		}
	}
	return epochs
}

// took notes a take-over. On a machine on which the test itself had to wait for
// a processor, the replicas had to as well.
func (x *trouble) took(connector string, d, stalled time.Duration) {
	if x.taken = append(x.taken, d); d > takeOver+stalled {
		x.t.Errorf("%s was taken over %s after the end of its lease", connector, d)
	}
}

// finish stops the clock of the trackers, and compares.
func (x *trouble) finish() {
	x.t.Helper()
	x.firm.seconds.Add(3600)
	x.firm.server.SetFaults(sandbox.Faults{})
	alone := &replica{t: x.t, name: "alone", addr: ports.Address(x.t), file: x.firm.install("{path: alignd.db}")}
	var err error
	if alone.log, err = os.Create(filepath.Join(filepath.Dir(alone.file), "log")); err != nil {
		x.t.Fatal(err)
	}
	alone.start()
	x.t.Cleanup(func() { alone.end(syscall.SIGKILL); _ = alone.log.Close() })
	ctx, cancel := context.WithCancel(x.t.Context())
	var scraping sync.WaitGroup
	scraping.Go(func() { alone.scrape(ctx) })
	defer func() { cancel(); scraping.Wait() }()

	x.wait("the undisturbed one", func() string { return x.behind(alone) })
	for _, r := range x.replicas {
		x.wait(r.name, func() string {
			return firstOf(x.behind(r), cmpDiff(business(alone.last(), true), business(r.last(), true)))
		})
	}
	// Looking back is done now and then, and at the start.
	for _, r := range []*replica{alone, x.replicas[0]} {
		r.end(syscall.SIGTERM)
		r.start()
	}
	x.wait("after a restart", func() string {
		return firstOf(x.behind(alone), x.behind(x.replicas[0]), cmpDiff(business(alone.last(), false), business(x.replicas[0].last(), false)))
	})
	for _, r := range x.replicas {
		r.mu.Lock()
		if len(r.wrong) > 0 {
			x.t.Errorf("%s: %q", r.name, r.wrong)
		}
		r.mu.Unlock()
	}
	epochs, writes, wrong := x.witness.terms()
	if len(wrong) > 0 {
		x.t.Error(wrong)
	}
	if writes == 0 {
		x.t.Error("no write was witnessed")
	}
	slices.Sort(x.taken)
	x.t.Logf("%d writes under %d epochs; taken over after the end of the lease: %v", writes, epochs, x.taken)
}

// behind says what a replica does not show yet.
func (x *trouble) behind(r *replica) string {
	text := r.last()
	want := float64(x.firm.seconds.Load() - 1)
	for _, c := range firmConnectors {
		if line := fmt.Sprintf("alignd_sync_watermark_timestamp_seconds{connector=%q} %v\n", c, want); !strings.Contains(text, line) {
			return "not at " + line
		}
	}
	if line := fmt.Sprintf("alignd_work_watermark_timestamp_seconds{team=\"all\"} %v\n", want); !strings.Contains(text, line) {
		return "not at " + line
	}
	if !strings.Contains(text, "alignd_drift_week_timestamp_seconds") {
		return "no review"
	}
	return ""
}

var (
	series = regexp.MustCompile(`(?m)^(alignd_[a-z0-9_]+)(\{.*\})? (\S+)$`)
	// ofProcess is what a process counts itself, or when it, or the first on its store, did something.
	ofProcess = regexp.MustCompile(`^alignd_(api|sync|store|build|config_last|snapshot|leader|connector|replicas|webhook|changes|mapping_revision|work_reclassified|tickets_(removed|reread|repaired|reopened|skipped))`)
	// ofReview changes with the next review only.
	ofReview = regexp.MustCompile(`^alignd_(drift|trend|index|history|evidence|revision)`)
)

// business returns the series that the numbers consist of.
func business(text string, now bool) map[string]string {
	found := map[string]string{}
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		if !ofProcess.MatchString(m[1]) && !(now && ofReview.MatchString(m[1])) {
			found[m[1]+m[2]] = m[3]
		}
	}
	return found
}

func cmpDiff(want, got map[string]string) string {
	if maps.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
