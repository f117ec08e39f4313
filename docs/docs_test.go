// Package docs_test holds the documents to what the code does.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
	"alignd/mapping"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unique returns the first group of all matches, sorted.
func unique(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestMetricTable(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "../README.md"), "## Metrics")
	table, _, _ = strings.Cut(table, "## Read on")
	want := unique(`= "(alignd_\w+)"`, read(t, "../metrics/names.go"))
	got := unique("`(alignd_\\w+)`", table)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics of metrics/names.go and of the table in README differ (-want +got):\n%s", diff)
	}
}

func TestMetricsInTexts(t *testing.T) {
	known := unique(`= "(alignd_\w+)"`, read(t, "../metrics/names.go"))
	for _, file := range documents(t) {
		for _, name := range unique(`\b(alignd_\w+)`, read(t, file)) {
			if !slices.Contains(known, name) {
				t.Errorf("%s speaks of %s, which does not exist", file, name)
			}
		}
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestLinks(t *testing.T) {
	for _, file := range documents(t) {
		for _, link := range unique(`\]\(([^)#]+)\)`, read(t, file)) {
			if strings.Contains(link, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(link))); err != nil {
				t.Errorf("%s links to %s, which does not exist", file, link)
			}
		}
	}
}

func examples(t *testing.T, file string) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, file), -1) {
		all = append(all, m[1])
	}
	return all
}

func TestMappingExamples(t *testing.T) {
	for i, example := range examples(t, "product-ops.md") {
		rules, err := mapping.Parse("example.yml", []byte(example))
		if err != nil {
			t.Errorf("%v\n%s", err, example)
			continue
		}
		// Readers begin with the first one.
		if noticed := append(rules.Warnings(), rules.Today(rules.Period().From)...); i == 0 && len(noticed) > 0 {
			t.Errorf("warnings: %v\n%s", noticed, example)
		}
	}
}

func TestReadmePair(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	pair := examples(t, "../README.md")
	write("alignd.yml", pair[0])
	write("mapping.yml", pair[1])
	write("secrets/jira", "token")
	write("secrets/linear", "key")
	cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("the pair of README has warnings: %v", cfg.Warnings)
	}
}

func TestMappingKeys(t *testing.T) {
	text := read(t, "product-ops.md")
	for _, key := range keys(reflect.TypeFor[mapping.Config]()) {
		if !strings.Contains(text, "`"+key+"`") && !strings.Contains(text, "`"+key+":") {
			t.Errorf("product-ops.md does not explain %s", key)
		}
	}
}

// keys returns the YAML keys of a struct and everything below it.
func keys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var all []string
	for f := range t.Fields() {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
			all = append(all, key)
			all = append(all, keys(f.Type)...)
		}
	}
	return all
}

func TestJiraFields(t *testing.T) {
	_, list, _ := strings.Cut(read(t, "../connectors/jira/catalog.go"), "var ticketFields = []string{")
	list, _, _ = strings.Cut(list, "}")
	fields := unique(`"(\w+)"`, list)
	if len(fields) == 0 {
		t.Fatal("the fields that are asked for were not found in the code")
	}
	text := read(t, "privacy.md")
	for _, f := range fields {
		if !strings.Contains(text, "`"+f+"`") {
			t.Errorf("privacy.md does not say that %s is asked for", f)
		}
	}
}

func TestLinearFields(t *testing.T) {
	text := read(t, "privacy.md")
	for _, f := range linearFields(t) {
		if !strings.Contains(text, "`"+f+"`") {
			t.Errorf("privacy.md does not say that %s is asked for", f)
		}
	}
}

// linearFields returns the names of all fields of the structs that queries are
// written from.
func linearFields(t *testing.T) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash("../connectors/linear/query.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !strings.HasPrefix(spec.Name.Name, "wire") {
			return true
		}
		if body, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range body.Fields.List {
				for _, name := range f.Names {
					all = append(all, graphQLName(name.Name))
				}
			}
		}
		return false
	})
	if len(all) == 0 {
		t.Fatal("the fields that are asked for were not found in the code")
	}
	return all
}

func graphQLName(field string) string {
	field = strings.ReplaceAll(field, "ID", "Id")
	return strings.ToLower(field[:1]) + field[1:]
}
