package storetest

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alignd/store"
	"alignd/ticket"
)

// model is the simplest store there could be.
type model struct {
	tickets map[ticket.ID]ticket.Ticket
	names   map[string]map[string]string
	marks   map[string]time.Time
	logs    map[string][]store.Record
}

// testModel applies the same random batches to the store and to the model.
func testModel(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		defer func() { _ = s.Close() }()
		m := model{map[ticket.ID]ticket.Ticket{}, map[string]map[string]string{}, map[string]time.Time{}, map[string][]store.Record{}}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			b := drawBatch(rt)
			want := m.apply(b)
			got, err := s.Apply(rt.Context(), b)
			if err != nil {
				rt.Fatal(err)
			}
			equal(rt, "applied", want, got)
			notes := drawRecords(rt)
			equal(rt, "records added", m.append(notes), appended(rt, s, notes...))
		}
		equal(rt, "tickets", m.all(), all(rt, s))
		equal(rt, "watermarks", m.marks, watermarks(rt, s))
		for _, log := range logNames {
			equal(rt, "records of "+log, m.logs[log], records(rt, s, log))
		}
		for id := range m.tickets {
			got, _ := one(rt, s, id)
			equal(rt, "ticket", m.named(id), got)
		}
	})
}

func drawBatch(t *rapid.T) store.Batch {
	b := store.Batch{Connector: rapid.SampledFrom([]string{"acme", "linear"}).Draw(t, "connector")}
	uid := rapid.SampledFrom([]string{"1", "2", "3", "4"})
	text := Text()
	for range rapid.IntRange(0, 4).Draw(t, "tickets") {
		b.Tickets = append(b.Tickets, Ticket(ticket.ID{Connector: b.Connector, UID: uid.Draw(t, "uid")}).Draw(t, "ticket"))
	}
	b.Gone = rapid.SliceOfN(uid, 0, 1).Draw(t, "gone")
	b.Left = rapid.SliceOfN(uid, 0, 1).Draw(t, "left")
	b.Names = rapid.MapOfN(text, text, 0, 3).Draw(t, "names")
	if rapid.Bool().Draw(t, "last page") {
		b.Watermark = instant().Draw(t, "watermark")
	}
	return b
}

func (m *model) apply(b store.Batch) (applied store.Applied) {
	if m.names[b.Connector] == nil {
		m.names[b.Connector] = map[string]string{}
	}
	maps.Copy(m.names[b.Connector], b.Names)
	if !b.Watermark.IsZero() {
		m.marks[b.Connector] = b.Watermark
	}
	for _, uid := range b.Gone {
		id := ticket.ID{Connector: b.Connector, UID: uid}
		if _, ok := m.tickets[id]; ok {
			applied.Gone++
		}
		delete(m.tickets, id)
	}
	before := maps.Clone(m.tickets)
	for _, tk := range b.Tickets {
		if slices.Contains(b.Gone, tk.ID.UID) {
			continue
		}
		old, known := m.tickets[tk.ID]
		if known {
			outside := old.Outside && (tk.Outside || tk.Updated.Before(old.Updated))
			tk = ticket.Merge(old, tk)
			tk.Outside = outside
		} else {
			applied.Created++
		}
		if _, ok := before[tk.ID]; ok {
			applied.Changes = append(applied.Changes, added(old, tk)...)
		}
		m.tickets[tk.ID] = tk
	}
	for _, uid := range b.Left {
		id := ticket.ID{Connector: b.Connector, UID: uid}
		if tk, ok := m.tickets[id]; ok && !tk.Outside {
			tk.Outside = true
			m.tickets[id] = tk
			applied.Left++
		}
	}
	return applied
}

var logNames = []string{"episodes", "revisions"}

func drawRecords(t *rapid.T) (records []store.Record) {
	for range rapid.IntRange(0, 3).Draw(t, "records") {
		records = append(records, store.Record{
			Log:  rapid.SampledFrom(logNames).Draw(t, "log"),
			Key:  rapid.SampledFrom([]string{"a", "b", "c", "\x00", "\xff"}).Draw(t, "key"),
			At:   instant().Draw(t, "at"),
			Data: []byte(Text().Draw(t, "data")),
		})
	}
	return records
}

func (m *model) append(records []store.Record) (added int) {
	for _, r := range records {
		if slices.ContainsFunc(m.logs[r.Log], func(known store.Record) bool { return known.Key == r.Key }) {
			continue
		}
		r.At = r.At.Truncate(time.Microsecond)
		m.logs[r.Log] = append(m.logs[r.Log], r)
		added++
	}
	return added
}

