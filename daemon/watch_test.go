package daemon_test

import (
	"os"
	"strings"
	"testing"

	"alignd/daemon"
	"alignd/sandbox"
)

// TestWatch saves the mapping in the ways in which files are saved.
func TestWatch(t *testing.T) {
	h := newHouse(t)
	// A ConfigMap: a link to a link to a folder.
	for _, dir := range []string{"one", "two"} {
		if err := os.Mkdir(h.file(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	goal := func(name string) string { return strings.ReplaceAll(mappingYAML, "checkout", name) }
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, h.file(name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(h.file(name+".new"), h.file(name)); err != nil {
			t.Fatal(err)
		}
	}
	h.write("one/mapping.yml", mappingYAML)
	h.write("two/mapping.yml", goal("linked"))
	link("one", "data")
	link("data/mapping.yml", "mapping.yml")

	r := h.start(func(o *daemon.Options) { o.WatchFiles = true })
	r.until("/metrics", `alignd_goal_info\{goal="checkout"`)
	link("two", "data")
	r.until("/metrics", `alignd_goal_info\{goal="linked"`)

	h.write("renamed.yml", goal("renamed"))
	if err := os.Rename(h.file("renamed.yml"), h.file("mapping.yml")); err != nil {
		t.Fatal(err)
	}
	r.until("/metrics", `alignd_goal_info\{goal="renamed"`)

	h.write("mapping.yml", "goals: [")
	r.until("/metrics", `alignd_config_last_reload_successful 0`)
	if body := r.until("/metrics", `alignd_goal_info`); !strings.Contains(body, `goal="renamed"`) {
		t.Error("a bad file has replaced the rules in force")
	}
	h.write("mapping.yml", goal("mended"))
	r.until("/metrics", `alignd_goal_info\{goal="mended"`)
	if n := strings.Count(r.log.String(), "Reloading failed"); n != 1 {
		t.Errorf("a bad file was tried %d times", n)
	}
}

// TestWatchOfCredentials rotates tokens as a Kubernetes Secret does: the files
// that name them stay as they are.
func TestWatchOfCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(func(o *daemon.Options) { o.WatchFiles = true })
	r.until("/metrics", both)
	h.write("jira-token", "revoked")
	r.until("/metrics", `alignd_connector_authenticated\{connector="acme"\} 0`)
	h.write("jira-token", sandbox.JiraToken)
	r.until("/metrics", `alignd_connector_authenticated\{connector="acme"\} 1`)
	metrics := r.until("/metrics", `alignd_config_last_reload_successful 1`)
	if !strings.Contains(metrics, `alignd_sync_duration_seconds_count{connector="acme",kind="full"} 1`) {
		t.Error("a new credential made everything be read again")
	}

	if err := os.Remove(h.file("linear-key")); err != nil {
		t.Fatal(err)
	}
	r.until("/metrics", `alignd_config_last_reload_successful 0`)
	h.write("linear-key", sandbox.LinearAPIKey)
	r.until("/metrics", `alignd_config_last_reload_successful 1`)
	for _, secret := range []string{sandbox.JiraToken, sandbox.LinearAPIKey, "revoked"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log has the secret %q", secret)
		}
	}
}
