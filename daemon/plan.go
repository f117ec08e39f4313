package daemon

import (
	"context"
	"fmt"
	"net/url"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/store"
)

// Plan says what other rules would change in the numbers of a store.
func Plan(ctx context.Context, st store.Store, before, after *mapping.RuleSet) (*alignment.Plan, error) {
	var plan *alignment.Plan
	err := st.View(ctx, func(v store.View) error {
		log, err := ReadLog(v)
		if err != nil {
			return err
		}
		plan = alignment.NewPlan(input(v, before), after, log)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return plan, nil
}

func (d *Daemon) plan(ctx context.Context, _ url.Values, rules *mapping.RuleSet) (any, error) {
	return Plan(ctx, d.store, d.cfg.Load().Rules, rules)
}
