package daemon_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// The journey tests follow tickets all the way: from the history in a tracker
// over HTTP, connector, store and computation to a scrape of /metrics.

// traveller is a house whose world is made by the test, with everything that
// the trackers were asked kept and held against their contracts.
type traveller struct {
	*house
	asked        *recorder
	pollInterval string
}

// newTraveller serves a world. Every query to Linear is held against the
// contract; of each endpoint of Jira the first checked exchanges are, since
// that takes long, or all if checked is 0.
func newTraveller(t *testing.T, world *sandbox.World, checked int) *traveller {
	t.Helper()
	tr := &traveller{house: &house{t: t, dir: t.TempDir(), world: world}, pollInterval: "1s"}
	tr.asked = &recorder{
		t: t, most: checked, seen: map[string]int{},
		jira: contracttest.JiraIfPresent(t), linear: contracttest.LinearIfPresent(t),
	}
	server, err := sandbox.Start(world, sandbox.Options{Record: tr.asked.note})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	tr.server = server
	tr.write("jira-token", sandbox.JiraToken)
	tr.write("linear-key", sandbox.LinearAPIKey)
	return tr
}

// configure writes an alignd.yml whose numbers never grow too old to be shown,
// since the trackers' clocks stand still. No projects means no such connector.
func (tr *traveller) configure(jira string, projects []string, linear string, teams []string) {
	common := "poll_interval: " + tr.pollInterval + ", overlap: 1s, requests_per_second: 100000"
	text := "stale_after: 200000h\nconnectors:\n"
	if len(projects) > 0 {
		text += fmt.Sprintf("  jira:\n    - {name: %s, url: %q, auth: {email: %q, token_file: jira-token}, projects: [%s], %s}\n",
			jira, tr.server.JiraURL, sandbox.JiraEmail, strings.Join(projects, ", "), common)
	}
	if len(teams) > 0 {
		text += fmt.Sprintf("  linear:\n    - {name: %s, url: %q, auth: {api_key_file: linear-key}, teams: [%s], %s}\n",
			linear, tr.server.LinearURL, strings.Join(teams, ", "), common)
	}
	tr.write("alignd.yml", text)
}

// recorder keeps what the trackers are asked and checks it.
type recorder struct {
	t      *testing.T
	jira   *contracttest.JiraContract
	linear *contracttest.LinearContract
	most   int

	mu    sync.Mutex
	seen  map[string]int // exchanges by tracker and endpoint
	texts []string       // address and body of requests
}

func (r *recorder) note(e sandbox.Exchange) {
	address, err := url.PathUnescape(e.Request.URL.String())
	if err != nil {
		r.t.Errorf("address: %v", err)
	}
	r.mu.Lock()
	r.texts = append(r.texts, address+"\n"+string(e.RequestBody))
	key := e.Tracker + " " + e.Endpoint
	r.seen[key]++
	contract := r.jira
	if r.most > 0 && r.seen[key] > r.most {
		contract = nil // looks for persons all the same
	}
	r.mu.Unlock()
	if e.Tracker == "linear" {
		err = r.checkLinear(e)
	} else {
		err = checkJira(contract, e)
	}
	if err != nil {
		r.t.Errorf("%s breaks the contract: %.2000v", key, err)
	}
}

// checkJira checks an exchange with either kind of Jira.
func checkJira(contract *contracttest.JiraContract, e sandbox.Exchange) error {
	if err := contract.CheckRequest(e.Request); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return contract.CheckAnswer(e.Request, e.Status, e.Header, e.ResponseBody)
}

func (r *recorder) checkLinear(e sandbox.Exchange) error {
	var sent struct {
		Query     string
		Variables json.RawMessage
	}
	if err := json.Unmarshal(e.RequestBody, &sent); err != nil {
		return err
	}
	return r.linear.Check(sent.Query, sent.Variables)
}

// personWords are names of fields that hold persons, in either tracker.
var personWords = regexp.MustCompile(`(?i)assignee|reporter|creator|author|actor|subscriber|watche|delegate|e-?mail|display_?name|account_?id|avatar|\buser|\*all|\*navigable`)

