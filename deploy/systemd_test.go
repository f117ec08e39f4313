package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnit has systemd read the unit. systemd is not a package that the tests
// install: containers have none.
func TestUnit(t *testing.T) {
	analyze := optional(t, "systemd-analyze")
	dir := t.TempDir()
	unit := filepath.Join(dir, "alignd.service")
	text := strings.ReplaceAll(read(t, "systemd/alignd.service"), "/usr/local/bin/alignd", "/bin/true")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, dir, analyze, "verify", unit); strings.Contains(out, "alignd.service") {
		t.Errorf("systemd has objections:\n%s", out)
	}
	run(t, dir, analyze, "security", "--offline=yes", "--threshold=20", unit)
}

// TestUnitIsHardened holds without systemd too.
func TestUnitIsHardened(t *testing.T) {
	unit := read(t, "systemd/alignd.service")
	for _, line := range []string{
		"DynamicUser=yes", "StateDirectory=alignd", "ProtectSystem=strict", "ProtectHome=yes", "NoNewPrivileges=yes",
		"PrivateTmp=yes", "PrivateDevices=yes", "CapabilityBoundingSet=", "MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service",
		"EnvironmentFile=-/etc/default/alignd",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	environment := read(t, "systemd/alignd.env")
	for _, name := range find(`\$(ALIGND_\w+)`, unit) {
		if !strings.Contains(environment, "\n"+name+"=") {
			t.Errorf("alignd.env does not set %s", name)
		}
	}
}
