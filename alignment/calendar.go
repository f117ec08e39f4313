package alignment

import (
	"sort"
	"time"

	"alignd/mapping"
)

// freshDays is Θ in working days: a ticket without an event for longer is
// stale and takes no time (measures: 1.3).
const freshDays = 10

// calendar is the working time C_T of one team between two days, with prefix
// sums so that stretches can be measured in constant time.
type calendar struct {
	loc   *time.Location
	days  []workday
	theta int64 // freshness limit, microseconds of working time
}

// workday is the working time of one local day. before is the working time of
// all earlier days.
type workday struct {
	day    mapping.Date
	span   span
	before int64
}

func newCalendar(team *mapping.Team, first, last mapping.Date) *calendar {
	c := &calendar{loc: team.Location, theta: freshDays * (team.Calendar.To - team.Calendar.From).Microseconds()}
	var sum int64
	for d := first; d <= last; d++ {
		from, to, ok := team.WorkingHours(d)
		if !ok {
			continue
		}
		w := workday{day: d, span: span{from.UnixMicro(), to.UnixMicro()}, before: sum}
		sum += w.span.to - w.span.from
		c.days = append(c.days, w)
	}
	return c
}

// worked returns the working time before t.
func (c *calendar) worked(t int64) int64 {
	i := sort.Search(len(c.days), func(i int) bool { return c.days[i].span.from >= t })
	if i == 0 {
		return 0
	}
	w := &c.days[i-1]
	return w.before + min(t, w.span.to) - w.span.from
}

// measure returns the working time between two instants, |C_T ∩ (a,b]|.
func (c *calendar) measure(a, b int64) int64 {
	if a >= b {
		return 0
	}
	return c.worked(b) - c.worked(a)
}

// staleFrom returns the instant from which an event at t no longer keeps a
// ticket fresh.
func (c *calendar) staleFrom(t int64) int64 {
	target := c.worked(t) + c.theta
	i := sort.Search(len(c.days), func(i int) bool {
		w := &c.days[i]
		return w.before+w.span.to-w.span.from >= target
	})
	if i == len(c.days) {
		return endOfTime
	}
	return c.days[i].span.from + target - c.days[i].before
}

// dayOf returns the local day of an instant.
func (c *calendar) dayOf(t int64) mapping.Date {
	return mapping.DateOf(time.UnixMicro(t).In(c.loc))
}

// start returns the first instant of a local day.
func (c *calendar) start(d mapping.Date) int64 { return d.In(c.loc).UnixMicro() }

// between returns the workdays of the local days from (included) to (excluded).
func (c *calendar) between(from, to mapping.Date) []workday {
	i := sort.Search(len(c.days), func(i int) bool { return c.days[i].day >= from })
	j := sort.Search(len(c.days), func(i int) bool { return c.days[i].day >= to })
	return c.days[i:j]
}

// dayOfWork returns the local day of an instant inside the working time.
func (c *calendar) dayOfWork(t int64) mapping.Date {
	i := sort.Search(len(c.days), func(i int) bool { return c.days[i].span.from > t })
	return c.days[i-1].day
}
