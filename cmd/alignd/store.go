package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/store"
)

// storeCommand returns the command that those about the store are below.
func storeCommand(app *kingpin.Application) *kingpin.CmdClause {
	if c := app.GetCommand("store"); c != nil {
		return c
	}
	return app.Command("store", "Back up, move or compact the store.")
}

func addStoreBackup(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := storeCommand(app).Command("backup", "Write the store into a file, whether alignd is running or not, and check what was written.")
	to := c.Arg("file", "The file, which must not exist yet.").Required().String()
	file := configFlag(c)
	return c, func(ctx context.Context, out io.Writer) error {
		cfg, err := storeOf(*file)
		if err != nil {
			return err
		}
		if err := store.Backup(ctx, cfg, *to); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s is in %s.\n", cfg, *to)
		return nil
	}
}

func addStoreCopy(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := storeCommand(app).Command("copy", "Copy all facts and records into an empty store, from a file to Redis or back. alignd must not be running. "+
		"An alignd.yml stands for the store that it names; any other file is an embedded store.")
	from := c.Arg("from", "The store to copy, such as alignd.db.").Required().String()
	to := c.Arg("to", "The store to fill, such as alignd.yml.").Required().String()
	return c, func(ctx context.Context, out io.Writer) error {
		source, err := storeOf(*from)
		if err != nil {
			return err
		}
		target, err := storeOf(*to)
		if err != nil {
			return err
		}
		switch err := store.Copy(ctx, source, target); {
		case errors.Is(err, store.ErrInUse):
			return fmt.Errorf("%w: stop alignd first", err)
		case err != nil:
			return err
		}
		fmt.Fprintf(out, "%s is in %s.\n", source, target)
		return nil
	}
}

func addStoreCompact(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := storeCommand(app).Command("compact", "Rewrite the file of the store without the space that is no longer used. alignd must not be running.")
	file := configFlag(c)
	return c, func(ctx context.Context, out io.Writer) error {
		cfg, err := storeOf(*file)
		if err != nil {
			return err
		}
		before, after, err := store.Compact(ctx, cfg)
		switch {
		case errors.Is(err, store.ErrInUse):
			return fmt.Errorf("%w: stop alignd first", err)
		case err != nil:
			return err
		}
		fmt.Fprintf(out, "%s had %d bytes and has %d.\n", cfg, before, after)
		return nil
	}
}

// storeOf returns the store that a file names or is.
func storeOf(file string) (store.Config, error) {
	if ext := filepath.Ext(file); ext != ".yml" && ext != ".yaml" {
		return store.Config{Path: file}, nil
	}
	// Neither the mapping nor credentials matter, and whoever makes backups may
	// not be able to read these.
	cfg, err := config.LoadAlone(file)
	if err != nil {
		return store.Config{}, fmt.Errorf("the configuration is not right:\n%w", err)
	}
	return cfg.Store, nil
}
