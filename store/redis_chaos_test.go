package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/store"
	"alignd/ticket"
)

// replicaEnv tells the test binary to be a replica; it holds a replicaConfig.
const replicaEnv = "ALIGND_TEST_REPLICA"

const (
	replicaLease = 300 * time.Millisecond
	replicaTick  = 20 * time.Millisecond
	trackerIDs   = 120
)

type replicaConfig struct {
	Addr, Goal string
	Forgets    bool // Redis does, so records may be missing until they are appended again
}

// trackerStep returns the tickets that a tracker changes in a step.
func trackerStep(step int) [3]int {
	return [3]int{step * 7 % trackerIDs, (step*13 + 5) % trackerIDs, (step*29 + 11) % trackerIDs}
}

// trackerGone is the step in which a ticket is deleted, 0 for never.
func trackerGone(i int) int {
	if i%11 == 0 {
		return 40 + i
	}
	return 0
}

func stepTime(step int) time.Time { return crashStart.Add(time.Duration(step) * time.Second) }

// trackerWalk is a complete walk over what has changed after step k, as the
// tracker is at step m, in pages.
func trackerWalk(k, m int) []store.Batch {
	touched := map[int]bool{}
	last := store.Batch{Connector: "acme", Watermark: stepTime(m), Scope: "PAY", Census: &store.Census{At: stepTime(m), Found: m}}
	for step := k + 1; step <= m; step++ {
		for _, i := range trackerStep(step) {
			touched[i] = true
		}
	}
	pages := []store.Batch{{Connector: "acme"}}
	for i := range trackerIDs {
		if gone := trackerGone(i); gone > 0 && gone <= m {
			if gone > k {
				last.Gone = append(last.Gone, number(i))
			}
			continue
		}
		if !touched[i] {
			continue
		}
		if len(pages[len(pages)-1].Tickets) == 4 {
			pages = append(pages, store.Batch{Connector: "acme"})
		}
		page := &pages[len(pages)-1]
		page.Tickets = append(page.Tickets, trackerTicket(i, m))
	}
	return append(pages, last)
}

func trackerTicket(i, m int) ticket.Ticket {
	tk := ticket.Ticket{ID: ticket.ID{Connector: "acme", UID: number(i)}, Key: "PAY-" + number(i), Created: crashStart}
	for step := 1; step <= m; step++ {
		for _, j := range trackerStep(step) {
			if j == i && !tk.Updated.Equal(stepTime(step)) {
				tk.Title, tk.Updated, tk.Labels = strconv.Itoa(step), stepTime(step), []string{"step-" + strconv.Itoa(step)}
				tk.Changes = append(tk.Changes, ticket.Change{At: stepTime(step), Field: ticket.FieldLabel, To: "step-" + strconv.Itoa(step)})
			}
		}
	}
	return tk
}

// replica is a small alignd: it follows, asks for the lease, and walks while
// it has it. After each walk to the goal it says what it sees.
func replica(config string) {
	var cfg replicaConfig
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		panic(err)
	}
	var s store.Store
	for {
		var err error
		s, err = store.Open(context.Background(), store.Config{Redis: &store.RedisConfig{Addrs: []string{cfg.Addr}}})
		if err == nil {
			break
		}
		time.Sleep(replicaTick)
	}
	for {
		if err := replicaTurn(s, cfg); err != nil && !errors.Is(err, store.ErrHeld) {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		at, records, digest, err := summary(s)
		if err == nil && records < at && !cfg.Forgets {
			err = fmt.Errorf("%d records at step %d", records, at)
		}
		if err != nil {
			fmt.Println("wrong", err)
		}
		fmt.Println("sees", at, digest)
		time.Sleep(replicaTick)
	}
}

func replicaTurn(s store.Store, cfg replicaConfig) error {
	// Many turns are broken off; the longest are enough to fill an empty Redis on a busy machine.
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(20+rand.IntN(5000))*time.Millisecond)
	defer cancel()
	if _, err := s.Follow(ctx); err != nil {
		return err
	}
	epoch, err := s.Acquire(ctx, "acme", replicaLease)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(cfg.Goal)
	if err != nil {
		return err
	}
	goal, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	at, records, _, err := summary(s)
	if err != nil || at >= goal {
		return err
	}
	m := min(goal, at+1+rand.IntN(6))
	for i, b := range trackerWalk(at, m) {
		b.Epoch = epoch
		b.Names = map[string]string{fmt.Sprintf("epoch-%d.", epoch): fmt.Sprint(m, i, rand.Int())} // so that the feed tells the epoch of each batch
		if !b.Watermark.IsZero() {
			for step := records + 1; step <= m; step++ {
				if _, err := s.AppendAfter(ctx, step-1, note(step)); err != nil {
					return err
				}
			}
		}
		if _, err := s.Apply(ctx, b); err != nil {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
	}
	return nil
}

