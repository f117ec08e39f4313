package sandbox_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

const recordedLines = `{"id":"7","key":"OLD-2","fields":{"summary":"A","created":"2011-03-29T16:48:47.000+0000","updated":"2018-09-12T21:25:14.000+0000","project":{"id":"5","key":"OLD","name":"Old"},"issuetype":{"id":"1","name":"Bug","subtask":false},"status":{"id":"6","name":"Closed","statusCategory":{"id":3,"key":"done"}},"epic":{"id":9,"key":"OLD-1","summary":"E","name":"e"},"odd":{"x":1},"assignee":null},"changelog":{"histories":[{"id":"44","created":"2012-01-01T00:00:00.000+0100","items":[{"field":"status","fieldtype":"jira","from":"1","fromString":"Open","to":"6","toString":"Closed"}]}]}}

{"id":"9","key":"OLD-1","fields":{"summary":"E","created":"2011-03-01T00:00:00.000+0000","updated":"2011-03-02T00:00:00.000+0000","project":{"id":"5","key":"OLD","name":"Old"},"issuetype":{"id":"6","name":"Epic"},"status":{"id":"1","name":"Open"},"labels":["x"]}}`

func TestRecordedIssuesAreServedAsTheyAre(t *testing.T) {
	w := sandbox.NewWorld(fixed(at(0)))
	if n, err := w.Jira.Load(strings.NewReader(recordedLines)); n != 2 || err != nil {
		t.Fatalf("loaded %d: %v", n, err)
	}
	f := start(t, w, sandbox.Options{})
	fields := arr{"odd", "labels", "parent", "issuetype", "updated", "status"}
	doc := f.jira("POST", "/rest/api/3/search/jql", obj{"jql": "project = OLD order by key", "fields": fields}).doc(t)
	got := doc["issues"].(arr)[1].(obj)["fields"].(obj)
	typ := got["issuetype"].(obj)
	delete(typ, "self")
	want := obj{
		"odd": obj{"x": 1.0}, "labels": arr{}, "updated": "2018-09-12T21:25:14.000+0000",
		"parent": obj{"id": "9", "key": "OLD-1", "fields": obj{
			"summary": "E", "issuetype": obj{"id": "6", "name": "Epic", "subtask": false, "hierarchyLevel": 1.0},
		}},
		"issuetype": obj{"id": "1", "name": "Bug", "description": "", "subtask": false, "hierarchyLevel": 0.0},
		"status":    obj{"id": "6", "name": "Closed", "statusCategory": obj{"id": 3.0, "key": "done"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	log := f.jira("POST", "/rest/api/3/changelog/bulkfetch", obj{"issueIdsOrKeys": arr{"7"}}).doc(t)
	if h := log["issueChangeLogs"].(arr)[0].(obj)["changeHistories"].(arr)[0].(obj); h["id"] != "44" {
		t.Errorf("history: %v", h)
	}

	w.Jira.AddLabel(at(-1), "OLD-2", "new")
	is := f.jira("GET", "/rest/api/3/issue/7?fields=labels,updated,odd", nil).doc(t)["fields"]
	changed := obj{"labels": arr{"new"}, "updated": "2026-03-01T23:00:00.000-0800", "odd": obj{"x": 1.0}}
	if diff := cmp.Diff(changed, is); diff != "" {
		t.Errorf("after a change (-want +got):\n%s", diff)
	}
}

func TestRecordedMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":  "{",
		"no id":    `{"key":"A-1","fields":{}}`,
		"no dates": `{"id":"1","key":"A-1","fields":{}}`,
		"twice":    recordedLines + "\n" + recordedLines,
		"gzip":     "\x1f\x8bnonsense",
	} {
		if _, err := sandbox.NewWorld(nil).Jira.Load(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// titanium loads the real Jira.
func titanium(t testing.TB) *sandbox.World {
	t.Helper()
	file, err := os.Open(contracttest.Shared(t, "data/jira-titanium/issues.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	w := sandbox.NewWorld(nil)
	if n, err := w.Jira.Load(file); n != 29_057 || err != nil {
		t.Fatalf("loaded %d: %v", n, err)
	}
	return w
}

func TestRealJira(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 29,057 issues")
	}
	f := start(t, titanium(t), sandbox.Options{})
	seen := map[string]bool{}
	body := obj{
		"jql": "project in (TIMOB, AC, ALOY, MOD, DAEMON) order by created asc", "maxResults": 100,
		"fields": arr{"summary", "labels", "status", "issuetype", "parent", "priority", "components", "created", "updated", "project"},
	}
	for {
		doc := f.jira(http.MethodPost, "/rest/api/3/search/jql", body).doc(t)
		for _, is := range doc["issues"].(arr) {
			seen[is.(obj)["id"].(string)] = true
		}
		if doc["isLast"] == true {
			break
		}
		body["nextPageToken"] = doc["nextPageToken"]
	}
	if len(seen) != 29_057 {
		t.Errorf("walked %d issues, want 29,057", len(seen))
	}
	if n := f.Requests()["jira search"]; n != 291 {
		t.Errorf("%d requests, want 291", n)
	}
}

// BenchmarkRealJira is a bare client that reads the whole site and discards it.
func BenchmarkRealJira(b *testing.B) {
	f := start(b, titanium(b), sandbox.Options{})
	nextToken := regexp.MustCompile(`"nextPageToken":"([^"]*)"`)
	for b.Loop() {
		body := obj{
			"jql": "project in (TIMOB, AC, ALOY, MOD, DAEMON)", "maxResults": 100,
			"fields": arr{"summary", "labels", "status", "issuetype", "parent", "priority", "components", "created", "updated", "project"},
		}
		for {
			m := nextToken.FindSubmatch(f.jira(http.MethodPost, "/rest/api/3/search/jql", body).body)
			if m == nil {
				break
			}
			body["nextPageToken"] = string(m[1])
		}
	}
}
