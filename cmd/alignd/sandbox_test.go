package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
)

const recorded = `{"id":"1","key":"OLD-1","fields":{"summary":"One","created":"2026-01-05T10:00:00.000+0000","updated":"2026-01-05T10:00:00.000+0000","project":{"id":"10","key":"OLD","name":"Old"},"issuetype":{"id":"3","name":"Task","subtask":false},"status":{"id":"1","name":"Open","statusCategory":{"key":"new"}}}}
`

// TestSandboxPrintsAWorkingConfiguration starts the sandbox on recorded issues
// and reads them with the configuration it prints.
func TestSandboxPrintsAWorkingConfiguration(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data := write("issues.ndjson", recorded)
	write("mapping.yml", `
period: {name: 2026-Q1, from: 2026-01-01, to: 2026-03-31}
teams: [{id: old, owns: {acme: [OLD]}}]
goals: [{id: checkout, name: Checkout}]
rules: [{name: by label, when: {labels: {any: [x]}}, goal: checkout}]
`)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveRecorded(ctx, writer, data) }()
	var printed strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(printed.String(), "Ctrl-C") {
		n, err := reader.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(buf[:n])
	}

	t.Setenv("SANDBOX_JIRA", sandbox.JiraToken)
	cfg, err := config.Load(write("alignd.yml", printed.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	connector, err := jira.New(cfg.Connectors.Jira[0], connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := connector.Page(ctx, connectors.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Tickets) != 1 || page.Tickets[0].Key != "OLD-1" {
		t.Errorf("read %+v", page.Tickets)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
