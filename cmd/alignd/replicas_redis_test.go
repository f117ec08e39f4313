package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"alignd/sandbox/ports"
)

// redisProcess is a redis-server of a test's own.
type redisProcess struct {
	t    *testing.T
	addr string
	args []string
	cmd  *exec.Cmd
}

func newRedis(t *testing.T, args ...string) *redisProcess {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("several replicas were not tested: %v", err)
		}
		t.Skipf("SEVERAL REPLICAS WERE NOT TESTED: %v", err)
	}
	r := &redisProcess{t: t, addr: ports.Address(t)}
	_, port, _ := net.SplitHostPort(r.addr)
	r.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""}, args...)
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisProcess) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", r.args...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for got, err := r.say("PING"); err != nil || got != "PONG"; got, err = r.say("PING") {
		if isLate(r.t) {
			r.t.Fatalf("redis-server answers %q: %v", got, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (r *redisProcess) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// say sends a command whose answer is one value.
func (r *redisProcess) say(command string) (string, error) {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	lines := bufio.NewReader(conn)
	head, err := lines.ReadString('\n')
	if err != nil {
		return "", err
	}
	head = strings.TrimSpace(head)
	if head == "$-1" || !strings.HasPrefix(head, "$") {
		return strings.TrimLeft(head, "+:$"), nil
	}
	value, err := lines.ReadString('\n')
	return strings.TrimSpace(value), err
}

// lease returns the epoch of a connector and when its lease ends, in Redis'
// milliseconds; zeros if it is free.
func (r *redisProcess) lease(connector string) (epoch, until int64) {
	number := func(field string) int64 {
		text, err := r.say(fmt.Sprintf("HGET alignd:{%s}:state %s", connector, field))
		if err != nil {
			return 0
		}
		n, _ := strconv.ParseInt(text, 10, 64)
		return max(n, 0)
	}
	until = number("until") // first: a new epoch must not go with an old end
	return number("epoch"), until
}

// witness listens to what Redis is told, and notes writes under an epoch after
// one of a later epoch, or of two replicas under one.
type witness struct {
	redis *redisProcess
	ended chan struct{}

	mu     sync.Mutex // guards the rest
	conn   net.Conn
	over   bool
	epochs map[string]int64  // of the last write by connector
	holder map[string]string // by connector and epoch
	writes int
	wrong  []string
}

func watchRedis(r *redisProcess) *witness {
	w := &witness{redis: r, ended: make(chan struct{}), epochs: map[string]int64{}, holder: map[string]string{}}
	go func() {
		defer close(w.ended)
		for w.listen() {
			time.Sleep(5 * time.Millisecond)
		}
	}()
	r.t.Cleanup(w.end)
	return w
}

func (w *witness) end() {
	w.mu.Lock()
	w.over = true
	if w.conn != nil {
		_ = w.conn.Close()
	}
	w.mu.Unlock()
	<-w.ended
}

// listen hears one connection to its end, and reports whether to try again.
func (w *witness) listen() bool {
	conn, err := net.Dial("tcp", w.redis.addr)
	w.mu.Lock()
	over := w.over
	w.conn = conn
	w.mu.Unlock()
	if err != nil {
		return !over
	}
	defer func() { _ = conn.Close() }()
	if over {
		return false
	}
	if _, err := io.WriteString(conn, "MONITOR\r\n"); err != nil {
		return true
	}
	lines := bufio.NewReader(conn)
	var last []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return true
		}
		last = w.hear(line, last)
	}
}

var (
	// inWrite matches a call of the script that writes a batch: five keys of
	// one connector, epoch, holder, two positions and a number.
	inWrite = regexp.MustCompile(`^\+\S+ \[\S+ [^\]]*\] "(?i:EVAL|EVALSHA)" "(?:[^"\\]|\\.)*" "5" "alignd:\{([^}]*)\}:state"(?: "[^"]*"){4} "(\d+)" "(\w+)" "[^"]*" "[^"]*" "\d+"`)
	inLua   = regexp.MustCompile(`^\+\S+ \[\d+ lua\] "(\w+)"`)
)

// hear takes a line. A script that writes to the feed was not refused.
func (w *witness) hear(line string, last []string) []string {
	if lua := inLua.FindStringSubmatch(line); lua != nil {
		if last != nil && strings.EqualFold(lua[1], "XADD") {
			w.note(last[1], last[2], last[3])
		}
		return last
	}
	return inWrite.FindStringSubmatch(line)
}

func (w *witness) note(connector, epochText, holder string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	epoch, err := strconv.ParseInt(epochText, 10, 64)
	key := connector + " " + epochText
	known := w.holder[key]
	switch {
	case err != nil || epoch < w.epochs[connector]:
		w.wrong = append(w.wrong, fmt.Sprintf("%s: a write of epoch %s after one of epoch %d", connector, epochText, w.epochs[connector]))
	case known != "" && known != holder:
		w.wrong = append(w.wrong, fmt.Sprintf("%s: two replicas wrote under epoch %s", connector, epochText))
	}
	w.epochs[connector], w.holder[key] = epoch, holder
}

// terms returns under how many epochs was written, and how often.
func (w *witness) terms() (epochs, writes int, wrong []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.holder), w.writes, w.wrong
}

// cable carries the connections of one replica to Redis. It can be cut, or
// fall silent: then what was sent arrives when it speaks again.
type cable struct {
	target string
	l      net.Listener

	mu   sync.Mutex
	cond *sync.Cond
	mode cableMode
	open map[net.Conn]bool
}

type cableMode int

const (
	cableUp cableMode = iota
	cableCut
	cableSilent
)

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &cable{target: target, l: l, open: map[net.Conn]bool{}}
	k.cond = sync.NewCond(&k.mu)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { k.carry(in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		k.set(cableCut)
		running.Wait()
	})
	return k
}

func (k *cable) carry(in net.Conn) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", k.target)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	k.mu.Lock()
	cut := k.mode == cableCut
	if !cut {
		k.open[in], k.open[out] = true, true
	}
	k.mu.Unlock()
	if cut {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { k.pass(out, in) })
	both.Go(func() { k.pass(in, out) })
	both.Wait()
	k.mu.Lock()
	delete(k.open, in)
	delete(k.open, out)
	k.mu.Unlock()
}

func (k *cable) pass(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		k.mu.Lock()
		for k.mode == cableSilent {
			k.cond.Wait()
		}
		k.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (k *cable) set(mode cableMode) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mode = mode
	k.cond.Broadcast()
	if mode == cableCut {
		for conn := range k.open {
			_ = conn.Close()
		}
	}
}
