package daemon_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/mapping"
)

// revisions asks the daemon for what is on record.
func (r *running) revisions() (all []mapping.Revision, summaries []string) {
	r.t.Helper()
	_, text := r.get("/api/v1/revisions?mapping=true")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		r.t.Fatalf("%v:\n%s", err, text)
	}
	for _, rev := range all {
		summaries = append(summaries, strings.Join(rev.Summary, " "))
	}
	return all, summaries
}

func (r *running) reload(want int) {
	r.t.Helper()
	if status, body := r.do(http.MethodPost, "/-/reload"); status != want {
		r.t.Fatalf("reload: %d %s", status, body)
	}
}

// TestRevisions lives through a few mappings and a restart.
func TestRevisions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(nil)
	r.until("/metrics", `alignd_mapping_info\{revision="`)
	r.reload(200)
	paused := strings.Replace(mappingYAML, "target: 50%", "target: 30%, status: [{from: 2026-10-01, is: paused, why: Waiting}]", 1)
	h.write("mapping.yml", paused)
	r.reload(200)
	h.write("mapping.yml", "goals: [")
	r.reload(500)
	h.write("mapping.yml", mappingYAML)
	r.reload(200)

	all, got := r.revisions()
	want := []string{
		"The first mapping on record: 2 teams, 1 goal, 1 rule.",
		"Goal checkout: no longer always active; paused from 2026-10-01 on (Waiting); target 30% (before: target 50%).",
		"Goal checkout: always active; no longer paused from 2026-10-01 on; target 50% (before: target 30%).",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("summaries (-want +got):\n%s", diff)
	}
	if all[0].Text != mappingYAML || all[1].Text != paused || all[2].Text != mappingYAML {
		t.Error("the texts are not those of the file")
	}
	r.showsRevision(all[2])

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := h.start(nil)
	again.until("/metrics", `alignd_mapping_info\{revision="`)
	if after, _ := again.revisions(); len(after) != 3 {
		t.Errorf("%d revisions after a restart, want 3", len(after))
	}
	again.showsRevision(all[2])
}

// showsRevision checks that one revision is called the one in force.
func (r *running) showsRevision(want mapping.Revision) {
	r.t.Helper()
	_, metrics := r.get("/metrics")
	shown := regexp.MustCompile(`alignd_mapping_info\{revision="(\w+)"\} 1`).FindAllStringSubmatch(metrics, -1)
	if len(shown) != 1 || shown[0][1] != want.ID {
		r.t.Errorf("revisions in metrics: %q, want %s", shown, want.ID)
	}
	if !regexp.MustCompile(`alignd_mapping_revision_timestamp_seconds 1\.\d+e\+09`).MatchString(metrics) {
		r.t.Error("/metrics does not say when the mapping was accepted")
	}
	if _, page := r.get("/"); !strings.Contains(page, `<a href="/revisions?id=`+want.ID+`">`+want.Short()) {
		r.t.Errorf("the page does not name revision %s", want.Short())
	}
}

// TestBadFileIsSaid: the old rules go on, with the reason on the page, in a
// metric and in one line of the log.
func TestBadFileIsSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(nil)
	r.until("/metrics", `alignd_goal_info\{goal="checkout"`)
	h.write("mapping.yml", strings.Replace(mappingYAML, "target:", "targt:", 1)+"  - {name: x, when: {type: [Bug]}, goal: nothing}\n")
	r.reload(500)
	_, page := r.get("/")
	for _, want := range []string{"The rules before stay in force", "unknown key targt", "unknown goal &#34;nothing&#34;", "Checkout in under a minute"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if _, metrics := r.get("/metrics"); !strings.Contains(metrics, "alignd_config_last_reload_successful 0") || !strings.Contains(metrics, `alignd_goal_info{goal="checkout"`) {
		t.Error("the metrics do not say that the old rules go on")
	}
	lines := 0
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, "targt") {
			lines++
			if !strings.Contains(line, "Reloading failed") || !strings.Contains(line, "nothing") {
				t.Errorf("the line does not tell all: %s", line)
			}
		}
	}
	if lines != 1 {
		t.Errorf("%d lines in the log, want 1:\n%s", lines, r.log)
	}
	h.write("mapping.yml", mappingYAML)
	r.reload(200)
	if _, page := r.get("/"); strings.Contains(page, "The rules before stay in force") {
		t.Error("the page still speaks of a mistake that was mended")
	}
}

// TestRemovedGoals: whoever drops a goal that still has history is told.
func TestRemovedGoals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(nil)
	r.until("/metrics", `class="aligned",team="payments",unit="tickets",window="28d"\} 1`)
	r.until("/metrics", `alignd_mapping_info\{revision="`)
	without := strings.Replace(mappingYAML, "  - {id: checkout, name: Checkout in under a minute, target: 50%}", "  - {id: later}", 1)
	without = strings.Replace(without, "goal: checkout", "off_plan: true", 1)
	ask := func(text string) string {
		t.Helper()
		answer, err := http.Post(r.base+"/api/v1/notice", "", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		var found []struct{ Message string }
		if err := errors.Join(err, json.Unmarshal(body, &found)); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, f := range found {
			if strings.Contains(f.Message, "is gone") {
				return f.Message
			}
		}
		return ""
	}
	const gone = "goal checkout is gone"
	other := strings.NewReplacer("{id: checkout,", "{id: checkout2,", "goal: checkout", "goal: checkout2").Replace(mappingYAML)
	part := strings.Replace(other, "goals:\n", "goals:\n  - {id: bugs}\n", 1) + "  - {name: by type, when: {type: Bug}, goal: bugs}\n"
	for name, text := range map[string]string{"another id": other, "another id beside more": part} {
		if got := ask(text); got != "" {
			t.Errorf("%s: check says %q", name, got)
		}
	}
	if got := ask(strings.Replace(other, "goal-checkout]}}", "goal-checkout]}, type: Nothing}", 1)); !strings.HasPrefix(got, gone) {
		t.Errorf("of another id for less check says %q", got)
	}
	h.write("mapping.yml", other)
	r.reload(200)
	if got := ask(other); got != "" {
		t.Errorf("after the goal got another id check says %q", got)
	}
	h.write("mapping.yml", mappingYAML)
	r.reload(200)
	if got := ask(mappingYAML); got != "" {
		t.Errorf("after the goal has its id again check says %q", got)
	}
	if got := ask(without); !strings.HasPrefix(got, gone) {
		t.Errorf("before the reload check says %q", got)
	}
	h.write("mapping.yml", without)
	r.reload(200)
	if got := ask(without); !strings.HasPrefix(got, gone) {
		t.Errorf("after the reload check says %q", got)
	}
	if got := ask(mappingYAML); got != "" {
		t.Errorf("of the goal that is back, and of one without work, check says %q", got)
	}
}
