package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"alignd/store"
	"alignd/store/storetest"
	"alignd/ticket"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		crashChild(path)
	}
	if config := os.Getenv(replicaEnv); config != "" {
		replica(config)
	}
	if path := os.Getenv(fullEnv); path != "" {
		if err := fullChild(path); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestEmbedded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "a.db")) })
}

func TestEmbeddedReopen(t *testing.T) {
	storetest.RunReopen(t, func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "a.db")
		return func() store.Store { return open(t, path) }
	})
}

func TestSecondOpenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	for name, again := range openers {
		if _, err := again(t.Context(), store.Config{Path: path}); !errors.Is(err, store.ErrInUse) {
			t.Errorf("%s: error %v, want %v", name, err, store.ErrInUse)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %q does not name the file", name, err)
		}
	}
}

var openers = map[string]func(context.Context, store.Config) (store.Store, error){
	"Open": store.Open, "OpenReadOnly": store.OpenReadOnly,
}

func TestOpenReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	if _, err := s.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{fact(1, "1")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // beside each other
		r, err := store.OpenReadOnly(t.Context(), store.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
		if err := r.View(t.Context(), func(v store.View) error {
			if tk, ok := v.Ticket(ticket.ID{Connector: "acme", UID: "1"}); !ok || tk.Key != "PROJ1-1" {
				t.Errorf("ticket %+v, %t", tk, ok)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if _, err := r.Apply(t.Context(), store.Batch{Connector: "acme"}); err == nil {
			t.Error("a store that is open for reading was written to")
		}
		if _, err := r.Append(t.Context(), note(1)); err == nil {
			t.Error("a store that is open for reading was appended to")
		}
	}
}

func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		path  string
		open  string
		is    error
		words string
	}{
		"no folder":         {filepath.Join(dir, "none", "a.db"), "Open", fs.ErrNotExist, "none\" does not exist"},
		"a folder":          {dir, "Open", nil, "is a folder"},
		"not a store":       {write("text", strings.Repeat("text ", 9999)), "Open", store.ErrFormat, "not a store of alignd"},
		"a few bytes":       {write("few", "text"), "OpenReadOnly", store.ErrFormat, "not a store of alignd"},
		"nothing to read":   {write("empty", ""), "OpenReadOnly", store.ErrFormat, "empty"},
		"no file to read":   {filepath.Join(dir, "none.db"), "OpenReadOnly", fs.ErrNotExist, "none.db"},
		"newer version":     {withBucket(t, dir, "alignd", "3"), "Open", store.ErrFormat, `found version "3", this alignd supports version "2"`},
		"newer, to be read": {withBucket(t, dir, "alignd", "17"), "OpenReadOnly", store.ErrFormat, `found version "17"`},
		"other program's":   {withBucket(t, dir, "widgets", "1"), "Open", store.ErrFormat, "not a store of alignd"},
		"cut off":           {cutOff(t, dir), "Open", store.ErrDamaged, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openers[test.open](t.Context(), store.Config{Path: test.path})
			if err == nil {
				t.Fatal("no error")
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %q, want %q", err, test.is)
			}
			if !strings.Contains(err.Error(), test.words) {
				t.Errorf("error %q, want %q in it", err, test.words)
			}
		})
	}
}

func TestOpenEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// withBucket makes a bbolt file with one bucket and, in it, a format version.
func withBucket(t *testing.T, dir, bucket, version string) string {
	path := filepath.Join(dir, bucket+version)
	edit(t, path, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte("format"), []byte(version))
	})
	return path
}

func edit(t *testing.T, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func cutOff(t *testing.T, dir string) string {
	path := filepath.Join(dir, "cut")
	s := open(t, path)
	fill(t, s, 2000, number)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100_000); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCorruptValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	fill(t, s, 200, number)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("connectors")).Bucket([]byte("acme")).Bucket([]byte("tickets")).Put([]byte("10100"), []byte{1, 200, 7})
	})
	s = open(t, path)
	bad := ticket.ID{Connector: "acme", UID: "10100"}
	reads := map[string]func(store.View){
		"Tickets": func(v store.View) {
			for range v.Tickets() {
			}
		},
		"Ticket": func(v store.View) {
			if _, ok := v.Ticket(bad); ok {
				t.Error("a corrupt ticket was read")
			}
		},
	}
	for name, read := range reads {
		err := s.View(t.Context(), func(v store.View) error { read(v); return nil })
		if err == nil || !strings.Contains(err.Error(), `"acme/10100"`) {
			t.Errorf("%s: error %v does not name the ticket", name, err)
		}
	}
	own := errors.New("of fn")
	if err := s.View(t.Context(), func(v store.View) error { reads["Ticket"](v); return own }); !errors.Is(err, own) {
		t.Errorf("error %v, want %v", err, own)
	}
	if _, err := s.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{fact(100, "10100")}}); err != nil {
		t.Fatalf("the next reading does not heal it: %v", err)
	}
	if err := s.View(t.Context(), func(v store.View) error { reads["Tickets"](v); return nil }); err != nil {
		t.Error(err)
	}
}
