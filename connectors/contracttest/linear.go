package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// LinearMaxComplexity is the limit of one query, in points.
const LinearMaxComplexity = 10_000

// LinearContract checks requests against Linear's published schema. It is safe
// for concurrent use. A nil contract accepts everything.
type LinearContract struct{ schema *ast.Schema }

var loadLinear = sync.OnceValues(func() (*ast.Schema, error) {
	text, err := readContract("linear-schema.graphql")
	if err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Name: "linear-schema.graphql", Input: string(text)})
})

// Linear returns the contract. Where the optional shared test data is absent
// the test is skipped, or fails under CI.
func Linear(t testing.TB) *LinearContract {
	t.Helper()
	c := LinearIfPresent(t)
	if c == nil {
		t.Skip("optional shared test data is absent: linear-schema.graphql")
	}
	return c
}

// LinearIfPresent is like Linear, but returns nil where Linear skips: for fake
// servers, whose tests are worth something without the contract too.
func LinearIfPresent(t testing.TB) *LinearContract {
	t.Helper()
	schema, err := loadLinear()
	switch {
	case errors.Is(err, errAbsent):
		failInCI(t, err)
		return nil
	case err != nil:
		t.Fatalf("load Linear's schema: %v", err)
	}
	return &LinearContract{schema}
}

// Check reports what is wrong with a query and its variables: anything the
// schema does not allow, a selected person, or too many points.
func (c *LinearContract) Check(query string, variables json.RawMessage) error {
	if c == nil {
		return nil
	}
	doc, err := c.parse(query)
	if err != nil {
		return err
	}
	values := map[string]any{}
	if len(variables) > 0 {
		if err := json.Unmarshal(variables, &values); err != nil {
			return fmt.Errorf("decode variables: %w", err)
		}
	}
	op := doc.Operations[0]
	if _, err := validator.VariableValues(c.schema, op, values); err != nil {
		return fmt.Errorf("variables: %w", err)
	}
	for name := range values {
		if op.VariableDefinitions.ForName(name) == nil {
			return fmt.Errorf("variables: %s is not declared", name)
		}
	}
	if person := findPerson(op.SelectionSet); person != "" {
		return fmt.Errorf("query selects a person: %s", person)
	}
	if points := complexity(op.SelectionSet, values); points > LinearMaxComplexity {
		return fmt.Errorf("query is too complex: %d points, maximum is %d", int(points), LinearMaxComplexity)
	}
	return nil
}

// Complexity returns the points of a valid query by the documented formula:
// 0.1 per property, 1 per object, and what is inside a connection times its
// page size. Everything inside counts, page information too, so the result is
// at the upper end of how the formula can be read.
func (c *LinearContract) Complexity(query string) (int, error) {
	doc, err := c.parse(query)
	if err != nil {
		return 0, err
	}
	return int(math.Ceil(complexity(doc.Operations[0].SelectionSet, nil))), nil
}

// Handler returns a handler that checks each request and passes it on. A
// request that breaks the contract fails the test and is answered as Linear
// answers invalid queries.
func (c *LinearContract) Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		var sent struct {
			Query     string
			Variables json.RawMessage
		}
		err = json.Unmarshal(body, &sent)
		if err == nil {
			err = c.Check(sent.Query, sent.Variables)
		}
		if err != nil {
			t.Errorf("request breaks Linear's contract: %v\n%s", err, body)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"errors":[{"message":"invalid query","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (c *LinearContract) parse(query string) (*ast.QueryDocument, error) {
	doc, errs := gqlparser.LoadQueryWithRules(c.schema, query, rules.NewDefaultRules())
	switch {
	case len(errs) > 0:
		return nil, errs
	case len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Query:
		return nil, errors.New("not exactly one operation that reads")
	}
	return doc, nil
}

const defaultPage = 50

func complexity(selections ast.SelectionSet, variables map[string]any) float64 {
	points := 0.0
	eachField(selections, func(f *ast.Field) {
		if len(f.SelectionSet) == 0 {
			points += 0.1
			return
		}
		points += 1 + pageSize(f, variables)*complexity(f.SelectionSet, variables)
	})
	return points
}

// pageSize returns by what a field multiplies that which is inside it.
func pageSize(f *ast.Field, variables map[string]any) float64 {
	if !strings.HasSuffix(f.Definition.Type.Name(), "Connection") {
		return 1
	}
	first := f.Arguments.ForName("first")
	if first == nil {
		return defaultPage
	}
	value, err := first.Value.Value(variables)
	if err != nil {
		return defaultPage
	}
	n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
	if err != nil {
		return defaultPage
	}
	return n
}

var (
	personTypes  = map[string]bool{"User": true, "ExternalUser": true, "ActorBot": true, "UserConnection": true}
	personFields = regexp.MustCompile(`(?i)assignee|creator|actor|user|subscriber|delegate|owner|lead|member|email|displayName|avatar`)
)

// findPerson returns the name of a selected field that leads to a person, or
// nothing.
func findPerson(selections ast.SelectionSet) string {
	found := ""
	eachField(selections, func(f *ast.Field) {
		switch {
		case found != "":
		case personTypes[f.Definition.Type.Name()] || personFields.MatchString(f.Name):
			found = f.Name
		default:
			found = findPerson(f.SelectionSet)
		}
	})
	return found
}

func eachField(selections ast.SelectionSet, visit func(*ast.Field)) {
	for _, s := range selections {
		switch s := s.(type) {
		case *ast.Field:
			visit(s)
		case *ast.InlineFragment:
			eachField(s.SelectionSet, visit)
		case *ast.FragmentSpread:
			eachField(s.Definition.SelectionSet, visit)
		}
	}
}
