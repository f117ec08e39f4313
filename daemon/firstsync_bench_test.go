package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"alignd/config"
	"alignd/daemon"
	"alignd/sandbox"
)

// BenchmarkFirstSync reads the 29,057 recorded tickets of the optional shared
// test data from a local server: once with a bare client that reads and
// discards the same pages, one after the other, and once with the daemon, from
// its start to the end of the walk, everything stored. It reports the ratio.
func BenchmarkFirstSync(b *testing.B) {
	server, n := serveRecorded(b)
	var bare, ours time.Duration
	for b.Loop() {
		start := time.Now()
		if got := bareWalk(b, server.JiraURL); got != n {
			b.Fatalf("the bare client read %d of %d tickets", got, n)
		}
		bare += time.Since(start)
		server.ResetRequests()
		ours += firstSync(b, server.JiraURL)
	}
	requests := 0
	for _, count := range server.Requests() {
		requests += count
	}
	b.ReportMetric(bare.Seconds()/float64(b.N), "s-bare")
	b.ReportMetric(ours.Seconds()/float64(b.N), "s-daemon")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
	b.ReportMetric(float64(requests), "requests")
}

// serveRecorded serves the recorded tickets and returns how many they are.
func serveRecorded(b *testing.B) (*sandbox.Server, int) {
	dump, err := os.Open("../../shared/data/jira-titanium/issues.ndjson.gz")
	if err != nil {
		b.Skipf("optional shared test data is absent: %v", err)
	}
	defer func() { _ = dump.Close() }()
	world := sandbox.NewWorld(nil)
	n, err := world.Jira.Load(dump)
	if err != nil {
		b.Fatal(err)
	}
	server, err := sandbox.Start(world, sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	return server, n
}

// firstSync starts a daemon on an empty store and returns how long the walk
// took.
func firstSync(b *testing.B, url string) time.Duration {
	dir := b.TempDir()
	writeFile(b, dir, "token", sandbox.JiraToken)
	writeFile(b, dir, "mapping.yml", `
period: {name: all, from: 2021-10-01, to: 2021-12-31}
teams: [{id: sdk, owns: {titanium: [TIMOB, AC, ALOY, MOD, DAEMON]}}]
goals: [{id: ios, name: iOS}]
rules: [{name: ios, when: {labels: {any: [ios]}}, goal: ios}]
`)
	writeFile(b, dir, "alignd.yml", fmt.Sprintf(`
connectors:
  jira:
    - {name: titanium, url: %q, auth: {email: %q, token_file: token}, projects: [TIMOB, AC, ALOY, MOD, DAEMON], requests_per_second: 100000}
`, url, sandbox.JiraEmail))
	cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	d, err := daemon.New(cfg, daemon.Options{ListenAddresses: []string{"127.0.0.1:0"}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for d.Status().Connectors[0].LastSuccess.IsZero() {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(start)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}

// bareWalk does the least that brings the same pages over: it decodes ids and
// tokens and throws the rest away.
func bareWalk(b *testing.B, url string) int {
	fields := []string{
		"summary", "labels", "components", "issuetype", "status", "priority", "parent", "project",
		"created", "updated", "resolution", "resolutiondate",
	}
	total, token := 0, ""
	var ids []string
	for {
		var page struct {
			Issues        []struct{ ID string }
			NextPageToken string
		}
		ask := map[string]any{"jql": "project in (TIMOB, AC, ALOY, MOD, DAEMON) ORDER BY created ASC", "fields": fields, "maxResults": 100}
		if token != "" {
			ask["nextPageToken"] = token
		}
		post(b, url+"/rest/api/3/search/jql", ask, &page)
		for _, issue := range page.Issues {
			ids = append(ids, issue.ID)
		}
		total += len(page.Issues)
		token = page.NextPageToken
		if len(ids) >= 1000 || token == "" {
			post(b, url+"/rest/api/3/changelog/bulkfetch", map[string]any{"issueIdsOrKeys": ids, "maxResults": 10000}, nil)
			ids = nil
		}
		if token == "" {
			return total
		}
	}
}

func post(b *testing.B, url string, ask, answer any) {
	body, err := json.Marshal(ask)
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(sandbox.JiraEmail, sandbox.JiraToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: HTTP %d", url, resp.StatusCode)
	}
	if answer == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(answer)
	}
	if err != nil {
		b.Fatal(err)
	}
}
