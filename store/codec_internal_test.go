package store

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alignd/ticket"
)

// table numbers texts without keeping them anywhere.
func table() (*textTable, *encoder) {
	t := &textTable{refs: map[string]uint64{}}
	t.add("")
	return t, &encoder{ref: func(s string) (uint64, error) {
		if n, ok := t.refs[s]; ok {
			return n, nil
		}
		return t.add(s), nil
	}}
}

func sample() ticket.Ticket {
	at := func(d int) time.Time { return time.Date(2026, 3, d, 9, 30, 0, 123e6, time.UTC) }
	return ticket.Ticket{
		Key: "PAY-12", Former: []string{"OLD-3"}, Title: "Pay with card", Outside: true, Type: "Bug", Priority: "High", Components: []string{"web"},
		Labels: []string{"goal-checkout", "ios"}, Project: "PAY", Status: "In Review", State: ticket.StateActive,
		Estimate: ticket.Points{Set: true, Micros: 3e6}, Parent: "10000", Groups: []string{"g"},
		Created: at(1), Updated: at(5), Changes: []ticket.Change{
			{At: at(2), Field: ticket.FieldState, From: "To Do", To: "In Review", FromState: ticket.StateTodo, ToState: ticket.StateActive},
			{At: at(3), Field: ticket.FieldParent, From: "9999", To: "10000"},
			{At: at(4), Field: ticket.FieldEstimate, ToPoints: ticket.Points{Set: true, Micros: 3e6}},
			{At: at(5), Field: ticket.FieldPlan},
		},
	}
}

// TestEncoding pins what files on disk look like: when it fails, files that
// exist can no longer be read, and codecVersion has to change.
func TestEncoding(t *testing.T) {
	_, enc := table()
	tk := sample()
	value, err := enc.ticket(&tk)
	if err != nil {
		t.Fatal(err)
	}
	const want = "021a065041592d313201054f4c442d330d506179207769746820636172640102030402809bee02053130303030010502" +
		"06070108f6d8dd8b9567042780f0b25209040102830180f0b2520439393939053130303030d00180f0b252809bee02e00180f0b25200"
	if got := hex.EncodeToString(value); got != want {
		t.Errorf("value %s, want %s", got, want)
	}
}

// TestDecodeIntoUsed decodes random tickets one into the other, as a View does.
func TestDecodeIntoUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, enc := table()
		var into ticket.Ticket
		for range rapid.IntRange(1, 4).Draw(t, "tickets") {
			want := draw(t)
			value, err := enc.ticket(&want)
			if err != nil {
				t.Fatal(err)
			}
			if err := decodeTicket(value, &tab.texts, &into); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, into, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
		}
	})
}

func draw(t *rapid.T) ticket.Ticket {
	text, texts := rapid.String(), rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "\xff"}), 0, 4)
	at := rapid.Map(rapid.Int64(), func(n int64) time.Time { return time.Unix(n%1e11, n&0x1fffffff).UTC() })
	tk := ticket.Ticket{
		Key: text.Draw(t, "key"), Title: text.Draw(t, "title"), Parent: text.Draw(t, "parent"),
		Former: texts.Draw(t, "former"), Outside: rapid.Bool().Draw(t, "outside"),
		Status: text.Draw(t, "status"), State: ticket.State(rapid.Byte().Draw(t, "state")),
		Labels: texts.Draw(t, "labels"), Groups: texts.Draw(t, "groups"), Container: rapid.Bool().Draw(t, "container"),
		Estimate: points(t), Created: at.Draw(t, "created"), Updated: at.Draw(t, "updated"), Due: text.Draw(t, "due"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "spans") {
		tk.Spans = append(tk.Spans, ticket.Span{From: at.Draw(t, "span from"), To: at.Draw(t, "span to")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		tk.Changes = append(tk.Changes, ticket.Change{
			At: at.Draw(t, "at"), Field: ticket.Field(rapid.Byte().Draw(t, "field")),
			From: text.Draw(t, "from"), To: text.Draw(t, "to"),
			FromState: ticket.State(rapid.Byte().Draw(t, "from state")), ToState: ticket.State(rapid.Byte().Draw(t, "to state")),
			FromPoints: points(t), ToPoints: points(t),
		})
	}
	return tk
}

func points(t *rapid.T) ticket.Points {
	if !rapid.Bool().Draw(t, "estimated") {
		return ticket.Points{}
	}
	return ticket.Points{Set: true, Micros: rapid.Int64().Draw(t, "micros")}
}

// FuzzDecode feeds the decoder anything: it never panics, says so when it does
// not understand, and what it understands is encoded to the same meaning.
func FuzzDecode(f *testing.F) {
	_, enc := table()
	tk := sample()
	good, err := enc.ticket(&tk)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	f.Add([]byte{codecVersion, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, value []byte) {
		tab := &texts{raw: []string{"", "a", "b", "c"}, named: []string{"", "a", "B", "c"}}
		var tk ticket.Ticket
		err := decodeTicket(value, tab, &tk)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Fatalf("error %v is not errCorrupt", err)
			}
			return
		}
		back, enc := table()
		again, err := enc.ticket(&tk)
		if err != nil {
			t.Fatal(err)
		}
		var twice ticket.Ticket
		if err := decodeTicket(again, &back.texts, &twice); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tk, twice, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// FuzzDecodeRecord feeds the decoder of records anything.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(encodeRecord(&Record{Key: "a", At: time.Unix(1, 0), Data: []byte("{}")}))
	f.Add([]byte{})
	f.Add([]byte{9, 'x'})
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRecord("episodes", value)
		if err != nil {
			if !errors.Is(err, errCorrupt) {
				t.Fatalf("error %v is not errCorrupt", err)
			}
			return
		}
		again, err := decodeRecord("episodes", encodeRecord(&r))
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%v, -want +got:\n%s", err, diff)
		}
	})
}

// TestEveryCutIsNoticed cuts a good value short at each place.
func TestEveryCutIsNoticed(t *testing.T) {
	tab, enc := table()
	tk := sample()
	value, err := enc.ticket(&tk)
	if err != nil {
		t.Fatal(err)
	}
	for n := range value {
		var into ticket.Ticket
		if err := decodeTicket(value[:n], &tab.texts, &into); !errors.Is(err, errCorrupt) {
			t.Errorf("%d of %d bytes: error %v", n, len(value), err)
		}
	}
	if err := decodeTicket(append(value, 0), &tab.texts, &ticket.Ticket{}); !errors.Is(err, errCorrupt) {
		t.Errorf("a byte too many: error %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	tab, enc := table()
	tk := sample()
	tk.Changes = append(tk.Changes, tk.Changes[0], tk.Changes[3])
	value, err := enc.ticket(&tk)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := decodeTicket(value, &tab.texts, &tk); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(value)), "B-value")
}
