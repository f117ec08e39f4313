package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alignd/store"
)

// fullEnv tells the test binary to be the process whose disk is full; it holds
// the path of the store.
const fullEnv = "ALIGND_TEST_FULL_STORE"

// limitFiles bounds the size of files this process may write, which fails as
// a full disk does. Zero lifts the limit.
func limitFiles(size int64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if size > 0 {
		limit.Cur = uint64(size)
	}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// fullChild fills its disk, goes on reading, and goes on writing when there is
// room again.
func fullChild(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		return err
	}
	if err := limitFiles(1 << 20); err != nil {
		return err
	}
	written := -1
	for err == nil {
		written++
		_, err = s.Apply(ctx, crashBatch(written))
	}
	fmt.Println("full:", err)
	for range 50 {
		if _, err := s.Apply(ctx, crashBatch(written)); err == nil {
			return errors.New("a batch fits in where there was no room")
		}
	}
	if err := holds(s, written); err != nil {
		return fmt.Errorf("while the disk is full: %w", err)
	}
	// A restart must find what is there, disk full or not.
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = store.Open(ctx, store.Config{Path: path}); err != nil {
		return err
	}
	if err := holds(s, written); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	if err := limitFiles(0); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, crashBatch(written)); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return errors.Join(holds(s, written+1), s.Close())
}

// holds says whether exactly the batches before this one are there.
func holds(s store.Store, batch int) error {
	last, titles, err := crashState(s)
	if err == nil && (last != batch-1 || len(titles) != batch*crashTickets) {
		err = fmt.Errorf("%d tickets up to batch %d, want all before %d", len(titles), last, batch)
	}
	return err
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fullEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "full: write batch") {
		t.Fatalf("%v: %s", err, out)
	}
	report, err := store.Check(t.Context(), store.Config{Path: path})
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("afterwards: %v, %v", err, report.Problems)
	}
}
