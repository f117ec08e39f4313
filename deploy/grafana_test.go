package deploy_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the dashboards and golden files")

// dashboard is what the tests look at in Grafana's JSON.
type dashboard struct {
	UID, Title, Description string
	SchemaVersion           int
	Panels                  []panel
	Templating              struct{ List []variable }
	Annotations             struct{ List []annotation }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               *source
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		RefID      string
		Datasource source
		Expr       string
		Instant    bool
		Range      bool
	}
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Thresholds    struct{ Steps []struct{ Color string } }
		}
	}
}

type source struct{ Type, UID string }

type variable struct {
	Name, Label, Description, Type string
	Datasource                     *source
	Query                          json.RawMessage
	IncludeAll                     bool
	AllValue                       string
}

type annotation struct {
	Name, Expr string
	Datasource source
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	if len(all) != 4 {
		t.Fatalf("there are %d dashboards, want 4", len(all))
	}
	return all
}

func TestDashboardsAreWritten(t *testing.T) {
	dir := t.TempDir()
	if *update {
		dir = "grafana/dashboards"
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "..", "go", "run", "./deploy/grafana", abs)
	written, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range written {
		want := read(t, filepath.Join(dir, file.Name()))
		if diff := cmp.Diff(want, read(t, "grafana/dashboards/"+file.Name())); diff != "" {
			t.Errorf("%s is not what deploy/grafana writes; run the tests with -update (-want +got):\n%s", file.Name(), diff)
		}
	}
}

func TestDashboardRules(t *testing.T) {
	uids := map[string]bool{}
	for file, d := range dashboards(t) {
		if d.UID+".json" != file || uids[d.UID] || len(d.UID) > 40 {
			t.Errorf("%s: the uid %q must be unique, short, and the name of the file", file, d.UID)
		}
		uids[d.UID] = true
		if d.Title == "" || d.Description == "" || d.SchemaVersion < 36 {
			t.Errorf("%s needs a title, a description and a schema version", file)
		}
		if len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" || d.Templating.List[0].Type != "datasource" {
			t.Errorf("%s: the first variable must choose the data source", file)
		}
		for _, v := range d.Templating.List {
			if v.Label == "" || v.Description == "" {
				t.Errorf("%s: variable %s needs a label and a description", file, v.Name)
			}
			if v.Type == "query" && (v.Datasource == nil || *v.Datasource != chosenSource) {
				t.Errorf("%s: variable %s must ask the chosen data source", file, v.Name)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Datasource != chosenSource {
				t.Errorf("%s: annotation %s must ask the chosen data source", file, a.Name)
			}
		}
		checkPanels(t, file, d)
		checkVariablesAreUsed(t, file, d)
	}
}

var chosenSource = source{"prometheus", "${datasource}"}

func checkPanels(t *testing.T, file string, d dashboard) {
	t.Helper()
	ids, titles := map[int]bool{}, map[string]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID <= 0 || ids[p.ID] || titles[p.Title] {
			t.Errorf("%s: panel %q has no id or title of its own", file, p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
			t.Errorf("%s: panel %q needs a title, a description, a unit and a word for no data", file, p.Title)
		}
		if len(p.FieldConfig.Defaults.Thresholds.Steps) != 1 {
			t.Errorf("%s: panel %q judges by thresholds", file, p.Title)
		}
		if (p.Type == "text") != (len(p.Targets) == 0) {
			t.Errorf("%s: panel %q of type %s has %d queries", file, p.Title, p.Type, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.Datasource != chosenSource || refs[q.RefID] || q.Instant == q.Range {
				t.Errorf("%s: query %s of panel %q: data source, letter or kind is wrong", file, q.RefID, p.Title)
			}
			refs[q.RefID] = true
			if !strings.Contains(q.Expr, `job="$job"`) {
				t.Errorf("%s: panel %q mixes installations: %s", file, p.Title, q.Expr)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s: panel %q lies over %q or beyond the edge", file, p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func checkVariablesAreUsed(t *testing.T, file string, d dashboard) {
	t.Helper()
	var used []string
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			used = append(used, find(`\$\{?(\w+)`, q.Expr)...)
		}
	}
	for _, v := range d.Templating.List[1:] {
		if !slices.Contains(used, v.Name) {
			t.Errorf("%s: variable %s is not used", file, v.Name)
		}
		used = slices.DeleteFunc(used, func(name string) bool { return name == v.Name })
	}
	used = slices.DeleteFunc(used, func(name string) bool { return strings.HasPrefix(name, "__") })
	if len(used) > 0 {
		t.Errorf("%s: variables %v do not exist", file, used)
	}
}

// TestDashboardsJudgeNobody: no colours of right and wrong, no ranking, and a
// share never stands without how much it rests on.
func TestDashboardsJudgeNobody(t *testing.T) {
	for file, d := range dashboards(t) {
		text := read(t, "grafana/dashboards/"+file)
		if bad := find(`(?i)("[^"]*(?:red|green|yellow|orange|GrYlRd|RdYlGr)[^"]*")`, strings.Join(find(`(?i)"(?:color|fixedColor|iconColor|mode)": ("[^"]+")`, text), "\n")); len(bad) > 0 {
			t.Errorf("%s has colours that judge: %v", file, bad)
		}
		for _, colour := range find(`"(#[0-9a-f]{6})"`, text) {
			if saturatedRedOrGreen(colour) {
				t.Errorf("%s: %s is a red or a green", file, colour)
			}
		}
		if bad := find(`\b(topk|bottomk|sort|sort_desc)\s*\(`, text); len(bad) > 0 {
			t.Errorf("%s ranks: %v", file, bad)
		}
		if strings.Contains(text, "alignd_share_ratio") &&
			(!strings.Contains(text, "alignd_share_effective_tickets") || !strings.Contains(text, "alignd_share_lower_ratio") || !strings.Contains(text, notEnough)) {
			t.Errorf("%s shows shares without what they rest on", file)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if regexp.MustCompile(`by \(team\)`).MatchString(q.Expr) {
					t.Errorf("%s: panel %q sets teams side by side", file, p.Title)
				}
			}
		}
	}
}

const notEnough = "not enough data"

// saturatedRedOrGreen is true of colours that have much more red, or much more
// green, than anything else.
func saturatedRedOrGreen(hex string) bool {
	var c [3]int
	for i := range c {
		for _, digit := range hex[1+2*i : 3+2*i] {
			c[i] = c[i]*16 + strings.IndexRune("0123456789abcdef", digit)
		}
	}
	return c[0] > max(c[1], c[2])+60 || c[1] > max(c[0], c[2])+60
}
