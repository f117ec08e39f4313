package yamlfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"alignd/yamlfile"
)

type common struct {
	Name string `yaml:"name"`
}

type file struct {
	common `yaml:",inline"`
	Count  int               `yaml:"count"`
	Small  uint8             `yaml:"small"`
	Rate   float64           `yaml:"rate"`
	On     bool              `yaml:"on"`
	Every  time.Duration     `yaml:"every"`
	Day    day               `yaml:"day"`
	Flex   flex              `yaml:"flex"`
	Labels []string          `yaml:"labels"`
	Parts  []part            `yaml:"parts"`
	Owns   map[string]keys   `yaml:"owns"`
	Words  map[string]string `yaml:"words"`
	Extra  *part             `yaml:"extra"`
	Common common            `yaml:"common"`
	None   []part            `yaml:"none"`
	Scores scores            `yaml:"scores"`
	hidden string
}

type keys []string

type scores map[string]int

func (scores) Example() string { return "{checkout: 2}" }

type part struct {
	ID    string `yaml:"id"`
	Parts []struct {
		Inner common `yaml:"inner"`
	} `yaml:"parts"`
	When *struct {
		Labels struct {
			Any []string `yaml:"any"`
		} `yaml:"labels"`
	} `yaml:"when"`
}

func (part) ExplainKey(key string) (string, bool) {
	return "parts have no owner", key == "owner"
}

type day struct{ string }

func (d *day) UnmarshalText(b []byte) error {
	if _, err := time.Parse(time.DateOnly, string(b)); err != nil {
		return fmt.Errorf("%s is no date", b)
	}
	d.string = string(b)
	return nil
}

// flex is one number or a list of parts.
type flex struct {
	Number int
	Parts  []part
}

func (f *flex) UnmarshalYAMLNode(n *yaml.Node, report func(path, format string, args ...any), path string) {
	if n.Kind == yaml.SequenceNode {
		yamlfile.DecodeNode(n, report, path, &f.Parts)
		return
	}
	yamlfile.DecodeNode(n, report, path, &f.Number)
}

