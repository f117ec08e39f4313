package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/web"
)

// revised is the fixture with three revisions, of which the last is in force.
func revised(t *testing.T) *fakeSource {
	t.Helper()
	source := fixture()
	var last *mapping.Revision
	for i, change := range []string{"40%", "30%", "30%, why: <script>alert(3)</script>"} {
		rules, err := mapping.Parse("mapping.yml", []byte(strings.Replace(pastMapping, "target: 60%", "target: "+change, 1)))
		if err != nil {
			t.Fatal(err)
		}
		next, _ := mapping.NextRevision(last, rules, fixtureAt.Add(time.Duration(i-3)*24*time.Hour))
		source.revisions = append(source.revisions, next)
		last = &next
	}
	source.status.Revision = &source.revisions[2]
	return source
}

func TestRevisionPages(t *testing.T) {
	source := revised(t)
	for name, target := range map[string]string{
		"revisions.html": "/revisions",
		"revision.html":  "/revisions?id=" + source.revisions[1].Short(),
		"revisions.json": "/api/v1/revisions",
	} {
		t.Run(name, func(t *testing.T) {
			r := get(t, source, readAt, target)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("status %d, want 200", r.StatusCode)
			}
			body := text(t, r)
			if strings.Contains(r.Header.Get("Content-Type"), "html") && strings.Contains(body, "<script") {
				t.Error("foreign text is markup")
			}
			golden(t, name, pretty(t, body))
		})
	}
}

func TestRevisionTexts(t *testing.T) {
	source := revised(t)
	var got []mapping.Revision
	if err := json.Unmarshal([]byte(text(t, get(t, source, readAt, "/api/v1/revisions?mapping=true"))), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(source.revisions, got); diff != "" {
		t.Errorf("revisions with their texts (-want +got):\n%s", diff)
	}
}

func TestRevisionInForce(t *testing.T) {
	source := revised(t)
	want := "Rules of 17 November 2026, 12:40 UTC, revision <a href=\"/revisions?id=" + source.revisions[2].ID
	if body := text(t, get(t, source, readAt, "/")); !strings.Contains(body, want) {
		t.Errorf("the overview does not say %q:\n%s", want, body)
	}
}

func TestRevisionMistakes(t *testing.T) {
	none, broken := fixture(), fixture()
	broken.err = errors.New("disk on fire at /secret/path")
	for name, tc := range map[string]struct {
		source *fakeSource
		target string
		status int
		says   string
	}{
		"none on record":    {none, "/revisions", 200, "No mapping is on record yet"},
		"none in JSON":      {none, "/api/v1/revisions", 200, "[]"},
		"unknown":           {revised(t), "/revisions?id=zzz", 404, "there is no revision &#34;zzz&#34;"},
		"store fails":       {broken, "/revisions", 500, "the log says why"},
		"store fails, JSON": {broken, "/api/v1/revisions", 500, "internal"},
		"parameter":         {none, "/api/v1/revisions?texts=1", 400, "bad_parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			r := get(t, tc.source, readAt, tc.target)
			body := text(t, r)
			if r.StatusCode != tc.status || !strings.Contains(body, tc.says) || strings.Contains(body, "/secret/path") {
				t.Errorf("got %d, want %d and %q:\n%s", r.StatusCode, tc.status, tc.says, body)
			}
		})
	}
}

func TestRejectedFiles(t *testing.T) {
	source := fixture()
	const said = "The rules before stay in force"
	if body := text(t, get(t, source, readAt, "/")); strings.Contains(body, said) {
		t.Error("files are called wrong that are not")
	}
	source.status.Rejected = "mapping.yml:3:1: goals[0]: unknown key \"targt\"\nmapping.yml:9:1: <b>"
	body := text(t, get(t, source, readAt, "/"))
	for _, want := range []string{said, "unknown key &#34;targt&#34;\nmapping.yml:9:1: &lt;b&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("the overview does not say %q", want)
		}
	}
}

// grounded is the fixture with evidence on three months.
func grounded(effective float64) *fakeSource {
	source := fixture()
	for _, team := range []*alignment.TeamResult{&source.snap.Company, &source.snap.Teams[0]} {
		w := team.Windows[0]
		w.Name = "91d"
		w.Units[alignment.UnitTime].EffectiveTickets = effective
		team.Windows = append(slices.Clip(team.Windows), w)
		team.Evidence = &alignment.Evidence{Sweeps: 1}
		team.Evidence.Units[alignment.UnitTime] = alignment.EvidenceWork{
			Total: 1000, Depths: [6]int64{100, 350, 300, 0, 50, 200}, Swept: 120, Completed: 400, Late: 30,
		}
	}
	return source
}

func TestEvidence(t *testing.T) {
	golden(t, "evidence.html", evidenceSection(t, grounded(8)))
	for name, source := range map[string]*fakeSource{"too few tickets": grounded(4.9), "none": fixture()} {
		if got := evidenceSection(t, source); got != "" {
			t.Errorf("%s: there is a section on evidence:\n%s", name, got)
		}
	}
	var body struct {
		Company struct {
			Evidence json.RawMessage `json:"evidence"`
		} `json:"company"`
	}
	if err := json.Unmarshal([]byte(text(t, get(t, grounded(1), readAt, "/api/v1/snapshot"))), &body); err != nil {
		t.Fatal(err)
	}
	golden(t, "evidence.json", pretty(t, string(body.Company.Evidence)))
}

func evidenceSection(t *testing.T, source web.Source) string {
	t.Helper()
	_, section, found := strings.Cut(text(t, get(t, source, readAt, "/")), `<section aria-labelledby="evidence">`)
	if !found {
		return ""
	}
	section, _, _ = strings.Cut(section, "</section>")
	for _, word := range []string{"violat", "misalign", "bad ", "guilty", "assignee", "culprit", "rank"} {
		if strings.Contains(strings.ToLower(section), word) {
			t.Errorf("the section on evidence says %q", word)
		}
	}
	return section
}
