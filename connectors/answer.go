package connectors

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

type contextKey int

const (
	endpointKey contextKey = iota
	headerKey
)

// WithEndpoint names the requests made with the context, for metrics and
// errors: a short constant such as "search", never a path with ids.
func WithEndpoint(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, endpointKey, name)
}

func endpoint(ctx context.Context) string {
	name, ok := ctx.Value(endpointKey).(string)
	if !ok {
		return "other"
	}
	return name
}

// WithHeader has fn called with the header of each successful answer to
// requests made with the context, for libraries that keep it to themselves.
func WithHeader(ctx context.Context, fn func(http.Header)) context.Context {
	return context.WithValue(ctx, headerKey, fn)
}

func reportHeader(ctx context.Context, h http.Header) {
	if fn, ok := ctx.Value(headerKey).(func(http.Header)); ok {
		fn(h)
	}
}

var errNoDate = errors.New("answer has no usable Date header, so the tracker's clock is unknown")

// ServerTime returns the tracker's clock, in UTC and whole seconds, from the
// header of one of its answers.
func ServerTime(h http.Header) (time.Time, error) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, errNoDate
	}
	return at.UTC(), nil
}

// ErrTooLarge is in the chain of the error for an answer that exceeds
// ClientConfig.MaxBody: less should be asked for at once.
var ErrTooLarge = errors.New("answer is too large")

// tooLarge is a StatusError, too.
type tooLarge struct{ *StatusError }

func (e tooLarge) Unwrap() []error { return []error{e.StatusError, ErrTooLarge} }

// readCapped reads at most limit bytes; more is an error.
func readCapped(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return body, nil
}

// readPayload takes the request's body, so that it can be sent repeatedly. It
// returns nil if there is none.
func readPayload(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	payload, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	return payload, nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

func isRedirect(resp *http.Response) bool {
	return resp.StatusCode/100 == 3 && resp.StatusCode != http.StatusNotModified
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

const excerptRunes = 300

// excerpt returns the start of a JSON or plain text body on one line, without
// anything that was sent as a credential. Pages of HTML say nothing short.
func excerpt(req *http.Request, h http.Header, body []byte) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if !isJSON(h) && kind != "text/plain" {
		return ""
	}
	text := strings.Join(strings.FieldsFunc(string(body[:min(len(body), 8*excerptRunes)]), notText), " ")
	for _, s := range credentials(req) {
		text = strings.ReplaceAll(text, s, "<secret>")
	}
	if runes := []rune(text); len(runes) > excerptRunes {
		return string(runes[:excerptRunes]) + "..."
	}
	return text
}

func notText(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// credentials returns the texts in the Authorization header that must not be
// repeated, should a server echo them.
func credentials(req *http.Request) []string {
	header := req.Header.Get("Authorization")
	if header == "" {
		return nil
	}
	_, token, ok := strings.Cut(header, " ")
	if !ok {
		return []string{header}
	}
	secrets := []string{token}
	if pair, err := base64.StdEncoding.DecodeString(token); err == nil {
		user, password, _ := strings.Cut(string(pair), ":")
		secrets = append(secrets, password, user)
	}
	return nonEmpty(secrets)
}

func nonEmpty(texts []string) []string {
	var kept []string
	for _, s := range texts {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
