package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Compact rewrites an embedded store that nobody has open without the space
// that is no longer used, and returns its size before and after, in bytes.
func Compact(ctx context.Context, cfg Config) (before, after int64, err error) {
	if cfg.Redis != nil {
		return 0, 0, errors.New("compact store: Redis needs no compaction")
	}
	partial := cfg.Path + ".partial"
	defer func() { _ = os.Remove(partial) }() // is gone if all went well
	before, after, err = compact(ctx, cfg.Path, partial)
	if err != nil {
		return 0, 0, fmt.Errorf("compact store: %w", err)
	}
	return before, after, nil
}

func compact(ctx context.Context, path, partial string) (before, after int64, err error) {
	if err := checkPath(path, true); err != nil {
		return 0, 0, err
	}
	st, err := open(ctx, path, false) // so that nobody else writes to it
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := compactTo(ctx, st.(*embedded), partial); err != nil {
		return 0, 0, err
	}
	if before, after, err = sizes(path, partial); err != nil {
		return 0, 0, err
	}
	if err := os.Rename(partial, path); err != nil {
		return 0, 0, err
	}
	// Whoever opened the old file just before waits for its lock as long as
	// this, and must not get it.
	time.Sleep(lockTimeout + lockTimeout/2)
	return before, after, syncFolder(filepath.Dir(path))
}

func compactTo(ctx context.Context, from *embedded, partial string) error {
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(partial, 0o600, &bbolt.Options{NoStatistics: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	const transaction = 64 << 20
	err = guard(func() error { return bbolt.Compact(db, from.db, transaction) })
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return checkCopy(ctx, partial)
}

func sizes(files ...string) (before, after int64, err error) {
	var all [2]int64
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return 0, 0, err
		}
		all[i] = info.Size()
	}
	return all[0], all[1], nil
}

// syncFolder has the disk know the new name of a file.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
