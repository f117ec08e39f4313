package schematest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// comment is what the source says of a type or a field.
type comment struct {
	text  string         // for people, one line
	extra map[string]any // from lines of the form //schema:json {...}
}

// comments are the comments of one package: of types under "Type", of fields
// under "Type.Field".
type comments map[string]comment

const directive = "//schema:json "

// source finds comments by type, reading each package once.
type source struct {
	t    *testing.T
	root string // of the module
	read map[string]comments
}

func newSource(t *testing.T) *source {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return &source{t, root, map[string]comments{}}
		}
		if root == filepath.Dir(root) {
			t.Fatal("there is no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
}

// of returns the comment of a type, or of one of its fields.
func (s *source) of(t reflect.Type, field string) comment {
	_, dir, ours := strings.Cut(t.PkgPath(), "/")
	if !ours || !strings.HasPrefix(t.PkgPath(), "alignd/") {
		return comment{}
	}
	if s.read[dir] == nil {
		s.read[dir] = s.parse(filepath.Join(s.root, filepath.FromSlash(dir)))
	}
	name := t.Name()
	if field != "" {
		name += "." + field
	}
	return s.read[dir][name]
}

func (s *source) parse(dir string) comments {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		s.t.Fatal(err)
	}
	found := comments{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if types, ok := decl.(*ast.GenDecl); ok && types.Tok == token.TYPE {
				s.types(found, types)
			}
		}
	}
	return found
}

func (s *source) types(found comments, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		typ := spec.(*ast.TypeSpec)
		found[typ.Name.Name] = s.comment(typ.Name.Name, decl.Doc, typ.Doc)
		body, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range body.Fields.List {
			for _, name := range f.Names {
				at := typ.Name.Name + "." + name.Name
				found[at] = s.comment(at, f.Doc, f.Comment)
			}
		}
	}
}

func (s *source) comment(at string, groups ...*ast.CommentGroup) comment {
	out := comment{extra: map[string]any{}}
	var words []string
	for _, g := range groups {
		if g == nil {
			continue
		}
		words = append(words, strings.Fields(g.Text())...)
		for _, line := range g.List {
			if text, ok := strings.CutPrefix(line.Text, directive); ok {
				if err := json.Unmarshal([]byte(text), &out.extra); err != nil {
					s.t.Errorf("%s: %s: %v", at, line.Text, err)
				}
			}
		}
	}
	out.text = strings.Join(words, " ")
	return out
}
