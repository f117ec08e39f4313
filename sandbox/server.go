package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The accounts every server knows.
const (
	JiraEmail          = "bot@acme.example"
	JiraToken          = "sandbox-jira-token"        // basic auth on the site's own address
	JiraScopedToken    = "sandbox-jira-scoped-token" // basic auth through the gateway only
	JiraBearer         = "sandbox-jira-bearer"       // bearer, on both
	DataCenterUser     = "robotnik.syncbert"         // basic auth on Data Center
	DataCenterPassword = "sandbox-datacenter-password"
	DataCenterToken    = "sandbox-datacenter-token"   // bearer on Data Center
	LinearAPIKey       = "lin_api_sandbox0123456789"  // without Bearer
	LinearBearer       = "sandbox-linear-oauth-token" // with Bearer
	CloudID            = "11223344-a1b2-3b33-c444-def123456789"
)

// Options for Start. The zero value is fine.
type Options struct {
	// LinearSchema is the path of Linear's SDL. Queries and variables are
	// validated against it; without it only the fields the sandbox knows
	// are checked.
	LinearSchema string

	// LinearRequests and LinearComplexity are the hourly limits that the
	// headers tell; 2,500 and 3,000,000 if zero.
	LinearRequests   int
	LinearComplexity int

	// Record is told of every exchange, faults included. It may be called
	// concurrently.
	Record func(Exchange)
}

// Exchange is one request and its answer, uncompressed.
type Exchange struct {
	Tracker, Endpoint string // "jira", "datacenter" or "linear", and a name as in Server.Requests
	Request           *http.Request
	RequestBody       []byte
	Status            int
	Header            http.Header
	ResponseBody      []byte
}

// Server serves a world on loopback.
type Server struct {
	JiraURL    string // base of the site
	GatewayURL string // base for scoped tokens: .../ex/jira/{cloudId}

	// DataCenterURL is the base of the same site as Jira Data Center, whose
	// exchanges are of the tracker "datacenter".
	DataCenterURL string

	LinearURL string // the GraphQL endpoint

	world     *World
	opts      Options
	schema    *ast.Schema // nil if not given
	faults    faultState
	servers   []*http.Server
	elsewhere string
	leaks     atomic.Int64
	running   sync.WaitGroup

	mu     sync.Mutex
	counts map[string]int // by endpoint, guarded by mu
}

// Start serves the world on free ports of 127.0.0.1 until Close.
func Start(w *World, opts Options) (*Server, error) {
	s := &Server{world: w, opts: opts, counts: map[string]int{}}
	if opts.LinearSchema != "" {
		if err := s.loadSchema(opts.LinearSchema); err != nil {
			return nil, err
		}
	}
	jira := &jiraHandler{site: w.Jira}
	server := &jiraHandler{site: w.Jira}
	linear := newLinearHandler(w.Linear, s.schema, opts)
	for _, start := range []struct {
		url     *string
		handler http.Handler
	}{
		{&s.JiraURL, s.front("jira", jira.route)},
		{&s.DataCenterURL, s.front("datacenter", server.serverRoute)},
		{&s.LinearURL, s.front("linear", linear.route)},
		{&s.elsewhere, http.HandlerFunc(s.stranger)},
	} {
		if err := s.listen(start.url, start.handler); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.GatewayURL = s.JiraURL + "/ex/jira/" + CloudID
	s.DataCenterURL += ContextPath
	s.LinearURL += "/graphql"
	return s, nil
}

func (s *Server) loadSchema(path string) error {
	sdl, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read Linear schema: %w", err)
	}
	if s.schema, err = gqlparser.LoadSchema(&ast.Source{Name: path, Input: string(sdl)}); err != nil {
		return fmt.Errorf("parse Linear schema: %w", err)
	}
	return nil
}

func (s *Server) listen(url *string, handler http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	*url = "http://" + l.Addr().String()
	srv := &http.Server{Handler: handler}
	s.servers = append(s.servers, srv)
	s.running.Go(func() { _ = srv.Serve(l) })
	return nil
}

// Close stops the servers at once, breaking open connections.
func (s *Server) Close() error {
	var errs []error
	for _, srv := range s.servers {
		errs = append(errs, srv.Close())
	}
	s.running.Wait()
	return errors.Join(errs...)
}

// SetFaults replaces the faults and starts their counting anew.
func (s *Server) SetFaults(f Faults) { s.faults.set(f) }

// Requests returns how many requests each endpoint has received: "jira search",
// "jira changelog", "linear graphql", ...
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetRequests sets the counts back to nothing.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

// Leaks returns how many requests with a credential reached the host that
// Redirect points to. It should stay 0.
func (s *Server) Leaks() int { return int(s.leaks.Load()) }

// stranger is the other host: nobody should tell it a credential.
func (s *Server) stranger(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
		s.leaks.Add(1)
	}
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	fmt.Fprint(w, loginPage)
}
