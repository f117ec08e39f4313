package linear_test

import (
	"errors"
	"net/http"
	"testing"

	"alignd/connectors"
)

// Linear goes on answering when a key has lost its teams. That is no empty
// workspace, and nothing may follow from it.
func TestNoTeamIsAnError(t *testing.T) {
	f := company()
	f.lists["teams"] = nil
	_, err := f.connect(t, nil, connectors.Options{}).Page(t.Context(), connectors.Query{})
	var bad *connectors.StatusError
	if !errors.As(err, &bad) || bad.Status != http.StatusForbidden {
		t.Errorf("error is %v, want 403", err)
	}
	if n := f.count(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
