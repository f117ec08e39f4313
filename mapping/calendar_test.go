package mapping_test

import (
	"testing"
	"time"

	"alignd/mapping"
)

func TestWorkingHours(t *testing.T) {
	tests := []struct {
		name, zone, calendar, day, from, to string // from empty: no work
	}{
		{"winter", "Europe/Berlin", "", "2026-01-05", "2026-01-05T08:00:00Z", "2026-01-05T16:00:00Z"},
		{"summer", "Europe/Berlin", "", "2026-07-06", "2026-07-06T07:00:00Z", "2026-07-06T15:00:00Z"},
		{"friday", "UTC", "", "2026-01-09", "2026-01-09T09:00:00Z", "2026-01-09T17:00:00Z"},
		{"saturday", "UTC", "", "2026-01-10", "", ""},
		{"sunday", "UTC", "", "2026-01-11", "", ""},
		{"holiday", "UTC", "holidays: [2026-01-06]", "2026-01-06", "", ""},
		{"other days", "UTC", "days: [sat, Sunday]", "2026-01-11", "2026-01-11T09:00:00Z", "2026-01-11T17:00:00Z"},
		{"not the usual days", "UTC", "days: [sat, sun]", "2026-01-09", "", ""},
		{"other hours", "America/New_York", "hours: 08:30 - 16.15", "2026-01-09", "2026-01-09T13:30:00Z", "2026-01-09T21:15:00Z"},
		{"short day, clocks forward", "Europe/Berlin", "days: [sun], hours: 00:00-24:00", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"long day, clocks back", "Europe/Berlin", "days: [sun], hours: 00:00-24:00", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"clocks back during work", "Europe/Berlin", "days: [sun], hours: 01:00-05:00", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z"},
		{"work inside the skipped hour", "Europe/Berlin", "days: [sun], hours: 02:00-03:00", "2026-03-29", "", ""},
		{"night", "Asia/Kolkata", "hours: 00:00-08:00", "2026-01-09", "2026-01-08T18:30:00Z", "2026-01-09T02:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs := parse(t, "period: {name: p, from: 2026-10-01, to: 2026-12-31}\nteams: [{id: x, owns: {a: [B]}, time_zone: "+tt.zone+", calendar: {"+tt.calendar+"}}]\n")
			from, to, ok := rs.Teams()[0].WorkingHours(date(t, tt.day))
			if !ok {
				if tt.from != "" {
					t.Errorf("no work, want %s to %s", tt.from, tt.to)
				}
				return
			}
			if got := from.UTC().Format(time.RFC3339); got != tt.from {
				t.Errorf("from = %s, want %s", got, tt.from)
			}
			if got := to.UTC().Format(time.RFC3339); got != tt.to {
				t.Errorf("to = %s, want %s", got, tt.to)
			}
		})
	}
}

// Days follow each other without gap or overlap, wherever clocks change.
func TestDaysTileTime(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Atlantic/Azores", "America/Havana", "Africa/Cairo", "Asia/Amman", "Asia/Gaza", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for d := date(t, "2005-01-01"); d < date(t, "2027-01-01"); d++ {
			start := d.In(loc)
			if start.Equal((d + 1).In(loc)) {
				continue // a day that a zone left out, on its way over the date line
			}
			if got := mapping.DateOf(start); got != d {
				t.Errorf("%s: %s begins on %s", zone, d, got)
			}
			if got := mapping.DateOf(start.Add(-1)); got >= d {
				t.Errorf("%s: %s has begun before %s", zone, d, start)
			}
		}
	}
}
