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
	flags := addWebFlags(c)
	lifecycle := c.Flag("web.enable-lifecycle", "Allow POST /-/reload, alignd accept and alignd ack. Also web.enable_lifecycle in the file.").Bool()
	profiles := c.Flag("web.enable-pprof", "Serve profiles of the process below /debug/pprof/, for go tool pprof.").Bool()
	watch := c.Flag("config.watch", "Read both files again by itself when their content changes.").Bool()
	limit := memoryFlags(c)
	logger := logFlags(c, "info")
	return c, func(ctx context.Context, _ io.Writer) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return fmt.Errorf("the configuration is not right:\n%w", err)
		}
		log := logger()
		if err := limit(log); err != nil {
			return err
		}
		for _, w := range cfg.Warnings {
			log.Warn("Noticed in the mapping", "warning", w.Error())
		}
		web := flags.over(cfg.Web)
		d, err := daemon.New(cfg, daemon.Options{
			Logger: log, Version: release(), ConfigFile: *file, WatchFiles: *watch,
			ListenAddresses: web.ListenAddresses, WebConfigFile: web.ConfigFile, EnableLifecycle: *lifecycle || web.EnableLifecycle,
			EnablePprof: *profiles,
		})
		if err != nil {
			return err
		}
		return d.Run(ctx)
	}
}
