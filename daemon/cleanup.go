package daemon

import (
	"errors"
	"fmt"
)

// cleanups is a stack of named things to undo, run last in first out, whether
// starting succeeded or stopped half-way.
type cleanups []cleanup

type cleanup struct {
	name string
	undo func() error
}

func (c *cleanups) add(name string, undo func() error) { *c = append(*c, cleanup{name, undo}) }

// run undoes everything once and returns all errors.
func (c *cleanups) run() error {
	var errs []error
	for len(*c) > 0 {
		last := (*c)[len(*c)-1]
		*c = (*c)[:len(*c)-1]
		if err := last.undo(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}
