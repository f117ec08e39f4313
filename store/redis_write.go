package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"
)

// errBehind means that Redis is not at the position of the mirror.
var errBehind = errors.New("the mirror is behind")

// Apply works the batch out on the mirror, in a transaction that is only
// committed once Redis has accepted the effects.
func (r *redisStore) Apply(ctx context.Context, b Batch) (Applied, error) {
	if err := errors.Join(ctx.Err(), checkBatch(&b)); err != nil {
		return Applied{}, err
	}
	c := r.connector(b.Connector)
	c.mu.Lock()
	defer c.mu.Unlock()
	applied, err := r.apply(ctx, c, &b)
	for range loadAttempts {
		if !errors.Is(err, errBehind) {
			break
		}
		// We lead and are behind only if the answer to our last batch was lost.
		if _, err = r.catchUp(ctx, c); err == nil {
			applied, err = r.apply(ctx, c, &b)
		}
	}
	if err != nil {
		return Applied{}, fmt.Errorf("write batch of %q: %w", b.Connector, err)
	}
	return applied, nil
}

func (r *redisStore) apply(ctx context.Context, c *shared, b *Batch) (Applied, error) {
	if b.Epoch != c.epoch || c.adrift {
		return Applied{}, ErrLeaseLost
	}
	if !c.announced {
		if err := r.announce(ctx, c); err != nil {
			return Applied{}, err
		}
	}
	tx, err := r.mirror.db.Begin(true)
	if err != nil {
		return Applied{}, fmt.Errorf("write mirror: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	w, err := r.mirror.newWriter(tx, b.Connector)
	if err != nil {
		return Applied{}, fmt.Errorf("write mirror: %w", err)
	}
	w.effects = &effects{}
	if err = w.batch(b); err == nil {
		err = r.commit(ctx, c, tx, w)
	}
	if err != nil {
		delete(r.mirror.tables, b.Connector) // may hold texts that were not written
		return Applied{}, err
	}
	return w.applied, nil
}

// commit sends the effects. A batch without any is sent too: its epoch must be
// in force all the same.
func (r *redisStore) commit(ctx context.Context, c *shared, tx *bbolt.Tx, w *writer) error {
	next := ""
	if w.dirty {
		next = nextPosition(c.at)
	}
	if err := r.send(ctx, c, c.at, next, w.effects); err != nil {
		return err
	}
	if !w.dirty {
		return nil
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	c.at = next
	return nil
}

// nextPosition returns a position after this one that nobody else makes.
func nextPosition(at string) string {
	number, _, _ := strings.Cut(at, "-")
	n, _ := strconv.ParseUint(number, 10, 64) // empty before the first batch
	return fmt.Sprintf("%d-%d", n+1, rand.Uint64())
}

// send has Redis take over effects that were worked out at a position.
func (r *redisStore) send(ctx context.Context, c *shared, at, next string, e *effects) error {
	var removed, tickets, names, texts, marks []any
	for _, t := range e.tickets {
		if t.value == nil {
			removed = append(removed, t.key)
		} else {
			tickets = append(tickets, t.key, t.value)
		}
	}
	for _, n := range e.names {
		names = append(names, n.key, n.value)
	}
	for _, text := range e.texts {
		texts = append(texts, text)
	}
	for _, m := range e.marks {
		marks = append(marks, m.key, m.value)
	}
	args := []any{c.epoch, r.holder, at, next, len(removed), len(tickets) / 2, len(names) / 2, len(texts), len(marks) / 2}
	for _, list := range [][]any{removed, tickets, names, texts, marks} {
		args = append(args, list...)
	}
	answer, err := writeScript.Run(ctx, r.client, c.keys, args...).Text()
	switch {
	case err != nil:
		return fmt.Errorf("write redis: %w", err)
	case answer == "lost":
		c.epoch = 0
		return ErrLeaseLost
	case answer == "behind":
		return errBehind
	}
	return nil
}
