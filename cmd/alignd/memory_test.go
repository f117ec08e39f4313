package main

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestMemoryLimit(t *testing.T) {
	const gigabyte = 1 << 30
	for name, tc := range map[string]struct {
		container memlimit.Provider
		env       string
		want      int64
		log       string
	}{
		"a limited container": {container: memlimit.Limit(gigabyte), want: gigabyte / 2, log: "level=INFO msg=\"Set the memory limit of the Go runtime to a part of the container's\" bytes=536870912\n"},
		"no limit":            {container: func() (uint64, error) { return 0, memlimit.ErrNoLimit }, want: math.MaxInt64},
		"no container":        {container: func() (uint64, error) { return 0, memlimit.ErrNoCgroup }, want: math.MaxInt64},
		"unreadable":          {container: func() (uint64, error) { return 0, errors.New("broken") }, want: math.MaxInt64},
		"set by hand":         {container: memlimit.Limit(gigabyte), env: "100MiB", want: math.MaxInt64}, // read by the runtime at its start only
	} {
		t.Run(name, func(t *testing.T) {
			if tc.env != "" {
				t.Setenv("GOMEMLIMIT", tc.env)
			}
			before := debug.SetMemoryLimit(math.MaxInt64)
			t.Cleanup(func() { debug.SetMemoryLimit(before) })
			var log bytes.Buffer
			limitMemory(slog.New(slog.NewTextHandler(&log, nil)), tc.container, 0.5)
			if got := debug.SetMemoryLimit(-1); got != tc.want {
				t.Errorf("the limit is %d, want %d", got, tc.want)
			}
			if got := log.String(); !strings.HasSuffix(got, tc.log) || tc.log == "" && got != "" {
				t.Errorf("log: %q, want %q", got, tc.log)
			}
		})
	}
}
