// Package contracttest checks in tests that what alignd sends to a tracker,
// and what a fake tracker answers, is what the tracker's published contract
// allows.
package contracttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var errAbsent = errors.New("optional shared test data is absent")

// readContract reads a file of the contracts beside the module, which are not
// part of it. It returns errAbsent if they are not there.
func readContract(name string) ([]byte, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "..", "shared", "contracts", name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", errAbsent, name)
	}
	return data, err
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

func failInCI(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
}
