package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Census is what the latest count of a connector's tickets taught: which
// tickets are in scope now, by the tracker's word, against what is known.
type Census struct {
	At    time.Time // when it was complete, by our clock
	Scope string    // what was counted, in the words of Batch.Scope
	Found int       // tickets in scope
	// Unread is how many of the found ones are still not known as in scope.
	Unread int
	// Missing are the tickets that are known as in scope and were not found,
	// by UID.
	Missing map[string]Miss
	// Held says that so much was missing that nothing is removed until it
	// comes back or somebody accepts it.
	Held bool
}

// Miss says how often in a row, and since when, a census has missed a ticket.
type Miss struct {
	Times int
	Since time.Time
}

func (w *writer) putCensus(c *Census) error {
	if c == nil {
		return nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("census: %w", err)
	}
	return w.putMark(keyCensus, text)
}

func (v *view) Census(connector string) Census {
	var c Census
	in := v.byName[connector]
	if in == nil {
		return c
	}
	if text := in.bucket.Get(keyCensus); text != nil {
		if err := json.Unmarshal(text, &c); err != nil {
			v.fail(fmt.Errorf("read census of %q: %w", connector, err))
		}
	}
	return c
}
