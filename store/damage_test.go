package store_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"alignd/store"
	"alignd/ticket"
)

// filled makes a file with tickets of two connectors and 300 records, and
// returns its path.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	fill(t, s, 500, number)
	for i := range 300 {
		appendRecord(t, s, i)
	}
	tk := fact(1, "x")
	tk.ID.Connector = "linear"
	for _, b := range []store.Batch{
		{Connector: "linear", Tickets: []ticket.Ticket{tk}, Names: map[string]string{"goal-checkout": "Checkout"}},
		{Connector: "acme", Watermark: crashStart, Gone: []string{number(7)}},
	} {
		if _, err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	path := filled(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Check(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	want := store.Report{
		Connectors: []store.ConnectorReport{{Name: "acme", Tickets: 499, Watermark: crashStart}, {Name: "linear", Tickets: 1}},
		Logs:       []store.LogReport{{Name: "episodes", Records: 300}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("checking changed the file, or %v", err)
	}

	s := open(t, path)
	if _, err := store.Check(t.Context(), store.Config{Path: path}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a store that is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Check(ended, store.Config{Path: path}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// readAll reads everything there is and writes a little.
func readAll(t *testing.T, path string) error {
	s, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		return err
	}
	viewed := s.View(t.Context(), func(v store.View) error {
		v.Watermarks()
		for i := range 500 {
			v.Ticket(ticket.ID{Connector: "acme", UID: number(i)})
		}
		for range v.Tickets() {
		}
		for range v.Records("episodes") {
		}
		return nil
	})
	_, applied := s.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: []ticket.Ticket{fact(9, number(99999))}})
	_, appended := s.Append(t.Context(), note(7), note(999))
	return errors.Join(viewed, applied, appended, s.Close())
}

// note makes the i-th record of a log.
func note(i int) store.Record {
	return store.Record{Log: "episodes", Key: number(i), At: crashStart.Add(time.Duration(i) * time.Hour), Data: []byte(`{"direction":"up","note":"` + number(i) + `"}`)}
}

func appendRecord(t testing.TB, s store.Store, i int) {
	t.Helper()
	if added, err := s.Append(t.Context(), note(i)); err != nil || added != 1 {
		t.Fatal(added, err)
	}
}

func TestCheckFindsDamagedRecords(t *testing.T) {
	for name, damage := range map[string]func(log *bbolt.Bucket) error{
		"empty": func(log *bbolt.Bucket) error { return log.Bucket([]byte("records")).Put(make([]byte, 8), nil) },
		"key beyond": func(log *bbolt.Bucket) error {
			return log.Bucket([]byte("records")).Put(make([]byte, 8), []byte{9, 'x'})
		},
		"without its key": func(log *bbolt.Bucket) error { return log.Bucket([]byte("keys")).Delete([]byte(number(7))) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			edit(t, path, func(tx *bbolt.Tx) error { return damage(tx.Bucket([]byte("logs")).Bucket([]byte("episodes"))) })
			report, err := store.Check(t.Context(), store.Config{Path: path})
			if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Error(), `log "episodes"`) {
				t.Errorf("problems %v, error %v", report.Problems, err)
			}
		})
	}
}

// copied returns a copy: after a failed opening bbolt keeps the file locked.
func copied(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		path += ".copy"
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever page is damaged, and however: it is an error, never the end of the
// process, and Check finds what reading trips over.
func TestDamagedPages(t *testing.T) {
	whole, err := os.ReadFile(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	whole = bytes.TrimRight(whole, "\x00") // the file grows ahead of its use
	whole = append(whole, make([]byte, page-len(whole)%page)...)
	step := max(1, len(whole)/page/20) * page
	random := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func(page []byte){
		"zeros": func(p []byte) { clear(p) },
		"noise": func(p []byte) {
			for i := range p {
				p[i] = byte(random.Uint32())
			}
		},
		"noise in the header": func(p []byte) {
			for i := range 64 {
				p[i] = byte(random.Uint32())
			}
		},
		"of elsewhere": func(p []byte) { copy(p, whole[5*page:]) },
	}
	dir := t.TempDir()
	met := 0
	for name, damage := range damages {
		for at := 2 * page; at+page <= len(whole); at += step {
			file := bytes.Clone(whole)
			damage(file[at : at+page])
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+strconv.Itoa(at/page))
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := store.Check(t.Context(), store.Config{Path: path})
			seen := err != nil || len(report.Problems) > 0
			read := readAll(t, copied(t, path))
			if read != nil {
				met++
			}
			if read != nil && !seen {
				t.Errorf("%s in page %d: reading says %v, Check nothing", name, at/page, read)
			}
			if errors.Is(read, store.ErrDamaged) && !strings.Contains(read.Error(), "put a backup in its place") {
				t.Errorf("the message does not say what to do: %v", read)
			}
		}
	}
	if met == 0 {
		t.Error("no damage was met")
	}
}
