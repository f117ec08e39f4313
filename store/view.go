package store

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"alignd/ticket"
)

// view is a View over one read transaction.
type view struct {
	ctx        context.Context // of the View call, whose end is the view's end
	connectors []*connectorView
	byName     map[string]*connectorView
	logs       map[string]*bbolt.Bucket // of records, by name

	mu  sync.Mutex // guards err
	err error      // the first that was met
}

// connectorView holds the buckets of one connector. They are looked up in
// advance, because looking up is not safe for concurrent use while reading is.
type connectorView struct {
	name                  string
	bucket                *bbolt.Bucket
	tickets, names, texts *bbolt.Bucket

	load  sync.Once
	table texts
}

func newView(ctx context.Context, tx *bbolt.Tx) *view {
	v := &view{ctx: ctx, byName: map[string]*connectorView{}, logs: logsOf(tx)}
	all := tx.Bucket(keyConnectors)
	if all == nil {
		return v
	}
	for name := range entries(all) {
		b := all.Bucket(name)
		c := &connectorView{
			name:    string(name),
			bucket:  b,
			tickets: b.Bucket(keyTickets),
			names:   b.Bucket(keyNames),
			texts:   b.Bucket(keyTexts),
		}
		v.connectors = append(v.connectors, c)
		v.byName[c.name] = c
	}
	return v
}

func entries(b *bbolt.Bucket) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		c := b.Cursor()
		for k, value := c.First(); k != nil; k, value = c.Next() {
			if !yield(k, value) {
				return
			}
		}
	}
}

// tableOfTexts reads the connector's texts once per view and looks up their
// names, so that reading a ticket looks up neither.
func (c *connectorView) tableOfTexts() *texts {
	c.load.Do(func() {
		c.table = texts{raw: []string{""}, named: []string{""}}
		cur := c.texts.Cursor()
		for k, text := cur.First(); k != nil; k, text = cur.Next() {
			raw := string(text)
			named := raw
			if name := c.names.Get(text); name != nil {
				named = string(name)
			}
			c.table.raw = append(c.table.raw, raw)
			c.table.named = append(c.table.named, named)
		}
	})
	return &c.table
}

func (c *connectorView) decode(uid, value []byte, tk *ticket.Ticket) error {
	tk.ID = ticket.ID{Connector: c.name, UID: string(uid)}
	if err := decodeTicket(value, c.tableOfTexts(), tk); err != nil {
		return fmt.Errorf("read ticket %q: %w", tk.ID, err)
	}
	return nil
}

// fail keeps the first error for the end of the View.
func (v *view) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.err = err
	}
}

func (v *view) failure() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

func (v *view) Ticket(id ticket.ID) (ticket.Ticket, bool) {
	c := v.byName[id.Connector]
	if c == nil || id.UID == "" {
		return ticket.Ticket{}, false
	}
	var tk ticket.Ticket
	found := false
	err := guard(func() error {
		value := c.tickets.Get([]byte(id.UID))
		found = value != nil
		if !found {
			return nil
		}
		return c.decode([]byte(id.UID), value, &tk)
	})
	if err != nil {
		v.fail(err)
		return ticket.Ticket{}, false
	}
	return tk, found
}

func (v *view) Watermarks() map[string]time.Time {
	marks := map[string]time.Time{}
	for _, c := range v.connectors {
		text := c.bucket.Get(keyWatermark)
		if text == nil {
			continue
		}
		mark, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			v.fail(fmt.Errorf("read watermark of %q: %w", c.name, err))
			continue
		}
		marks[c.name] = mark.UTC()
	}
	return marks
}

func (v *view) Scope(connector string) string {
	c := v.byName[connector]
	if c == nil {
		return ""
	}
	return string(c.bucket.Get(keyScope))
}

func (v *view) Tickets() iter.Seq[*ticket.Ticket] {
	return func(yield func(*ticket.Ticket) bool) {
		for _, c := range v.connectors {
			if !v.stream(c, yield) {
				return
			}
		}
	}
}

// Tickets are decoded ahead of their use, in another goroutine and a few
// batches at a time: small enough to stay in the processor's cache.
const (
	batchTickets = 64
	batchesAhead = 4
)

// stream yields the connector's tickets and reports whether to go on.
func (v *view) stream(c *connectorView, yield func(*ticket.Ticket) bool) bool {
	empty, full := make(chan []ticket.Ticket, batchesAhead), make(chan []ticket.Ticket, batchesAhead)
	stop := make(chan struct{})
	for range batchesAhead {
		empty <- make([]ticket.Ticket, batchTickets)
	}
	ok := true
	go func() {
		defer close(full)
		err := guard(func() error { ok = v.fill(c, empty, full, stop); return nil })
		if err != nil {
			v.fail(err)
			ok = false
		}
	}()
	defer func() { // also when the consumer breaks off or panics: the transaction must outlive the reader
		close(stop)
		for range full {
		}
	}()
	for batch := range full {
		for i := range batch {
			if !yield(&batch[i]) {
				return false
			}
		}
		empty <- batch[:batchTickets]
	}
	return ok // written before full was closed
}

// fill decodes the connector's tickets into empty batches until there are no
// more, something fails, or nobody wants them.
func (v *view) fill(c *connectorView, empty <-chan []ticket.Ticket, full chan<- []ticket.Ticket, stop <-chan struct{}) bool {
	cur := c.tickets.Cursor()
	uid, value := cur.First()
	for uid != nil {
		var batch []ticket.Ticket
		select {
		case batch = <-empty:
		case <-stop:
			return false
		case <-v.ctx.Done():
			v.fail(v.ctx.Err())
			return false
		}
		n := 0
		for ; uid != nil && n < batchTickets; uid, value = cur.Next() {
			if err := c.decode(uid, value, &batch[n]); err != nil {
				v.fail(err)
				return false
			}
			n++
		}
		full <- batch[:n]
	}
	return true
}
