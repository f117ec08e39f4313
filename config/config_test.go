package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
	"alignd/connectors"
	"alignd/yamlfile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const smallMapping = `
period: {name: 2026-Q4, from: 2026-10-01, to: 2026-12-31}
teams:
  - {id: payments, owns: {acme: [PAY]}}
goals:
  - {id: checkout, name: Checkout}
rules:
  - {name: by label, when: {labels: {any: [goal-checkout]}}, goal: checkout}
`

const smallConfig = `
connectors:
  jira:
    - name: acme
      url: https://acme.atlassian.net
      auth: {email: bot@acme.example, token_file: token}
      projects: [PAY]
`

// folder writes files into a new folder and returns it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, files map[string]string) (*config.Config, string) {
	t.Helper()
	dir := folder(t, files)
	cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg, dir
}

func TestDefaultsAndPaths(t *testing.T) {
	cfg, dir := load(t, map[string]string{"alignd.yml": smallConfig, "mapping.yml": smallMapping, "token": "abc\n"})
	got := map[string]any{
		"mapping": cfg.MappingFile, "store": cfg.Store.Path, "stale": cfg.StaleAfter, "series": cfg.MaxSeries,
		"token": cfg.Connectors.Jira[0].Auth.TokenFile, "rules": len(cfg.Rules.RuleNames()),
	}
	want := map[string]any{
		"mapping": filepath.Join(dir, "mapping.yml"), "store": filepath.Join(dir, "alignd.db"),
		"stale": connectors.Duration(24 * time.Hour), "series": 20000,
		"token": filepath.Join(dir, "token"), "rules": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	account := cfg.Accounts()[0]
	if account.Name != "acme" || account.Kind != "jira" || time.Duration(account.PollInterval) != 2*time.Minute {
		t.Errorf("account = %+v", account)
	}
}

// TestMistakes compares the messages a user will read. Each testdata/*.yml is
// an alignd.yml; a file of the same name with .mapping is its mapping.
func TestMistakes(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	t.Setenv("ALIGND_TEST_EMPTY", "")
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".yml")
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"alignd.yml": read(t, input), "mapping.yml": smallMapping, "token": "s3cret-token", "two-lines": "s3cret-a\ns3cret-b\n", "empty": "\n"}
			if own, err := os.ReadFile(filepath.Join("testdata", name+".mapping")); err == nil {
				files["mapping.yml"] = string(own)
			}
			dir := folder(t, files)
			_, err := config.Load(filepath.Join(dir, "alignd.yml"))
			if err == nil {
				t.Fatal("no mistake was found")
			}
			got := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "") + "\n"
			if strings.Contains(got, "s3cret") {
				t.Errorf("a credential is shown: %s", got)
			}
			golden(t, filepath.Join("testdata", name+".golden"), got)
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, path), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "alignd.yml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
	if _, ok := errors.AsType[yamlfile.Problems](err); ok {
		t.Errorf("a missing file is not a mistake in it: %v", err)
	}
}

// TestReference keeps reference.yml true: it loads, its values for optional
// keys are the defaults, and it shows every key there is.
func TestReference(t *testing.T) {
	reference := read(t, "reference.yml")
	mappingFile := strings.ReplaceAll(smallMapping, "acme: [PAY]", "acme: [PAY], acme-linear: [PLT]")
	cfg, dir := load(t, map[string]string{
		"alignd.yml": reference, "mapping.yml": mappingFile, "secrets/jira": "a", "secrets/linear": "b",
	})

	want := config.Default()
	got := *cfg
	got.Rules, got.Warnings = nil, nil
	got.Connectors = config.Connectors{}
	got.MappingFile = strings.TrimPrefix(got.MappingFile, dir+"/")
	got.Store.Path = strings.TrimPrefix(got.Store.Path, dir+"/")
	if got.MappingFile != want.MappingFile || got.Store != want.Store || got.StaleAfter != want.StaleAfter || got.MaxSeries != want.MaxSeries {
		t.Errorf("reference.yml shows %+v, defaults are %+v", got, want)
	}
	for _, a := range cfg.Accounts() {
		common := a.Common
		common.Name, common.IgnoreLabels = "", nil
		if diff := cmp.Diff(connectors.Common{}.WithDefaults(), common); diff != "" {
			t.Errorf("%s (-default +shown):\n%s", a.Name, diff)
		}
	}

	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		if !strings.Contains(reference, " "+key+":") && !strings.Contains(reference, "\n"+key+":") {
			t.Errorf("reference.yml does not show %s", key)
		}
	}
}

// keys returns the YAML keys of a struct type and all below it.
func keys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		return keys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var all []string
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || key == "-" {
			continue
		}
		if key != "" {
			all = append(all, key)
		}
		all = append(all, keys(f.Type)...)
	}
	return all
}

func TestSameNoticesWhatMatters(t *testing.T) {
	files := map[string]string{"alignd.yml": smallConfig, "mapping.yml": smallMapping, "token": "abc"}
	dir := folder(t, files)
	account := func(change func()) config.Account {
		t.Helper()
		change()
		cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Accounts()[0]
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := account(func() {})
	if !first.Same(account(func() { write("alignd.yml", "max_series: 500\n"+smallConfig) })) {
		t.Error("a change elsewhere counts as a change of the account")
	}
	if first.Same(account(func() { write("token", "def") })) {
		t.Error("a new credential goes unnoticed")
	}
	write("token", "abc")
	if first.Same(account(func() { write("alignd.yml", strings.Replace(smallConfig, "[PAY]", "[PAY, BILL]", 1)) })) {
		t.Error("a new scope goes unnoticed")
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	cfg, _ := load(t, map[string]string{"alignd.yml": smallConfig, "mapping.yml": smallMapping, "token": "s3cret-token"})
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(format, cfg.Accounts()); strings.Contains(text, "s3cret") {
			t.Errorf("%s shows the credential: %s", format, text)
		}
		if text := fmt.Sprintf(format, *cfg); strings.Contains(text, "s3cret") {
			t.Errorf("%s shows the credential: %s", format, text)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(smallConfig)
	f.Add("connectors: {jira: [{name: a}, {name: a}]}")
	f.Fuzz(func(t *testing.T, content string) {
		dir := folder(t, map[string]string{"alignd.yml": content})
		cfg, err := config.Load(filepath.Join(dir, "alignd.yml"))
		if (cfg == nil) == (err == nil) {
			t.Errorf("cfg = %v, err = %v", cfg, err)
		}
	})
}

// TestReview: what is not there is a warning to who only looks, and keeps
// nobody from seeing what is wrong.
func TestReview(t *testing.T) {
	dir := folder(t, map[string]string{"alignd.yml": smallConfig, "mapping.yml": smallMapping, "other.yml": "max_series: 1\n" + smallConfig})
	path := filepath.Join(dir, "alignd.yml")
	cfg, err := config.Review(path)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s:6:39: connectors.jira[0].auth.token_file: read secret: open %s: no such file or directory; alignd run refuses to start without it", path, filepath.Join(dir, "token"))
	if len(cfg.Warnings) == 0 || cfg.Warnings[0].Error() != want {
		t.Errorf("got %v, want first %s", cfg.Warnings, want)
	}
	if _, err := config.Load(path); err == nil {
		t.Error("a missing credential is nothing to run with")
	}
	if _, err := config.Review(filepath.Join(dir, "other.yml")); err == nil || !strings.Contains(err.Error(), "max_series") || strings.Contains(err.Error(), "token") {
		t.Errorf("a mistake beside a missing credential gives %v", err)
	}
}

// TestLoadAlone: the store is found although the mapping is wrong and a
// credential is missing; a mistake in the file itself is told.
func TestLoadAlone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("mapping.yml", "goals: [")
	file := "store: {path: facts.db}\nconnectors: {linear: [{name: acme, auth: {api_key_file: nowhere}}]}\n"
	cfg, err := config.LoadAlone(write("alignd.yml", file))
	if err != nil || cfg.Store.Path != filepath.Join(dir, "facts.db") {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if cfg, err := config.LoadAlone(write("store.yml", "store: {path: facts.db}\n")); err != nil || cfg.Store.Path != filepath.Join(dir, "facts.db") {
		t.Errorf("the store alone: got %+v, %v", cfg, err)
	}
	if _, err := config.LoadAlone(write("wrong.yml", file+"stor: {}\n")); err == nil || !strings.Contains(err.Error(), "unknown key stor") {
		t.Errorf("a mistake in the file gives %v", err)
	}
	if _, err := config.LoadAlone(filepath.Join(dir, "nowhere.yml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}