// summary checks whether a view is one that may be, and sums it up.
func summary(s store.Store) (at, records int, digest string, err error) {
	err = s.View(context.Background(), func(v store.View) error {
		if mark, ok := v.Watermarks()["acme"]; ok {
			at = int(mark.Sub(crashStart) / time.Second)
		}
		sum, seen := fnv.New64a(), map[string]int{}
		for tk := range v.Tickets() {
			fmt.Fprint(sum, *tk)
			step, err := strconv.Atoi(tk.Title)
			if err != nil || tk.Labels[0] != "step-"+tk.Title || tk.Changes[len(tk.Changes)-1].To != tk.Labels[0] {
				return fmt.Errorf("ticket %v", *tk)
			}
			seen[tk.ID.UID] = step
		}
		for r := range v.Records("episodes") {
			if records++; r.Key != number(records) {
				return fmt.Errorf("record %s is the %d-th", r.Key, records)
			}
		}
		digest = fmt.Sprintf("%x-%d", sum.Sum64(), records)
		return holdsStep(seen, at)
	})
	return at, records, digest, err
}

// holdsStep says whether everything up to a step is there. Walks that are not
// complete may have brought more.
func holdsStep(seen map[string]int, at int) error {
	for i := range trackerIDs {
		want := 0
		for step := 1; step <= at; step++ {
			for _, j := range trackerStep(step) {
				if j == i {
					want = step
				}
			}
		}
		got, known := seen[number(i)]
		if gone := trackerGone(i); gone > 0 && gone <= at {
			if known {
				return fmt.Errorf("ticket %d is there at step %d although it was deleted", i, at)
			}
			continue
		}
		if got < want && (trackerGone(i) == 0 || known) {
			return fmt.Errorf("ticket %d is of step %d at step %d, want %d", i, got, at, want)
		}
	}
	return nil
}

// link carries the connections of one replica to Redis, or does not.
type link struct {
	target string
	l      net.Listener
	mu     sync.Mutex
	down   bool
	open   map[net.Conn]bool
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{target: target, l: listener, open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { k.carry(in) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		k.set(true)
		running.Wait()
	})
	return k
}

func (k *link) carry(in net.Conn) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", k.target)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	k.mu.Lock()
	down := k.down
	if !down {
		k.open[in], k.open[out] = true, true
	}
	k.mu.Unlock()
	if down {
		return
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(out, in); _ = out.Close(); done <- struct{}{} }()
	go func() { _, _ = io.Copy(in, out); _ = in.Close(); done <- struct{}{} }()
	<-done
	<-done
	k.mu.Lock()
	delete(k.open, in)
	delete(k.open, out)
	k.mu.Unlock()
}

func (k *link) set(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
	if down {
		for conn := range k.open {
			_ = conn.Close()
		}
	}
}

// process is a replica that runs.
type process struct {
	t    *testing.T
	cfg  replicaConfig
	link *link
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex // guards the rest
	at   int
	sees string
	said []string // what must never be said
}

func (p *process) start() {
	p.t.Helper()
	text, err := json.Marshal(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), replicaEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.hear(lines.Text())
		}
	}()
}

func (p *process) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasPrefix(line, "wrong") || strings.HasPrefix(line, "panic") {
		p.said = append(p.said, line)
	}
	_, _ = fmt.Sscanf(line, "sees %d %s", &p.at, &p.sees)
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// chaos is what happens around three replicas and their Redis.
type chaos struct {
	t        *testing.T
	random   *rand.Rand
	server   *server
	replicas []*process
	goal     int
	goalFile string
	epochs   int // take-overs seen in the feed
}

func (c *chaos) setGoal(goal int) {
	c.t.Helper()
	c.goal = goal
	next := c.goalFile + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(strconv.Itoa(goal)), 0o600), os.Rename(next, c.goalFile)); err != nil {
		c.t.Fatal(err)
	}
}

// round lets one thing go wrong for a moment.
func (c *chaos) round() {
	c.setGoal(c.goal + 1 + c.random.IntN(4))
	p := c.replicas[c.random.IntN(len(c.replicas))]
	moment := func(longest time.Duration) { time.Sleep(time.Duration(c.random.Int64N(int64(longest)))) }
	moment(150 * time.Millisecond)
	switch c.random.IntN(5) {
	case 0:
		p.kill()
		moment(replicaLease)
		p.start()
	case 1, 2:
		p.signal(syscall.SIGSTOP)
		moment(3 * replicaLease)
		p.signal(syscall.SIGCONT)
	case 3:
		p.link.set(true)
		moment(3 * replicaLease)
		p.link.set(false)
	case 4:
		c.server.kill()
		moment(replicaLease)
		c.server.start()
	}
}

