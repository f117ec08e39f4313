package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// keyLoading is where the mirror keeps a connector that is being read, unseen
// by views.
var keyLoading = []byte("loading")

const (
	loadAttempts = 5
	// loadTickets are written to the mirror at once. They come in no order, so
	// each writing touches as many pages.
	loadTickets = 20_000
)

// reload is for a position that Redis does not know: it is new to us, or was
// trimmed, or Redis has lost it. Facts that are complete are never replaced by
// facts that are not: those of the mirror then stay until somebody has made
// the others complete. What this replica was writing built on what was lost,
// so its epoch is over.
func (r *redisStore) reload(ctx context.Context, c *shared, complete bool) (changed bool, err error) {
	c.epoch, c.announced = 0, false
	for range loadAttempts {
		switch at, err := r.load(ctx, c, complete); {
		case errors.Is(err, errMoved):
			continue
		case errors.Is(err, errIncomplete):
			c.adrift = true
			return false, nil
		case err != nil:
			return false, err
		default:
			c.at, c.adrift = at, false
			return true, nil
		}
	}
	return false, errMoved
}

var (
	errMoved      = errors.New("redis was emptied while it was read")
	errIncomplete = errors.New("redis has less than the mirror")
)

// load reads all of a connector beside its present mirror, and then puts it in
// its place.
func (r *redisStore) load(ctx context.Context, c *shared, complete bool) (at string, err error) {
	head, err := r.client.HMGet(ctx, c.state(), "position", "watermark", "scope", "census").Result()
	if err != nil {
		return "", fmt.Errorf("read position: %w", err)
	}
	news := change{marks: marksOf(head[1:])}
	news.at, _ = head[0].(string)
	if complete && !news.complete() {
		return "", errIncomplete
	}
	if err := r.stage(c, nil); err != nil {
		return "", err
	}
	if news.texts, err = r.loadTexts(ctx, c); err != nil {
		return "", fmt.Errorf("read texts: %w", err)
	}
	err = r.scan(ctx, c, c.keys[2], func(e *effects, id, name string) { e.name(id, name) })
	if err != nil {
		return "", fmt.Errorf("read names: %w", err)
	}
	err = r.scan(ctx, c, c.keys[1], func(e *effects, uid, value string) { e.ticket(uid, []byte(value)) })
	if err != nil {
		return "", fmt.Errorf("read tickets: %w", err)
	}
	found, err := r.readChange(ctx, c, &news)
	switch {
	case err != nil:
		return "", err
	case found == posGone:
		return "", errMoved
	case complete && !news.complete():
		return "", errIncomplete
	}
	// Records that were appended before facts are seen before them.
	if _, err := r.followRecords(ctx); err != nil {
		return "", err
	}
	return news.at, r.swap(c, news.effects())
}

func (c *change) complete() bool {
	return slices.ContainsFunc(c.marks, func(e entry) bool { return e.key == string(keyWatermark) })
}

// stage writes to what is being loaded; nil begins anew.
func (r *redisStore) stage(c *shared, e *effects) error {
	err := r.mirror.db.Update(func(tx *bbolt.Tx) error {
		loading, err := tx.CreateBucketIfNotExists(keyLoading)
		if err != nil {
			return err
		}
		if e == nil {
			return deleteBucket(loading, c.name)
		}
		bucket, err := makeConnector(loading, c.name)
		if err != nil {
			return err
		}
		return e.put(bucket)
	})
	if err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}

func deleteBucket(parent *bbolt.Bucket, name string) error {
	err := parent.DeleteBucket([]byte(name))
	if errors.Is(err, bolterrors.ErrBucketNotFound) {
		return nil
	}
	return err
}

// swap puts what was loaded, with what came in meanwhile, in its place.
func (r *redisStore) swap(c *shared, news *effects) error {
	if err := r.stage(c, news); err != nil {
		return err
	}
	err := r.mirror.db.Update(func(tx *bbolt.Tx) error {
		delete(r.mirror.tables, c.name)
		if err := deleteBucket(tx.Bucket(keyConnectors), c.name); err != nil {
			return err
		}
		return tx.Bucket(keyLoading).MoveBucket([]byte(c.name), tx.Bucket(keyConnectors))
	})
	if err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}

func (r *redisStore) loadTexts(ctx context.Context, c *shared) (n uint64, err error) {
	for {
		texts, err := r.client.LRange(ctx, c.keys[3], int64(n), int64(n)+loadTickets-1).Result()
		if err != nil || len(texts) == 0 {
			return n, err
		}
		if err := r.stage(c, &effects{texts: texts}); err != nil {
			return n, err
		}
		n += uint64(len(texts))
	}
}

// scan stages all fields of a hash.
func (r *redisStore) scan(ctx context.Context, c *shared, key string, add func(e *effects, field, value string)) error {
	e := &effects{}
	cursor := uint64(0)
	for {
		pairs, next, err := r.client.HScan(ctx, key, cursor, "", chunkSize).Result()
		if err != nil {
			return err
		}
		for pair := range slices.Chunk(pairs, 2) {
			add(e, pair[0], pair[1])
		}
		if next == 0 || len(e.tickets)+len(e.names) >= loadTickets {
			if err := r.stage(c, e); err != nil {
				return err
			}
			e = &effects{}
		}
		if cursor = next; next == 0 {
			return nil
		}
	}
}
