package connectortest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// exchange serves one request without a socket.
func exchange(h http.Handler, req *http.Request, body []byte, now time.Time) (*http.Response, error) {
	served := req.Clone(req.Context())
	served.Body = io.NopCloser(bytes.NewReader(body))
	served.RequestURI = req.URL.RequestURI()
	rec := httptest.NewRecorder()
	rec.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	h.ServeHTTP(rec, served)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

// sentCredential returns the Authorization header, with a basic one decoded.
func sentCredential(req *http.Request) string {
	header := req.Header.Get("Authorization")
	if pair, ok := strings.CutPrefix(header, "Basic "); ok {
		if text, err := base64.StdEncoding.DecodeString(pair); err == nil {
			return string(text)
		}
	}
	return header
}

// answer returns a handler that always answers the same.
func answer(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}
