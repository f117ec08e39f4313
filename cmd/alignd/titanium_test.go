package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"alignd/connectors/contracttest"
	"alignd/mapping"
	"alignd/sandbox"
)

// TestFromNothingToHalf begins with the address of a real Jira and nothing
// else, and maps more than half of its work by pasting three proposals.
func TestFromNothingToHalf(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 29,057 issues")
	}
	t.Parallel()
	world := sandbox.NewWorld(nil)
	file, err := os.Open(contracttest.Shared(t, "data/jira-titanium/issues.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := world.Jira.Load(file); err != nil {
		t.Fatal(err)
	}
	server, err := sandbox.Start(world, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	opsFolder := newOffice(t)
	opsFolder.write("jira-token", sandbox.JiraToken)

	// The records end in 2021, so the look goes back further than usual.
	said := opsFolder.alignd("init", "--jira.url="+server.JiraURL, "--jira.name=titanium", "--jira.email="+sandbox.JiraEmail, "--jira.token-file=jira-token",
		"--days=0", "--tickets=40000", "--requests-per-second=1000")
	isDocumented(t, said)
	opsFolder.alignd("check", "--strict")
	opsFolder.replace("alignd.yml", "      url:", "      requests_per_second: 1000\n      url:")
	opsFolder.replace("mapping.yml", regexp.MustCompile(`period: .*`).FindString(opsFolder.read("mapping.yml")), "period: {name: all of it, from: 2011-01-01, to: 2021-12-31}")
	opsFolder.replace("mapping.yml", "goals:\n", `goals:
  - {id: android, name: Android, why: Most phones, done_when: Parity with iOS, review: 2021-12-15}
  - {id: apple, name: iPhone and iPad, why: Most customers, done_when: Every release on the day, review: 2021-12-15}
  - {id: windows, name: Windows, why: Customers asked, done_when: Hyperloop works, review: 2021-12-15}
`)
	p := startProcess(t, opsFolder.dir)
	p.business()
	p.kill()

	for paste := range 3 {
		said := opsFolder.alignd("suggest", "--limit=1", "--unit=tickets", "--window=period")
		isDocumented(t, said)
		said = strings.Replace(said, "goal: \""+mapping.Unfilled+"\"", "goal: apple", 1) // what is not known is iOS
		opsFolder.write("mapping.yml", opsFolder.read("mapping.yml")+said)
		if checked := opsFolder.alignd("check"); !strings.Contains(checked, fmt.Sprintf(", 3 goals, %d rule", paste+1)) {
			t.Errorf("after paste-in %d: %s", paste+1, checked)
		}
	}
	said = opsFolder.alignd("suggest", "--unit=tickets", "--window=period")
	isDocumented(t, said[:strings.Index(said, "\n")])
	m := regexp.MustCompile(`^# No rule says anything of (\d+) of (\d+) tickets: ([0-9.]+)% of the tickets completed`).FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("suggest says %s", said)
	}
	unmapped, _ := strconv.Atoi(m[1])
	all, _ := strconv.Atoi(m[2])
	share, _ := strconv.ParseFloat(m[3], 64)
	if share >= 50 || unmapped*2 >= all || all < 28_000 {
		t.Errorf("after three paste-ins %d of %d tickets and %v%% of the work are unmapped", unmapped, all, share)
	}
}

// isDocumented checks that docs/product-ops.md shows every line.
func isDocumented(t *testing.T, said string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/product-ops.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(said) {
		if !strings.Contains(string(text), strings.TrimSpace(line)) {
			t.Errorf("docs/product-ops.md does not show what alignd says on real data: %s", line)
		}
	}
}

// office is a folder in which somebody calls alignd.
type office struct {
	t   *testing.T
	dir string
}

func newOffice(t *testing.T) office {
	t.Helper()
	return office{t, t.TempDir()}
}

func (o office) alignd(args ...string) string {
	o.t.Helper()
	cmd := exec.Command("alignd", args...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "TZ=UTC")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("alignd %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (o office) read(name string) string {
	o.t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(data)
}

func (o office) write(name, text string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o office) replace(name, old, text string) {
	o.t.Helper()
	before := o.read(name)
	if !strings.Contains(before, old) {
		o.t.Fatalf("%q is not in %s:\n%s", old, name, before)
	}
	o.write(name, strings.Replace(before, old, text, 1))
}
