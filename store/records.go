package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// maxKey bounds UIDs, names of connectors and logs, and keys of records, so
// that what one store takes every store takes.
const maxKey = bbolt.MaxKeySize

func checkRecords(records []Record) error {
	for i := range records {
		r := &records[i]
		switch {
		case r.Log == "" || r.Key == "":
			return fmt.Errorf("record %q of log %q: both need a name", r.Key, r.Log)
		case len(r.Log) > maxKey || len(r.Key) > maxKey:
			return fmt.Errorf("record %.20q of log %.20q: a name is longer than %d bytes", r.Key, r.Log, maxKey)
		}
	}
	return nil
}

func (e *embedded) Append(ctx context.Context, records ...Record) (added int, err error) {
	return e.append(ctx, anyNumber, records)
}

func (e *embedded) AppendAfter(ctx context.Context, recorded int, records ...Record) (added int, err error) {
	return e.append(ctx, recorded, records)
}

// anyNumber of records may have been added before.
const anyNumber = -1

func (e *embedded) append(ctx context.Context, recorded int, records []Record) (added int, err error) {
	if err := errors.Join(ctx.Err(), checkRecords(records)); err != nil {
		return 0, err
	}
	tx, err := e.db.Begin(true)
	if err != nil {
		return 0, fmt.Errorf("write store: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	err = guard(func() (err error) {
		if recorded != anyNumber && countRecords(logsOf(tx)) != recorded {
			return ErrRecorded
		}
		if added, err = appendRecords(tx, records); err != nil || added == 0 {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return 0, fmt.Errorf("append records: %w", err)
	}
	return added, nil
}

func appendRecords(tx *bbolt.Tx, records []Record) (added int, err error) {
	for i := range records {
		isNew, err := appendRecord(tx, &records[i])
		if err != nil {
			return 0, fmt.Errorf("record %q of log %q: %w", records[i].Key, records[i].Log, err)
		}
		if isNew {
			added++
		}
	}
	return added, nil
}

func appendRecord(tx *bbolt.Tx, r *Record) (isNew bool, err error) {
	logs, err := tx.CreateBucketIfNotExists(keyLogs)
	if err != nil {
		return false, err
	}
	log, err := logs.CreateBucketIfNotExists([]byte(r.Log))
	if err != nil {
		return false, err
	}
	keys, err := log.CreateBucketIfNotExists(keyKeys)
	if err != nil || keys.Get([]byte(r.Key)) != nil {
		return false, err
	}
	records, err := log.CreateBucketIfNotExists(keyRecords)
	if err != nil {
		return false, err
	}
	n, err := records.NextSequence()
	if err != nil {
		return false, err
	}
	number := binary.BigEndian.AppendUint64(nil, n)
	return true, errors.Join(records.Put(number, encodeRecord(r)), keys.Put([]byte(r.Key), number))
}

// encodeRecord returns length of the key, key, microseconds, data. Numbers are
// varints.
func encodeRecord(r *Record) []byte {
	value := binary.AppendUvarint(nil, uint64(len(r.Key)))
	value = append(value, r.Key...)
	value = binary.AppendVarint(value, r.At.UnixMicro())
	return append(value, r.Data...)
}

func decodeRecord(log string, value []byte) (Record, error) {
	r := Record{Log: log}
	d := decoder{buf: value}
	r.Key = d.text()
	r.At = time.UnixMicro(d.int()).UTC()
	if d.err != nil || r.Key == "" {
		return r, fmt.Errorf("read record of log %q: %w", log, errors.Join(errCorrupt, d.err))
	}
	r.Data = append(r.Data, d.buf...)
	return r, nil
}

// logsOf finds the buckets with the records of all logs.
func logsOf(tx *bbolt.Tx) map[string]*bbolt.Bucket {
	logs := map[string]*bbolt.Bucket{}
	if all := tx.Bucket(keyLogs); all != nil {
		for name := range entries(all) {
			logs[string(name)] = all.Bucket(name).Bucket(keyRecords)
		}
	}
	return logs
}

// countRecords returns how many records these logs have. They are numbered
// from 1 and stay.
func countRecords(logs map[string]*bbolt.Bucket) (n int) {
	for _, records := range logs {
		if records == nil {
			continue
		}
		if number, _ := records.Cursor().Last(); number != nil {
			n += int(binary.BigEndian.Uint64(number))
		}
	}
	return n
}

func (v *view) Recorded() (n int) {
	if err := guard(func() error { n = countRecords(v.logs); return nil }); err != nil {
		v.fail(err)
	}
	return n
}

func (v *view) logNames() []string { return slices.Sorted(maps.Keys(v.logs)) }

func (v *view) Records(log string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		records := v.logs[log]
		if records == nil {
			return
		}
		c := records.Cursor()
		var number, value []byte
		step := c.First
		for {
			var r Record
			err := guard(func() (err error) {
				if number, value = step(); number != nil {
					r, err = decodeRecord(log, value)
				}
				return err
			})
			if err == nil {
				err = v.ctx.Err()
			}
			if err != nil {
				v.fail(err)
				return
			}
			if number == nil || !yield(r) {
				return
			}
			step = c.Next
		}
	}
}
