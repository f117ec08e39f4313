package linear_test

import "testing"

// skipIfShort leaves out the exhaustive tables, which take minutes under the
// race detector and show nothing more to it.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("exhaustive, not part of the short tests")
	}
}
