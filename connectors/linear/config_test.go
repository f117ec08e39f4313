package linear_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/linear"
)

func TestValidate(t *testing.T) {
	key := linear.Auth{APIKeyEnv: "KEY"}
	tests := []struct {
		name string
		cfg  linear.Config
		want []string // path and start of the message
	}{
		{"least", linear.Config{Auth: key}, nil},
		{"team twice", linear.Config{Auth: key, Teams: []string{"PLT", "APP", "plt"}}, []string{"x.teams[2] names team plt a second time"}},
		{"no team key", linear.Config{Auth: key, Teams: []string{"Platform team", ""}}, []string{"x.teams[0] is", "x.teams[1] is"}},
		{"no auth", linear.Config{}, []string{"x.auth needs exactly one of"}},
		{"two ways", linear.Config{Auth: linear.Auth{APIKeyFile: "a", BearerFile: "b"}}, []string{"x.auth needs exactly one of"}},
		{"http", linear.Config{Auth: key, URL: "http://linear.example/graphql"}, []string{"x.url must be https"}},
		{"http on loopback", linear.Config{Auth: key, URL: "http://127.0.0.1:8080/graphql"}, nil},
		{
			"all at once",
			linear.Config{URL: "nowhere", Teams: []string{"-"}, Common: connectors.Common{RequestsPerSecond: -1}},
			[]string{"x.requests_per_second is -1", "x.url must be", "x.auth needs", "x.teams[0] is"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Name = "acme-linear"
			var got []string
			tt.cfg.Validate("x", func(path, format string, args ...any) {
				got = append(got, path+" "+fmt.Sprintf(format, args...))
			})
			if diff := cmp.Diff(tt.want, got, prefixes); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolvePaths(t *testing.T) {
	cfg := linear.Config{Auth: linear.Auth{APIKeyFile: "key", BearerFile: "/run/token"}}
	cfg.ResolvePaths("/etc/alignd")
	if diff := cmp.Diff(linear.Auth{APIKeyFile: "/etc/alignd/key", BearerFile: "/run/token"}, cfg.Auth); diff != "" {
		t.Errorf("auth (-want +got):\n%s", diff)
	}
}

func TestNewWithoutSecret(t *testing.T) {
	cfg := linear.Config{Auth: linear.Auth{APIKeyFile: "/nowhere/key"}}
	cfg.Name = "acme-linear"
	if _, err := linear.New(cfg, connectors.Options{}); err == nil || !strings.HasPrefix(err.Error(), "connector acme-linear: read secret: ") {
		t.Errorf("error = %v", err)
	}
}
