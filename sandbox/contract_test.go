package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// contract checks every answer of the fake Jira against the official document.
func contract(t testing.TB) func(sandbox.Exchange) {
	t.Helper()
	c := contracttest.Jira(t)
	return func(x sandbox.Exchange) {
		if x.Tracker != "jira" || x.Endpoint == "tenant_info" || x.Endpoint == "unknown" {
			return
		}
		if err := c.CheckAnswer(x.Request, x.Status, x.Header, x.ResponseBody); err != nil {
			t.Errorf("%s: answer %d: %v\n%.1000s", x.Endpoint, x.Status, err, x.ResponseBody)
		}
	}
}

// fake is a running server with the two accounts at hand.
type fake struct {
	*sandbox.Server
	t testing.TB
}

func start(t testing.TB, w *sandbox.World, opts sandbox.Options) *fake {
	t.Helper()
	s, err := sandbox.Start(w, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &fake{s, t}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// doc decodes the body.
func (r reply) doc(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("decode %d %q: %v", r.status, r.body, err)
	}
	return v
}

func (f *fake) do(req *http.Request) reply {
	f.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

func (f *fake) request(method, url, body string) *http.Request {
	f.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// jira calls the REST API with the bot's account.
func (f *fake) jira(method, path string, body any) reply {
	f.t.Helper()
	req := f.request(method, f.JiraURL+path, encode(f.t, body))
	req.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken)
	return f.do(req)
}

// linear runs a query with the API key.
func (f *fake) linear(query string, vars map[string]any) reply {
	f.t.Helper()
	req := f.request(http.MethodPost, f.LinearURL, encode(f.t, map[string]any{"query": query, "variables": vars}))
	req.Header.Set("Authorization", sandbox.LinearAPIKey)
	return f.do(req)
}

func encode(t testing.TB, v any) string {
	t.Helper()
	if v == nil {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// obj and arr spare the tests a page of braces.
type (
	obj = map[string]any
	arr = []any
)
