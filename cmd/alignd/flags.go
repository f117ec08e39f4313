package main

import (
	"cmp"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"

	"alignd/config"
)

func configFlag(c *kingpin.CmdClause) *string {
	return c.Flag("config.file", "Path to alignd.yml.").Default("alignd.yml").String()
}

const addressFlag = "web.listen-address"

// webFlags are what the command line says about the web section of the file.
type webFlags struct {
	addresses *[]string
	config    *string
}

func addWebFlags(c *kingpin.CmdClause) webFlags {
	placeholder := config.Default().Web.ListenAddresses[0]
	return webFlags{
		addresses: c.Flag(addressFlag, "Address of the page, the API and /metrics. May be repeated. Wins over web.listen_addresses in the file.").PlaceHolder(placeholder).Strings(),
		config: c.Flag("web.config.file", "Path to a file that switches on TLS or passwords, in the format of Prometheus' exporter-toolkit. Wins over web.config_file in the file.").
			PlaceHolder("FILE").String(),
	}
}

// over returns the section with what the flags say in its place.
func (f webFlags) over(w config.Web) config.Web {
	if len(*f.addresses) > 0 {
		w.ListenAddresses = *f.addresses
	}
	w.ConfigFile = cmp.Or(*f.config, w.ConfigFile)
	return w
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
