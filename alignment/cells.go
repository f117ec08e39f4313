package alignment

import (
	"cmp"
	"math"
	"slices"
	"time"

	"alignd/mapping"
)

// cellTable numbers the cells of one team's work, so that amounts can be added
// up in arrays.
type cellTable struct {
	cells    []Cell
	index    map[Cell]int32
	aligned  []int32 // by goal
	notNow   []int32
	retired  int32
	unmapped int32
	singles  [][]part // by cell: all of the work in it

	statuses [][]step[mapping.GoalStatus] // by goal, in the team's zone
}

func (c *cellTable) init(rules *mapping.RuleSet) {
	c.index = map[Cell]int32{}
	for _, g := range rules.Goals() {
		c.aligned = append(c.aligned, c.number(Cell{Class: Aligned, Goal: g.ID}))
		c.notNow = append(c.notNow, c.number(Cell{Class: NotNow, Goal: g.ID}))
	}
	c.retired = c.number(Cell{Class: OffPlan, Reason: Retired})
	c.unmapped = c.number(Cell{Class: Unmapped})
}

// readStatuses reads the goals' dated statuses in a team's zone.
func (c *cellTable) readStatuses(goals []mapping.Goal, loc *time.Location) {
	for i := range goals {
		steps := []step[mapping.GoalStatus]{{math.MinInt64, mapping.GoalPlanned}}
		if len(goals[i].Statuses) == 0 {
			steps[0].value = mapping.GoalActive
		}
		for _, s := range goals[i].Statuses {
			steps = append(steps, step[mapping.GoalStatus]{s.From.In(loc).UnixMicro(), s.Is})
		}
		c.statuses = append(c.statuses, steps)
	}
}

func (c *cellTable) number(cell Cell) int32 {
	n, ok := c.index[cell]
	if !ok {
		n = int32(len(c.cells))
		c.index[cell] = n
		c.cells = append(c.cells, cell)
		c.singles = append(c.singles, []part{{n, 1}})
	}
	return n
}

// alone returns the parts of work that is in one cell.
func (c *cellTable) alone(cell int32) []part { return c.singles[cell] }

func (c *cellTable) goal(goal int, status mapping.GoalStatus) int32 {
	switch status {
	case mapping.GoalActive:
		return c.aligned[goal]
	case mapping.GoalRetired:
		return c.retired
	}
	return c.notNow[goal]
}

func (c *cellTable) offPlan(reason string) int32 {
	return c.number(Cell{Class: OffPlan, Reason: reason})
}

// sortCells orders amounts by class, goal in config order, reason.
func sortCells(cells []CellAmount, goals []mapping.Goal) {
	place := func(c Cell) int {
		return slices.IndexFunc(goals, func(g mapping.Goal) bool { return g.ID == c.Goal })
	}
	slices.SortFunc(cells, func(x, y CellAmount) int {
		return cmp.Or(
			cmp.Compare(x.Cell.Class, y.Cell.Class),
			cmp.Compare(place(x.Cell), place(y.Cell)),
			cmp.Compare(x.Cell.Reason, y.Cell.Reason),
		)
	})
}
