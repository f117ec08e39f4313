package sandbox

import (
	"sync"
	"time"
)

// Faults are the trackers' bad habits. The zero value has none of them.
type Faults struct {
	HTTP   []Fault
	Jira   JiraFaults
	Linear LinearFaults

	// Gzip compresses answers for clients that accept it.
	Gzip bool
}

// JiraFaults change what the fake Jira says.
type JiraFaults struct {
	ShortPages   bool // a search page holds a third of what was asked for
	EmptyPages   bool // every page is preceded by an empty one that carries a token
	NullToken    bool // the last page says nextPageToken: null instead of leaving it out
	RepeatToken  bool // from the second page on, the token of the answer is the token of the request
	Flicker      bool // each walk misses other issues than the one before, one in ten
	IndexLag     time.Duration
	Anonymous    bool              // the credential is not recognised: 200, and nothing but public projects is visible
	NullParent   bool              // parent: null instead of leaving it out
	Poison       map[string]string // key to field: that field has a wrong type
	EpochDates   bool              // changelog/bulkfetch writes created as a number of milliseconds
	NoFieldIDs   bool              // history items lack fieldId
	NoNulls      bool              // history items leave things out instead of saying null
	LegacyParent bool              // history items call the parent "Epic Link" or "Parent"
	Shuffle      bool              // histories come in no order
	ChangePages  int               // changelog/bulkfetch gives at most that many histories a page

	PointsPerHour int  // quota of apps, by the hour of the clock: 429 until the next one when it is spent; 0 means none
	NoRetryAfter  bool // such a refusal tells when the hour ends in X-RateLimit-Reset only

	// On Data Center only.
	MaxResults    int  // the server allows no larger page
	StrictQueries bool // one missing id fails a query even with validateQuery: false
}

// LinearFaults change what the fake Linear says.
type LinearFaults struct {
	EnforceLimits bool              // refuse what exceeds the hourly limits, instead of only reporting them
	NullData      bool              // 200 with errors and null data
	PartialData   bool              // 200 with data and an error: the first issue of a page has no labels
	RepeatCursor  bool              // from the second page on, the cursor of the answer is the cursor of the request
	NoCursor      bool              // hasNextPage is true, but there is no cursor
	Poison        map[string]string // identifier to field: that field has a wrong type
	Shuffle       bool              // history and stateHistory come in no order
}

// Kind says what goes wrong with an exchange.
type Kind int

// The kinds. All but Slow, Reset and Truncate answer without looking at the
// request.
const (
	TooMany      Kind = iota // 429 with the Retry-After of the fault
	TooManyHTML              // 429 with an HTML page
	RateLimited              // Linear's: 400 RATELIMITED, reset headers in ms
	ServerError              // 500, or the Status of the fault
	Unauthorized             // 401: the token has expired
	LoginPage                // 200 with an HTML login page
	Redirect                 // 302 to another host
	Reset                    // the connection breaks in the middle of the body
	Truncate                 // the JSON ends in the middle
	Slow                     // the answer waits for Delay
)

// Fault is one trouble with HTTP. It lets After matching requests pass, then
// hits the next Times of them.
type Fault struct {
	Kind       Kind
	Tracker    string // "jira", "datacenter" or "linear"; empty means all
	Endpoint   string // as in Server.Requests; empty means every endpoint
	After      int
	Times      int    // 0 means for ever
	RetryAfter string // the header's value; empty means no header
	Status     int    // for ServerError
	Delay      time.Duration
}

// faultState holds the faults of a server and how often each was met.
type faultState struct {
	mu     sync.Mutex
	faults Faults
	met    []int // by index into faults.HTTP
}

func (s *faultState) set(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.met = f, make([]int, len(f.HTTP))
}

func (s *faultState) get() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// next returns the faults that hit a request to the endpoint.
func (s *faultState) next(tracker, endpoint string) []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit []Fault
	for i, f := range s.faults.HTTP {
		if f.Tracker != "" && f.Tracker != tracker || f.Endpoint != "" && f.Endpoint != endpoint {
			continue
		}
		s.met[i]++
		if n := s.met[i] - f.After; n > 0 && (f.Times == 0 || n <= f.Times) {
			hit = append(hit, f)
		}
	}
	return hit
}