func TestDecode(t *testing.T) {
	const text = `# a comment
name: one
count: -3
small: 255
rate: 0.5
on: true
every: 90s
day: 2026-02-28
labels: [a, "null", 1, true, "", ",", '~', 2026-01-01]
parts:
  - &p {id: x, when: {labels: {any: single}}}
  - *p
owns: {jira: [A, B], "my.jira": C}
flex: [{id: y}]
common:
none: ~
`
	got := file{hidden: "kept", Words: map[string]string{"default": "kept"}, Extra: &part{ID: "kept"}, None: []part{{ID: "kept"}}}
	doc := yamlfile.Decode("f.yml", []byte(text), &got)
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	if len(got.Parts) != 2 || got.Parts[1].When.Labels.Any[0] != "single" {
		t.Errorf("parts = %+v", got.Parts)
	}
	got.Parts = nil
	want := file{
		common: common{"one"}, Count: -3, Small: 255, Rate: 0.5, On: true, Every: 90 * time.Second,
		Day: day{"2026-02-28"}, Flex: flex{Parts: []part{{ID: "y"}}},
		Labels: []string{"a", "null", "1", "true", "", ",", "~", "2026-01-01"},
		Owns:   map[string]keys{"jira": {"A", "B"}, "my.jira": {"C"}},
		None:   []part{{ID: "kept"}},
		Words:  map[string]string{"default": "kept"}, Extra: &part{ID: "kept"}, hidden: "kept",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(file{}, day{}, common{})); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "parts:\n  - when:\n      lables: {any: [a]}\n", "f.yml:3:7: parts[0].when.lables: unknown key lables; did you mean labels? allowed: labels"},
		{"unknown key without near miss", "frobnicate: 1", "f.yml:1:1: frobnicate: unknown key frobnicate; allowed: name, count, small, rate, on, every, day, flex, labels, parts, owns, words, extra, common, none, scores"},
		{"explained key", "parts: [{owner: x}]", "f.yml:1:10: parts[0].owner: parts have no owner"},
		{"inline struct keeps its keys", "naem: x\nname: [y]", "f.yml:1:1: naem: unknown key naem; did you mean name? allowed: name, count, small, rate, on, every, day, flex, labels, parts, owns, words, extra, common, none, scores\nf.yml:2:1: name: must be a text; found a list"},
		{"wrong types", "count: 1.5\nsmall: 256\nrate: .nan\non: yes\nevery: 5\nlabels: {a: b}\nparts: x\nowns: [x]\nextra: x\n", `
f.yml:1:1: count: must be a whole number; found 1.5
f.yml:2:1: small: must be a whole number, 0 or more; found 256
f.yml:3:1: rate: must be a number; found .nan
f.yml:4:1: on: must be true or false; found the text "yes"
f.yml:5:1: every: must be a duration such as 30s, 5m or 24h; found 5
f.yml:6:1: labels: must be a list, one element per line beginning with "- "; found keys with values
f.yml:7:1: parts: must be a list, one element per line beginning with "- "; found the text "x"
f.yml:8:1: owns: must be lines of "key: value"; found a list
f.yml:9:1: extra: must be lines of "key: value" (id, parts, when); found the text "x"`},
		{"address with a password", "extra: redis://:s3cret@h:1", `f.yml:1:1: extra: must be lines of "key: value" (id, parts, when); found the text "redis://…@h:1"`},
		{"quoted number", `count: "3"`, `f.yml:1:1: count: must be a whole number; found the text "3"`},
		{"text unmarshaler", "day: 2026-02-30", "f.yml:1:1: day: 2026-02-30 is no date"},
		{"node unmarshaler", "flex: [{idd: x}]", "f.yml:1:9: flex[0].idd: unknown key idd; did you mean id? allowed: id, parts, when"},
		{"no value", "name:\nday:\nlabels:\n  - a\n  -\n", `
f.yml:1:1: name: has no value; write a text or remove the key
f.yml:2:1: day: has no value; write one value or remove the key
f.yml:5:4: labels[1]: has no value; write a text or remove the key`},
		{"no value for anything else", "count: ~\nlabels:\nflex:\nowns:\nwords: {a: ~}\nextra:\nscores: null\n", `
f.yml:1:1: count: has no value, which is what ~ stands for; write a whole number or remove the key
f.yml:2:1: labels: has no value; write one value or remove the key
f.yml:3:1: flex: has no value; write one value or remove the key
f.yml:4:1: owns: has no value; write lines of "key: value" or remove the key
f.yml:5:9: words.a: has no value, which is what ~ stands for; write a text or remove the key (if the word is meant, put it in quotes)
f.yml:6:1: extra: has no value; write lines of "key: value" or remove the key
f.yml:7:1: scores: has no value, which is what null stands for; write lines of "key: value" or remove the key`},
		{"no value in a list", "labels: [a, null]", `f.yml:1:13: labels[1]: has no value, which is what null stands for; write a text or remove the key (if the word is meant, put it in quotes)`},
		{"no value below a list", "parts:\n  - id: x\n    when:\n  - when: {labels: }\n  - parts:\n      - inner:\n  -\n", `
f.yml:3:5: parts[0].when: has no value; write lines of "key: value" or remove the key
f.yml:4:12: parts[1].when.labels: has no value; write lines of "key: value" or remove the key
f.yml:6:9: parts[2].parts[0].inner: has no value; write lines of "key: value" or remove the key`},
		{"map with an example", "scores: [checkout]", `f.yml:1:1: scores: must be lines of "key: value", such as {checkout: 2}; found a list`},
		{"path with odd keys", `owns: {"my.jira": {a: b}}`, `f.yml:1:8: owns["my.jira"]: must be a list, one element per line beginning with "- "; found keys with values`},
		{"duplicate key", "name: a\ncount: 1\nname: b\n", "f.yml:1:1: name: is given twice, here and on line 3; keep one of them"},
		{"merge key", "parts:\n  - &a {id: x}\n  - {<<: *a}\n", "f.yml:3:5: parts[1]: line 3: merge keys (<<) are not supported; write the keys out"},
		{"tag", "count: !!int 3", "f.yml:1:1: count: tags such as !!int are not allowed; remove it"},
		{"key is a list", "[a]: b", "f.yml:1:1: line 1: a key must be a plain text"},
		{"root is a list", "- a\n", "f.yml:1:1: must be lines of \"key: value\" (name, count, small, rate, on, every, day, flex, labels, parts, owns, words, extra, common, none, scores); found a list"},
		{"empty", "", "f.yml: the file is empty"},
		{"only comments", "# nothing\n\n", "f.yml: the file is empty"},
		{"only a marker", "---\n", "f.yml: the file is empty"},
		{"several documents", "name: a\n---\nname: b\n", "f.yml:2:1: the file holds several documents; remove the line --- that begins the next one"},
		{"tabs", "parts:\n\t- id: x\n  \t- id: y\n", "f.yml:2:1: this line is indented with a tab; use spaces\nf.yml:3:3: this line is indented with a tab; use spaces"},
		{"colon in text", "name: a\ncount: b: c\n", "f.yml:2:1: a \": \" stands where none is expected; check the spaces at the beginning of this line, or put the text in quotes"},
		{"bad indent", "parts:\n  - id: x\n   when: y\n", "f.yml:3:4: this line does not fit the list above; elements begin with \"- \", all with the same number of spaces before it"},
		{"key without colon", "name: a\ncount\nrate: 1\n", "f.yml:2:1: a key needs \": \" and a value after it"},
		{"glob without quotes", "name: a\nlabels: [*-checkout]\n", "f.yml:2:1: a text that begins with * or & must be in quotes, such as \"*-checkout\""},
		{"star without quotes", "name: a\nlabels: [*]\n", "f.yml:2:1: a text that begins with * or & must be in quotes, such as \"*-checkout\""},
		{"at sign", "name: a\nlabels: [@x]\n", "f.yml:2:1: a text cannot begin with this character (such as @, ` or %); put it in quotes"},
		{"open quote", "name: a\nlabels: [\"x]\n", "f.yml:2:1: a quoted text has no closing quote"},
		{"open quote up to the end", "count: 1\nname: \"a\nrate: 1\nparts:\n", "f.yml:2:1: a quoted text has no closing quote"},
		{"open quote, closed by the next one", "name: \"Möbile\ncount: 1\nlabels: [\"x\", \"y\"]\n", "f.yml:1:7: the quote that opens here is not closed on this line, so what follows is taken for its text, up to line 3"},
		{"open quote in braces", "parts:\n  - {id: 'a}\n  - {id: 'b'}\n", "f.yml:2:10: the quote that opens here is not closed on this line, so what follows is taken for its text, up to line 3"},
		{"open quote with another mistake", "name: \"a\ncount: \"1\"\nrate: b: c\n", "f.yml:1:7: the quote that opens here is not closed on this line, so what follows is taken for its text, up to line 2"},
		{"text of two lines is no open quote", "name: \"a\n  b\"\ncount: b: c\n", "f.yml:3:1: a \": \" stands where none is expected; check the spaces at the beginning of this line, or put the text in quotes"},
		{"apostrophe is no quote", "name: it's\ncount: b: c\n", "f.yml:2:1: a \": \" stands where none is expected; check the spaces at the beginning of this line, or put the text in quotes"},
		{"merge", "name: a\n<<<<<<< HEAD\ncount: 1\n=======\ncount: 2\n>>>>>>> other\n", `
f.yml:2:1: a merge left this mark, as two people changed the same lines; keep one of both versions and remove the lines of <<<<<<<, ======= and >>>>>>>
f.yml:4:1: a merge left this mark, as two people changed the same lines; keep one of both versions and remove the lines of <<<<<<<, ======= and >>>>>>>
f.yml:6:1: a merge left this mark, as two people changed the same lines; keep one of both versions and remove the lines of <<<<<<<, ======= and >>>>>>>`},
		{"open list", "name: a\nlabels: [x\ncount: 1\n", "f.yml:2:1: a list that begins with [ needs \", \" between its elements and a ] at its end"},
		{"not UTF-8", "name: \xff\n", "f.yml:1:1: the file is not UTF-8; save it as UTF-8"},
		{"UTF-16, little end first", "\xff\xfen\x00a\x00m\x00e\x00", "f.yml: the file is UTF-16; save it as UTF-8"},
		{"UTF-16, big end first", "\xfe\xff\x00n\x00a\x00m\x00e", "f.yml: the file is UTF-16; save it as UTF-8"},
		{"UTF-16 that does not say so", "n\x00a\x00m\x00e\x00", "f.yml:1:1: the file holds characters that are no text; save it as UTF-8"},
		{"binary", "\x00\x01", "f.yml:1:1: the file holds characters that are no text; save it as UTF-8"},
		{"anchor in itself", "parts: &a [*a]\n", "f.yml:1:8: the anchor &a contains itself"},
		{"nothing in a list of parts", "parts: [x]", `f.yml:1:9: parts[0]: must be lines of "key: value" (id, parts, when); found the text "x"`},
		{"one part is no list of parts", "parts: {id: x}", `f.yml:1:1: parts: must be a list, one element per line beginning with "- "; found keys with values`},
		{"number without a value", "count:\nwords: {a: [x], b: }", "f.yml:1:1: count: has no value; write a whole number or remove the key\nf.yml:2:9: words.a: must be a text; found a list\nf.yml:2:17: words.b: has no value; write a text or remove the key"},
		{"long text", "count: " + strings.Repeat("ä", 99), `f.yml:1:1: count: must be a whole number; found the text "` + strings.Repeat("ä", 60) + `..."`},
		{"long near miss", "parts: [{" + strings.Repeat("i", 200) + ": x}]", "f.yml:1:10: parts[0]." + strings.Repeat("i", 200) + ": unknown key " + strings.Repeat("i", 60) + "...; allowed: id, parts, when"},
		{"tab in quotes is fine", "name: \"a\n\tb\"\ncount: x\n", `f.yml:3:1: count: must be a whole number; found the text "x"`},
		{"broken second document", "name: a\n---\n\"x", "f.yml:3:1: a quoted text has no closing quote"},
		{"too large", strings.Repeat("#", 2<<20), "f.yml: the file is larger than 1 MiB"},
		{"deep", strings.Repeat("[", 200) + strings.Repeat("]", 200), "f.yml:1:102: lists and keys are nested too deep"},
		{"too deep for the parser", strings.Repeat("[", 20_000), "f.yml:1:1: lists and keys are nested too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got file
			err := yamlfile.Decode("f.yml", []byte(tt.text), &got).Err()
			if diff := cmp.Diff(strings.TrimSpace(tt.want), fmt.Sprint(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBillionLaughs(t *testing.T) {
	var b strings.Builder
	b.WriteString("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	var got map[string]any
	err := yamlfile.Decode("f.yml", []byte(b.String()), &got).Err()
	want := "f.yml:1:1: aliases (*name) blow the file up to more than 200000 values; write them out"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestProblemf(t *testing.T) {
	const text = "name: a\nparts:\n  - id: x\n    when:\n      labels: {any: [b]}\n  - nme: y\nowns: {\"my.jira\": [A]}\n"
	var got file
	doc := yamlfile.Decode("f.yml", []byte(text), &got)
	for _, path := range []string{
		"", "name", "nowhere.at[3]", "parts[0]", "parts[0].id", "parts[0].when.labels.any[0]", "parts[0].when.title",
		"parts[7].id", "parts[1].id", "parts[1]", yamlfile.Join("owns", "my.jira") + "[0]",
	} {
		doc.Problemf(path, "is %s", "wrong")
	}
	want := `
f.yml:1:1: name: is wrong
f.yml:1:1: nowhere.at[3]: is wrong
f.yml:2:1: parts[7].id: is wrong
f.yml:3:5: parts[0]: is wrong
f.yml:3:5: parts[0].id: is wrong
f.yml:4:5: parts[0].when.title: is wrong
f.yml:5:22: parts[0].when.labels.any[0]: is wrong
f.yml:6:5: parts[1].nme: unknown key nme; allowed: id, parts, when
f.yml:6:5: parts[1].id: is wrong
f.yml:7:20: owns["my.jira"][0]: is wrong`
	if diff := cmp.Diff(strings.TrimSpace(want), fmt.Sprint(doc.Err())); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"labels", "linear_project", "goal", "goals", "on"}
	tests := []struct{ word, want string }{
		{"lables", "did you mean labels? "},
		{"Label", "did you mean labels? "},
		{"linearProject", "did you mean linear_project? "},
		{"linear project", "did you mean linear_project? "},
		{"gaol", "did you mean goal? "},
		{"goals2", "did you mean goals? "},
		{"no", "did you mean on? "},
		{"xy", ""},
		{"label_group", ""},
		{"", ""},
		{strings.Repeat("l", 1_000_000), ""},
	}
	for _, tt := range tests {
		if got := yamlfile.DidYouMean(tt.word, known); got != tt.want {
			t.Errorf("DidYouMean(%.20q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestProblemfOnUnreadableFile(t *testing.T) {
	var got file
	doc := yamlfile.Decode("f.yml", []byte("a: [\n"), &got)
	before := doc.Err()
	doc.Problemf("name", "is missing")
	if diff := cmp.Diff(before, doc.Err()); diff != "" {
		t.Errorf("problems (-before +after):\n%s", diff)
	}
}

func TestManyMistakes(t *testing.T) {
	var got file
	err := yamlfile.Decode("f.yml", []byte("labels:\n"+strings.Repeat("  - []\n", 100_000)), &got).Err()
	var problems yamlfile.Problems
	if !errors.As(err, &problems) || len(problems) != 201 {
		t.Fatalf("got %d problems, want 201", len(problems))
	}
	if want := "f.yml: 99800 more mistakes are not shown"; problems[200].Error() != want {
		t.Errorf("last problem = %q, want %q", problems[200], want)
	}
	var single yamlfile.Problem
	if !errors.As(err, &single) || single.Path != "labels[0]" {
		t.Errorf("first problem = %+v", single)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"name: a\nparts:\n  - &p {id: x, when: {labels: {any: [a]}}}\n  - *p\n", "a: &a [*a]", "{<<: 1, 2: 3, [4]: 5}",
		"\t- x", "flex: 5\nflex: [{id: 3}]", "words: {\"\": \"\", a.b: c}", "--- 1\n--- 2\n", "!!binary x: |\n  y",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got file
		doc := yamlfile.Decode("f.yml", data, &got)
		doc.Problemf("parts[0].when.labels.any[1]", "is wrong")
		if err := doc.Err(); err == nil || err.Error() == "" {
			t.Error("the mistake is lost")
		}
	})
}
