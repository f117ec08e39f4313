package daemon_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"alignd/config"
	"alignd/daemon"
	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

var (
	chaosFor    = flag.Duration("chaos.for", 0, "how long new rounds of chaos begin; 0 means that only chaos.rounds ends them")
	chaosRounds = flag.Int("chaos.rounds", 0, "the most rounds of chaos; 0 means 6, or no limit where time is one")
	chaosSeed   = flag.Uint64("chaos.seed", 4000, "seed of the first round of chaos, the others count on; 0 takes one at random")
)

// chaosAtOnce is how many rounds run side by side: most of their time they wait.
const chaosAtOnce = 6

const chaosMapping = `
period: {name: 2026-H1, from: 2026-01-01, to: 2026-06-30}
teams:
  - {id: payments, owns: {acme: [PAY]}, time_zone: America/New_York}
  - {id: billing, owns: {acme: [BILL]}, time_zone: Asia/Kolkata}
  - {id: platform, owns: {acme-linear: [PLT]}, time_zone: Europe/Berlin}
goals:
  - {id: checkout, name: Checkout in under a minute, target: 50%}
  - {id: mobile, name: Mobile app, target: 20%, status: [{from: 2026-01-01, is: active}, {from: 2026-03-20, is: paused}]}
reasons:
  - {id: incident, name: Incident}
rules:
  - {name: no templates, when: {labels: {any: [template]}}, exclude: true}
  - {name: checkout by label, when: {labels: {any: [goal-checkout, "checkout-*"]}}, goal: checkout}
  - {name: mobile by label, when: {labels: {any: [goal-mobile, "Area/Mobile"]}}, goal: mobile}
  - {name: mobile by initiative, when: {connector: [acme-linear], initiative: [Mobile]}, goal: mobile}
  - {name: checkout by project, when: {linear_project: [Relaunch]}, goal: checkout}
  - {name: incidents come first, when: {labels: {any: [incident]}}, reason: incident, override: true}
`

// TestChaos lets people, trackers and alignd have a bad time together, and
// then looks whether alignd knows what a new alignd would learn, and what
// people know.
func TestChaos(t *testing.T) {
	t.Parallel()
	rounds, span, seed := *chaosRounds, *chaosFor, *chaosSeed
	switch {
	case rounds == 0 && span == 0:
		rounds = 6
	case rounds == 0:
		rounds = math.MaxInt
	}
	if seed == 0 {
		seed = rand.Uint64() >> 32
	}
	begin := time.Now()
	var all repairs
	var group errgroup.Group
	group.SetLimit(chaosAtOnce)
	for n := uint64(0); n < uint64(rounds) && (span == 0 || time.Since(begin) < span); n++ {
		group.Go(func() error {
			t.Run(strconv.FormatUint(seed+n, 10), func(t *testing.T) { newChaos(t, seed+n).round(&all) })
			return nil
		})
	}
	_ = group.Wait()
	all.check(t)
}

// repairs counts the rounds that could do without a re-reading, and those of
// them that had one find something all the same.
type repairs struct{ rounds, repaired atomic.Int64 }

func (r *repairs) check(t *testing.T) {
	if n := r.repaired.Load(); n > 0 {
		t.Errorf("%d of %d rounds needed a repair though the walks could have brought everything", n, r.rounds.Load())
	}
}

// chaos is one round: a world, and an alignd that is started and killed.
type chaos struct {
	t          *testing.T
	rng        *rand.Rand
	story      *chronicle
	server     *sandbox.Server
	house      *house
	log        syncBuffer // of all its alignds
	dataCenter bool
}

func newChaos(t *testing.T, seed uint64) *chaos {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := &chaos{t: t, rng: rng, story: newChronicle(rng), dataCenter: rng.IntN(3) == 0}
	c.story.announced = seed%3 == 0
	c.story.begin = len(c.story.said)
	c.story.say("announced: %t, Data Center: %t", c.story.announced, c.dataCenter)
	var err error
	if c.server, err = sandbox.Start(c.story.world, sandbox.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.server.Close() })
	c.house = c.install()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: go test ./daemon -run TestChaos -chaos.rounds=1 -chaos.seed=%d", seed)
			c.tell()
		}
	})
	return c
}

// tell says what happened.
func (c *chaos) tell() {
	c.t.Logf("what happened:\n%s", strings.Join(c.story.said[c.story.begin:], "\n"))
	c.t.Logf("what alignd did about it:\n%s", strings.Join(chaosNews.FindAllString(c.log.String(), -1), "\n"))
}

