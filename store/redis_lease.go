package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
)

// Acquire implements Store.
func (r *redisStore) Acquire(ctx context.Context, connector string, ttl time.Duration) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c := r.connector(connector)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.acquire(ctx, c, ttl); err != nil {
		return 0, fmt.Errorf("lease of %q: %w", connector, err)
	}
	return c.epoch, nil
}

// acquire renews the lease or takes it over. Catching up may take longer than
// the lease lasts, so most of that is done before.
func (r *redisStore) acquire(ctx context.Context, c *shared, ttl time.Duration) error {
	if c.epoch == 0 {
		// Who waits for the lease asks often.
		switch held, err := heldScript.Run(ctx, r.client, c.keys[:1], r.holder).Bool(); {
		case err != nil:
			return fmt.Errorf("read lease: %w", err)
		case held:
			return ErrHeld
		}
		if _, err := r.catchUp(ctx, c); err != nil {
			return err
		}
	}
	// Each time, in case Redis has lost the list.
	if err := r.announce(ctx, c); err != nil {
		return err
	}
	granted, err := r.grant(ctx, c, ttl)
	if err != nil || granted == c.epoch {
		return err
	}
	c.epoch = 0 // until all that belongs to the new one is done
	if _, err := r.catchUp(ctx, c); err != nil {
		return err
	}
	c.epoch = granted
	if c.adrift {
		if err := r.restore(ctx, c, ttl); err != nil {
			c.epoch = 0
			return err
		}
	}
	return nil
}

// announce lists the connector, for replicas that do not know it.
func (r *redisStore) announce(ctx context.Context, c *shared) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SetNX(ctx, r.key("/store", "format"), redisFormat, 0)
		p.SAdd(ctx, r.key("/store", "connectors"), c.name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("announce connector: %w", err)
	}
	c.announced = true
	return nil
}

func (r *redisStore) grant(ctx context.Context, c *shared, ttl time.Duration) (epoch int64, err error) {
	epoch, err = acquireScript.Run(ctx, r.client, c.keys[:1], r.holder, c.epoch, ttl.Milliseconds()).Int64()
	switch {
	case err != nil:
		return 0, fmt.Errorf("write redis: %w", err)
	case epoch == 0:
		c.epoch = 0
		return 0, ErrHeld
	}
	return epoch, nil
}

// restore writes the facts of the mirror to a Redis that has lost them. Other
// replicas keep theirs until the last piece makes it complete.
func (r *redisStore) restore(ctx context.Context, c *shared, ttl time.Duration) error {
	// Records may speak of facts, so they come first.
	if _, err := r.followRecords(ctx); err != nil {
		return err
	}
	answer, err := emptyScript.Run(ctx, r.client, c.keys, c.epoch, r.holder).Text()
	switch {
	case err != nil:
		return fmt.Errorf("restore redis: %w", err)
	case answer == "lost":
		return ErrLeaseLost
	}
	var at string
	err = r.mirror.db.View(func(tx *bbolt.Tx) (err error) {
		at, err = r.upload(ctx, c, tx.Bucket(keyConnectors).Bucket([]byte(c.name)), "", ttl)
		return err
	})
	if err != nil {
		return fmt.Errorf("restore redis: %w", err)
	}
	c.at, c.adrift = at, false
	return nil
}

// upload sends all that a bucket holds of a connector, from a position on,
// and keeps the lease meanwhile. It returns the position at the end.
func (r *redisStore) upload(ctx context.Context, c *shared, bucket *bbolt.Bucket, at string, ttl time.Duration) (string, error) {
	granted := time.Now()
	err := chunks(bucket, func(e *effects) error {
		if time.Since(granted) > ttl/3 {
			if epoch, err := r.grant(ctx, c, ttl); err != nil || epoch != c.epoch {
				return errors.Join(err, ErrLeaseLost)
			}
			granted = time.Now()
		}
		next := nextPosition(at)
		err := r.send(ctx, c, at, next, e)
		at = next
		return err
	})
	return at, err
}

// Release implements Store.
func (r *redisStore) Release(ctx context.Context, connector string) error {
	c := r.connector(connector)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = 0
	if err := releaseScript.Run(ctx, r.client, c.keys[:1], r.holder).Err(); err != nil {
		return fmt.Errorf("release the lease of %q: %w", connector, err)
	}
	return nil
}
