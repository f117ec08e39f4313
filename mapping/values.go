package mapping

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MarshalText writes 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2006-01-02.
func (d *Date) UnmarshalText(text []byte) error {
	day, ok := sensibleDate(string(text))
	if !ok {
		return noDate(text, "a date such as 2026-10-01")
	}
	*d = day
	return nil
}

// sensibleDate reads a date within the years any ticket can be from, because a
// mistyped year would make periods of centuries.
func sensibleDate(s string) (Date, bool) {
	day, err := ParseDate(s)
	return day, err == nil && s >= "1970" && s < "2200"
}

var dateForm = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})(T|$)`)

// noDate says why a text is not what is wanted.
func noDate(text []byte, want string) error {
	if day := noSuchDay(text); day != "" {
		return fmt.Errorf("there is no day %s", day)
	}
	return fmt.Errorf("must be %s; found %q", want, text)
}

// noSuchDay returns the date that a text is, or begins with, if no month has
// that day, else nothing.
func noSuchDay(text []byte) string {
	form := dateForm.FindSubmatch(text)
	if form == nil {
		return ""
	}
	date := string(form[1])
	if _, err := time.Parse(time.DateOnly, date); err == nil {
		return ""
	}
	return date
}

// UnmarshalText reads a date or an RFC 3339 instant.
func (m *Moment) UnmarshalText(text []byte) error {
	s := string(text)
	if day, ok := sensibleDate(s); ok {
		*m = Moment{Date: day}
		return nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || s < "1970" || s >= "2200" {
		return noDate(text, "a date such as 2026-10-01 or an instant such as 2026-10-01T09:30:00+02:00")
	}
	*m = Moment{Instant: t.UTC()}
	return nil
}

// String returns the moment as it is written in the file.
func (m Moment) String() string {
	if m.Instant.IsZero() {
		return m.Date.String()
	}
	return m.Instant.Format(time.RFC3339Nano)
}

// Share is a part of the work in millionths.
//
//schema:json {"type": ["string", "number"], "minimum": 0, "maximum": 1, "pattern": "^((100|[0-9]{1,2})(\\.[0-9]*)?|\\.[0-9]+) *%$|^(0(\\.[0-9]*)?|1(\\.0*)?|\\.[0-9]+)$", "patternErrorMessage": "Write a share such as 40% or 0.4.", "examples": ["40%"]}
type Share int64

const whole = 1_000_000 // the Share of everything

var decimal = regexp.MustCompile(`^([0-9]{0,12})(?:\.([0-9]*))?$`)

// UnmarshalText reads 40% or 0.4.
func (s *Share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	digits := 6
	if percent {
		digits = 4
	}
	value, err := fixed(strings.TrimSpace(number), digits)
	switch {
	case err != nil:
		return fmt.Errorf("must be a share such as 40%% or 0.4; found %q%w", text, err)
	case value > whole && !percent:
		return fmt.Errorf("write 40%% or 0.4; %s alone could mean either", text)
	case value > whole:
		return fmt.Errorf("must be at most 100%%; found %s", text)
	}
	*s = Share(value)
	return nil
}

// Capacity is a team's size in thousandths of a full-time equivalent.
//
//schema:json {"type": ["number", "string"], "exclusiveMinimum": 0, "maximum": 10000, "pattern": "^[0-9]*(\\.[0-9]*)?$", "patternErrorMessage": "Write a number of people such as 6 or 4.5.", "examples": [6]}
type Capacity int64

const maxCapacity = 10_000_000

// UnmarshalText reads a number such as 6 or 4.5.
func (c *Capacity) UnmarshalText(text []byte) error {
	value, err := fixed(string(text), 3)
	if err != nil || value == 0 || value > maxCapacity {
		return fmt.Errorf("must be a number of people above 0 and up to 10000, such as 6 or 4.5; found %q%s", text, orNothing(err))
	}
	*c = Capacity(value)
	return nil
}

func orNothing(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// notDecimal is the error of fixed; its text is a remark, possibly empty.
type notDecimal string

func (e notDecimal) Error() string { return string(e) }

// fixed reads a decimal number that is not negative as a multiple of
// 10^-digits, exactly.
func fixed(s string, digits int) (int64, error) {
	m := decimal.FindStringSubmatch(s)
	if m == nil || m[1]+m[2] == "" {
		return 0, notDecimal("")
	}
	fraction := strings.TrimRight(m[2], "0")
	if len(fraction) > digits {
		return 0, notDecimal(fmt.Sprintf(", which has more than %d decimals", digits))
	}
	value, err := strconv.ParseInt(m[1]+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return 0, notDecimal(", which is too large")
	}
	return value, nil
}

// Hours are working hours of a day, as time since local midnight by the clock
// on the wall.
//
//schema:json {"type": "string", "pattern": "^([01]?[0-9]|2[0-4])[:.][0-5][0-9] ?[-–] ?([01]?[0-9]|2[0-4])[:.][0-5][0-9]$", "patternErrorMessage": "Write hours such as 09:00-17:00.", "default": "09:00-17:00"}
type Hours struct {
	From, To time.Duration
}

var hours = regexp.MustCompile(`^([01]?[0-9]|2[0-4])[:.]([0-5][0-9]) ?[-–] ?([01]?[0-9]|2[0-4])[:.]([0-5][0-9])$`)

// UnmarshalText reads 09:00-17:00.
func (h *Hours) UnmarshalText(text []byte) error {
	m := hours.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf("must be hours such as 09:00-17:00; found %q", text)
	}
	clock := func(hour, minute []byte) time.Duration {
		hh, _ := strconv.Atoi(string(hour))
		mm, _ := strconv.Atoi(string(minute))
		return time.Duration(hh)*time.Hour + time.Duration(mm)*time.Minute
	}
	from, to := clock(m[1], m[2]), clock(m[3], m[4])
	if from >= to || to > 24*time.Hour {
		return fmt.Errorf("must begin before they end, on the same day; found %q", text)
	}
	*h = Hours{from, to}
	return nil
}
