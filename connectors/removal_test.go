package connectors_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
)

func TestRemoval(t *testing.T) {
	for name, tc := range map[string]struct {
		step step
		want []string
		log  string
	}{
		"nothing":               {step: reply(200, `{}`)},
		"sunset":                {reply(200, `{}`, "Sunset", "Sat, 01 May 2027 00:00:00 GMT"), []string{"search 2027-05-01"}, "removal=2027-05-01"},
		"both":                  {reply(200, `{}`, "Deprecation", "@1688169599", "Sunset", "Sat, 01 May 2027 00:00:00 GMT"), []string{"search 2027-05-01"}, "newer alignd"},
		"deprecated since":      {reply(200, `{}`, "Deprecation", "@1688169599"), []string{"search 0001-01-01"}, `removal="not told"`},
		"deprecated, old style": {reply(200, `{}`, "Deprecation", "true"), []string{"search 0001-01-01"}, "newer alignd"},
		"deprecated on a date":  {reply(200, `{}`, "Deprecation", "Sat, 01 May 2027 00:00:00 GMT"), []string{"search 0001-01-01"}, "newer alignd"},
		"nonsense":              {step: reply(200, `{}`, "Deprecation", "@soon", "Sunset", "soon")},
		"gone":                  {reply(410, `{"errorMessages":["CHANGE-2046"]}`), []string{"search 2000-01-01"}, "has removed"},
		"gone before its date":  {reply(410, `{}`, "Sunset", "Sat, 01 May 2027 00:00:00 GMT"), []string{"search 2000-01-01"}, "has removed"},
		"gone on its date":      {reply(410, `{}`, "Sunset", "Fri, 01 May 1998 00:00:00 GMT"), []string{"search 1998-05-01"}, "has removed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				tr := &tracker{steps: []step{tc.step}}
				client := tr.client(func(c *connectors.ClientConfig) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				for range 3 { // said once
					ctx := connectors.WithEndpoint(t.Context(), "search")
					req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://tracker.example/api", nil)
					_, err := client.Do(req)
					bad := (*connectors.StatusError)(nil)
					if err != nil && (!errors.As(err, &bad) || bad.Status != http.StatusGone) {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(tc.want, tr.removals); diff != "" {
					t.Errorf("removals (-want +got):\n%s", diff)
				}
				if n := strings.Count(log.String(), "\n"); n != len(tc.want) || !strings.Contains(log.String(), tc.log) {
					t.Errorf("log has %d lines, want %d with %q:\n%s", n, len(tc.want), tc.log, log.String())
				}
			})
		})
	}
}
