// Package store keeps facts: tickets with their history, names, how far each
// connector has been read, and append-only logs of what happened. Results are never stored; they are computed
// from the facts each time.
//
// Open returns the embedded store, one file of one process, or the store in
// Redis, which several replicas share. Both pass the same conformance suite
// (see storetest).
package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"alignd/ticket"
)

// Errors that callers branch on.
var (
	// ErrInUse means another process has the store open.
	ErrInUse = errors.New("store is in use by another process")
	// ErrFormat means the store was written by a version that this one
	// cannot read.
	ErrFormat = errors.New("unsupported store format")
	// ErrHeld means that another replica holds the lease.
	ErrHeld = errors.New("another replica holds the lease")
	// ErrLeaseLost means that what is being written was read under a lease
	// that is no longer in force. Nothing was written; start the walk again
	// from the watermark, under a new epoch.
	ErrLeaseLost = errors.New("the lease was lost")
	// ErrRecorded means that records were added since the view from which
	// others were concluded. Nothing was added; conclude again.
	ErrRecorded = errors.New("records were added meanwhile")
)

// Store keeps the facts of all connectors. All methods are safe for concurrent
// use.
type Store interface {
	// Acquire takes the lease of a connector for the time ttl, or renews it,
	// and returns its epoch, which batches of the connector must carry from
	// then on. It grows with each take-over, and whenever batches of an
	// earlier one were lost, so a renewal with another epoch means that walks
	// begun before must be given up. ErrHeld if another replica has the
	// lease. What former holders wrote is in any View that starts afterwards.
	// Nobody else has an embedded store, so its lease is always granted.
	Acquire(ctx context.Context, connector string, ttl time.Duration) (epoch int64, err error)

	// Release gives the lease back if it is held, so that another replica
	// need not wait for its end.
	Release(ctx context.Context, connector string) error

	// Follow takes in what other replicas have written since the last call
	// and reports whether there was anything. On an error views show what was
	// known before. Call it about once a second.
	Follow(ctx context.Context) (changed bool, err error)

	// Replicas says that this replica is alive and returns how many have said
	// so within this time, itself included. Close takes it back.
	Replicas(ctx context.Context, within time.Duration) (int, error)

	// Apply writes one batch atomically: all of it or nothing. It is
	// idempotent, and of two readings of a ticket the one with the later
	// Updated stays, whatever the order of arrival (see ticket.Merge). It
	// returns what changed in comparison with what was known, or ErrLeaseLost
	// if the batch's epoch is not in force. After another error the batch may
	// have been written all the same; writing it again is harmless.
	Apply(ctx context.Context, b Batch) (Applied, error)

	// Append adds records to their logs, in order and atomically: all of them
	// or none. Those whose key their log knows already are passed over. It
	// returns how many were added. Nothing ever changes or removes a record.
	Append(ctx context.Context, records ...Record) (added int, err error)

	// AppendAfter is Append for records that were concluded from a view, and
	// hold only as long as no others were added to any log: ErrRecorded unless
	// there are as many as View.Recorded said.
	AppendAfter(ctx context.Context, recorded int, records ...Record) (added int, err error)

	// View calls fn with a consistent view that does not change while fn
	// runs and must not be used after it. An error met while reading through
	// the view is returned by View, unless fn returns one of its own. Fn must
	// not wait for an Apply, which may have to wait for the view.
	View(ctx context.Context, fn func(View) error) error

	// Size returns the bytes the store takes.
	Size(ctx context.Context) (int64, error)

	// Close waits for running calls and releases the store.
	Close() error
}

// Batch is what one page of a walk teaches.
type Batch struct {
	Connector string
	// Epoch is that of the lease under which the batch was read. Zero stands
	// for none, which Redis accepts until the connector's lease is first taken.
	Epoch int64

	Tickets []ticket.Ticket
	Gone    []string // UIDs to forget, even if among Tickets

	// Left are UIDs that are no longer in scope: known ones become
	// ticket.Ticket.Outside, after Tickets were taken in. Nothing else does
	// that to a known ticket. A reading brings it into scope unless it is
	// marked as outside itself, or older than what is known.
	Left []string

	// Names are merged into the connector's names.
	Names map[string]string

	// Watermark moves the connector's watermark. Zero leaves it; it is set
	// only with the last page of a complete walk.
	Watermark time.Time
	// Scope says in the caller's words what the walk was asked to read. It is
	// kept with the watermark, which means nothing for another scope.
	Scope string
	// Census replaces what is known of the last one. Nil leaves it.
	Census *Census
}

// Record is one entry of an append-only log.
type Record struct {
	Log  string    // such as "episodes" or "revisions"; never empty
	Key  string    // unique within the log, never empty
	At   time.Time // what the record is dated, UTC; kept to the microsecond
	Data []byte    // in the writer's own encoding
}

// Applied counts what a batch changed. Facts that were known already count
// nowhere.
type Applied struct {
	Created int
	Gone    int
	Left    int
	// Changes holds the history entries that were not known before, of
	// tickets that were known before: the raw material of the "changes
	// applied" and "late changes" counters.
	Changes []ticket.Change
}

// View is a consistent look at the facts.
type View interface {
	// Tickets yields every ticket once, ordered by connector and UID, names
	// filled in. The pointer and its slices are only valid until the next
	// iteration; use ticket.Ticket.Clone to keep one.
	Tickets() iter.Seq[*ticket.Ticket]

	// Ticket returns one ticket, names filled in, free to keep.
	Ticket(id ticket.ID) (ticket.Ticket, bool)

	// Watermarks returns how far each connector that completed a walk has
	// been read, in the tracker's time.
	Watermarks() map[string]time.Time

	// Scope returns what came with the connector's watermark, empty if
	// nothing did.
	Scope(connector string) string

	// Census returns what the connector's last census taught, the zero value
	// before the first.
	Census(connector string) Census

	// Records yields the records of a log in the order in which they were
	// added, each free to keep.
	Records(log string) iter.Seq[Record]

	// Recorded returns how many records all logs have together.
	Recorded() int
}
