package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// formatVersion is the layout of the file:
//
//	alignd                 format -> decimal version
//	connectors / <name>    watermark -> RFC 3339, scope -> text,
//	                       census -> JSON
//	  tickets              UID -> value, see codec.go
//	  names                id -> name
//	  texts                number, big endian -> text that tickets refer to
//	logs / <name>          absent in files of versions that kept none
//	  records              number, big endian -> record, see records.go
//	  keys                 key -> number of its record
const formatVersion = "2"

var (
	keyAlignd     = []byte("alignd")
	keyFormat     = []byte("format")
	keyConnectors = []byte("connectors")
	keyWatermark  = []byte("watermark")
	keyScope      = []byte("scope")
	keyCensus     = []byte("census")
	keyTickets    = []byte("tickets")
	keyNames      = []byte("names")
	keyTexts      = []byte("texts")
	keyLogs       = []byte("logs")
	keyRecords    = []byte("records")
	keyKeys       = []byte("keys")
)

const (
	lockTimeout = time.Second
	// fillPercent is between what suits ids that arrive in order (much) and
	// ids that do not (half): about 260 and 330 bytes of file for a ticket with
	// six changes, where half would make it 345 and 302.
	fillPercent = 0.7
	// addressSpace is reserved, not used. While the file fits, a long View
	// never makes an Apply wait.
	addressSpace = 1 << 30
)

// embedded is the Store in one local file.
type embedded struct {
	db *bbolt.DB
	// tables holds the texts of each connector that was written to. It belongs
	// to whoever holds the write transaction.
	tables map[string]*textTable

	closing  sync.Once
	closeErr error
}

// Open opens the store for reading and writing. An embedded store is made if
// need be; it fails with ErrInUse within about a second if another process has
// the file open, and with ErrDamaged if damage is seen at once (see Check). A
// store in Redis is read completely before Open returns. ErrFormat means that
// it is no store of a version that this one knows.
func Open(ctx context.Context, cfg Config) (Store, error) {
	if cfg.Redis != nil {
		return openShared(ctx, cfg, false)
	}
	return open(ctx, cfg.Path, false)
}

// OpenReadOnly opens an existing store for reading only; Apply fails. Several
// processes may do so at once, but not beside one that writes to an embedded
// store: then it fails with ErrInUse.
func OpenReadOnly(ctx context.Context, cfg Config) (Store, error) {
	if cfg.Redis != nil {
		return openShared(ctx, cfg, true)
	}
	return open(ctx, cfg.Path, true)
}

func openShared(ctx context.Context, cfg Config, readOnly bool) (Store, error) {
	st, err := openRedis(ctx, cfg.Redis, readOnly)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg, err)
	}
	return st, nil
}

func open(ctx context.Context, path string, readOnly bool) (Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkPath(path, readOnly); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = openFile(path, readOnly)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", path, err)
	}
	return &embedded{db: db, tables: map[string]*textTable{}}, nil
}

// openFile looks at an existing file without touching it before it opens it
// for writing.
func openFile(path string, readOnly bool) (*bbolt.DB, error) {
	if info, err := os.Stat(path); readOnly || err == nil && info.Size() > 0 {
		db, err := openBolt(path, true, false)
		if err != nil {
			return nil, err
		}
		err = inspect(db)
		if readOnly && err == nil {
			return db, nil
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
	db, err := openBolt(path, false, true)
	if err != nil {
		return nil, err
	}
	// A file that is complete is not written to: it can be opened, and served
	// from, even if the disk is full.
	if err := db.View(hasFormat); err != nil {
		if err := db.Update(writeFormat); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

func openBolt(path string, readOnly, freelist bool) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         lockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: addressSpace,
		NoStatistics:    true,
		ReadOnly:        readOnly,
		PreLoadFreelist: freelist,
	})
	return db, translate(err)
}

// checkPath finds the mistakes for which the system's own message would leave
// people guessing.
func checkPath(path string, mustExist bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%q is a folder, want a file", path)
	case err == nil && mustExist && info.Size() == 0:
		return fmt.Errorf("%w: %q is empty", ErrFormat, path)
	case err == nil || mustExist:
		return err
	}
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %q does not exist: %w", folder, fs.ErrNotExist)
	}
	return nil
}

// translate gives bbolt's errors the names callers know.
func translate(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, bolterrors.ErrInvalid),
		errors.Is(err, bolterrors.ErrVersionMismatch),
		errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("%w: damaged, or not a store of alignd (%w); %s", ErrFormat, err, replaceFile)
	default:
		return err
	}
}

// inspect says whether the file is whole and of our version. One without
// anything in it is: its writer was stopped right at the start.
func inspect(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(db.Path())
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: the file is cut off, %d bytes of %d; %s", ErrDamaged, info.Size(), tx.Size(), replaceFile)
		}
		first, _ := tx.Cursor().First()
		b := tx.Bucket(keyAlignd)
		switch {
		case first == nil:
			return nil
		case b == nil:
			return fmt.Errorf("%w: not a store of alignd", ErrFormat)
		}
		if found := b.Get(keyFormat); string(found) != formatVersion {
			return fmt.Errorf("%w: found version %q, this alignd supports version %q; %s", ErrFormat, found, formatVersion, otherAlignd)
		}
		return nil
	})
}

var errNew = errors.New("nothing in it")

func hasFormat(tx *bbolt.Tx) error {
	if tx.Bucket(keyAlignd) == nil {
		return errNew
	}
	return nil
}

func writeFormat(tx *bbolt.Tx) error {
	b, err := tx.CreateBucket(keyAlignd)
	if err != nil {
		return err
	}
	if err := b.Put(keyFormat, []byte(formatVersion)); err != nil {
		return err
	}
	_, err = tx.CreateBucket(keyConnectors)
	return err
}

func (e *embedded) View(ctx context.Context, fn func(View) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := e.db.Begin(false)
	if err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of a read: only fails if already done
	var v *view
	if err := guard(func() error { v = newView(ctx, tx); return nil }); err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	if err := fn(v); err != nil {
		return err
	}
	return v.failure()
}

// Size returns the bytes in use; the file itself grows in larger steps.
func (e *embedded) Size(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	var size int64
	err := e.db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read store: %w", err)
	}
	return size, nil
}

func (e *embedded) Close() error {
	e.closing.Do(func() {
		if err := e.db.Close(); err != nil {
			e.closeErr = fmt.Errorf("close store: %w", err)
		}
	})
	return e.closeErr
}