// added crosses out, one by one, what was known.
func added(old, next ticket.Ticket) []ticket.Change {
	left := slices.Clone(next.Changes)
	for _, c := range append(slices.Clone(old.Changes), ticket.Change{At: old.Updated}) {
		if i := slices.Index(left, c); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return left
}

func (m *model) all() (tickets []ticket.Ticket) {
	for id := range m.tickets {
		tickets = append(tickets, m.named(id))
	}
	slices.SortFunc(tickets, func(a, b ticket.Ticket) int {
		return cmp.Or(cmp.Compare(a.ID.Connector, b.ID.Connector), cmp.Compare(a.ID.UID, b.ID.UID))
	})
	return tickets
}

func (m *model) named(id ticket.ID) ticket.Ticket {
	tk := m.tickets[id]
	tk = tk.Clone()
	join := func(text *string) {
		if name, ok := m.names[id.Connector][*text]; ok && *text != "" {
			*text = name
		}
	}
	join(&tk.Status)
	join(&tk.Project)
	for i := range tk.Labels {
		join(&tk.Labels[i])
	}
	for i := range tk.Changes {
		if c := &tk.Changes[i]; c.Field == ticket.FieldState || c.Field == ticket.FieldLabel || c.Field == ticket.FieldProject {
			join(&c.From)
			join(&c.To)
		}
	}
	return tk
}

// Text draws texts that come again and texts that are hard to store.
func Text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "b", "goal-checkout", "\x00", "\xff", "null"}),
		rapid.StringN(0, 8, -1),
	)
}

func instant() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := day(rapid.IntRange(0, 4).Draw(t, "day"))
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			at = at.Add(time.Duration(rapid.Int64Range(-1e18, 1e18).Draw(t, "nanoseconds")))
		}
		return at
	})
}

// Ticket draws any ticket of that identity.
func Ticket(id ticket.ID) *rapid.Generator[ticket.Ticket] {
	return rapid.Custom(func(t *rapid.T) ticket.Ticket {
		text, texts := Text(), rapid.SliceOfN(Text(), 0, 3)
		return ticket.Ticket{
			ID:         id,
			Key:        text.Draw(t, "key"),
			Former:     texts.Draw(t, "former"),
			Title:      text.Draw(t, "title"),
			Outside:    rapid.Bool().Draw(t, "outside"),
			Container:  rapid.Bool().Draw(t, "container"),
			Type:       text.Draw(t, "type"),
			Priority:   text.Draw(t, "priority"),
			Components: texts.Draw(t, "components"),
			Labels:     texts.Draw(t, "labels"),
			Project:    text.Draw(t, "project"),
			Status:     text.Draw(t, "status"),
			State:      state().Draw(t, "state"),
			Estimate:   points().Draw(t, "estimate"),
			Parent:     text.Draw(t, "parent"),
			Groups:     texts.Draw(t, "groups"),
			Created:    instant().Draw(t, "created"),
			Updated:    instant().Draw(t, "updated"),
			Due:        text.Draw(t, "due"),
			Spans:      rapid.SliceOfN(span(), 0, 2).Draw(t, "spans"),
			Changes:    Changes().Draw(t, "changes"),
		}
	})
}

func span() *rapid.Generator[ticket.Span] {
	return rapid.Custom(func(t *rapid.T) ticket.Span {
		return ticket.Span{From: instant().Draw(t, "span from"), To: instant().Draw(t, "span to")}
	})
}

// Changes draws a history, oldest first.
func Changes() *rapid.Generator[[]ticket.Change] {
	change := rapid.Custom(func(t *rapid.T) ticket.Change {
		return ticket.Change{
			At:         instant().Draw(t, "at"),
			Field:      ticket.Field(rapid.IntRange(0, int(ticket.FieldDue)).Draw(t, "field")),
			From:       Text().Draw(t, "from"),
			To:         Text().Draw(t, "to"),
			FromState:  state().Draw(t, "from state"),
			ToState:    state().Draw(t, "to state"),
			FromPoints: points().Draw(t, "from points"),
			ToPoints:   points().Draw(t, "to points"),
		}
	})
	return rapid.Map(rapid.SliceOfN(change, 0, 5), func(cs []ticket.Change) []ticket.Change {
		slices.SortStableFunc(cs, func(a, b ticket.Change) int { return a.At.Compare(b.At) })
		return cs
	})
}

func state() *rapid.Generator[ticket.State] {
	return rapid.Map(rapid.IntRange(0, int(ticket.StateCanceled)), func(n int) ticket.State { return ticket.State(n) })
}

func points() *rapid.Generator[ticket.Points] {
	return rapid.OneOf(
		rapid.Just(ticket.Points{}),
		rapid.Map(rapid.Int64Min(0), func(n int64) ticket.Points { return ticket.Points{Set: true, Micros: n} }),
	)
}
