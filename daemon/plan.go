package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/store"
)

// PlanPath answers a POST of a mapping with what it would change, as JSON of
// alignment.Plan.
const PlanPath = "/api/v1/plan"

// maxMapping bounds the mapping that a plan is asked for, in bytes.
const maxMapping = 4 << 20

// Plan says what other rules would change in the numbers of a store.
func Plan(ctx context.Context, st store.Store, before, after *mapping.RuleSet) (*alignment.Plan, error) {
	var plan *alignment.Plan
	err := st.View(ctx, func(v store.View) error {
		log, err := ReadLog(v)
		if err != nil {
			return err
		}
		plan = alignment.NewPlan(alignment.Input{Tickets: v, Rules: before, Watermarks: v.Watermarks(), Now: time.Now()}, after, log)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return plan, nil
}

func (d *Daemon) planOverHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMapping))
	if err != nil {
		http.Error(w, fmt.Sprintf("The mapping is larger than %d bytes, or was cut off: %v", maxMapping, err), http.StatusBadRequest)
		return
	}
	rules, err := mapping.Parse("mapping", text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	// Plans take as long as a review; one at a time.
	d.planning.Lock()
	defer d.planning.Unlock()
	plan, err := Plan(r.Context(), d.store, d.cfg.Load().Rules, rules)
	if err != nil {
		d.logger.Error("Planning failed", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(plan); err != nil {
		d.logger.Debug("Answering a plan failed", "err", err)
	}
}
