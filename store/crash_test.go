package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/store"
)

// crashEnv tells the test binary to be the process that is killed; it holds
// the path of the store.
const crashEnv = "ALIGND_TEST_CRASH_STORE"

const crashTickets = 60

var crashStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// crashBatch is the n-th batch: new tickets, and the ones of the batch before
// read again.
func crashBatch(n int) store.Batch {
	b := store.Batch{Connector: "acme", Watermark: crashStart.Add(time.Duration(n) * time.Second)}
	for i := max(0, n-1) * crashTickets; i < (n+1)*crashTickets; i++ {
		tk := fact(i, number(i))
		tk.Title, tk.Updated = strconv.Itoa(n), b.Watermark.AddDate(10, 0, 0)
		tk.Labels = append(tk.Labels, "batch-"+strconv.Itoa(n))
		b.Tickets = append(b.Tickets, tk)
	}
	return b
}

// crashChild applies batches, each followed by a record, until it is killed and
// says when each is done.
func crashChild(path string) {
	s, err := store.Open(context.Background(), store.Config{Path: path})
	if err != nil {
		panic(err)
	}
	last, _, err := crashState(s)
	if err == nil && last >= 0 { // it may have been killed in between
		_, err = s.Append(context.Background(), note(last))
	}
	for n := last + 1; err == nil; n++ {
		_, applied := s.Apply(context.Background(), crashBatch(n))
		_, appended := s.Append(context.Background(), note(n))
		err = errors.Join(applied, appended)
		fmt.Println(n)
	}
	panic(err)
}

// crashState returns the number of the last batch by the watermark, and the
// titles by UID.
func crashState(s store.Store) (last int, titles map[string]string, err error) {
	last, titles = -1, map[string]string{}
	err = s.View(context.Background(), func(v store.View) error {
		if mark, ok := v.Watermarks()["acme"]; ok {
			last = int(mark.Sub(crashStart) / time.Second)
		}
		for tk := range v.Tickets() {
			titles[tk.ID.UID] = tk.Title
			if want := "batch-" + tk.Title; tk.Labels[len(tk.Labels)-1] != want {
				return fmt.Errorf("ticket %q: labels %q, want %q last", tk.ID, tk.Labels, want)
			}
		}
		return nil
	})
	return last, titles, err
}

// notes counts the records, which must be those of all batches in their order.
func notes(t *testing.T, s store.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(v store.View) error {
		for r := range v.Records("episodes") {
			if diff := cmp.Diff(note(n), r); diff != "" {
				return fmt.Errorf("record %d (-want +got):\n%s", n, diff)
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestKillLeavesWholeBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for round := range 5 {
		acknowledged := killAfter(t, path, 7+5*round, time.Duration(round)*700*time.Microsecond)
		s := open(t, path)
		last, titles, err := crashState(s)
		if err != nil {
			t.Fatal(err)
		}
		if last < acknowledged {
			t.Errorf("watermark of batch %d, but %d was acknowledged", last, acknowledged)
		}
		if n := notes(t, s); n != last+1 && n != last || n <= acknowledged {
			t.Errorf("%d records after batch %d, of which %d was acknowledged", n, last, acknowledged)
		}
		if want := (last + 1) * crashTickets; len(titles) != want {
			t.Errorf("%d tickets after batch %d, want %d", len(titles), last, want)
		}
		for i := range (last + 1) * crashTickets {
			if want := strconv.Itoa(min(last, i/crashTickets+1)); titles[number(i)] != want {
				t.Fatalf("ticket %d is of batch %q, want %s", i, titles[number(i)], want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs the child, kills it a moment after it has acknowledged that
// many batches, and returns the last acknowledged one.
func killAfter(t *testing.T, path string, batches int, moment time.Duration) (last int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("child says %q", lines.Text())
		}
		if n == batches {
			time.Sleep(moment)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return last
}
