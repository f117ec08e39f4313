package config_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
)

// Whoever watches files must know all of them, also while one is missing or
// something else is wrong.
func TestFiles(t *testing.T) {
	dir := folder(t, map[string]string{"alignd.yml": `
colour: red
mapping_file: goals.yml
web: {config_file: web.yml}
store:
  redis: {addrs: [redis:6379], username: u, password_file: redis, master_name: m, sentinel_password_file: sentinel}
connectors:
  jira:
    - {name: a, auth: {token_file: token}, webhook: {path: /a, secret_file: hook}}
    - {name: b, auth: {bearer_file: bearer, password_file: password}}
    - {name: c, auth: {token_env: TOKEN}}
  linear:
    - {name: d, auth: {api_key_file: key}}
`})
	var got []string
	for _, file := range config.Files(filepath.Join(dir, "alignd.yml")) {
		name, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	want := []string{"alignd.yml", "goals.yml", "web.yml", "redis", "sentinel", "hook", "token", "bearer", "password", "key"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"none.yml", "mapping.yml"}, config.Files("none.yml")); diff != "" {
		t.Errorf("no file (-want +got):\n%s", diff)
	}
}
