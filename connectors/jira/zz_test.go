package jira_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"alignd/connectors/contracttest"
	"alignd/connectors/jira"
	"alignd/sandbox"
)

func TestZZ(t *testing.T) {
	w := sandbox.NewWorld(time.Now)
	f, _ := os.Open(contracttest.Shared(t, "data/jira-titanium/issues.ndjson.gz"))
	n, err := w.Jira.Load(f)
	t.Log(n, err)
	server, err := sandbox.Start(w, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("JIRA_TOKEN", sandbox.JiraToken)
	cfg := config(server.JiraURL)
	cfg.RequestsPerSecond = 1e6
	cfg.Auth = jira.Auth{Email: sandbox.JiraEmail, TokenEnv: "JIRA_TOKEN"}
	cfg.Projects = []string{"TIMOB", "AC", "ALOY", "MOD", "DAEMON"}
	for range 2 {
		start := time.Now()
		got := walkSandbox(t, cfg, time.Time{})
		t.Log(len(got), time.Since(start), server.Requests())
		server.ResetRequests()
		start = time.Now()
		token := ""
		var size int64
		for {
			m := map[string]any{"jql": `project in ("TIMOB","AC","ALOY","MOD","DAEMON") ORDER BY created ASC, key ASC`, "maxResults": 100, "fields": []string{"summary", "issuetype", "project", "status", "resolution", "priority", "labels", "components", "parent", "created", "updated"}}
			if token != "" {
				m["nextPageToken"] = token
			}
			body, _ := json.Marshal(m)
			req, _ := http.NewRequest("POST", server.JiraURL+"/rest/api/3/search/jql", bytes.NewReader(body))
			req.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			size += int64(len(b))
			i := bytes.LastIndex(b, []byte(`"nextPageToken":"`))
			if i < 0 {
				break
			}
			rest := b[i+len(`"nextPageToken":"`):]
			token = string(rest[:bytes.IndexByte(rest, '"')])
		}
		t.Log("bare", time.Since(start), size, server.Requests())
		server.ResetRequests()
	}
}
