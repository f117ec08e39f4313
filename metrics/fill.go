package metrics

import (
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// fill completes the cells of a window: a configured goal without work is 0,
// not absent.
type fill struct {
	goals   []string        // in config order
	active  map[string]bool // goals that are active now
	reasons map[string]bool // that may be shown
	zero    []alignment.Cell
}

func newFill(s *alignment.Snapshot) *fill {
	f := &fill{active: map[string]bool{}, reasons: map[string]bool{"": true, alignment.Retired: true}}
	for i := range s.Goals {
		goal := s.Goals[i].ID
		f.goals = append(f.goals, goal)
		switch s.Goals[i].StatusAt(s.ComputedAt, time.UTC) {
		case mapping.GoalActive:
			f.active[goal] = true
			f.zero = append(f.zero, alignment.Cell{Class: alignment.Aligned, Goal: goal})
		case mapping.GoalPlanned, mapping.GoalPaused:
			f.zero = append(f.zero, alignment.Cell{Class: alignment.NotNow, Goal: goal})
		case mapping.GoalRetired:
			// Its work shows where there is some, as off plan.
		}
	}
	f.zero = append(f.zero, alignment.Cell{Class: alignment.OffPlan}, alignment.Cell{Class: alignment.Unmapped})
	for _, r := range s.Reasons {
		f.reasons[r.ID] = true
	}
	return f
}

// cells returns each cell to show once: those with work, then those without.
func (f *fill) cells(of []alignment.CellAmount) []alignment.CellAmount {
	out := make([]alignment.CellAmount, 0, len(of)+len(f.zero))
	at := make(map[alignment.Cell]int, cap(out))
	add := func(cell alignment.Cell, amount int64) {
		if !f.reasons[cell.Reason] {
			cell.Reason = alignment.OtherReason // keeps the values of the label bounded
		}
		i, ok := at[cell]
		if !ok {
			i = len(out)
			at[cell] = i
			out = append(out, alignment.CellAmount{Cell: cell})
		}
		out[i].Amount += amount
	}
	for _, c := range of {
		add(c.Cell, c.Amount)
	}
	for _, cell := range f.zero {
		add(cell, 0)
	}
	return out
}
