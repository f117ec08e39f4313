package daemon_test

import (
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"alignd/sandbox"
)

// fullEnv says that this is the process whose disk may be full.
const fullEnv = "ALIGND_TEST_FULL_DISK"

// TestFullDisk runs TestWithFullDisk in a process of its own, because that
// limits what the process can write.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWithFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A full disk costs no number: the daemon says what is wrong, goes on with
// what it has, and catches up when there is room again.
func TestWithFullDisk(t *testing.T) {
	if os.Getenv(fullEnv) == "" {
		t.Skip("part of TestFullDisk")
	}
	h := newHouse(t)
	now := time.Now()
	h.world.SetClock(func() time.Time { return now })
	r := h.start(nil)
	before := r.settled()

	limitFiles(t, 16<<10) // only the first pages, whose places are fixed
	h.world.Jira.CreateIssue(now, sandbox.NewIssue{Project: "PAY", Title: "There is no room for it"})
	r.until("/metrics", `alignd_store_errors_total [1-9]`)
	r.until("/metrics", `alignd_sync_failures_total\{connector="acme",reason="store"\} [1-9]`)
	r.until("/", `The last attempt failed(?s:.*)apply page 1: write batch of (&#34;|")acme`)
	if status, _ := r.get("/-/ready"); status != http.StatusOK {
		t.Errorf("ready: %d", status)
	}
	sameNumbers(t, "while the disk is full", before, r.scrape())

	limitFiles(t, 0)
	r.until("/metrics", `alignd_tickets\{connector="acme",state="todo",team="payments"\} 1`)
}

// limitFiles bounds the size of the files that this process may write. Zero
// lifts the limit.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if size > 0 {
		limit.Cur = size
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

// A store that was lost is made anew, with the same numbers.
func TestLostStore(t *testing.T) {
	t.Parallel()
	tr := acme(t)
	r := tr.start(nil)
	before := r.settled()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(tr.file("alignd.db")); err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, "after the store was lost", before, tr.start(nil).settled())
}
