package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// replica is an alignd that a container keeps running.
type replica struct {
	t     *testing.T
	name  string
	file  string
	addr  string
	cable *cable
	log   *os.File

	mu      sync.Mutex // guards the rest
	cmd     *exec.Cmd
	wanted  bool
	stopped bool          // by SIGSTOP
	ended   chan struct{} // closed when it is not wanted any more, and gone

	metrics string          // the last answer of this life
	seen    map[string]bool // series of the last answer that must not vanish
	wrong   []string
}

func (r *replica) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted, r.ended = true, make(chan struct{})
	go func() {
		defer close(r.ended)
		for r.live() {
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

// live runs the process once, and reports whether it is still wanted.
func (r *replica) live() bool {
	r.mu.Lock()
	if !r.wanted {
		r.mu.Unlock()
		return false
	}
	r.metrics, r.seen = "", nil
	r.cmd = exec.Command("alignd", "run", "--config.file="+r.file, "--web.listen-address="+r.addr, "--web.enable-lifecycle", "--log.level=debug")
	r.cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Dir(r.file))
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	err := r.cmd.Start()
	cmd := r.cmd
	r.mu.Unlock()
	if err != nil {
		r.t.Error(err)
		return false
	}
	_ = cmd.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd, r.metrics, r.seen = nil, "", nil
	return r.wanted
}

// end sends a signal and waits until the process is gone.
func (r *replica) end(s syscall.Signal) {
	r.mu.Lock()
	r.wanted = false
	ended := r.ended
	r.mu.Unlock()
	r.signal(s)
	if ended != nil {
		<-ended
	}
}

func (r *replica) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return
	}
	r.stopped = s == syscall.SIGSTOP
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Error(err)
	}
}

// answers reports whether the process is there to be asked, and which it is.
func (r *replica) answers() *exec.Cmd {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	return r.cmd
}

// scrape does what Prometheus does, all the time, until ctx ends.
func (r *replica) scrape(ctx context.Context) {
	for ctx.Err() == nil {
		before := r.answers()
		text, err := fetchMetrics(ctx, r.addr)
		if before != nil && before == r.answers() {
			r.hear(text, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func fetchMetrics(ctx context.Context, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // longer than anything is stopped here
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return string(text), err
}

// steady are series that are there for good as soon as there are numbers.
var steady = regexp.MustCompile(`(?m)^(alignd_(?:(?:work_watermark_timestamp_seconds|work_capacity_seconds|target_ratio)\{.*|work_seconds\{class="(?:aligned|unmapped)".*|share_ratio\{.*unit="time",window="91d")\}) \S+$`)

// hear takes in an answer of a life that has not ended meanwhile.
func (r *replica) hear(text string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopped: // while it was asked
		return
	case err != nil && r.metrics == "": // it is starting
		return
	case err != nil && !r.wanted:
		return
	case err != nil:
		r.wrong = append(r.wrong, "no answer: "+err.Error())
		return
	}
	now := map[string]bool{}
	for _, m := range steady.FindAllStringSubmatch(text, -1) {
		now[m[1]] = true
	}
	for series := range r.seen {
		if !now[series] {
			r.wrong = append(r.wrong, "a gap: "+series)
		}
	}
	r.metrics, r.seen = text, now
}

func (r *replica) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.metrics
}

func (r *replica) leads(connector string) bool { return leads(r.last(), connector) }

func leads(metrics, connector string) bool {
	return strings.Contains(metrics, fmt.Sprintf("alignd_connector_leader{connector=%q} 1\n", connector))
}
