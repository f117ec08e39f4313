package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// linearHandler answers as Linear's GraphQL endpoint.
type linearHandler struct {
	ws         *Workspace
	schema     *ast.Schema // nil if not given
	types      map[string]fieldTable
	requests   *bucket
	complexity *bucket
}

// maxComplexity is what one query may cost.
const maxComplexity = 10_000

func newLinearHandler(ws *Workspace, schema *ast.Schema, opts Options) *linearHandler {
	requests, complexity := opts.LinearRequests, opts.LinearComplexity
	if requests == 0 {
		requests = 2_500
	}
	if complexity == 0 {
		complexity = 3_000_000
	}
	return &linearHandler{
		ws: ws, schema: schema, types: linearTypes(), requests: newBucket(requests), complexity: newBucket(complexity),
	}
}

func (h *linearHandler) route(r *http.Request) (string, func(*call) answer) {
	if r.URL.Path != "/graphql" {
		return "unknown", func(*call) answer { return answer{status: http.StatusNotFound, body: []byte(`{"error":"not found"}`)} }
	}
	return "graphql", h.serve
}

// failure is an error of a whole request, in Linear's form.
type failure struct {
	status              int
	message, kind, code string
	path                []any
	data                bool // say data: null
	more                map[string]any
}

func (f *failure) Error() string { return f.message }

func invalid(message string) *failure {
	return &failure{status: http.StatusBadRequest, message: message, kind: "graphql error", code: "GRAPHQL_VALIDATION_FAILED"}
}

func (f *failure) document() map[string]any {
	ext := map[string]any{
		"type": f.kind, "code": f.code, "statusCode": f.status, "userError": true, "userPresentableMessage": f.message,
	}
	maps.Copy(ext, f.more)
	doc := map[string]any{"message": f.message, "extensions": ext}
	if f.path != nil {
		doc["path"] = f.path
	}
	return doc
}

func (f *failure) answer() answer {
	out := map[string]any{"errors": []any{f.document()}}
	if f.data {
		out["data"] = nil
	}
	return answer{status: f.status, body: toJSON(out)}
}

// serve answers one GraphQL request.
func (h *linearHandler) serve(c *call) answer {
	if f := admitLinear(c.Request); f != nil {
		return f.answer()
	}
	op, x, f := h.prepare(c)
	if f != nil {
		return f.answer()
	}
	cost := x.cost(op)
	limits := h.charge(c, cost)
	var a answer
	switch {
	case limits.exceeded && c.faults.Linear.EnforceLimits:
		a = answer{status: http.StatusBadRequest, body: ratelimitedBody}
	case cost > maxComplexity:
		a = tooComplex(cost).answer()
	case c.faults.Linear.NullData:
		a = (&failure{status: http.StatusOK, message: "Internal server error", kind: "internal error", code: "INTERNAL_SERVER_ERROR", data: true}).answer()
	default:
		a = x.run(op)
	}
	a.header = limits.header
	return a
}

func tooComplex(cost int) *failure {
	return &failure{
		status: http.StatusBadRequest, kind: "invalid input", code: "INPUT_ERROR",
		message: "Query too complex: complexity " + strconv.Itoa(cost) + ", maximum " + strconv.Itoa(maxComplexity),
	}
}

// admitLinear checks the credential. An API key goes without Bearer, an OAuth
// token with it.
func admitLinear(r *http.Request) *failure {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return &failure{status: http.StatusBadRequest, kind: "invalid input", code: "BAD_REQUEST", message: "POST a JSON body with Content-Type: application/json."}
	}
	header := r.Header.Get("Authorization")
	switch {
	case header == LinearAPIKey || header == "Bearer "+LinearBearer:
		return nil
	case strings.HasPrefix(header, "Bearer lin_api"):
		return &failure{
			status: http.StatusBadRequest, kind: "invalid input", code: "INPUT_ERROR",
			message: "It looks like you're trying to use an API key as a Bearer token. Remove the Bearer prefix from the Authorization header.",
		}
	}
	return &failure{
		status: http.StatusUnauthorized, kind: "authentication error", code: "AUTHENTICATION_ERROR",
		message: "Authentication required, not authenticated",
	}
}

// prepare reads, parses and checks a request as far as it can be without
// running it.
func (h *linearHandler) prepare(c *call) (*ast.OperationDefinition, *execution, *failure) {
	var in struct {
		Query         string         `json:"query"`
		Variables     map[string]any `json:"variables"`
		OperationName string         `json:"operationName"`
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.UseNumber()
	if err := d.Decode(&in); err != nil || in.Query == "" {
		return nil, nil, &failure{status: http.StatusBadRequest, kind: "graphql error", code: "BAD_REQUEST", message: "The body must be JSON with a query."}
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: in.Query})
	if err != nil {
		return nil, nil, &failure{status: http.StatusBadRequest, kind: "graphql error", code: "GRAPHQL_PARSE_FAILED", message: err.Error()}
	}
	op := doc.Operations.ForName(in.OperationName)
	if op == nil || op.Operation != ast.Query {
		return nil, nil, invalid("Exactly one query operation is needed.")
	}
	vars, f := h.variables(doc, op, in.Variables)
	if f != nil {
		return nil, nil, f
	}
	return op, &execution{h: h, ws: h.ws, c: c, vars: vars, fragments: doc.Fragments}, nil
}

// variables validates query and variables against the schema, if there is one,
// and fills in defaults.
func (h *linearHandler) variables(doc *ast.QueryDocument, op *ast.OperationDefinition, given map[string]any) (map[string]any, *failure) {
	if h.schema != nil {
		if errs := validator.ValidateWithRules(h.schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
			return nil, invalid(errs.Error())
		}
		if _, err := validator.VariableValues(h.schema, op, given); err != nil {
			return nil, invalid(gqlerror.Wrap(err).Error())
		}
	}
	vars := map[string]any{}
	for _, v := range op.VariableDefinitions {
		value, ok := given[v.Variable]
		switch {
		case ok && (value != nil || !v.Type.NonNull):
			vars[v.Variable] = plain(value)
		case v.DefaultValue != nil:
			vars[v.Variable], _ = v.DefaultValue.Value(nil)
		case v.Type.NonNull:
			return nil, invalid("Variable \"$" + v.Variable + "\" of required type \"" + v.Type.String() + "\" was not provided.")
		}
	}
	return vars, nil
}

// plain turns the numbers of a decoded JSON value into float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