var inFeed = regexp.MustCompile(`epoch-(\d+)\.`)

// checkFeed says whether batches of two epochs have mixed.
func (c *chaos) checkFeed() {
	c.t.Helper()
	entries, err := c.server.client().XRange(c.t.Context(), "alignd:{acme}:feed", "-", "+").Result()
	if err != nil {
		return // the server is just starting
	}
	last := int64(0)
	for _, e := range entries {
		found := inFeed.FindAllStringSubmatch(fmt.Sprint(e.Values["n"]), -1)
		if len(found) != 1 { // a piece of what was restored
			continue
		}
		epoch, err := strconv.ParseInt(found[0][1], 10, 64)
		if err != nil || epoch < last {
			c.t.Fatalf("a batch of epoch %d after one of epoch %d (%v)", epoch, last, err)
		}
		if epoch > last {
			c.epochs++
		}
		last = epoch
	}
}

// settle waits until all replicas see the goal, and the same.
func (c *chaos) settle(want string) {
	c.t.Helper()
	deadline := time.Now().Add(5 * time.Minute) // a stuck replica is to be told from a slow one
	for {
		missing := ""
		for i, p := range c.replicas {
			p.mu.Lock()
			if p.at != c.goal || p.sees != want {
				missing += fmt.Sprintf("replica %d sees %s at step %d and said %q; ", i, p.sees, p.at, p.said[max(0, len(p.said)-1):])
			}
			p.mu.Unlock()
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%swant %s at step %d", missing, want, c.goal)
		}
		time.Sleep(replicaTick)
	}
}

// chaosRounds is how many rounds of chaos there are: 20, or
// ALIGND_CHAOS_ROUNDS.
func chaosRounds(t *testing.T) int {
	text := os.Getenv("ALIGND_CHAOS_ROUNDS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Three replicas are killed, stopped and cut off at random, and so is Redis,
// which keeps what it has, or loses the last moments or all of it. In the end everybody sees what
// one that was never disturbed sees.
func TestReplicasInChaos(t *testing.T) {
	for name, args := range map[string][]string{
		"Redis keeps":                      {"--appendonly", "yes", "--appendfsync", "always"},
		"Redis may forget the last second": {"--appendonly", "yes", "--appendfsync", "everysec"},
		"Redis forgets":                    nil,
	} {
		t.Run(name, func(t *testing.T) {
			c := &chaos{t: t, random: rand.New(rand.NewPCG(1, 7)), server: startRedis(t, args...), goalFile: filepath.Join(t.TempDir(), "goal")}
			c.setGoal(3)
			for range 3 {
				k := newLink(t, c.server.addr)
				p := &process{t: t, link: k, cfg: replicaConfig{Addr: k.l.Addr().String(), Goal: c.goalFile, Forgets: name != "Redis keeps"}}
				p.start()
				t.Cleanup(p.kill)
				c.replicas = append(c.replicas, p)
			}
			for range chaosRounds(t) {
				c.round()
				c.checkFeed()
			}
			c.finish()
		})
	}
}

func (c *chaos) finish() {
	c.t.Helper()
	alone := open(c.t, filepath.Join(c.t.TempDir(), "alone.db"))
	for step := 1; step <= c.goal; step++ {
		for _, b := range trackerWalk(step-1, step) {
			write(c.t, alone, b)
		}
		if _, err := alone.Append(c.t.Context(), note(step)); err != nil {
			c.t.Fatal(err)
		}
	}
	_, _, want, err := summary(alone)
	if err != nil {
		c.t.Fatal(err)
	}
	c.settle(want)
	c.checkFeed()
	for i, p := range c.replicas {
		p.mu.Lock()
		if len(p.said) > 0 {
			c.t.Errorf("replica %d has seen what must not be: %q", i, p.said)
		}
		p.mu.Unlock()
	}
	fresh := openConfig(c.t, c.server.config(""))
	if want, got := look(c.t, alone), look(c.t, fresh); !reflect.DeepEqual(want, got) {
		c.t.Errorf("a new replica sees (-want +got):\n%s", cmp.Diff(want, got))
	}
	c.t.Logf("%d steps, %d sights of another epoch", c.goal, c.epochs)
}
