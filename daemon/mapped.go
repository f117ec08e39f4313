package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"alignd/alignment"
	"alignd/mapping"
)

// These answer a POST of a mapping that need not be the one in force, in JSON.
const (
	PlanPath    = "/api/v1/plan"    // what it would change: alignment.Plan
	SuggestPath = "/api/v1/suggest" // rules that it lacks: Suggestions; takes the parameters of SuggestOptions.Query
	NoticePath  = "/api/v1/notice"  // what is suspicious in it: yamlfile.Problems without a file
	TryPath     = "/api/v1/try"     // what it says of a made-up ticket: web.Explanation; takes those of TryQuery
)

// maxMapping bounds a mapping that comes over HTTP, in bytes.
const maxMapping = 4 << 20

// mapped serves what an answer says of the mapping in a request.
func (d *Daemon) mapped(answer func(ctx context.Context, query url.Values, rules *mapping.RuleSet) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMapping))
		if err != nil {
			http.Error(w, fmt.Sprintf("The mapping is larger than %d bytes, or was cut off: %v", maxMapping, err), http.StatusBadRequest)
			return
		}
		rules, err := mapping.Parse("mapping", text)
		if err == nil {
			err = d.cfg.Load().CheckConnectors(rules)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		// Each of them may take seconds and much memory; one at a time.
		d.planning.Lock()
		defer d.planning.Unlock()
		body, err := answer(r.Context(), r.URL.Query(), rules)
		if err != nil {
			d.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if err := json.NewEncoder(w).Encode(body); err != nil {
			d.logger.Debug("Answering about a mapping failed", "path", r.URL.Path, "err", err)
		}
	}
}

// errParameters is about a request that nobody can answer.
var errParameters = errors.New("the parameters are not right")

func (d *Daemon) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	if _, isWrong := errors.AsType[*alignment.AskError](err); isWrong || errors.Is(err, errParameters) {
		status = http.StatusBadRequest
	} else if errors.Is(err, alignment.ErrNotKnown) {
		status = http.StatusServiceUnavailable
	} else {
		d.logger.Error("Answering about a mapping failed", "path", r.URL.Path, "err", err)
	}
	http.Error(w, err.Error(), status)
}
