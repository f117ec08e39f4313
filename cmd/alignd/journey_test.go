package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

// process is a running alignd, the real binary.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string // address of its page
}

var startedAt = regexp.MustCompile(`msg=Started .*address=(\S+)`)

// startProcess starts alignd in a folder that holds its files and waits until
// it listens.
func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	cmd := exec.Command("alignd", "run", "--config.file="+filepath.Join(dir, "alignd.yml"), "--web.listen-address=127.0.0.1:0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd}
	t.Cleanup(p.kill)
	var said []string
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := startedAt.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
			said = append(said, lines.Text())
		}
	}()
	at, ok := <-address
	if !ok {
		t.Fatalf("alignd ended:\n%s", strings.Join(said, "\n"))
	}
	p.base = "http://" + at
	return p
}

// kill is kill -9: the process gets no chance to tidy up.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// business waits until both trackers were read to the end and returns the
// series that are computed from tickets.
func (p *process) business() []string {
	p.t.Helper()
	for {
		text, err := fetch(p.base + "/metrics")
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Contains(text, `alignd_work_watermark_timestamp_seconds{team="all"}`) {
			return businessLines(text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var businessSeries = regexp.MustCompile(`(?m)^alignd_(work|active|share|goal|target|tickets|rule)\w*[{ ].*$`)

func businessLines(text string) []string {
	lines := businessSeries.FindAllString(text, -1)
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "_total{") })
	slices.Sort(lines)
	return lines
}

var createdSeries = regexp.MustCompile(`(?m)^alignd_changes_applied_total\{.*kind="created"\} (\d+)$`)

// created returns how many tickets were new to the process.
func created(text string) int {
	sum := 0
	for _, m := range createdSeries.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	return sum
}

// Killed again and again in the middle of the first reading, alignd comes to
// the same numbers as one that was left alone.
func TestKilledDuringTheFirstSync(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	company := sandbox.NewCompany(3, now)
	company.World.SetClock(func() time.Time { return now })
	server, err := sandbox.Start(company.World, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })

	undisturbed := startProcess(t, install(t, server, company)).business()
	if len(undisturbed) < 500 {
		t.Fatalf("only %d series", len(undisturbed))
	}

	dir := install(t, server, company)
	for _, kill := range []struct {
		searches, queries int    // that the trackers answer before they hang
		endpoint          string // the process ends when this one
		requests          int    // has got so many requests
		stored            int    // tickets, at least, that were new to it
	}{
		{12, 4, "jira search", 13, 1000}, // which is a third of them
		{10, 4, "jira changelog", 1, 0},  // while the same ones are stored again
		{3, 30, "linear graphql", 9, 0},
	} {
		server.ResetRequests()
		server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{
			{Kind: sandbox.Slow, Delay: time.Hour, Endpoint: "search", After: kill.searches},
			{Kind: sandbox.Slow, Delay: time.Hour, Endpoint: "graphql", After: kill.queries},
		}})
		p := startProcess(t, dir)
		for server.Requests()[kill.endpoint] < kill.requests {
			time.Sleep(time.Millisecond)
		}
		text, err := fetch(p.base + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		p.kill()
		if n := created(text); n < kill.stored {
			t.Errorf("killed after %d new tickets, want at least %d", n, kill.stored)
		}
		if lines := businessLines(text); len(lines) > 0 {
			t.Errorf("tickets that were read in part make %d series", len(lines))
		}
	}
	server.SetFaults(sandbox.Faults{})
	if diff := cmp.Diff(undisturbed, startProcess(t, dir).business()); diff != "" {
		t.Errorf("series (-undisturbed +killed):\n%.3000s", diff)
	}
}

// install writes what an alignd for the company needs into a new folder.
func install(t *testing.T, server *sandbox.Server, company *sandbox.Company) string {
	t.Helper()
	dir := t.TempDir()
	list := func(keys []string) string { return "[" + strings.Join(keys, ", ") + "]" }
	for name, text := range map[string]string{
		"jira-token": sandbox.JiraToken, "linear-key": sandbox.LinearAPIKey, "mapping.yml": company.Mapping(),
		"alignd.yml": fmt.Sprintf(`
stale_after: 200000h
connectors:
  jira:
    - {name: %s, url: %q, auth: {email: %s, token_file: jira-token}, projects: %s, requests_per_second: 10000}
  linear:
    - {name: %s, url: %q, auth: {api_key_file: linear-key}, teams: %s, requests_per_second: 10000}
`, sandbox.CompanyJira, server.JiraURL, sandbox.JiraEmail, list(sandbox.CompanyProjects()),
			sandbox.CompanyLinear, server.LinearURL, list(sandbox.CompanyTeams())),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
