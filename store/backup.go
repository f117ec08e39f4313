package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"time"
)

// ErrBusy means that a store was written to all the time.
var ErrBusy = errors.New("the store changed each time it was copied; try again later")

// Backup writes a store into a new embedded one, while others use it. The
// result is checked as Check does it, and only then gets its name. It fails
// with fs.ErrExist if there is a file of this name.
func Backup(ctx context.Context, from Config, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("back up store: %q: %w", file, os.ErrExist)
	}
	partial := file + ".partial"
	defer func() { _ = os.Remove(partial) }() // is gone if all went well
	var err error
	if from.Redis != nil {
		err = Copy(ctx, from, Config{Path: partial})
	} else {
		err = copyFile(ctx, from.Path, partial)
	}
	if err == nil {
		err = checkCopy(ctx, partial)
	}
	if err == nil {
		err = os.Rename(partial, file)
	}
	if err != nil {
		return fmt.Errorf("back up store: %w", err)
	}
	return nil
}

func checkCopy(ctx context.Context, file string) error {
	report, err := Check(ctx, Config{Path: file})
	return errors.Join(append(report.Problems, err)...)
}

const (
	copyAttempts = 200
	copyPause    = 50 * time.Millisecond
)

// copyFile copies the file of a store that another process may have open, and
// so locked. A transaction never touches what the one before it has left: if
// none was completed while the file was copied, the copy is what it was at the
// beginning.
func copyFile(ctx context.Context, from, to string) error {
	if err := checkPath(from, true); err != nil {
		return err
	}
	for range copyAttempts {
		still, err := copyOnce(ctx, from, to)
		if err != nil || still {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(copyPause):
		}
	}
	return ErrBusy
}

// copyOnce reports whether the file stood still meanwhile.
func copyOnce(ctx context.Context, from, to string) (still bool, err error) {
	in, err := os.Open(from)
	if err != nil {
		return false, err
	}
	defer func() { _ = in.Close() }() // was only read
	before, err := readHead(in)
	if err != nil {
		return false, fmt.Errorf("%q: %w", from, err)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return false, err
	}
	_, err = out.Write(before.pages)
	if err == nil {
		_, err = io.Copy(out, io.NewSectionReader(in, int64(len(before.pages)), before.size-int64(len(before.pages))))
	}
	if err := errors.Join(err, out.Sync(), out.Close(), ctx.Err()); err != nil {
		return false, err
	}
	after, err := readHead(in)
	return err == nil && after.transaction == before.transaction, nil
}

// head is what the first two pages of a bbolt file tell; each transaction
// rewrites one of them, as the last that it does.
type head struct {
	pages       []byte
	transaction uint64 // the last one that was completed
	size        int64  // bytes in use
}

// The form of these pages: after a header of 16 bytes magic, version, page
// size and flags of 4 bytes each, root, its sequence, free list, number of
// pages, transaction and a checksum of 8 bytes each.
const (
	headMagic    = 0xED0CDAED
	headStart    = 16
	headSize     = 8
	headPages    = 40
	headTx       = 48
	headChecksum = 56
	headLength   = 64
)

func readHead(in io.ReaderAt) (head, error) {
	pageSize := os.Getpagesize()
	for range 2 { // the file may be of a machine with other pages
		h := head{pages: make([]byte, 2*pageSize)}
		if _, err := in.ReadAt(h.pages, 0); err != nil {
			return h, fmt.Errorf("%w: %w; %s", ErrFormat, err, replaceFile)
		}
		whole := 0
		for at := headStart; at < len(h.pages); at += pageSize {
			meta := h.pages[at:][:headLength]
			if !wholeMeta(meta) {
				continue
			}
			whole++
			if size := int(binary.NativeEndian.Uint32(meta[headSize:])); size != pageSize {
				pageSize, whole = size, -1
				break
			}
			if tx := binary.NativeEndian.Uint64(meta[headTx:]); tx >= h.transaction {
				h.transaction, h.size = tx, int64(binary.NativeEndian.Uint64(meta[headPages:]))*int64(pageSize)
			}
		}
		if whole > 0 {
			return h, nil
		}
	}
	return head{}, fmt.Errorf("%w: damaged, or not a store of alignd; %s", ErrFormat, replaceFile)
}

func wholeMeta(meta []byte) bool {
	sum := fnv.New64a()
	_, _ = sum.Write(meta[:headChecksum])
	return binary.NativeEndian.Uint32(meta) == headMagic && binary.NativeEndian.Uint64(meta[headChecksum:]) == sum.Sum64()
}
