package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"alignd/config"
	"alignd/daemon"
	"alignd/sandbox"
)

// BenchmarkScrape scrapes a daemon of three teams and eight goals while it reads the
// 29,057 recorded tickets of the optional shared test data, and reports how
// many series a scrape brings.
func BenchmarkScrape(b *testing.B) {
	server, _ := serveRecorded(b)
	// A tracker's usual latency, so that the walk lasts longer than the scrapes.
	server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.Slow, Delay: 20 * time.Millisecond}}})
	dir := b.TempDir()
	fillStore(b, filepath.Join(dir, "alignd.db"), benchTickets(b))
	writeFile(b, dir, "token", sandbox.JiraToken)
	writeFile(b, dir, "mapping.yml", benchMapping(3, 8))
	writeFile(b, dir, "alignd.yml", fmt.Sprintf(`
connectors:
  jira:
    - {name: acme, url: %q, auth: {email: %q, token_file: token}, projects: [TIMOB, AC, ALOY], poll_interval: 1s, requests_per_second: 100000}
`, server.JiraURL, sandbox.JiraEmail))
	cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
	if err != nil {
		b.Fatal(err)
	}
	d, err := daemon.New(cfg, daemon.Options{ListenAddresses: []string{"127.0.0.1:0"}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for get(b, d, http.MethodGet, "/-/ready") != http.StatusOK {
		time.Sleep(5 * time.Millisecond)
	}
	var series int
	var during, scrapes float64
	for b.Loop() {
		series = countSeries(b, d)
		scrapes++
		if d.Status().Connectors[0].Walking {
			during++
		}
	}
	b.ReportMetric(float64(series), "series")
	b.ReportMetric(100*during/scrapes, "%-during-a-walk")
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

func countSeries(b *testing.B, d *daemon.Daemon) int {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+d.Addr()+"/metrics", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Count(text, []byte("\n")) - bytes.Count(text, []byte("\n#")) - 1
}
