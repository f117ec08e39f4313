package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"alignd/ticket"
)

// maxProblems bounds a report. A damaged file has either few or very many.
const maxProblems = 20

// Report says what a store file holds.
type Report struct {
	Connectors []ConnectorReport // in the order of their names
	Problems   []error           // what is wrong, the first ones
}

// ConnectorReport counts the facts of one connector.
type ConnectorReport struct {
	Name      string
	Tickets   int
	Watermark time.Time // zero if it was never read completely
}

// Check reads all of an embedded store that nobody has open: every page and
// every ticket. A file that cannot be opened at all is an error, as for
// OpenReadOnly; other damage is in the report.
func Check(ctx context.Context, cfg Config) (Report, error) {
	st, err := OpenReadOnly(ctx, cfg)
	if err != nil {
		return Report{}, err
	}
	if err := st.Close(); err != nil {
		return Report{}, err
	}
	var report Report
	err = guard(func() error {
		db, err := openBolt(cfg.Path, true, true)
		if err != nil {
			return err
		}
		err = guard(func() error { return db.View(func(tx *bbolt.Tx) error { return report.read(ctx, tx) }) })
		return errors.Join(err, db.Close())
	})
	if errors.Is(err, ErrDamaged) {
		report.add(err)
		err = nil
	}
	return report, err
}

// read goes through everything itself first, because bbolt's own check does
// so in a goroutine that cannot be guarded.
func (r *Report) read(ctx context.Context, tx *bbolt.Tx) error {
	if err := tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return touch(b) }); err != nil {
		return err
	}
	v := newView(ctx, tx)
	marks := v.Watermarks()
	for _, c := range v.connectors {
		n, err := r.tickets(ctx, c)
		if err != nil {
			return err
		}
		v.Census(c.name)
		r.Connectors = append(r.Connectors, ConnectorReport{c.name, n, marks[c.name]})
	}
	r.add(v.failure())
	for problem := range tx.Check() {
		r.add(problem)
	}
	return ctx.Err()
}

// touch reads every entry below a bucket.
func touch(b *bbolt.Bucket) error {
	return b.ForEach(func(name, value []byte) error {
		if value != nil {
			return nil
		}
		return touch(b.Bucket(name))
	})
}

// tickets decodes all tickets of a connector and counts those that are right.
func (r *Report) tickets(ctx context.Context, c *connectorView) (n int, err error) {
	cur := c.tickets.Cursor()
	for uid, value := cur.First(); uid != nil; uid, value = cur.Next() {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		var tk ticket.Ticket
		if err := c.decode(uid, value, &tk); err != nil {
			r.add(err)
			continue
		}
		n++
	}
	return n, nil
}

func (r *Report) add(problem error) {
	switch {
	case problem == nil || len(r.Problems) > maxProblems:
	case len(r.Problems) == maxProblems:
		r.Problems = append(r.Problems, errors.New("and more"))
	default:
		r.Problems = append(r.Problems, problem)
	}
}
