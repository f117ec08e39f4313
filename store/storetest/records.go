package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alignd/store"
)

func appended(t tester, s store.Store, records ...store.Record) (added int) {
	t.Helper()
	added, err := s.Append(t.Context(), records...)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func records(t tester, s store.Store, log string) (records []store.Record) {
	t.Helper()
	view(t, s, func(v store.View) { records = slices.Collect(v.Records(log)) })
	return records
}

func record(log, key string, n int) store.Record {
	return store.Record{Log: log, Key: key, At: day(n), Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func testAppend(t *testing.T, s store.Store) {
	equal(t, "before the first", []store.Record{}, records(t, s, "episodes"))
	equal(t, "none", 0, appended(t, s))

	late, early := record("episodes", "b", 5), record("episodes", "a", 1)
	late.At = late.At.Add(123456 * time.Nanosecond)
	elsewhere := record("revisions", "b", 3)
	equal(t, "new ones", 3, appended(t, s, late, elsewhere, early))
	late.At = late.At.Truncate(time.Microsecond)
	equal(t, "in the order of their arrival", []store.Record{late, early}, records(t, s, "episodes"))
	equal(t, "of another log", []store.Record{elsewhere}, records(t, s, "revisions"))

	other := record("episodes", "a", 9)
	last := store.Record{Log: "episodes", Key: "c\x00", At: day(2).In(time.FixedZone("", 7200))}
	equal(t, "a known key, a new one, and it again", 1, appended(t, s, other, last, last))
	last.At = day(2)
	equal(t, "what is known stays", []store.Record{late, early, last}, records(t, s, "episodes"))

	view(t, s, func(v store.View) {
		for r := range v.Records("episodes") {
			equal(t, "the first of them", late, r)
			break
		}
		equal(t, "no tickets", 0, len(collect(v)))
	})
}

func testAppendAfter(t *testing.T, s store.Store) {
	recorded := func() (n int) {
		t.Helper()
		view(t, s, func(v store.View) { n = v.Recorded() })
		return n
	}
	after := func(n int, records ...store.Record) (added int) {
		t.Helper()
		added, err := s.AppendAfter(t.Context(), n, records...)
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	a, b := record("episodes", "a", 1), record("episodes", "b", 2)
	equal(t, "before the first", 0, recorded())
	equal(t, "added", 1, after(0, a))
	equal(t, "recorded", 1, recorded())
	equal(t, "added to another log", 1, appended(t, s, record("revisions", "a", 1)))
	for _, stale := range []int{0, 1, 3} {
		if added, err := s.AppendAfter(t.Context(), stale, b); !errors.Is(err, store.ErrRecorded) || added != 0 {
			t.Errorf("after %d of 2: %d added, error %v, want %v", stale, added, err, store.ErrRecorded)
		}
	}
	equal(t, "a known one and a new one", 1, after(2, a, b))
	equal(t, "records", []store.Record{a, b}, records(t, s, "episodes"))
	equal(t, "none", 0, after(recorded()))
}

func testAppendAllOrNothing(t *testing.T, s store.Store) {
	good := record("episodes", "a", 1)
	for name, bad := range map[string]store.Record{
		"no log":      record("", "b", 1),
		"no key":      record("episodes", "", 1),
		"endless key": record("episodes", strings.Repeat("x", 1<<20), 1),
		"endless log": record(strings.Repeat("x", 1<<20), "b", 1),
	} {
		if added, err := s.Append(t.Context(), good, bad); err == nil || added != 0 {
			t.Errorf("%s: %d added, error %v", name, added, err)
		}
		equal(t, name+": records", []store.Record{}, records(t, s, "episodes"))
	}
	equal(t, "by itself", 1, appended(t, s, good))
}
