package store_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"alignd/store"
)

// TestBackupWhileWriting copies a file again and again while batches are
// written to it as fast as can be: each copy is whole, and is the store as it
// was after some batch.
func TestBackupWhileWriting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	s := open(t, path)
	write(t, s, crashBatch(0))
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			if _, err := s.Apply(ctx, crashBatch(n)); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		}
	})
	defer writing.Wait()
	defer stop()
	before, done := -1, 0
	for i := range 10 {
		file := filepath.Join(dir, "backup"+number(i))
		if err := store.Backup(t.Context(), store.Config{Path: path}, file); err != nil && !errors.Is(err, store.ErrBusy) {
			t.Fatal(err)
		} else if err != nil {
			continue
		}
		done++
		copied := open(t, file)
		last, titles, err := crashState(copied)
		if err != nil || last < before || len(titles) != (last+1)*crashTickets {
			t.Fatalf("backup %d: batch %d after batch %d, %d tickets, error %v", i, last, before, len(titles), err)
		}
		before = last
	}
	if done == 0 || before <= 0 {
		t.Errorf("%d backups, the last after batch %d", done, before)
	}
}

func TestBackupOfRedis(t *testing.T) {
	server := startRedis(t)
	a := openConfig(t, server.config(""))
	write(t, a, walked(0, 1, 1, 2, 3))
	appendRecord(t, a, 1)
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := store.Backup(t.Context(), server.config(""), file); err != nil {
		t.Fatal(err)
	}
	sees(t, "the backup", open(t, file), look(t, a))
}

func TestBackupErrors(t *testing.T) {
	dir := t.TempDir()
	path := filled(t)
	existing := filepath.Join(dir, "existing")
	noise := filepath.Join(dir, "noise")
	for file, text := range map[string]string{existing: "precious", noise: strings.Repeat("noise", 9999)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := copied(t, path)
	data, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	clear(data[8*os.Getpagesize() : 12*os.Getpagesize()])
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		from, to string
		is       error
	}{
		"over a file":       {path, existing, fs.ErrExist},
		"of nothing":        {filepath.Join(dir, "none.db"), filepath.Join(dir, "b"), fs.ErrNotExist},
		"of something else": {noise, filepath.Join(dir, "b"), store.ErrFormat},
		"of a damaged one":  {damaged, filepath.Join(dir, "b"), nil},
		"into nowhere":      {path, filepath.Join(dir, "none", "b"), fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			err := store.Backup(t.Context(), store.Config{Path: test.from}, test.to)
			if err == nil || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v, want %v", err, test.is)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if text, err := os.ReadFile(existing); err != nil || string(text) != "precious" {
		t.Errorf("the file that was there: %q, %v", text, err)
	}
}

func TestCompact(t *testing.T) {
	path := filled(t)
	s := open(t, path)
	for i := range 400 {
		write(t, s, store.Batch{Connector: "acme", Gone: []string{number(i)}})
	}
	want := look(t, s)
	if _, _, err := store.Compact(t.Context(), store.Config{Path: path}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a store that is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := store.Compact(t.Context(), store.Config{Path: path})
	if err != nil || after >= before {
		t.Errorf("from %d to %d bytes, error %v", before, after, err)
	}
	again := open(t, path)
	sees(t, "the compacted store", again, want)
	write(t, again, walked(0, 9, 7))
	appendRecord(t, again, 1000)
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestCopy(t *testing.T) {
	server := startRedis(t)
	from := store.Config{Path: filled(t)}
	to := server.config(newPrefix())
	back := store.Config{Path: filepath.Join(t.TempDir(), "back.db")}
	third := server.config(newPrefix())
	for _, pair := range [][2]store.Config{{from, to}, {to, back}, {to, third}} {
		if err := store.Copy(t.Context(), pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	original := openConfig(t, from)
	want := look(t, original)
	if len(want.Tickets) != 500 || len(want.Records) != 300 {
		t.Fatalf("%d tickets, %d records", len(want.Tickets), len(want.Records))
	}
	for _, cfg := range []store.Config{to, back, third} {
		if err := store.Copy(t.Context(), third, cfg); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("over %s: %v", cfg, err)
		}
		copied := openConfig(t, cfg)
		sees(t, cfg.String(), copied, want)
		epoch := acquire(t, copied)
		got, err := copied.Apply(t.Context(), store.Batch{Connector: "acme", Epoch: epoch, Names: map[string]string{"goal-checkout": "Kasse"}})
		if err != nil || got.Created > 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if got := look(t, copied).Tickets[0].Labels[0]; got != "Kasse" {
			t.Errorf("the label is %q: names are not kept apart from tickets", got)
		}
	}
}
