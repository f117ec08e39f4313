package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"alignd/ticket"
)

func (e *embedded) Apply(ctx context.Context, b Batch) (Applied, error) {
	if err := errors.Join(ctx.Err(), checkBatch(&b)); err != nil {
		return Applied{}, err
	}
	tx, err := e.db.Begin(true)
	if err != nil {
		return Applied{}, fmt.Errorf("write store: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	var w *writer
	err = guard(func() (err error) {
		if w, err = e.newWriter(tx, b.Connector); err != nil {
			return err
		}
		if err = w.batch(&b); err != nil || !w.dirty { // it spares two waits for the disk
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		delete(e.tables, b.Connector) // may hold texts that were not written
		return Applied{}, fmt.Errorf("write batch of %q: %w", b.Connector, err)
	}
	return w.applied, nil
}

func checkBatch(b *Batch) error {
	if b.Connector == "" || len(b.Connector) > maxKey {
		return fmt.Errorf("batch of the connector %.20q, want a name of at most %d bytes", b.Connector, maxKey)
	}
	for i := range b.Tickets {
		switch id := b.Tickets[i].ID; {
		case id.Connector != b.Connector || id.UID == "":
			return fmt.Errorf("ticket %q in a batch of %q", id, b.Connector)
		case len(id.UID) > maxKey:
			return fmt.Errorf("ticket %.20q: its UID is longer than %d bytes", id.UID, maxKey)
		}
	}
	for id := range b.Names {
		if len(id) > maxKey {
			return fmt.Errorf("name of %.20q: the id is longer than %d bytes", id, maxKey)
		}
	}
	return nil
}

// writer applies one batch within one transaction.
type writer struct {
	bucket                *bbolt.Bucket
	tickets, names, texts *bbolt.Bucket

	table   *textTable
	enc     encoder
	created map[string]bool // UIDs
	applied Applied
	dirty   bool     // something was written
	effects *effects // gets what was written; may be nil
}

// textTable is the table of texts as the writer needs it: both directions, no
// names.
type textTable struct {
	refs  map[string]uint64
	texts texts
}

func (e *embedded) newWriter(tx *bbolt.Tx, connector string) (*writer, error) {
	bucket, err := makeConnector(tx.Bucket(keyConnectors), connector)
	if err != nil {
		return nil, err
	}
	w := &writer{
		bucket: bucket, created: map[string]bool{},
		tickets: bucket.Bucket(keyTickets), names: bucket.Bucket(keyNames), texts: bucket.Bucket(keyTexts),
	}
	w.tickets.FillPercent = fillPercent
	if e.tables[connector] == nil {
		e.tables[connector] = readTable(w.texts)
	}
	w.table = e.tables[connector]
	w.enc.ref = w.ref
	return w, nil
}

func readTable(b *bbolt.Bucket) *textTable {
	t := &textTable{refs: map[string]uint64{}}
	t.add("")
	c := b.Cursor()
	for k, text := c.First(); k != nil; k, text = c.Next() {
		t.add(string(text))
	}
	return t
}

func (t *textTable) add(text string) uint64 {
	n := uint64(len(t.texts.raw))
	t.refs[text] = n
	t.texts.raw = append(t.texts.raw, text)
	t.texts.named = t.texts.raw
	return n
}

// ref returns the number of a text, a new one if need be.
func (w *writer) ref(text string) (uint64, error) {
	if n, ok := w.table.refs[text]; ok {
		return n, nil
	}
	n := w.table.add(text)
	w.effects.text(text)
	return n, putText(w.texts, n, text)
}

func putText(texts *bbolt.Bucket, n uint64, text string) error {
	return texts.Put(binary.BigEndian.AppendUint64(nil, n), []byte(text))
}

func (w *writer) batch(b *Batch) error {
	if err := w.putNames(b.Names); err != nil {
		return err
	}
	gone := make(map[string]bool, len(b.Gone))
	for _, uid := range b.Gone {
		gone[uid] = true
		if err := w.forget(uid); err != nil {
			return fmt.Errorf("forget ticket %q: %w", uid, err)
		}
	}
	for i := range b.Tickets {
		tk := &b.Tickets[i]
		if gone[tk.ID.UID] {
			continue
		}
		if err := w.put(tk); err != nil {
			return fmt.Errorf("ticket %q: %w", tk.ID, err)
		}
	}
	for _, uid := range b.Left {
		if err := w.leave(uid); err != nil {
			return fmt.Errorf("ticket %q leaves: %w", uid, err)
		}
	}
	if err := w.putCensus(b.Census); err != nil {
		return err
	}
	if b.Watermark.IsZero() {
		return nil
	}
	return errors.Join(
		w.putMark(keyWatermark, b.Watermark.UTC().AppendFormat(nil, time.RFC3339Nano)),
		w.putMark(keyScope, []byte(b.Scope)),
	)
}

func (w *writer) putNames(names map[string]string) error {
	for id, name := range names {
		if old := w.names.Get([]byte(id)); id == "" || old != nil && string(old) == name {
			continue
		}
		w.dirty = true
		w.effects.name(id, name)
		if err := w.names.Put([]byte(id), []byte(name)); err != nil {
			return fmt.Errorf("name of %q: %w", id, err)
		}
	}
	return nil
}

func (w *writer) putMark(key, text []byte) error {
	if bytes.Equal(w.bucket.Get(key), text) {
		return nil
	}
	w.dirty = true
	w.effects.mark(key, text)
	return w.bucket.Put(key, text)
}

func (w *writer) forget(uid string) error {
	if uid == "" || w.tickets.Get([]byte(uid)) == nil {
		return nil
	}
	w.dirty = true
	w.applied.Gone++
	w.effects.ticket(uid, nil)
	return w.tickets.Delete([]byte(uid))
}

// leave marks a known ticket as outside.
func (w *writer) leave(uid string) error {
	stored := w.tickets.Get([]byte(uid))
	if uid == "" || stored == nil {
		return nil
	}
	tk := ticket.Ticket{ID: ticket.ID{UID: uid}}
	if err := decodeTicket(stored, &w.table.texts, &tk); err != nil {
		return err
	}
	if tk.Outside {
		return nil
	}
	tk.Outside = true
	w.applied.Left++
	return w.write(stored, &tk)
}

func (w *writer) put(tk *ticket.Ticket) error {
	stored := w.tickets.Get([]byte(tk.ID.UID))
	if stored == nil {
		w.created[tk.ID.UID] = true
		w.applied.Created++
	}
	return w.write(stored, w.merge(stored, tk))
}

// write stores a ticket unless that changes nothing.
func (w *writer) write(stored []byte, tk *ticket.Ticket) error {
	value, err := w.enc.ticket(tk)
	if err != nil || bytes.Equal(stored, value) {
		return err
	}
	w.dirty = true
	w.effects.ticket(tk.ID.UID, value)
	return w.tickets.Put([]byte(tk.ID.UID), value)
}

// merge joins the reading with the stored one and notes what it teaches. A
// stored one that cannot be read is replaced: that is how it heals.
func (w *writer) merge(stored []byte, tk *ticket.Ticket) *ticket.Ticket {
	known := ticket.Ticket{ID: tk.ID}
	if stored == nil || decodeTicket(stored, &w.table.texts, &known) != nil {
		return tk
	}
	merged := ticket.Merge(known, *tk)
	merged.Outside = known.Outside && (tk.Outside || tk.Updated.Before(known.Updated))
	if !w.created[tk.ID.UID] {
		w.applied.Changes = appendNew(w.applied.Changes, &known, &merged)
	}
	return &merged
}

// appendNew appends the history entries of next that known did not have. An
// "updated" stamp that has become a touch was known.
func appendNew(to []ticket.Change, known, next *ticket.Ticket) []ticket.Change {
	had := make(map[ticket.Change]int, len(known.Changes)+1)
	for _, c := range known.Changes {
		had[normal(c)]++
	}
	had[normal(ticket.Change{At: known.Updated, Field: ticket.FieldTouch})]++
	for _, c := range next.Changes {
		key := normal(c)
		if had[key] > 0 {
			had[key]--
			continue
		}
		to = append(to, c)
	}
	return to
}

// normal makes == mean the same instant.
func normal(c ticket.Change) ticket.Change {
	c.At = c.At.Round(0).UTC()
	return c
}
