package store

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/bbolt"
)

// effects are what a batch comes to for one connector, in the encoding of the
// embedded store. All replicas share that encoding: one works a batch out, and
// the others take over its effects.
type effects struct {
	tickets []entry // by UID; a nil value removes the ticket
	names   []entry
	texts   []string // numbered on from the last one that is known
	marks   []entry  // watermark, scope and census, by the embedded store's keys
}

type entry struct {
	key   string
	value []byte
}

func (e *effects) ticket(uid string, value []byte) {
	if e != nil {
		e.tickets = append(e.tickets, entry{uid, value})
	}
}

func (e *effects) name(id, name string) {
	if e != nil {
		e.names = append(e.names, entry{id, []byte(name)})
	}
}

func (e *effects) text(text string) {
	if e != nil {
		e.texts = append(e.texts, text)
	}
}

func (e *effects) mark(key, text []byte) {
	if e != nil {
		e.marks = append(e.marks, entry{string(key), text})
	}
}

// makeConnector makes the buckets of a connector within its parent.
func makeConnector(parent *bbolt.Bucket, name string) (*bbolt.Bucket, error) {
	bucket, err := parent.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return nil, err
	}
	for _, key := range [][]byte{keyTickets, keyNames, keyTexts} {
		if _, err := bucket.CreateBucketIfNotExists(key); err != nil {
			return nil, err
		}
	}
	return bucket, nil
}

// put writes the effects into the bucket of a connector.
func (e *effects) put(bucket *bbolt.Bucket) error {
	tickets, names, texts := bucket.Bucket(keyTickets), bucket.Bucket(keyNames), bucket.Bucket(keyTexts)
	tickets.FillPercent = fillPercent
	n := countTexts(bucket)
	var err error
	for _, text := range e.texts {
		n++
		err = errors.Join(err, putText(texts, n, text))
	}
	for _, name := range e.names {
		err = errors.Join(err, names.Put([]byte(name.key), name.value))
	}
	for _, t := range e.tickets {
		if t.value == nil {
			err = errors.Join(err, tickets.Delete([]byte(t.key)))
		} else {
			err = errors.Join(err, tickets.Put([]byte(t.key), t.value))
		}
	}
	for _, mark := range e.marks {
		err = errors.Join(err, bucket.Put([]byte(mark.key), mark.value))
	}
	return err
}

// countTexts returns the number of a connector's last text.
func countTexts(bucket *bbolt.Bucket) uint64 {
	last, _ := bucket.Bucket(keyTexts).Cursor().Last()
	if last == nil {
		return 0
	}
	return binary.BigEndian.Uint64(last)
}

// chunkSize bounds how many entries are moved at once.
const chunkSize = 1000

// chunks reads all of a connector, in pieces of which each may be written for
// itself: what tickets refer to comes before them, and the marks, which say
// that it is complete, come last. The pieces are valid as long as the
// transaction.
func chunks(bucket *bbolt.Bucket, use func(*effects) error) error {
	piece := &effects{}
	flush := func(full int) error {
		if len(piece.texts)+len(piece.names)+len(piece.tickets) < full {
			return nil
		}
		done := piece
		piece = &effects{}
		return use(done)
	}
	for _, text := range entries(bucket.Bucket(keyTexts)) {
		piece.text(string(text))
		if err := flush(chunkSize); err != nil {
			return err
		}
	}
	for id, name := range entries(bucket.Bucket(keyNames)) {
		piece.name(string(id), string(name))
		if err := flush(chunkSize); err != nil {
			return err
		}
	}
	for uid, value := range entries(bucket.Bucket(keyTickets)) {
		piece.ticket(string(uid), value)
		if err := flush(chunkSize); err != nil {
			return err
		}
	}
	for _, key := range [][]byte{keyWatermark, keyScope, keyCensus} {
		if text := bucket.Get(key); text != nil {
			piece.mark(key, text)
		}
	}
	return flush(0)
}
