package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

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
	to := c.Arg("file", "The file, which must not exist yet; - for standard output.").Required().String()
	file := configFlag(c)
	return c, func(ctx context.Context, out io.Writer) error {
		cfg, err := storeOf(*file)
		if err != nil {
			return err
		}
		switch {
		case *to == "-" || *to == "" && slices.Contains(os.Args[1:], "-"): // which kingpin hands on as nothing
			return backupTo(ctx, out, cfg)
		case *to == "":
			return errors.New("name the file to write, or - for standard output")
		}
		if err := store.Backup(ctx, cfg, *to); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s is in %s.\n", cfg, *to)
		return nil
	}
}

// backupTo writes a backup that has been checked. Until then it is beside the
// store, since a container may have no other place to write to.
func backupTo(ctx context.Context, out io.Writer, cfg store.Config) (err error) {
	beside := ""
	if cfg.Redis == nil {
		beside = filepath.Dir(cfg.Path)
	}
	dir, err := os.MkdirTemp(beside, ".alignd-backup-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "backup.db")
	if err := store.Backup(ctx, cfg, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, f); err != nil {
		err = fmt.Errorf("write backup: %w", err)
	}
	return errors.Join(err, f.Close())
}

func addStoreCopy(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := storeCommand(app).Command("copy", "Copy all facts and records into an empty store, from a file to Redis or back. No alignd may have a file open, be it the source or the target; Redis can be copied from at any time. "+
		"An alignd.yml stands for the store that it names, and its section store is enough; any other file is an embedded store.")
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
		if sameFile(source, target) {
			return fmt.Errorf("%s and %s are the same store: name an empty one to copy into", *from, *to)
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

func sameFile(a, b store.Config) bool {
	if a.Redis != nil || b.Redis != nil {
		return false
	}
	is, err := os.Stat(a.Path)
	other, otherErr := os.Stat(b.Path)
	return err == nil && otherErr == nil && os.SameFile(is, other)
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
