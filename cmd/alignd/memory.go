package main

import (
	"fmt"
	"log/slog"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/alecthomas/kingpin/v2"
)

// memoryFlags adds the flags by which Prometheus sets its memory limit, too.
// What it returns sets the limit, once the flags have been read.
func memoryFlags(c *kingpin.CmdClause) func(*slog.Logger) error {
	on := c.Flag("auto-gomemlimit", "Where the memory of the container is limited, let the Go runtime work to stay below (GOMEMLIMIT). The environment variable GOMEMLIMIT wins.").
		Default("true").Bool()
	ratio := c.Flag("auto-gomemlimit.ratio", "How much of the container's limit to use, above 0 and up to 1.").Default("0.9").Float64()
	return func(log *slog.Logger) error {
		switch {
		case !*on:
			return nil
		case !(*ratio > 0 && *ratio <= 1):
			return fmt.Errorf("--auto-gomemlimit.ratio is %v, but must be above 0 and at most 1", *ratio)
		}
		limitMemory(log, memlimit.FromCgroup, *ratio)
		return nil
	}
}

// limitMemory sets the limit, unless it is set already or there is none. It
// logs a failure: alignd works without.
func limitMemory(log *slog.Logger, container memlimit.Provider, ratio float64) {
	asked := false
	limit, err := memlimit.Set(memlimit.WithRatio(ratio), memlimit.WithProvider(func() (uint64, error) {
		asked = true
		return container()
	}))
	switch {
	case err != nil:
		log.Debug("The memory limit of the container is not known", "err", err)
	case asked && limit < math.MaxInt64:
		log.Info("Set the memory limit of the Go runtime to a part of the container's", "bytes", limit)
	}
}
