package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Append implements Store. Records need no lease: whoever appends first is
// right.
func (r *redisStore) Append(ctx context.Context, records ...Record) (added int, err error) {
	return r.append(ctx, anyID, records)
}

// AppendAfter implements Store.
func (r *redisStore) AppendAfter(ctx context.Context, recorded int, records ...Record) (added int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	known, at := 0, ""
	r.records.Lock()
	err = r.mirror.db.View(func(tx *bbolt.Tx) error {
		known, at = countRecords(logsOf(tx)), r.recordsAt
		return nil
	})
	r.records.Unlock()
	switch {
	case err != nil:
		return 0, fmt.Errorf("append records: read mirror: %w", err)
	case known != recorded:
		return 0, fmt.Errorf("append records: %w", ErrRecorded)
	}
	return r.append(ctx, at, records)
}

// anyID may be that of the last record before those that are appended.
const anyID = "*"

func (r *redisStore) append(ctx context.Context, last string, records []Record) (added int, err error) {
	if err := errors.Join(ctx.Err(), checkRecords(records)); err != nil {
		return 0, err
	}
	added, err = r.sendRecords(ctx, last, records)
	if err == nil || errors.Is(err, ErrRecorded) {
		_, failed := r.followRecords(ctx)
		err = errors.Join(err, failed)
	}
	if err != nil {
		return 0, fmt.Errorf("append records: %w", err)
	}
	return added, nil
}

func (r *redisStore) recordKeys() []string {
	return []string{r.key("/logs", "records"), r.key("/logs", "keys")}
}

// sendRecords has Redis append records, if the last one it has is this.
func (r *redisStore) sendRecords(ctx context.Context, last string, records []Record) (added int, err error) {
	args := []any{strconv.FormatUint(rand.Uint64(), 10), last}
	seen := map[string]bool{}
	for i := range records {
		rec := &records[i]
		key := strconv.Itoa(len(rec.Log)) + ":" + rec.Log + rec.Key
		if !seen[key] {
			seen[key] = true
			args = append(args, key, rec.Log, encodeRecord(rec))
		}
	}
	added, err = appendScript.Run(ctx, r.client, r.recordKeys(), args...).Int()
	switch {
	case err != nil:
		return 0, fmt.Errorf("write redis: %w", err)
	case added < 0:
		return 0, ErrRecorded
	}
	return added, nil
}

// followRecords takes in the records that the mirror does not have.
func (r *redisStore) followRecords(ctx context.Context) (changed bool, err error) {
	r.records.Lock()
	defer r.records.Unlock()
	news, at, err := r.recordsFrom(ctx, r.recordsAt)
	if errors.Is(err, errMoved) {
		return true, r.mergeRecords(ctx)
	}
	if err != nil || len(news) == 0 {
		return false, err
	}
	if err := r.mirrorRecords(news, false); err != nil {
		return false, err
	}
	r.recordsAt = at
	return true, nil
}

// recordsFrom reads the records after the one with this id, all if it is
// empty. It fails with errMoved if there is no such record.
func (r *redisStore) recordsFrom(ctx context.Context, id string) (records []Record, last string, err error) {
	for {
		start := id
		if id == "" {
			start = "-"
		}
		page, err := r.client.XRangeN(ctx, r.key("/logs", "records"), start, "+", chunkSize).Result()
		if err != nil {
			return nil, "", fmt.Errorf("read records: %w", err)
		}
		full := len(page) == chunkSize
		if id != "" {
			if len(page) == 0 || page[0].ID != id {
				return nil, "", errMoved
			}
			page = page[1:]
		}
		for _, m := range page {
			rec, err := recordOf(m)
			if err != nil {
				return nil, "", err
			}
			records, id = append(records, rec), m.ID
		}
		if !full {
			return records, id, nil
		}
	}
}

func recordOf(m redis.XMessage) (Record, error) {
	log, isLog := m.Values["l"].(string)
	value, isValue := m.Values["v"].(string)
	if !isLog || !isValue {
		return Record{}, fmt.Errorf("read record %s: %w", m.ID, errReply)
	}
	return decodeRecord(log, []byte(value))
}

// mirrorRecords appends records to the mirror, or puts them in the place of
// all that are there.
func (r *redisStore) mirrorRecords(records []Record, all bool) error {
	err := r.mirror.db.Update(func(tx *bbolt.Tx) error {
		if all {
			if err := tx.DeleteBucket(keyLogs); err != nil && !errors.Is(err, bolterrors.ErrBucketNotFound) {
				return err
			}
		}
		_, err := appendRecords(tx, records)
		return err
	})
	if err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}

// mergeRecords is for a Redis that has lost records: those of the mirror are
// appended again, and then its order is taken over.
func (r *redisStore) mergeRecords(ctx context.Context) error {
	var known []Record
	err := r.mirror.View(ctx, func(v View) error {
		for _, log := range v.(*view).logNames() {
			known = slices.AppendSeq(known, v.Records(log))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(known, chunkSize) {
		if _, err := r.sendRecords(ctx, anyID, piece); err != nil {
			return err
		}
	}
	all, at, err := r.recordsFrom(ctx, "")
	if err != nil {
		return err
	}
	if err := r.mirrorRecords(all, true); err != nil {
		return err
	}
	r.recordsAt = at
	return nil
}
