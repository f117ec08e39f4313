package connectors

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"alignd/secret"
)

// Defaults of Common.
const (
	DefaultPollInterval   = 2 * time.Minute
	DefaultOverlap        = 5 * time.Minute
	DefaultCensusInterval = 24 * time.Hour
	DefaultMaxShrink      = Percent(5)
)

// minRequestsPerDay leaves an idle account a poll every half hour.
const minRequestsPerDay = 100

// Options are what a connector gets from the process around it. Nil and empty
// values are fine.
type Options struct {
	Observer  Observer
	Logger    *slog.Logger
	UserAgent string

	// Daily counts the requests of the day across connectors of one account;
	// nil means a count of its own.
	Daily *Daily

	// Transport carries the requests; nil means a connection pool of its own.
	Transport http.RoundTripper
}

// Common holds the keys that every configured account has, whatever its
// tracker. A zero value means the default.
type Common struct {
	// Name by which the mapping and metrics refer to the account. A new name
	// means that everything is read again.
	//schema:json {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"}
	Name string `yaml:"name"`
	// PollInterval is how often to ask for what has changed. Default 2m.
	PollInterval Duration `yaml:"poll_interval"`
	// RequestsPerSecond is the budget of the account. Default 1.
	//schema:json {"minimum": 0}
	RequestsPerSecond float64 `yaml:"requests_per_second"`
	// RequestsPerDay is the ceiling from midnight to midnight UTC, at least
	// 100. Default 0, which means none.
	//schema:json {"anyOf": [{"const": 0}, {"minimum": 100}]}
	RequestsPerDay int `yaml:"requests_per_day"`
	// Timeout is the longest that one request may take. Default 1m.
	Timeout Duration `yaml:"timeout"`

	// Overlap is how far behind the tracker's clock the watermark stays,
	// since trackers may show a change minutes late. Default 5m.
	Overlap Duration `yaml:"overlap"`

	// IgnoreLabels are patterns with * of labels that are dropped before
	// anything is kept, for labels that hold names.
	IgnoreLabels []string `yaml:"ignore_labels"`

	// CensusInterval is the time between two counts of all tickets, which find
	// those that were deleted, hidden or moved out of scope. Default 24h.
	CensusInterval Duration `yaml:"census_interval"`
	// MaxShrink is the share of the tickets that may be missing at once
	// before nothing is removed any more. Default 5%.
	MaxShrink Percent `yaml:"max_shrink"`

	// Webhook lets the tracker ask for a poll before the next one is due.
	Webhook Webhook `yaml:"webhook"`
}

// WithDefaults returns c with each zero value replaced by its default.
func (c Common) WithDefaults() Common {
	c.PollInterval = cmp.Or(c.PollInterval, Duration(DefaultPollInterval))
	c.RequestsPerSecond = cmp.Or(c.RequestsPerSecond, DefaultRequestsPerSecond)
	c.Timeout = cmp.Or(c.Timeout, Duration(DefaultTimeout))
	c.Overlap = cmp.Or(c.Overlap, Duration(DefaultOverlap))
	c.CensusInterval = cmp.Or(c.CensusInterval, Duration(DefaultCensusInterval))
	c.MaxShrink = cmp.Or(c.MaxShrink, DefaultMaxShrink)
	return c
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Validate reports all mistakes, each with the path of its key.
func (c Common) Validate(path string, report func(path, format string, args ...any)) {
	switch {
	case c.Name == "":
		report(path+".name", "is required: the mapping refers to the account by it")
	case !nameForm.MatchString(c.Name):
		report(path+".name", "is %q, but must be letters, digits, '.', '_' or '-', at most 63", c.Name)
	}
	between := func(key string, d Duration, low, high time.Duration) {
		if d != 0 && (time.Duration(d) < low || time.Duration(d) > high) {
			report(path+"."+key, "is %s, but must be between %s and %s", d, Duration(low), Duration(high))
		}
	}
	between("poll_interval", c.PollInterval, time.Second, 24*time.Hour)
	between("timeout", c.Timeout, time.Second, 10*time.Minute)
	between("overlap", c.Overlap, time.Second, 24*time.Hour)
	between("census_interval", c.CensusInterval, time.Second, 30*24*time.Hour)
	if r := c.RequestsPerSecond; r < 0 || math.IsNaN(r) || math.IsInf(r, 0) {
		report(path+".requests_per_second", "is %v, but must be greater than 0", r)
	}
	if n := c.RequestsPerDay; n != 0 && n < minRequestsPerDay {
		report(path+".requests_per_day", "is %d, but must be at least %d, or 0 for no ceiling", n, minRequestsPerDay)
	}
	c.Webhook.validate(path+".webhook", report)
	for i, pattern := range c.IgnoreLabels {
		if strings.Trim(pattern, "* ") == "" {
			report(fmt.Sprintf("%s.ignore_labels[%d]", path, i), "is %q, which would drop every label or none", pattern)
		}
	}
}

// ValidateURL reports what is wrong with the address of a tracker: it must be
// absolute, without credentials, and https unless the host is this machine.
func ValidateURL(path, text string, report func(path, format string, args ...any)) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		report(path, "is required")
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		report(path, "must be an address such as https://acme.example")
	case u.User != nil:
		report(path, "must not hold a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		report(path, "must not hold ? or #")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		report(path, "must be https (http is allowed on loopback only)")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ResolvePath makes a *_file value relative to dir, the folder of the
// configuration file. Empty stays empty.
func ResolvePath(dir, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

// ReadSecret reads a credential from a file, or from the environment variable
// env if file is empty. Surrounding white space is not part of it.
func ReadSecret(file, env string) (secret.Value, error) { return secret.Read(file, env) }

// Duration is a time.Duration that is written as Go writes it: 90s, 2m, 1h30m.
//
//schema:json {"type": "string", "pattern": "^([0-9]+(\\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$", "examples": ["90s", "2m", "1h30m"]}
type Duration time.Duration

func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s, 2m or 1h30m", text)
	}
	*d = Duration(parsed)
	return nil
}
