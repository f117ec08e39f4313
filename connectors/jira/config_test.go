package jira_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
)

func TestConfigValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*jira.Config)
		want []string
	}{
		"valid":            {func(*jira.Config) {}, nil},
		"jql alone":        {func(c *jira.Config) { c.Projects, c.JQL = nil, "labels = x" }, nil},
		"project id":       {func(c *jira.Config) { c.Projects = []string{"10000"} }, nil},
		"loopback":         {func(c *jira.Config) { c.URL = "http://127.0.0.1:8080" }, nil},
		"gateway, no site": {func(c *jira.Config) { c.URL, c.CloudID = "", "1-2" }, nil},
		"nothing": {func(c *jira.Config) { *c = jira.Config{} }, []string{
			"j.name", "j.url", "j.auth", "j.projects",
		}},
		"everything wrong": {func(c *jira.Config) {
			*c = jira.Config{
				Common: connectors.Common{
					Name: "a b", PollInterval: 1, Timeout: -1, Overlap: 1e18, RequestsPerSecond: -1, IgnoreLabels: []string{"ok-*", "*"},
				},
				URL: "http://acme.example", GatewayURL: "ftp://x", CloudID: "../..",
				Auth:     jira.Auth{TokenFile: "a", TokenEnv: "b", BearerFile: "c", BearerEnv: "d"},
				Projects: []string{"PAY", `PAY") OR (project = "X`}, JQL: "a) or (b",
			}
		}, []string{
			"j.name", "j.poll_interval", "j.timeout", "j.overlap", "j.requests_per_second", "j.ignore_labels[1]",
			"j.url", "j.gateway_url", "j.cloud_id", "j.auth", "j.auth.email", "j.auth.token_env", "j.auth.bearer_env",
			"j.projects[1]", "j.jql",
		}},
		"url with credentials": {func(c *jira.Config) { c.URL = "https://a:b@acme.example" }, []string{"j.url"}},
		"url with a query":     {func(c *jira.Config) { c.URL = "https://acme.example/?x=1" }, []string{"j.url"}},
		"url without scheme":   {func(c *jira.Config) { c.URL = "acme.example" }, []string{"j.url"}},
		"data center": {func(c *jira.Config) {
			c.Deployment, c.Auth = jira.DataCenter, jira.Auth{Username: "bot", PasswordEnv: "X"}
		}, nil},
		"data center, token":  {func(c *jira.Config) { c.Deployment, c.Auth = "", jira.Auth{BearerFile: "pat"} }, nil},
		"password, undecided": {func(c *jira.Config) { c.Deployment, c.Auth = "", jira.Auth{Username: "bot", PasswordEnv: "X"} }, nil},
		"unknown deployment":  {func(c *jira.Config) { c.Deployment = "server" }, []string{"j.deployment"}},
		"gateway of a server": {func(c *jira.Config) {
			c.Deployment, c.CloudID, c.Auth = jira.DataCenter, "1-2", jira.Auth{BearerEnv: "X"}
		}, []string{"j.cloud_id"}},
		"server with email":   {func(c *jira.Config) { c.Deployment = jira.DataCenter }, []string{"j.auth.email"}},
		"cloud with password": {func(c *jira.Config) { c.Auth = jira.Auth{Username: "bot", PasswordEnv: "X"} }, []string{"j.auth.username"}},
		"password, no user":   {func(c *jira.Config) { c.Auth = jira.Auth{PasswordEnv: "X"} }, []string{"j.auth.username"}},
		"token and password": {func(c *jira.Config) {
			c.Deployment = ""
			c.Auth.Username, c.Auth.PasswordFile, c.Auth.PasswordEnv = "bot", "a", "b"
		}, []string{"j.auth", "j.auth.password_env"}},
		"bearer with email": {func(c *jira.Config) { c.Auth = jira.Auth{Email: "a@b.example", BearerEnv: "X"} }, []string{"j.auth.email"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config("https://acme.example")
			tc.edit(&cfg)
			var got []string
			cfg.Validate("j", func(path, format string, args ...any) {
				got = append(got, path)
				if text := fmt.Sprintf(format, args...); strings.Contains(text, "%!") {
					t.Errorf("%s: bad format: %s", path, text)
				}
			})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckJQL(t *testing.T) {
	for jql, want := range map[string]string{
		``:                                 "",
		`labels not in (template)`:         "",
		`summary ~ "order by" AND a = ')'`: "",
		`summary ~ "a \" ) b"`:             "",
		`reorder = bypass`:                 "",
		`a = b Order  By c`:                "ORDER BY",
		`a = b) OR (c = d`:                 ")",
		`(a = b`:                           "(",
		`a = "b`:                           "quote",
	} {
		if got := jira.CheckJQL(jql); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", jql, got, want)
		}
	}
}

func TestResolvePaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config("https://acme.example")
	cfg.Auth = jira.Auth{Email: "bot@robot.example", TokenFile: "token"}
	if _, err := jira.New(cfg, connectors.Options{}); err == nil {
		t.Error("the file was found in the working directory")
	}
	cfg.ResolvePaths(dir)
	c, err := jira.New(cfg, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v %#v", c, c); strings.Contains(text, "s3cret") {
		t.Error("the connector prints its secret")
	}
}
