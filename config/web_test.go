package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
)

// Commands that look for a running alignd must find it although something else
// in its file has become wrong, or although there is no file.
func TestReadWeb(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		text string
		want config.Web
	}{
		"no file":         {"", config.Web{ListenAddresses: []string{":8642"}}},
		"no section":      {"stale_after: 24h", config.Web{ListenAddresses: []string{":8642"}}},
		"mistake outside": {"colour: red\nweb: {listen_addresses: [\":1\"]}", config.Web{ListenAddresses: []string{":1"}}},
		"empty list":      {"web: {listen_addresses: []}", config.Web{ListenAddresses: []string{":8642"}}},
		"path from the file's folder": {
			"web: {config_file: tls.yml}",
			config.Web{ListenAddresses: []string{":8642"}, ConfigFile: filepath.Join(dir, "tls.yml")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name+".yml")
			if tc.text != "" {
				if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, config.ReadWeb(path)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
