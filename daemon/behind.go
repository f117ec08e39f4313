package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/store"
)

// Behind implements web.Source.
func (d *Daemon) Behind(ctx context.Context, q alignment.Question) (alignment.Answer, error) {
	return Behind(ctx, d.store, d.cfg.Load().Rules, q)
}

// Behind returns the tickets of a store behind a number, see alignment.Behind.
func Behind(ctx context.Context, st store.Store, rules *mapping.RuleSet, q alignment.Question) (a alignment.Answer, err error) {
	var asked error
	err = st.View(ctx, func(v store.View) error {
		a, asked = alignment.Behind(input(v, rules), q)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read store: %w", err)
	}
	return a, errors.Join(err, asked)
}

// input is what is computed from the facts of a store.
func input(v store.View, rules *mapping.RuleSet) alignment.Input {
	return alignment.Input{Tickets: v, Rules: rules, Watermarks: v.Watermarks(), Now: time.Now()}
}
