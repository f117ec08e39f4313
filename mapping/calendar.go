package mapping

import "time"

// WorkingHours returns the working hours of the local day d as instants, and
// false on a day without work. Hours are read off the wall clock, so a day on
// which clocks change may be shorter or longer.
func (t *Team) WorkingHours(d Date) (from, to time.Time, ok bool) {
	c := &t.Calendar
	if !c.Days[d.Weekday()] || c.Holidays[d] {
		return time.Time{}, time.Time{}, false
	}
	from, to = d.clock(c.From, t.Location), d.clock(c.To, t.Location)
	return from, to, from.Before(to)
}

// clock returns when the wall clock shows the given time on day d. A full day
// ends where the next one begins.
func (d Date) clock(at time.Duration, loc *time.Location) time.Time {
	if at%(24*time.Hour) == 0 {
		return (d + Date(at/(24*time.Hour))).In(loc)
	}
	y, m, day := d.utc().Date()
	return time.Date(y, m, day, int(at/time.Hour), int(at%time.Hour/time.Minute), 0, 0, loc)
}
