package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/daemon"
)

func addRun(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("run", "Read the trackers and serve the numbers, until stopped. SIGHUP reads both files again.")
	file := configFlag(c)
	flags := addWebFlags(c, "Address of the page, the API and /metrics. May be repeated.")
	lifecycle := c.Flag("web.enable-lifecycle", "Allow reloading both files by POST /-/reload.").Bool()
	watch := c.Flag("config.watch", "Read both files again by itself when their content changes.").Bool()
	logger := logFlags(c, "info")
	return c, func(ctx context.Context, _ io.Writer) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return fmt.Errorf("the configuration is not right:\n%w", err)
		}
		log := logger()
		for _, w := range cfg.Warnings {
			log.Warn("The mapping is suspicious", "warning", w.Error())
		}
		web := flags.over(cfg.Web)
		d, err := daemon.New(cfg, daemon.Options{
			Logger: log, Version: release(), ConfigFile: *file, WatchFiles: *watch,
			ListenAddresses: web.ListenAddresses, WebConfigFile: web.ConfigFile, EnableLifecycle: *lifecycle || web.EnableLifecycle,
		})
		if err != nil {
			return err
		}
		return d.Run(ctx)
	}
}