// install returns an alignd that knows nothing.
func (c *chaos) install() *house {
	h := &house{t: c.t, dir: c.t.TempDir(), world: c.story.world, server: c.server}
	auth, url := fmt.Sprintf("{email: %q, token_file: jira-token}", sandbox.JiraEmail), c.server.JiraURL
	h.write("jira-token", sandbox.JiraToken)
	if c.dataCenter {
		auth, url = "{bearer_file: jira-token}", c.server.DataCenterURL
		h.write("jira-token", sandbox.DataCenterToken)
	}
	h.write("linear-key", sandbox.LinearAPIKey)
	h.write("mapping.yml", chaosMapping)
	common := fmt.Sprintf("poll_interval: 1s, census_interval: 1s, overlap: %s, requests_per_second: 100000", overlap)
	h.write("alignd.yml", fmt.Sprintf(`
stale_after: 200000h
connectors:
  jira:
    - {name: acme, url: %q, auth: %s, projects: [PAY, BILL], %s}
  linear:
    - {name: acme-linear, url: %q, auth: {api_key_file: linear-key}, teams: [PLT, APP], %s}
`, url, auth, common, c.server.LinearURL, common))
	return h
}

func (c *chaos) round(all *repairs) {
	if c.story.announced { // what a first walk overlooks, only a census can see
		c.catchUp()
	}
	for range 3 + c.rng.IntN(4) {
		var lost []*piece
		if !c.story.announced {
			c.story.curtain()
			c.story.shelve()
			if c.rng.IntN(6) == 0 {
				lost = c.story.lose("BILL")
			}
		}
		faults, told := c.trouble()
		if c.rng.IntN(3) == 0 || c.story.announced && faults.Jira.Flicker {
			c.story.say("nobody starts alignd for long")
			for range 5 + c.rng.IntN(15) {
				c.story.act()
				c.story.later(2 * time.Hour)
			}
		}
		c.story.jumps = c.rng.IntN(2) == 0
		c.life(faults, told)
		if c.rng.IntN(3) > 0 {
			c.story.find(lost)
		}
	}
	c.story.reveal()
	c.story.later(2 * overlap)
	c.story.now.Add(overlap.Milliseconds() + 1000)
	c.story.say("calm")
	c.server.SetFaults(sandbox.Faults{})
	known := c.settle()
	other := c.install()
	fresh := c.readAnew(other)
	c.compare(known, fresh, other)
	if diff := cmp.Diff(c.lookBack(other), c.lookBack(c.house)); diff != "" {
		c.t.Errorf("after a look at the history (-fresh +known):\n%s", diff)
	}
	if c.story.announced {
		c.countRepairs(all)
	}
}

// countRepairs looks whether the walks alone have found everything, where
// nothing happened that only a re-reading can see.
func (c *chaos) countRepairs(all *repairs) {
	all.rounds.Add(1)
	n := 0
	c.inStore(c.house, func(v store.View) {
		for _, name := range bothConnectors {
			n += v.Census(name).Reread.Repaired
		}
	})
	if n > 0 {
		all.repaired.Add(1)
		c.t.Logf("%d tickets had to be repaired", n)
		c.tell()
	}
}

// life starts alignd, lets it live a while under faults while people work, and
// kills it, half of the time with SIGKILL.
func (c *chaos) life(f sandbox.Faults, told string) {
	c.server.SetFaults(f)
	begin := c.startInside
	if c.rng.IntN(2) == 0 {
		begin = c.startProcess
	}
	span := 100*time.Millisecond + time.Duration(c.rng.Int64N(int64(500*time.Millisecond)))
	if c.rng.IntN(4) == 0 {
		span += 3 * time.Second // long enough for a second try
	}
	c.story.say("alignd lives %s with: %s", span, told)
	kill := begin()
	actions := 5 + c.rng.IntN(30)
	for range actions {
		c.story.act()
		time.Sleep(span / time.Duration(actions))
	}
	kill()
	c.story.say("alignd is killed")
}

// catchUp reads undisturbed, once.
func (c *chaos) catchUp() {
	r := c.house.start(nil)
	c.wait(r, "both trackers are read", c.isRead)
	c.end(r)
}

// chaosNews are the lines of the log that tell of more than walks.
var chaosNews = regexp.MustCompile(`(?m)^.*msg="(?:Repaired|Removed|The scope|Skipped).*$`)

func (c *chaos) end(r *running) {
	if err := r.stop(); err != nil {
		c.t.Fatal(err)
	}
	_, _ = io.WriteString(&c.log, r.log.String())
}

func (c *chaos) startInside() (kill func()) {
	r := c.house.start(nil)
	return func() { c.end(r) }
}

const chaosConfig = "ALIGND_CHAOS_CONFIG"

