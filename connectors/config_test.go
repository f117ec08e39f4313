package connectors_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"90s": "1m30s", "2m": "2m", "1h": "1h", "60m": "1h", "1h30m": "1h30m", "0s": "0s", "10s": "10s", "20h0m10s": "20h0m10s"} {
		var d connectors.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := d.String(); got != want {
			t.Errorf("%s prints as %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "5", "5 minutes", "1d"} {
		var d connectors.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted as %s", text, d)
		}
	}
}

func TestWithDefaults(t *testing.T) {
	got := connectors.Common{Name: "acme", Timeout: connectors.Duration(time.Second)}.WithDefaults()
	want := connectors.Common{
		Name: "acme", PollInterval: connectors.Duration(2 * time.Minute), RequestsPerSecond: 1,
		Timeout: connectors.Duration(time.Second), Overlap: connectors.Duration(5 * time.Minute),
		CensusInterval: connectors.Duration(24 * time.Hour), MaxShrink: 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestPercent(t *testing.T) {
	for text, want := range map[string]connectors.Percent{"5%": 5, "2.5 %": 2.5, "100%": 100, "0%": 0, "101%": 0, "-1%": 0, "5": 0, "NaN%": 0, "five%": 0, "": 0} {
		var got connectors.Percent
		if err := got.UnmarshalText([]byte(text)); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if back, err := got.MarshalText(); want == 5 && (err != nil || string(back) != text) {
			t.Errorf("%q becomes %q, %v", text, back, err)
		}
	}
}

func TestReadSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("ALIGND_TEST_TOKEN", " from env ")
	t.Setenv("ALIGND_TEST_EMPTY", "")
	for name, tc := range map[string]struct{ file, env, want, problem string }{
		"file":        {write("a", " from file\r\n"), "", "from file", ""},
		"environment": {"", "ALIGND_TEST_TOKEN", "from env", ""},
		"no file":     {filepath.Join(dir, "none"), "", "", "none"},
		"empty file":  {write("b", "\n"), "", "", "is empty"},
		"two lines":   {write("c", "s3cret\ns3cret"), "", "", "more than one line"},
		"not set":     {"", "ALIGND_TEST_EMPTY", "", "ALIGND_TEST_EMPTY"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := connectors.ReadSecret(tc.file, tc.env)
			switch {
			case tc.problem == "" && (err != nil || got.Reveal() != tc.want):
				t.Errorf("%q, %v", got.Reveal(), err)
			case tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem) || strings.Contains(err.Error(), "s3cret")):
				t.Errorf("error is %v, want %q", err, tc.problem)
			}
		})
	}
}

func TestValidateURL(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://acme.example": true, "https://acme.example/jira": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost": true,
		"http://acme.example": false, "": false, "acme": false, "ftp://acme.example": false, "https://": false, "https://a:b@acme.example": false,
		"https://acme.example?x": false, "http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false,
	} {
		var got []string
		connectors.ValidateURL("url", address, func(path, format string, args ...any) {
			got = append(got, path+" "+fmt.Sprintf(format, args...))
		})
		if (len(got) == 0) != ok {
			t.Errorf("%q: %v", address, got)
		}
	}
}

func TestLabelFilter(t *testing.T) {
	filter := connectors.NewLabelFilter([]string{"owner-*", "*_lead", "a*b*c", "Exact", " "})
	for label, want := range map[string]bool{
		"owner-ada": true, "OWNER-": true, "my-owner-ada": false, "team_lead": true, "team_leader": false, "abc": true, "aXXbYYc": true,
		"acb": false, "exact": true, "exactly": false, "": true, "x": false,
	} {
		if got := filter.Drops(label); got != want {
			t.Errorf("%q: %t, want %t", label, got, want)
		}
	}
	if (connectors.LabelFilter{}).Drops("anything") {
		t.Error("the zero filter drops")
	}
}
