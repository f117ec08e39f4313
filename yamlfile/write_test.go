package yamlfile_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"alignd/yamlfile"
)

func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"checkout": "checkout", "Core (new)": "Core (new)", "a & b": "a & b", "bot@acme.example": "bot@acme.example",
		"y": `"y"`, "NULL": `"NULL"`, "7": `"7"`, "a, b": `"a, b"`, "x: y": `"x: y"`, "": `""`, "<b>": `"<b>"`, "-": `"-"`, "a #b": `"a #b"`,
	} {
		if got := yamlfile.Text(s); got != want {
			t.Errorf("Text(%q) = %s, want %s", s, got, want)
		}
	}
}

// Every printable text is read as it was written, alone and in brackets.
func TestTextIsReadAsWritten(t *testing.T) {
	char := rapid.OneOf(rapid.SampledFrom([]rune(`ab 1-_:#,[]{}&*!|>'"%@~?\`)), rapid.RuneFrom(nil, unicode.L, unicode.P, unicode.S, unicode.N))
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(char, 0, 12, -1).Draw(t, "text")
		var into struct {
			One  string   `yaml:"one"`
			Many []string `yaml:"many"`
		}
		doc := yamlfile.Decode("f", []byte("one: "+yamlfile.Text(s)+"\nmany: ["+yamlfile.Text(s)+", x]\n"), &into)
		if err := doc.Err(); err != nil || into.One != s || strings.Join(into.Many, "|") != s+"|x" {
			t.Fatalf("%q is written %s and read %q, %q: %v", s, yamlfile.Text(s), into.One, into.Many, err)
		}
	})
}
