package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
)

// readBatches bounds how many batches are read at once.
const readBatches = 50

// Follow implements Store.
func (r *redisStore) Follow(ctx context.Context) (changed bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	names, err := r.client.SMembers(ctx, r.key("/store", "connectors")).Result()
	if err != nil {
		return false, fmt.Errorf("read connectors: %w", err)
	}
	for _, name := range names {
		r.connector(name)
	}
	behind, err := r.behind(ctx)
	for _, c := range behind {
		moved, failed := r.follow(ctx, c)
		changed, err = changed || moved, errors.Join(err, failed)
	}
	moved, failed := r.followRecords(ctx)
	return changed || moved, errors.Join(err, failed)
}

// behind returns the connectors whose mirror is not at Redis' position. One
// that is being written to by this replica is up to date when that is done.
func (r *redisStore) behind(ctx context.Context) ([]*shared, error) {
	var all []*shared
	r.mu.Lock()
	for _, c := range r.connectors {
		all = append(all, c)
	}
	r.mu.Unlock()
	positions := make([]*redis.StringCmd, len(all))
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range all {
			positions[i] = p.HGet(ctx, c.state(), "position")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	i := -1
	return slices.DeleteFunc(all, func(c *shared) bool {
		i++
		if !c.mu.TryLock() {
			return true
		}
		defer c.mu.Unlock()
		return c.at == positions[i].Val() && !c.adrift
	}), nil
}

func (r *redisStore) follow(ctx context.Context, c *shared) (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changed, err = r.catchUp(ctx, c); err != nil {
		return false, fmt.Errorf("follow %q: %w", c.name, err)
	}
	return changed, nil
}

// catchUp brings the mirror of a connector to Redis' position, in one step for
// whoever looks at it.
func (r *redisStore) catchUp(ctx context.Context, c *shared) (changed bool, err error) {
	texts, complete, err := r.mirrored(c)
	if err != nil {
		return false, err
	}
	news := change{at: c.at, texts: texts}
	found, err := r.readChange(ctx, c, &news)
	switch {
	case err != nil:
		return false, err
	case found == posGone:
		return r.reload(ctx, c, complete)
	}
	c.adrift = false
	if news.at == c.at {
		return false, nil
	}
	// Records that were appended before facts are seen before them.
	if _, err := r.followRecords(ctx); err != nil {
		return false, err
	}
	err = r.mirror.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := makeConnector(tx.Bucket(keyConnectors), c.name)
		if err != nil {
			return err
		}
		delete(r.mirror.tables, c.name)
		return news.effects().put(bucket)
	})
	if err != nil {
		return false, fmt.Errorf("write mirror: %w", err)
	}
	c.at = news.at
	return true, nil
}

// mirrored returns how many texts the mirror has of a connector, and whether
// the connector was ever read completely.
func (r *redisStore) mirrored(c *shared) (texts uint64, complete bool, err error) {
	err = r.mirror.db.View(func(tx *bbolt.Tx) error {
		if bucket := tx.Bucket(keyConnectors).Bucket([]byte(c.name)); bucket != nil {
			texts, complete = countTexts(bucket), bucket.Get(keyWatermark) != nil
		}
		return nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("read mirror: %w", err)
	}
	return texts, complete, nil
}

// change gathers what was touched between two positions.
type change struct {
	at             string // how far it reaches
	texts          uint64 // number of the last text
	newTexts       []string
	tickets, names map[string][]byte
	marks          []entry
}

func (c *change) effects() *effects {
	e := &effects{texts: c.newTexts, marks: c.marks}
	for uid, value := range c.tickets {
		e.ticket(uid, value)
	}
	for id, name := range c.names {
		e.names = append(e.names, entry{id, name})
	}
	return e
}

// What readScript says of a position.
const (
	posSame = "same"
	posSome = "some"
	posAll  = "all"
	posGone = "gone"
)

// readChange reads on from c.at to the end. Parts that are read before the
// last may hold what later batches wrote, so only all of them together are a
// state that ever was.
func (r *redisStore) readChange(ctx context.Context, c *shared, into *change) (found string, err error) {
	start := into.at
	for {
		reply, err := readScript.Run(ctx, r.client, c.keys, into.at, into.texts, readBatches).Slice()
		if err != nil {
			return "", fmt.Errorf("read changes: %w", err)
		}
		found, err := into.add(reply)
		switch {
		case err != nil:
			return "", fmt.Errorf("read changes: %w", err)
		case found == posSame && into.at != start:
			return posGone, nil // the last batches were lost just now
		case found != posSome:
			return found, nil
		}
	}
}

var errReply = errors.New("redis answered in an unexpected form")

// add takes in one reply of readScript.
func (c *change) add(reply []any) (found string, err error) {
	if len(reply) == 0 {
		return "", errReply
	}
	found, _ = reply[0].(string)
	if found == posSame || found == posGone {
		return found, nil
	}
	if len(reply) != 10 || found != posSome && found != posAll {
		return "", errReply
	}
	lists := make([][]any, 5)
	for i := range lists {
		list, ok := reply[2+i].([]any)
		if !ok {
			return "", errReply
		}
		lists[i] = list
	}
	if c.tickets == nil {
		c.tickets, c.names = map[string][]byte{}, map[string][]byte{}
	}
	for _, text := range lists[4] {
		c.newTexts = append(c.newTexts, fmt.Sprint(text))
	}
	c.texts += uint64(len(lists[4]))
	c.marks = marksOf(reply[7:])
	c.at, _ = reply[1].(string)
	return found, errors.Join(addValues(c.tickets, lists[0], lists[1]), addValues(c.names, lists[2], lists[3]))
}

func addValues(to map[string][]byte, keys, values []any) error {
	if len(keys) != len(values) {
		return errReply
	}
	for i := range keys {
		key, ok := keys[i].(string)
		if !ok {
			return errReply
		}
		to[key] = nil
		if value, ok := values[i].(string); ok {
			to[key] = []byte(value)
		}
	}
	return nil
}

// marksOf returns watermark, scope and census as far as they are there.
func marksOf(values []any) (marks []entry) {
	for i, key := range [][]byte{keyWatermark, keyScope, keyCensus} {
		if text, ok := values[i].(string); ok {
			marks = append(marks, entry{string(key), []byte(text)})
		}
	}
	return marks
}
