package daemon_test

import (
	"os"
	"strings"
	"testing"

	"alignd/daemon"
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
