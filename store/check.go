package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"alignd/ticket"
)

// maxProblems bounds a report. A damaged file has either few or very many.
const maxProblems = 20

// Report says what a store file holds.
type Report struct {
	Connectors []ConnectorReport // in the order of their names
	Logs       []LogReport       // in the order of their names
	Problems   []error           // what is wrong, the first ones
}

// ConnectorReport counts the facts of one connector.
type ConnectorReport struct {
	Name      string
	Tickets   int
	Watermark time.Time // zero if it was never read completely
}

// LogReport counts the records of one log.
type LogReport struct {
	Name    string
	Records int
}

// Check reads all of a store: every page, every ticket and every record. Nobody
// may have an embedded one open. What cannot be opened at all is an error, as
// for OpenReadOnly; other damage is in the report.
func Check(ctx context.Context, cfg Config) (Report, error) {
	st, err := OpenReadOnly(ctx, cfg)
	if err != nil {
		return Report{}, err
	}
	var report Report
	if shared, ok := st.(readOnlyRedis); ok {
		err := report.check(ctx, shared.mirror.db)
		return report, errors.Join(err, st.Close())
	}
	if err := st.Close(); err != nil {
		return Report{}, err
	}
	err = guard(func() error {
		db, err := openBolt(cfg.Path, true, true)
		if err != nil {
			return err
		}
		return errors.Join(report.check(ctx, db), db.Close())
	})
	return report, report.damage(err)
}

func (r *Report) check(ctx context.Context, db *bbolt.DB) error {
	return r.damage(guard(func() error {
		return db.View(func(tx *bbolt.Tx) error { return r.read(ctx, tx) })
	}))
}

// damage puts damage into the report and returns other errors.
func (r *Report) damage(err error) error {
	if errors.Is(err, ErrDamaged) {
		r.add(err)
		return nil
	}
	return err
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
	if err := r.logs(ctx, tx, v); err != nil {
		return err
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

// logs reads all records and looks each up by its key.
func (r *Report) logs(ctx context.Context, tx *bbolt.Tx, v *view) error {
	for _, name := range v.logNames() {
		keys, n := tx.Bucket(keyLogs).Bucket([]byte(name)).Bucket(keyKeys), 0
		for number, value := range entries(v.logs[name]) {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec, err := decodeRecord(name, value)
			if err == nil && !bytes.Equal(keys.Get([]byte(rec.Key)), number) {
				err = fmt.Errorf("record %q of log %q: %w: its key leads elsewhere", rec.Key, name, errCorrupt)
			}
			if err != nil {
				r.add(err)
				continue
			}
			n++
		}
		r.Logs = append(r.Logs, LogReport{name, n})
	}
	return nil
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
