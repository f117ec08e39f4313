package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an answer of the API that is not a success.
type apiError struct {
	status int
	detail ErrorDetail
}

func (e *apiError) Error() string { return e.detail.Message }

func failure(status int, code, message string) *apiError {
	return &apiError{status, ErrorDetail{Code: code, Message: message}}
}

// ErrorBody is the JSON form of every error of the API.
type ErrorBody struct {
	Error ErrorDetail `json:"error"`
}

// ErrorDetail has a code for programs and a message for people. Where a
// parameter of the query is to blame, it names it, its value, and what is
// allowed.
type ErrorDetail struct {
	Code      string   `json:"code"`
	Message   string   `json:"message"`
	Parameter string   `json:"parameter,omitempty"`
	Value     string   `json:"value,omitempty"`
	Allowed   []string `json:"allowed,omitempty"`
}

// ExplainBody is the answer of /api/v1/explain.
type ExplainBody struct {
	Key          string        `json:"key"`
	Explanations []Explanation `json:"explanations"` // one for each connector that knows the key
}

// api serves what answer returns as JSON, a csvTable as CSV.
func (h *handler) api(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any
		err := error(failure(http.StatusMethodNotAllowed, "method_not_allowed", "only GET is served here"))
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			body, err = answer(r)
		} else {
			w.Header().Set("Allow", "GET, HEAD")
		}
		w.Header().Set("Vary", "Accept")
		if table, ok := body.(csvTable); ok && err == nil {
			writeCSV(w, "alignd-history.csv", table)
			return
		}
		h.writeJSON(w, body, err)
	})
}

func (h *handler) writeJSON(w http.ResponseWriter, body any, err error) {
	status := http.StatusOK
	if err != nil {
		known := failure(http.StatusInternalServerError, "internal", "the answer could not be computed; the log says why")
		if !errors.As(err, &known) {
			h.logger.Error("Answering the API failed", "err", err)
		}
		status, body = known.status, ErrorBody{known.detail}
	}
	data, err := json.Marshal(body)
	if err != nil {
		h.logger.Error("Encoding an API answer failed", "err", err)
		status, data = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer could not be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	noStore(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

func unknownEndpoint(*http.Request) (any, error) {
	return nil, failure(http.StatusNotFound, "not_found",
		"there is no such endpoint; there are /api/v1/snapshot, /api/v1/history, /api/v1/episodes, /api/v1/revisions, /api/v1/explain?key= and /api/v1/behind?team=")
}

func (h *handler) snapshotJSON(*http.Request) (any, error) {
	snap := h.source.Snapshot()
	if snap == nil {
		return nil, errNotReady()
	}
	return newSnapshotBody(snap), nil
}

func (h *handler) explainJSON(r *http.Request) (any, error) {
	key := strings.TrimSpace(r.URL.Query().Get("key"))
	found, err := h.explain(r, key)
	if err != nil {
		return nil, err
	}
	return ExplainBody{Key: key, Explanations: found}, nil
}

// explain returns at least one explanation or an error.
func (h *handler) explain(r *http.Request, key string) ([]Explanation, error) {
	if key == "" {
		return nil, failure(http.StatusBadRequest, "missing_key", "say which ticket: ?key=PAY-12")
	}
	found, err := h.source.Explain(r.Context(), key)
	if err != nil {
		return nil, fmt.Errorf("explain %q: %w", key, err)
	}
	if len(found) == 0 {
		return nil, failure(http.StatusNotFound, "unknown_key",
			fmt.Sprintf("no ticket %q is known; it may be outside the projects that are read, or not read yet", key))
	}
	out := make([]Explanation, 0, len(found))
	for _, e := range found {
		out = append(out, NewExplanation(e))
	}
	return out, nil
}

func errNotReady() error {
	return failure(http.StatusServiceUnavailable, "not_ready", "there are no numbers yet: no tracker has been read completely")
}
