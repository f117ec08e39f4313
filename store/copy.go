package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// ErrNotEmpty means that a store already holds something.
var ErrNotEmpty = errors.New("the store is not empty")

// copyLease is for how long a copy keeps others from writing what it copies
// between two of its pieces.
const copyLease = time.Minute

// Copy copies all facts and records from one store to another, which must be
// empty, be they files or in Redis. The first is only read. If it fails or is
// interrupted, the second holds no connector that looks complete and is not.
func Copy(ctx context.Context, from, to Config) error {
	source, err := OpenReadOnly(ctx, from)
	if err != nil {
		return err
	}
	target, err := Open(ctx, to)
	if err != nil {
		return errors.Join(err, source.Close())
	}
	return errors.Join(copyAll(ctx, source, target), target.Close(), source.Close())
}

func copyAll(ctx context.Context, source, target Store) error {
	if err := target.View(ctx, func(v View) error { return v.(*view).checkEmpty() }); err != nil {
		return fmt.Errorf("copy store: %w", err)
	}
	err := guard(func() error {
		return fileOf(source).db.View(func(tx *bbolt.Tx) error {
			v := newView(ctx, tx)
			for _, c := range v.connectors {
				if err := copyConnector(ctx, c, target); err != nil {
					return fmt.Errorf("connector %q: %w", c.name, err)
				}
			}
			for _, name := range v.logNames() {
				for piece := range slices.Chunk(slices.Collect(v.Records(name)), chunkSize) {
					if _, err := target.Append(ctx, piece...); err != nil {
						return err
					}
				}
			}
			return v.failure()
		})
	})
	if err != nil {
		return fmt.Errorf("copy store: %w", err)
	}
	return nil
}

// fileOf returns the file with everything a store holds: itself or its mirror.
func fileOf(s Store) *embedded {
	switch s := s.(type) {
	case *embedded:
		return s
	case *redisStore:
		return s.mirror
	case readOnlyRedis:
		return s.mirror
	}
	panic(fmt.Sprintf("unknown store %T", s))
}

func (v *view) checkEmpty() error {
	for _, c := range v.connectors {
		if key, _ := c.tickets.Cursor().First(); key != nil || c.bucket.Get(keyWatermark) != nil {
			return fmt.Errorf("%w: it knows the connector %q", ErrNotEmpty, c.name)
		}
	}
	for _, name := range v.logNames() {
		return fmt.Errorf("%w: it has the log %q", ErrNotEmpty, name)
	}
	return nil
}

func copyConnector(ctx context.Context, c *connectorView, target Store) error {
	switch target := target.(type) {
	case *embedded:
		return chunks(c.bucket, func(e *effects) error {
			return errors.Join(ctx.Err(), target.put(c.name, e))
		})
	case *redisStore:
		return target.take(ctx, c)
	}
	panic(fmt.Sprintf("unknown store %T", target))
}

func (e *embedded) put(connector string, effects *effects) error {
	return e.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := makeConnector(tx.Bucket(keyConnectors), connector)
		if err != nil {
			return err
		}
		return effects.put(bucket)
	})
}

// take puts the facts of another store's connector into Redis.
func (r *redisStore) take(ctx context.Context, from *connectorView) error {
	c := r.connector(from.name)
	c.mu.Lock()
	err := r.acquire(ctx, c, copyLease)
	if err == nil {
		_, err = r.upload(ctx, c, from.bucket, c.at, copyLease)
	}
	c.mu.Unlock()
	return errors.Join(err, r.Release(ctx, from.name))
}