// noPerson looks for persons in everything that was asked for and everything
// that is kept or shown, and for the credentials in what is shown. It stops
// the daemon, so that the store is complete.
func (tr *traveller) noPerson(r *running, key string, is func(text string) string) {
	t := tr.t
	t.Helper()
	shown := map[string]string{}
	for _, path := range []string{"/metrics", "/", "/api/v1/snapshot", "/api/v1/explain?key=" + key} {
		status, body := r.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
		shown[path] = body
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	shown["log"] = r.log.String()
	for where, text := range shown {
		for _, secret := range []string{sandbox.JiraToken, sandbox.LinearAPIKey} {
			if strings.Contains(text, secret) {
				t.Errorf("a credential is in %s", where)
			}
		}
	}
	files, err := filepath.Glob(tr.file("alignd.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the store: %v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown[filepath.Base(file)] = string(data)
	}
	for where, text := range shown {
		if person := is(text); person != "" {
			t.Errorf("%q is in %s", person, where)
		}
	}
	tr.asked.mu.Lock()
	defer tr.asked.mu.Unlock()
	for _, text := range tr.asked.texts {
		if word := personWords.FindString(text); word != "" {
			t.Errorf("a request asks for %q: %.500s", word, text)
		}
	}
}

// ofTheCompany finds somebody who works at the sandbox's company.
func ofTheCompany(text string) string {
	for _, person := range sandbox.Persons() {
		if strings.Contains(text, person) {
			return person
		}
	}
	return ""
}

// sample is one series of a scrape. Labels without a value are left out.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// scrape is what /metrics says, without histograms.
type scrape []sample

func parse(t *testing.T, text string) scrape {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse /metrics: %v", err)
	}
	var all scrape
	for name, family := range families {
		for _, m := range family.GetMetric() {
			s := sample{name: name, labels: map[string]string{}}
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					s.labels[l.GetName()] = l.GetValue()
				}
			}
			switch {
			case m.GetGauge() != nil:
				s.value = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				s.value = m.GetCounter().GetValue()
			default:
				continue
			}
			all = append(all, s)
		}
	}
	return all
}

// scrape reads /metrics.
func (r *running) scrape() scrape {
	r.t.Helper()
	_, text := r.get("/metrics")
	return parse(r.t, text)
}

// labels makes a set of labels of names and values in turn. Empty values stand
// for labels that are not there.
func labels(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
}

// with returns the series of a family that have these labels, and maybe more.
func (s scrape) with(name string, pairs ...string) scrape {
	want := labels(pairs...)
	var found scrape
	for _, x := range s {
		has := x.name == name
		for k, v := range want {
			has = has && x.labels[k] == v
		}
		if has {
			found = append(found, x)
		}
	}
	return found
}

// value returns the series with exactly these labels.
func (s scrape) value(name string, pairs ...string) (float64, bool) {
	want := labels(pairs...)
	for _, x := range s {
		if x.name == name && maps.Equal(x.labels, want) {
			return x.value, true
		}
	}
	return 0, false
}

func (s scrape) sum() float64 {
	total := 0.0
	for _, x := range s {
		total += x.value
	}
	return total
}

// business returns the series that are computed from tickets, as sorted lines:
// what must be equal whenever facts and rules are equal. Intervals also depend
// on when the history was last looked at.
func (s scrape) business() []string {
	return s.lines(func(name string) bool {
		return businessFamily.MatchString(name) && !strings.HasSuffix(name, "_total") && name != "alignd_tickets_missing" && !isLimit(name)
	})
}

func isLimit(name string) bool {
	return strings.HasSuffix(name, "_lower_ratio") || strings.HasSuffix(name, "_upper_ratio")
}

// lines returns the series of some families, sorted.
func (s scrape) lines(is func(name string) bool) []string {
	var lines []string
	for _, x := range s {
		if !is(x.name) {
			continue
		}
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(x.labels)) {
			pairs = append(pairs, fmt.Sprintf("%s=%q", k, x.labels[k]))
		}
		lines = append(lines, fmt.Sprintf("%s{%s} %v", x.name, strings.Join(pairs, ","), x.value))
	}
	slices.Sort(lines)
	return lines
}

var businessFamily = regexp.MustCompile(`^alignd_(work|active|share|goal|target|tickets|rules?)(_|$)`)
