package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

// defaultAddress lies outside 9090 to 10999, the ports that the list of
// Prometheus exporters has given away, and below the ports that systems hand
// out to clients.
const defaultAddress = ":8642"

func configFlag(c *kingpin.CmdClause) *string {
	return c.Flag("config.file", "Path to alignd.yml.").Default("alignd.yml").String()
}

func addressFlag(c *kingpin.CmdClause, def, help string) *[]string {
	return c.Flag("web.listen-address", help).Default(def).PlaceHolder(def).Strings()
}

func webConfigFlag(c *kingpin.CmdClause) *string {
	return c.Flag("web.config.file", "Path to a file that switches on TLS or passwords, in the format of Prometheus' exporter-toolkit.").
		PlaceHolder("FILE").String()
}

// logFlags adds the log flags every Prometheus user knows. The logger is made
// when it is called, after the flags have been read.
func logFlags(c *kingpin.CmdClause, level string) func() *slog.Logger {
	cfg := &promslog.Config{Level: promslog.NewLevel(), Format: promslog.NewFormat(), Writer: os.Stderr}
	c.Flag(promslogflag.LevelFlagName, promslogflag.LevelFlagHelp).Default(level).SetValue(cfg.Level)
	c.Flag(promslogflag.FormatFlagName, promslogflag.FormatFlagHelp).Default("logfmt").SetValue(cfg.Format)
	return func() *slog.Logger { return promslog.New(cfg) }
}

// release is the version people see: that of the build, else of the module,
// else the revision.
func release() string {
	if version.Version != "" {
		return version.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return "dev"
}
