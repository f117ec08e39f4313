package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"alignd/ticket"
)

// The value of a ticket, in order; its UID is the key:
//
//	version, flags, key, [former], title, type, priority, project, status,
//	state, [estimate], parent, components, labels, groups, [due], created,
//	changes, updated, [spans]
//
// Numbers are varints. A text is either written out (length, bytes), where it
// hardly ever repeats, or a reference into the connector's table of texts.
// Times are milliseconds, each as the distance from the one before it, plus
// the nanoseconds within the millisecond if any time of the ticket has some.
const codecVersion = 2

// Bits of a ticket's flags.
const (
	flagContainer = 1 << iota
	flagEstimate
	flagNanos
	flagOutside
	flagFormer
	flagDue
	flagSpans
)

// Bits of a change's head; the field stands above them.
const (
	headFrom = 1 << iota
	headTo
	headStates
	headFromPoints
	headToPoints
	headBits = iota
)

var errCorrupt = errors.New("corrupt value")

// written reports whether the texts of a change are written out.
func written(f ticket.Field) bool { return f == ticket.FieldParent }

// named reports whether the texts of a change may be ids with a name.
func named(f ticket.Field) bool {
	return f == ticket.FieldState || f == ticket.FieldLabel || f == ticket.FieldProject
}

// encoder appends values to buf.
type encoder struct {
	buf   []byte
	ref   func(text string) (uint64, error)
	last  int64 // the time before, in milliseconds
	nanos bool
	err   error // the first of ref
}

// ticket appends the value of tk and returns it.
func (e *encoder) ticket(tk *ticket.Ticket) ([]byte, error) {
	start := len(e.buf)
	e.nanos, e.last = hasNanos(tk), 0
	e.buf = append(e.buf, codecVersion)
	e.uint(ticketFlags(tk, e.nanos))
	e.text(tk.Key)
	if len(tk.Former) > 0 {
		e.uint(uint64(len(tk.Former)))
		for _, key := range tk.Former {
			e.text(key)
		}
	}
	e.text(tk.Title)
	e.shared(tk.Type)
	e.shared(tk.Priority)
	e.shared(tk.Project)
	e.shared(tk.Status)
	e.buf = append(e.buf, byte(tk.State))
	e.points(tk.Estimate)
	e.text(tk.Parent)
	e.list(tk.Components)
	e.list(tk.Labels)
	e.list(tk.Groups)
	if tk.Due != "" {
		e.shared(tk.Due)
	}
	e.time(tk.Created)
	e.uint(uint64(len(tk.Changes)))
	for i := range tk.Changes {
		e.change(&tk.Changes[i])
	}
	e.time(tk.Updated)
	e.spans(tk.Spans)
	return e.buf[start:len(e.buf):len(e.buf)], e.err
}

func (e *encoder) change(c *ticket.Change) {
	e.uint(uint64(c.Field)<<headBits | changeHead(c))
	e.time(c.At)
	for _, text := range [...]string{c.From, c.To} {
		switch {
		case text == "":
		case written(c.Field):
			e.text(text)
		default:
			e.shared(text)
		}
	}
	if c.FromState != 0 || c.ToState != 0 {
		e.buf = append(e.buf, byte(c.FromState), byte(c.ToState))
	}
	e.points(c.FromPoints)
	e.points(c.ToPoints)
}

func (e *encoder) spans(spans []ticket.Span) {
	if len(spans) == 0 {
		return
	}
	e.uint(uint64(len(spans)))
	for _, s := range spans {
		e.time(s.From)
		e.time(s.To)
	}
}

func (e *encoder) uint(n uint64) { e.buf = binary.AppendUvarint(e.buf, n) }

func (e *encoder) int(n int64) { e.buf = binary.AppendVarint(e.buf, n) }

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) shared(s string) {
	n, err := e.ref(s)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("write text: %w", err)
	}
	e.uint(n)
}

func (e *encoder) list(texts []string) {
	e.uint(uint64(len(texts)))
	for _, s := range texts {
		e.shared(s)
	}
}

func (e *encoder) points(p ticket.Points) {
	if p.Set {
		e.int(p.Micros)
	}
}

func (e *encoder) time(t time.Time) {
	ms := t.UnixMilli()
	e.int(ms - e.last)
	e.last = ms
	if e.nanos {
		e.uint(uint64(t.Nanosecond()) % 1e6)
	}
}

func hasNanos(tk *ticket.Ticket) bool {
	odd := func(t time.Time) bool { return t.Nanosecond()%1e6 != 0 }
	for i := range tk.Changes {
		if odd(tk.Changes[i].At) {
			return true
		}
	}
	for _, s := range tk.Spans {
		if odd(s.From) || odd(s.To) {
			return true
		}
	}
	return odd(tk.Created) || odd(tk.Updated)
}

func ticketFlags(tk *ticket.Ticket, nanos bool) uint64 {
	return bit(tk.Container, flagContainer) | bit(tk.Estimate.Set, flagEstimate) | bit(nanos, flagNanos) |
		bit(tk.Outside, flagOutside) | bit(len(tk.Former) > 0, flagFormer) |
		bit(tk.Due != "", flagDue) | bit(len(tk.Spans) > 0, flagSpans)
}

func changeHead(c *ticket.Change) uint64 {
	return bit(c.From != "", headFrom) | bit(c.To != "", headTo) |
		bit(c.FromState != 0 || c.ToState != 0, headStates) |
		bit(c.FromPoints.Set, headFromPoints) | bit(c.ToPoints.Set, headToPoints)
}

