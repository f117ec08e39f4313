package linear

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alignd/connectors"
	"alignd/secret"
)

// Error is what Linear says in the errors of an answer, HTTP 200 or not. An
// answer that holds data besides errors is an error too, because half a page
// must not pass for a whole one.
type Error struct {
	Type    string // extensions.type, such as "invalid input" or "authentication error"
	Code    string // extensions.code, such as INPUT_ERROR
	Message string // of the first error; never holds a credential
	Path    string // where in the query, such as issues.nodes.3.team
}

func (e *Error) Error() string {
	text := e.Message
	if e.Path != "" {
		text += " at " + e.Path
	}
	if kind := cmp.Or(e.Code, e.Type); kind != "" {
		text += " (" + kind + ")"
	}
	return text
}

const (
	codeRateLimited = "RATELIMITED"
	typeRateLimited = "ratelimited"
	typeAuth        = "authentication error"
)

// inspector reads what Linear says besides data: errors and budgets.
type inspector struct{ credential secret.Value }

// inspect implements connectors.ClientConfig.Inspect. Refusals for the rate
// limit come as HTTP 400, 429 or even 200: only the body tells.
func (in inspector) inspect(resp *http.Response, body []byte) connectors.Inspection {
	found := connectors.Inspection{Limits: limits(resp.Header)}
	errs := decodeErrors(body)
	if len(errs) == 0 {
		return found
	}
	for _, e := range errs {
		if strings.EqualFold(e.Extensions.Code, codeRateLimited) || strings.EqualFold(e.Extensions.Type, typeRateLimited) {
			found.Throttled, found.RetryAfter = true, untilReset(resp.Header, found.Limits)
			return found
		}
	}
	found.Err = in.asError(resp.StatusCode, errs[0])
	return found
}

// untilReset is how long it takes until a budget that has no room for another
// query is reset; zero if there is none. The limits flow back little by little,
// but asking as soon as there is room for one query makes for one refusal each.
func untilReset(h http.Header, limits []connectors.Limit) (wait time.Duration) {
	now, err := connectors.ServerTime(h)
	if err != nil || h.Get("Retry-After") != "" {
		return 0
	}
	for _, l := range limits {
		if l.Remaining < room[l.Resource] && l.Reset.After(now) {
			wait = max(wait, l.Reset.Sub(now))
		}
	}
	return wait
}

// room is what one query may take of a budget.
var room = map[string]float64{"requests": 1, "complexity": 10_000}

// asError returns an *Error, within a *connectors.StatusError if the answer
// is no HTTP success or refuses the credential.
func (in inspector) asError(status int, w wireError) error {
	e := &Error{
		Type: w.Extensions.Type, Code: w.Extensions.Code,
		Message: in.clean(cmp.Or(w.Extensions.UserPresentableMessage, w.Message, "no explanation")),
		Path:    w.path(),
	}
	if strings.EqualFold(e.Type, typeAuth) || e.Code == "AUTHENTICATION_ERROR" {
		status = http.StatusUnauthorized
	}
	if status/100 == 2 {
		return e
	}
	return &statusError{connectors.StatusError{Endpoint: "graphql", Status: status, Message: e.Error()}, e}
}

// statusError is both: a *connectors.StatusError and the *Error behind it.
type statusError struct {
	connectors.StatusError
	cause *Error
}

func (e *statusError) Unwrap() []error { return []error{&e.StatusError, e.cause} }

const maxMessage = 300

// clean shortens a foreign text to one line without the credential.
func (in inspector) clean(text string) string {
	token := strings.TrimPrefix(in.credential.Reveal(), "Bearer ")
	if token != "" {
		text = strings.ReplaceAll(text, token, in.credential.String())
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "..."
	}
	return text
}

type wireError struct {
	Message    string
	Path       []any
	Extensions struct {
		Type, Code             string
		UserPresentableMessage string
	}
}

func (w wireError) path() string {
	steps := make([]string, len(w.Path))
	for i, step := range w.Path {
		steps[i] = fmt.Sprint(step)
	}
	return strings.Join(steps, ".")
}

// decodeErrors returns the errors of a GraphQL answer, or none if the body is
// something else. Errors of an unexpected shape are still errors.
func decodeErrors(body []byte) []wireError {
	var raw struct{ Errors []json.RawMessage }
	if json.Unmarshal(body, &raw) != nil {
		return nil
	}
	errs := make([]wireError, len(raw.Errors))
	for i, text := range raw.Errors {
		if json.Unmarshal(text, &errs[i]) != nil {
			errs[i] = wireError{Message: string(text)}
		}
	}
	return errs
}

// limits reads the budgets from a header. Linear gives the time of the reset
// in milliseconds.
func limits(h http.Header) []connectors.Limit {
	var found []connectors.Limit
	for _, resource := range []string{"requests", "complexity"} {
		number := func(key string) (float64, error) {
			return strconv.ParseFloat(h.Get("X-RateLimit-"+resource+"-"+key), 64)
		}
		limit, err := number("Limit")
		remaining, err2 := number("Remaining")
		if err != nil || err2 != nil {
			continue
		}
		l := connectors.Limit{Resource: resource, Limit: limit, Remaining: remaining}
		if ms, err := strconv.ParseInt(h.Get("X-RateLimit-"+resource+"-Reset"), 10, 64); err == nil {
			l.Reset = time.UnixMilli(ms).UTC()
		}
		found = append(found, l)
	}
	return found
}
