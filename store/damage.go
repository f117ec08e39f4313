package store

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrDamaged means that the file does not hold what was written to it.
var ErrDamaged = errors.New("store is damaged")

// Remedies for people, since a file that cannot be used stays as it is.
const (
	replaceFile = "put a backup in its place, or move it away to have everything read again"
	otherAlignd = "use the alignd that wrote it, or move it away to have everything read again"
)

// guard turns what bbolt does with damaged pages, which is to panic or to
// reach outside the file, into an error. The process has a last result to
// serve. It must enclose bbolt and the decoding of what it returns, and no
// caller's code.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v; stop alignd, then %s", ErrDamaged, r, replaceFile)
		}
	}()
	return fn()
}