func bit(on bool, b uint64) uint64 {
	if on {
		return b
	}
	return 0
}

// texts is a connector's table of texts: what a reference stands for, and what
// it stands for where ids are shown by their names. The first entry of both is
// the empty text.
type texts struct{ raw, named []string }

// decoder reads one value. After a mistake it returns zeros; err says what was
// wrong first.
type decoder struct {
	buf   []byte
	texts *texts
	last  int64
	nanos bool
	err   error
}

// decodeTicket reads a value into tk, whose slices are reused and whose ID is
// left alone.
func decodeTicket(value []byte, t *texts, tk *ticket.Ticket) error {
	d := decoder{buf: value, texts: t}
	if v := d.byte(); v != codecVersion && d.err == nil {
		return fmt.Errorf("%w: version %d of the encoding", errCorrupt, v)
	}
	d.ticket(tk)
	if d.err == nil && len(d.buf) != 0 {
		d.fail("bytes after the end")
	}
	return d.err
}

func (d *decoder) ticket(tk *ticket.Ticket) {
	flags := d.uint()
	d.nanos = flags&flagNanos != 0
	tk.Container = flags&flagContainer != 0
	tk.Outside = flags&flagOutside != 0
	tk.Key = d.text()
	tk.Former = d.list(tk.Former, flags&flagFormer != 0)
	tk.Title = d.text()
	tk.Type = d.ref(d.texts.raw)
	tk.Priority = d.ref(d.texts.raw)
	tk.Project = d.ref(d.texts.named)
	tk.Status = d.ref(d.texts.named)
	tk.State = ticket.State(d.byte())
	tk.Estimate = d.points(flags&flagEstimate != 0)
	tk.Parent = d.text()
	tk.Components = d.refs(tk.Components, d.texts.raw)
	tk.Labels = d.refs(tk.Labels, d.texts.named)
	tk.Groups = d.refs(tk.Groups, d.texts.raw)
	tk.Due = ""
	if flags&flagDue != 0 {
		tk.Due = d.ref(d.texts.raw)
	}
	tk.Created = d.time()
	tk.Changes = resize(tk.Changes, d.count())
	for i := range tk.Changes {
		d.change(&tk.Changes[i])
	}
	tk.Updated = d.time()
	tk.Spans = d.spans(tk.Spans, flags&flagSpans != 0)
}

func (d *decoder) spans(into []ticket.Span, present bool) []ticket.Span {
	if !present {
		return into[:0]
	}
	into = resize(into, d.count())
	for i := range into {
		into[i] = ticket.Span{From: d.time(), To: d.time()}
	}
	return into
}

func (d *decoder) change(c *ticket.Change) {
	head := d.uint()
	if head>>headBits > math.MaxUint8 {
		d.fail("unknown field")
	}
	c.Field = ticket.Field(head >> headBits)
	c.At = d.time()
	c.From, c.To = d.changeText(c.Field, head&headFrom != 0), d.changeText(c.Field, head&headTo != 0)
	c.FromState, c.ToState = 0, 0
	if head&headStates != 0 {
		c.FromState, c.ToState = ticket.State(d.byte()), ticket.State(d.byte())
	}
	c.FromPoints = d.points(head&headFromPoints != 0)
	c.ToPoints = d.points(head&headToPoints != 0)
}

func (d *decoder) changeText(f ticket.Field, present bool) string {
	switch {
	case !present:
		return ""
	case written(f):
		return d.text()
	case named(f):
		return d.ref(d.texts.named)
	default:
		return d.ref(d.texts.raw)
	}
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errCorrupt, what)
	}
	d.buf = nil
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail("cut off")
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

func (d *decoder) uint() uint64 {
	if len(d.buf) > 0 && d.buf[0] < 0x80 {
		n := uint64(d.buf[0])
		d.buf = d.buf[1:]
		return n
	}
	n, size := binary.Uvarint(d.buf)
	if size <= 0 {
		d.fail("bad number")
		return 0
	}
	d.buf = d.buf[size:]
	return n
}

func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// count reads a length. Nothing takes less than a byte, which bounds what a
// corrupt length can make us allocate.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.buf)) {
		d.fail("length beyond the end")
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}

// list reads texts that are written out.
func (d *decoder) list(into []string, present bool) []string {
	if !present {
		return into[:0]
	}
	into = resize(into, d.count())
	for i := range into {
		into[i] = d.text()
	}
	return into
}

func (d *decoder) ref(table []string) string {
	n := d.uint()
	if n >= uint64(len(table)) {
		d.fail("unknown text")
		return ""
	}
	return table[n]
}

func (d *decoder) refs(into, table []string) []string {
	into = resize(into, d.count())
	for i := range into {
		into[i] = d.ref(table)
	}
	return into
}

func (d *decoder) points(set bool) ticket.Points {
	if !set {
		return ticket.Points{}
	}
	return ticket.Points{Set: true, Micros: d.int()}
}

func (d *decoder) time() time.Time {
	d.last += d.int()
	t := time.UnixMilli(d.last)
	if d.nanos {
		n := d.uint()
		if n >= 1e6 {
			d.fail("bad time")
			return time.Time{}
		}
		t = t.Add(time.Duration(n))
	}
	return t.UTC()
}

// resize returns s with length n and room reused; its old contents may show.
func resize[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n)
}
