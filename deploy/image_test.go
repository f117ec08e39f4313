package deploy_test

import (
	"strings"
	"testing"
)

// TestImageContext finds folders that the build of the image needs and does not
// get. That the image is right is what deploy/image-test says.
func TestImageContext(t *testing.T) {
	ignore := read(t, "../.dockerignore")
	packages := strings.Fields(run(t, "..", "go", "list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}`, "./cmd/alignd"))
	if len(packages) < 10 {
		t.Fatalf("alignd is made of %v only", packages)
	}
	for file := range strings.FieldsSeq(run(t, "..", "go", "list", "-f", `{{range .EmbedFiles}}{{$.ImportPath}}/{{.}} {{end}}`, "./...")) {
		if strings.Contains(file, "/testdata/") || strings.HasSuffix(file, "_test.go") {
			t.Errorf(".dockerignore leaves out %s, which is embedded", file)
		}
	}
	for _, p := range packages {
		folder := strings.Split(p, "/")[1]
		if !strings.Contains(ignore, "\n!"+folder+"\n") {
			t.Errorf(".dockerignore leaves out %s, which alignd needs", folder)
		}
	}
}
