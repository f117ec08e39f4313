package contracttest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of a file of the optional shared test data. Where it
// is absent the test is skipped, or fails under CI.
func Shared(t testing.TB, name string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		failInCI(t, err)
		t.Skipf("optional shared test data is absent: %s", name)
	}
	return path
}
