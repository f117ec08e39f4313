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

	Reread Reread
}

// Miss says how often in a row, and since when, a census has missed a ticket.
type Miss struct {
	Times int
	Since time.Time
}

// Reread says how far the re-reading has come, which goes through all tickets
// in scope in the order of their UIDs, again and again. Times are by our clock.
type Reread struct {
	At    time.Time // of the latest part
	After string    // the UID at which that part ended, empty at the end of a pass
	Began time.Time // the present pass
	// Verified is when the latest complete pass began: every ticket has been
	// read by its id since.
	Verified time.Time
	// Repaired counts the tickets, since the store was made, that were not as
	// the tracker had them although walks had passed their dates.
	Repaired int
}

// encodeCensus and decodeCensus are how every store keeps a census.
func encodeCensus(c *Census) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("census: %w", err)
	}
	return text, nil
}

func decodeCensus(text []byte, c *Census) error {
	if err := json.Unmarshal(text, c); err != nil {
		return fmt.Errorf("census: %w", err)
	}
	return nil
}

func (w *writer) putCensus(c *Census) error {
	if c == nil {
		return nil
	}
	text, err := encodeCensus(c)
	if err != nil {
		return err
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
		if err := decodeCensus(text, &c); err != nil {
			v.fail(fmt.Errorf("read %w of %q", err, connector))
		}
	}
	return c
}
