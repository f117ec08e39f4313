package sandbox

import (
	"context"
	"time"
)

// tidy does one of the small things that happen to tickets besides being
// worked on. It reports whether there was something to do.
func (cr *crew) tidy(at time.Time) bool {
	switch n := cr.rng.IntN(20); {
	case n < 6:
		return cr.edit(at)
	case n < 10:
		return cr.tell(at)
	case n < 12:
		return cr.reopen(at)
	case n < 14:
		return cr.estimate(at)
	case n < 16:
		return cr.relabel(at)
	case n == 16:
		return cr.drop(at)
	case n == 17:
		return cr.move(at)
	case n == 18 && cr.rng.IntN(3) == 0:
		return cr.delete(at)
	}
	return false
}

// any picks one of the jobs, or none.
func (cr *crew) any(jobs []*job, fits func(*job) bool) *job {
	var fitting []*job
	for _, j := range jobs {
		if fits(j) {
			fitting = append(fitting, j)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return fitting[cr.rng.IntN(len(fitting))]
}

func whole(j *job) bool { return j.parent == nil && j.open == 0 }

func (cr *crew) edit(at time.Time) bool {
	j := cr.any(cr.doing, func(*job) bool { return true })
	if j != nil {
		j.board.touch(at, j.ref)
	}
	return j != nil
}

// tell puts a forgotten label on a ticket, often after it was begun.
func (cr *crew) tell(at time.Time) bool {
	recent := cr.done[max(0, len(cr.done)-10):]
	for _, list := range [][]*job{cr.doing, recent, cr.backlog} {
		j := cr.any(list, func(j *job) bool { return !j.told && j.kind != unmapped && j.parent == nil })
		if j != nil {
			j.board.tag(at, j.ref, j.kind)
			j.told = true
			return true
		}
	}
	return false
}

// reopen takes back a ticket that was done in the last days.
func (cr *crew) reopen(at time.Time) bool {
	j := cr.any(cr.done, func(j *job) bool { return j.stage == finished && whole(j) && at.Sub(j.at) < 5*24*time.Hour })
	if j == nil {
		return false
	}
	cr.done = without(cr.done, j)
	cr.doing = append(cr.doing, j)
	j.moveTo(at, doing)
	j.due = at.Add(cr.duration(j) / 4)
	return true
}

func (cr *crew) estimate(at time.Time) bool {
	j := cr.any(cr.backlog, func(j *job) bool { return cr.plan.estimates && whole(j) })
	if j != nil {
		j.board.estimate(at, j.ref, []float64{1, 2, 3, 5, 8, 13}[cr.rng.IntN(6)])
	}
	return j != nil
}

// relabel changes the mind about the goal of a ticket that says it by label.
func (cr *crew) relabel(at time.Time) bool {
	j := cr.any(cr.backlog, func(j *job) bool { return j.told && isGoal(j.kind) && whole(j) })
	to := cr.pickKind(at)
	if j == nil || to == j.kind || !isGoal(to) {
		return false
	}
	j.board.untag(at, j.ref, j.kind)
	j.board.tag(at, j.ref, to)
	j.kind = to
	return true
}

// drop decides against a ticket.
func (cr *crew) drop(at time.Time) bool {
	j := cr.any(cr.backlog, whole)
	if j != nil {
		cr.finish(at, j, dropped)
	}
	return j != nil
}

// move hands a ticket of the backlog to another board: of the same crew, or of
// another one, which then does the work.
func (cr *crew) move(at time.Time) bool {
	j := cr.any(cr.backlog, whole)
	if j == nil {
		return false
	}
	to := cr.company.crews[cr.rng.IntN(len(cr.company.crews))]
	target := to.boards[cr.rng.IntN(len(to.boards))]
	ref, moved := j.board.move(at, j.ref, target)
	if !moved {
		return false
	}
	j.ref, j.board = ref, target
	cr.backlog = without(cr.backlog, j)
	to.backlog = append(to.backlog, j)
	return true
}

func (cr *crew) delete(at time.Time) bool {
	j := cr.any(cr.backlog, whole)
	if j != nil {
		j.board.delete(at, j.ref)
		cr.backlog = without(cr.backlog, j)
	}
	return j != nil
}

// Step lets one of the crews do one thing at that time, as Live does: it does
// not wait until a ticket is due. Steps must not be taken concurrently.
func (c *Company) Step(at time.Time) {
	at = stamp(at)
	cr := c.crews[c.rng.IntN(len(c.crews))]
	switch n := c.rng.IntN(20); {
	case n < 8 && cr.step(at, true):
	case n < 12 && len(cr.backlog) > 0:
		cr.start(at)
	case n < 14 && cr.tell(at):
	case n < 15 && cr.delete(at):
	case n < 16 && cr.move(at):
	case n < 17 && cr.relabel(at):
	default:
		cr.write(at)
	}
}

// Live lets the company go on until ctx ends, at the time its world's clock
// shows. At speed 1 something happens about every two seconds, at 10 ten times
// as often; people do not sleep meanwhile.
func (c *Company) Live(ctx context.Context, speed float64) {
	const pace = 4 * time.Second // at most; two on average
	for {
		wait := time.NewTimer(time.Duration(c.rng.Float64() * float64(pace) / speed))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
			c.Step(c.World.Now())
		}
	}
}