// startProcess starts alignd as a process of its own, which is this test
// binary.
func (c *chaos) startProcess() (kill func()) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChaosProcess$")
	cmd.Env = append(os.Environ(), chaosConfig+"="+c.house.file("alignd.yml"))
	cmd.Stderr = &c.log
	leash, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = leash.Close()
	}
}

// TestChaosProcess is the process of startProcess.
func TestChaosProcess(t *testing.T) {
	file := os.Getenv(chaosConfig)
	if file == "" {
		t.Skip("only run by TestChaos")
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d, err := daemon.New(cfg, daemon.Options{Logger: logger, ListenAddresses: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { // it does not outlive the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// wait reads /metrics until something is true of them.
func (c *chaos) wait(r *running, what string, is func(metrics string) bool) string {
	c.t.Helper()
	deadline, limited := c.t.Deadline()
	for {
		_, text := r.get("/metrics")
		if is(text) {
			return text
		}
		if limited && time.Until(deadline) < 5*time.Second {
			c.t.Fatalf("never: %s; /metrics:\n%s\nlog:\n%s", what, text, r.log)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// series returns the value of a series in /metrics, or -1.
func series(metrics, name string) float64 {
	_, rest, found := strings.Cut(metrics, "\n"+name+" ")
	if !found {
		return -1
	}
	line, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return -1
	}
	return v
}

// missing reports whether the last count missed tickets, whatever the cause.
func missing(metrics, connector string) bool {
	return slices.ContainsFunc([]string{"unproven", "unreadable", "held"}, func(cause string) bool {
		return series(metrics, fmt.Sprintf("alignd_tickets_missing{cause=%q,connector=%q}", cause, connector)) != 0
	})
}

var bothConnectors = []string{"acme", "acme-linear"}

// watermark is where the watermark stands after a walk now.
func (c *chaos) watermark() float64 {
	return float64(c.story.time().Add(-overlap).Unix())
}

func (c *chaos) isRead(metrics string) bool {
	for _, name := range bothConnectors {
		if series(metrics, fmt.Sprintf("alignd_sync_watermark_timestamp_seconds{connector=%q}", name)) != c.watermark() {
			return false
		}
	}
	return true
}

func (c *chaos) isShown(metrics string) bool {
	return series(metrics, `alignd_work_watermark_timestamp_seconds{team="all"}`) == c.watermark()
}

// settle lets alignd find out everything, which takes a whole re-reading, and
// returns what it says then.
func (c *chaos) settle() []string {
	begin := float64(time.Now().UnixMilli()) / 1e3
	r := c.house.start(nil)
	last, clean := map[string]float64{}, map[string]int{}
	text := c.wait(r, "the censuses find nothing amiss, and all is read again", func(metrics string) bool {
		settled := c.isRead(metrics)
		for _, name := range bothConnectors {
			of := func(family string) float64 { return series(metrics, fmt.Sprintf("%s{connector=%q}", family, name)) }
			taken := of("alignd_sync_last_census_timestamp_seconds")
			if taken > last[name] {
				last[name] = taken
				clean[name]++
				if of("alignd_sync_scope_shrunk") == 1 {
					r.do("POST", "/-/accept?connector="+name)
				}
				if of("alignd_sync_scope_shrunk") != 0 || missing(metrics, name) {
					clean[name] = 0
				}
			}
			settled = settled && clean[name] >= 3 && of("alignd_sync_verified_timestamp_seconds") > begin
		}
		return settled && c.isShown(metrics) && series(metrics, "alignd_snapshot_timestamp_seconds") > max(last["acme"], last["acme-linear"])
	})
	c.end(r)
	return chaosLines(text)
}

// readAnew returns what an alignd says that has read everything once.
func (c *chaos) readAnew(h *house) []string {
	r := h.start(nil)
	text := c.wait(r, "everything is read", func(metrics string) bool { return c.isRead(metrics) && c.isShown(metrics) })
	c.end(r)
	return chaosLines(text)
}

var chaosSeries = regexp.MustCompile(`(?m)^alignd_(?:work|active|share|goal|target|tickets|rules?)[_{ ].*$`)

// chaosLines returns the series that are computed from tickets, to the last
// bit. What counts events of one process is none of them, nor intervals, for
// which see lookBack.
func chaosLines(metrics string) []string {
	lines := chaosSeries.FindAllString(metrics, -1)
	return slices.DeleteFunc(lines, func(line string) bool {
		name, _, _ := strings.Cut(line, "{")
		return strings.HasSuffix(name, "_total") || name == "alignd_tickets_missing" || isLimit(name)
	})
}

// lookedBack are the series that come from a look at the history.
var lookedBack = regexp.MustCompile(`(?m)^alignd_(?:(?:drift|trend|index|evidence|history)_.*|\w+_(?:lower|upper)_ratio\{.*)$`)

// lookBack returns what alignd says of the history after a restart, because it
// looks when it starts and when a day is over: what it says before depends on
// what it knew then. All of it is equal; in these few weeks no episode is
// raised, which would stay on record as it was judged.
func (c *chaos) lookBack(h *house) []string {
	r := h.start(nil)
	text := c.wait(r, "the history is looked at", func(metrics string) bool {
		return series(metrics, `alignd_drift_overdispersion_ratio{team="all"}`) > 0 && c.isRead(metrics) && c.isShown(metrics)
	})
	c.end(r)
	return lookedBack.FindAllString(text, -1)
}

// completedSeries are those that the memoir says as well.
var completedSeries = regexp.MustCompile(`^alignd_(?:work_tickets\{|share_ratio\{.*team="(?:payments|billing|platform)",unit="tickets")`)

func (c *chaos) compare(known, fresh []string, other *house) {
	if diff := cmp.Diff(fresh, known); diff != "" {
		c.t.Errorf("/metrics (-fresh +known):\n%s", diff)
	}
	freshFacts, knownFacts := c.facts(other), c.facts(c.house)
	for id, tk := range freshFacts {
		if same, ok := knownFacts[id]; ok && cmp.Equal(tk, same, cmpopts.EquateEmpty()) {
			delete(freshFacts, id)
			delete(knownFacts, id)
		}
	}
	if diff := cmp.Diff(freshFacts, knownFacts, cmpopts.EquateEmpty()); diff != "" {
		c.t.Errorf("facts (-fresh +known):\n%s", diff)
	}
	counted := slices.DeleteFunc(slices.Clone(known), func(line string) bool {
		return !strings.HasPrefix(line, "alignd_tickets{") && !strings.HasPrefix(line, "alignd_tickets_outside{")
	})
	slices.Sort(counted)
	if diff := cmp.Diff(c.story.known(), counted); diff != "" {
		c.t.Errorf("tickets (-people +alignd):\n%s", diff)
	}
	completed := slices.DeleteFunc(slices.Clone(known), func(line string) bool {
		return !completedSeries.MatchString(line) || strings.HasSuffix(line, " 0")
	})
	slices.Sort(completed)
	if diff := cmp.Diff(newMemoir(c.story, c.story.time().Add(-overlap)).completions(), completed, cmpopts.EquateEmpty()); diff != "" {
		c.t.Errorf("completed tickets (-people +alignd):\n%s", diff)
	}
	text := "\n" + strings.Join(known, "\n")
	for _, team := range []string{"payments", "billing", "platform"} {
		least, most := c.story.active(team)
		got := series(text, fmt.Sprintf(`alignd_active_tickets{freshness="fresh",team=%q}`, team)) +
			series(text, fmt.Sprintf(`alignd_active_tickets{freshness="stale",team=%q}`, team))
		if got < least || got > most {
			c.t.Errorf("%v active tickets of %s, but people say %v to %v", got, team, least, most)
		}
	}
}

// facts returns all tickets of a store, without what makes no difference to
// computations: what stands above nothing in scope, which a census lets go of
// and a first walk may meet, and older stamps of Linear's projects and
// initiatives, which have no history and carry no work.
func (c *chaos) facts(h *house) map[string]ticket.Ticket {
	c.t.Helper()
	all := map[string]ticket.Ticket{}
	c.inStore(h, func(v store.View) {
		for tk := range v.Tickets() {
			all[tk.ID.String()] = tk.Clone()
		}
		sweep(all)
		for key, tk := range all {
			if tk.Type == ticket.TypeProject || tk.Type == ticket.TypeInitiative {
				tk.Changes = nil
			}
			all[key] = tk
		}
	})
	return all
}

// inStore looks at the store of an alignd that does not run.
func (c *chaos) inStore(h *house, look func(store.View)) {
	c.t.Helper()
	st, err := store.Open(c.t.Context(), store.Config{Path: h.file("alignd.db")})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	err = st.View(c.t.Context(), func(v store.View) error {
		look(v)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// sweep removes tickets outside that stand above nothing that remains.
func sweep(all map[string]ticket.Ticket) {
	for before := -1; before != len(all); {
		before = len(all)
		above := map[string]bool{}
		for _, tk := range all {
			for uid := range tk.Parents() {
				above[ticket.ID{Connector: tk.ID.Connector, UID: uid}.String()] = true
			}
		}
		for id, tk := range all {
			if tk.Outside && !above[id] {
				delete(all, id)
			}
		}
	}
}
