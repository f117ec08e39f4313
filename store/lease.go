package store

import (
	"context"
	"time"
)

// onlyEpoch is the epoch of everything that is written to an embedded store:
// the lock on the file is its lease.
const onlyEpoch = 1

func (e *embedded) Acquire(ctx context.Context, _ string, _ time.Duration) (int64, error) {
	return onlyEpoch, ctx.Err()
}

func (e *embedded) Release(ctx context.Context, _ string) error { return ctx.Err() }

func (e *embedded) Follow(ctx context.Context) (bool, error) { return false, ctx.Err() }

func (e *embedded) Replicas(ctx context.Context, _ time.Duration) (int, error) { return 1, ctx.Err() }
