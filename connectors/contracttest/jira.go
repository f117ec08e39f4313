package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// JiraContract checks requests and answers against Jira's published OpenAPI
// document. It is safe for concurrent use. A nil contract knows nothing but
// that no person may be asked for.
type JiraContract struct{ router routers.Router }

var loadJira = sync.OnceValues(func() (routers.Router, error) {
	text, err := readContract("jira-openapi.json")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	dropClashes(doc.Paths)
	// Jira writes the offset of a date-time without a colon, which RFC 3339
	// does not know.
	openapi3.DefineStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(
		`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$`))
	doc.Servers = openapi3.Servers{{URL: "/"}}
	amend(doc.Components.Schemas)
	if err := addDataCenter(doc); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
})

// amend allows what the document forbids, but its own texts and examples and
// the real server show.
func amend(schemas openapi3.Schemas) {
	anything := openapi3.NewSchemaRef("", openapi3.NewSchema().WithNullable())
	schemas["IssueBean"].Value.Properties["fields"].Value.AdditionalProperties.Schema = anything
	for _, name := range []string{"from", "fromString", "to", "toString"} {
		schemas["ChangeDetails"].Value.Properties[name].Value.Nullable = true
	}
	results := schemas["SearchAndReconcileResults"].Value
	results.Properties["nextPageToken"].Value.Nullable = true
	results.Properties["warnings"] = anything // newer than the document
	schemas["BulkChangelogResponseBean"].Value.Properties["nextPageToken"].Value.Nullable = true
	schemas["Changelog"].Value.Properties["created"] = anything // date-time by type, epoch number by example
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// dropClashes removes paths that differ from another one in the names of their
// parameters only, which the library refuses. All of them are for set-up.
func dropClashes(paths *openapi3.Paths) {
	seen := map[string]bool{}
	for _, path := range paths.InMatchingOrder() {
		plain := parameter.ReplaceAllString(path, "{}")
		if seen[plain] {
			paths.Delete(path)
		}
		seen[plain] = true
	}
}

// Jira returns the contract. Where the optional shared test data is absent the
// test is skipped, or fails under CI.
func Jira(t testing.TB) *JiraContract {
	t.Helper()
	c := JiraIfPresent(t)
	if c == nil {
		t.Skip("optional shared test data is absent: jira-openapi.json")
	}
	return c
}

// JiraIfPresent is like Jira, but returns nil where Jira skips: for fake
// servers, whose tests are worth something without the contract too.
func JiraIfPresent(t testing.TB) *JiraContract {
	t.Helper()
	router, err := loadJira()
	switch {
	case errors.Is(err, errAbsent):
		failInCI(t, err)
		return nil
	case err != nil:
		t.Fatalf("load Jira's document: %v", err)
	}
	return &JiraContract{router}
}

// beforeREST may stand before the path: the gateway where scoped tokens are
// used, or the place of a Data Center below its host.
var beforeREST = regexp.MustCompile(`^(/ex/jira/[^/]+|/jira)/rest/`)

// CheckRequest reports what is wrong with a request: anything the document
// does not allow, an operation that is about to be removed, or a field that
// holds a person. It leaves the body readable.
func (c *JiraContract) CheckRequest(r *http.Request) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	if err := checkPersons(r, body); err != nil {
		return err
	}
	if c == nil {
		return nil
	}
	input, err := c.input(r, body)
	if err != nil {
		return err
	}
	if input.Route.Operation.Deprecated {
		return fmt.Errorf("%s is deprecated", input.Route.Operation.OperationID)
	}
	if err := checkNames(input); err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(r.Context(), input)
}

// checkNames reports a parameter that the operation does not have, over which
// ValidateRequest passes.
func checkNames(input *openapi3filter.RequestValidationInput) error {
	for name := range input.Request.URL.Query() {
		if input.Route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("%s has no parameter %q", input.Route.Operation.OperationID, name)
		}
	}
	return nil
}

// CheckAnswer reports what the document does not allow about an answer. Bodies
// of refusals are not part of the document.
func (c *JiraContract) CheckAnswer(r *http.Request, status int, header http.Header, body []byte) error {
	if c == nil || status/100 != 2 {
		return nil
	}
	sent, err := readJSON(r)
	if err != nil {
		return err
	}
	input, err := c.input(r, sent)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header,
		Body:    io.NopCloser(bytes.NewReader(body)),
		Options: input.Options,
	})
}

// Handler returns a handler that passes each request on and checks it and its
// answer. What breaks the contract fails the test.
func (c *JiraContract) Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.CheckRequest(r); err != nil {
			t.Errorf("%s %s breaks Jira's contract: %v", r.Method, r.URL.Path, err)
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if err := c.CheckAnswer(r, rec.Code, rec.Header(), rec.Body.Bytes()); err != nil {
			t.Errorf("answer to %s %s breaks Jira's contract: %.2000v", r.Method, r.URL.Path, err)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// readJSON returns the request's body, which may be empty, and leaves it
// readable.
func readJSON(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > 0 && !json.Valid(body) {
		return nil, errors.New("request body is not JSON")
	}
	return body, nil
}

// input finds the operation behind a request.
func (c *JiraContract) input(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	plain := r.Clone(r.Context())
	plain.Body = io.NopCloser(bytes.NewReader(body))
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	plain.URL.Path = beforeREST.ReplaceAllString(r.URL.Path, "/rest/")
	route, params, err := c.router.FindRoute(plain)
	if err != nil {
		return nil, fmt.Errorf("find operation: %w", err)
	}
	return &openapi3filter.RequestValidationInput{
		Request: plain, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
			IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true,
		},
	}, nil
}
