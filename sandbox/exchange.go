package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through a fake.
type call struct {
	*http.Request
	endpoint string
	body     []byte
	faults   Faults
	now      time.Time
}

// answer is what a fake says. Header may be nil.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// route names the endpoint of a request and returns what answers it.
type route func(r *http.Request) (endpoint string, serve func(*call) answer)

const maxRequestBody = 4 << 20

// front is the part both fakes share: it reads the request, lets faults strike,
// stamps the date, and counts and records the exchange.
func (s *Server) front(tracker string, find route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		if err != nil {
			http.Error(w, "request body too large", http.StatusRequestEntityTooLarge)
			return
		}
		endpoint, serve := find(r)
		c := &call{Request: r, endpoint: endpoint, body: body, faults: s.faults.get(), now: s.world.Now()}
		s.mu.Lock()
		s.counts[tracker+" "+endpoint]++
		s.mu.Unlock()

		hit := s.faults.next(tracker, endpoint)
		a, struck := s.strike(c, hit)
		if !struck {
			a = serve(c)
		}
		if a.header == nil {
			a.header = http.Header{}
		}
		if a.header.Get("Content-Type") == "" {
			a.header.Set("Content-Type", "application/json;charset=UTF-8")
		}
		a.header.Set("Date", c.now.UTC().Format(http.TimeFormat))
		breaks := s.damage(&a, hit)
		s.record(tracker, c, a)
		send(w, r, a, c.faults.Gzip, breaks)
	})
}

func (s *Server) record(tracker string, c *call, a answer) {
	if s.opts.Record == nil {
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(c.body))
	s.opts.Record(Exchange{
		Tracker: tracker, Endpoint: c.endpoint, Request: c.Request, RequestBody: c.body,
		Status: a.status, Header: a.header, ResponseBody: a.body,
	})
}

// strike answers instead of the fake when a fault says so.
func (s *Server) strike(c *call, hit []Fault) (answer, bool) {
	for _, f := range hit {
		a := answer{header: http.Header{}}
		if f.RetryAfter != "" {
			a.header.Set("Retry-After", f.RetryAfter)
		}
		switch f.Kind {
		case TooMany:
			a.status, a.body = http.StatusTooManyRequests, errorMessages("Rate limit exceeded.")
			a.header.Set("RateLimit-Reason", "jira-burst-based")
			a.header.Set("X-RateLimit-Limit", "100")
			a.header.Set("X-RateLimit-Remaining", "0")
		case TooManyHTML:
			a.status, a.body = http.StatusTooManyRequests, []byte("<!doctype html><html><body><h1>HTTP Status 429</h1></body></html>")
			a.header.Set("Content-Type", "text/html;charset=utf-8")
		case RateLimited:
			a.status, a.body = http.StatusBadRequest, ratelimitedBody
			reset := strconv.FormatInt(c.now.Add(2*time.Second).UnixMilli(), 10)
			a.header.Set("X-RateLimit-Requests-Limit", "2500")
			a.header.Set("X-RateLimit-Requests-Remaining", "0")
			a.header.Set("X-RateLimit-Requests-Reset", reset)
		case ServerError:
			a.status, a.body = http.StatusInternalServerError, errorMessages("Internal server error")
			if f.Status != 0 {
				a.status = f.Status
			}
		case Unauthorized:
			a.status, a.body = http.StatusUnauthorized, errorMessages("Client must be authenticated to access this resource.")
		case LoginPage:
			a.status, a.body = http.StatusOK, []byte(loginPage)
			a.header.Set("Content-Type", "text/html;charset=UTF-8")
		case Redirect:
			a.status = http.StatusFound
			a.header.Set("Location", s.elsewhere+"/login?continue="+c.URL.Path)
		case Slow:
			select {
			case <-time.After(f.Delay):
			case <-c.Context().Done():
			}
			continue
		default:
			continue
		}
		return a, true
	}
	return answer{}, false
}

// damage spoils an answer and says whether the connection breaks under it.
func (s *Server) damage(a *answer, hit []Fault) (breaks bool) {
	for _, f := range hit {
		switch f.Kind {
		case Truncate:
			a.body = a.body[:len(a.body)/2]
		case Reset:
			breaks = true
		}
	}
	return breaks
}

func send(w http.ResponseWriter, r *http.Request, a answer, zip, breaks bool) {
	header := w.Header()
	maps.Copy(header, a.header)
	if zip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		a.body = compress(a.body)
	}
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if !breaks {
		_, _ = w.Write(a.body)
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	breakConnection(w)
}

// breakConnection makes the client see a reset instead of a clean end.
func breakConnection(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.Flush()
	conn, _, err := control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

const loginPage = `<!DOCTYPE html><html><head><title>Log in</title></head><body><form id="login"></form></body></html>`

// ratelimitedBody is how Linear refuses: with status 400.
var ratelimitedBody = toJSON(map[string]any{"errors": []any{map[string]any{
	"message": "Rate limit exceeded",
	"extensions": map[string]any{
		"type": "ratelimited", "code": "RATELIMITED", "statusCode": 429, "userError": false,
		"userPresentableMessage": "Rate limit exceeded. Please try again later.",
	},
}}})

// errorMessages is Jira's error body.
func errorMessages(texts ...string) []byte {
	return toJSON(map[string]any{"errorMessages": texts, "errors": map[string]any{}})
}

func ok(v any) answer { return answer{status: http.StatusOK, body: toJSON(v)} }

// refuse is an answer in Jira's error format.
func refuse(status int, texts ...string) answer {
	return answer{status: status, body: errorMessages(texts...)}
}

// toJSON encodes what the sandbox itself has put together.
func toJSON(v any) []byte {
	b, err := json.Marshal(v)
	return must(b, err == nil, "encode %T: %v", v, err)
}
