package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"alignd/config"
	"alignd/mapping"
	"alignd/store"
)

// consult asks the running alignd: the one at --url, whatever is here, or the
// one of the file. Where none runs, it answers from the store.
func consult[T any](ctx context.Context, f askFlags, load func(file string) (*config.Config, error), fromStore func(store.Store, *config.Config) (T, error), ask func(asked) (T, error)) (answer T, err error) {
	var here config.Web
	if *f.url == "" {
		// Neither the mapping nor credentials matter to a running one.
		alone, err := config.LoadAlone(*f.file)
		if err != nil {
			return answer, fmt.Errorf("the configuration is not right:\n%w\nA running alignd can be asked without it, with --url", err)
		}
		st, err := f.unattended(ctx, alone)
		if err != nil {
			return answer, err
		}
		if st != nil {
			cfg, err := load(*f.file)
			if err != nil {
				return answer, errors.Join(fmt.Errorf("the configuration is not right:\n%w", err), st.Close())
			}
			answer, err = fromStore(st, cfg)
			return answer, errors.Join(err, st.Close())
		}
		here = alone.Web
	}
	running, err := f.running(here)
	if err != nil {
		return answer, err
	}
	return ask(running)
}

// unattended opens the store, or returns nil if a running alignd is to be
// asked: it holds its file, and of what is in Redis it has a mirror, so that
// nobody else need read all of it.
func (f askFlags) unattended(ctx context.Context, cfg *config.Config) (store.Store, error) {
	if cfg.Store.Redis != nil {
		err := f.listening(ctx, cfg)
		if err == nil {
			return nil, nil
		}
		fmt.Fprintf(os.Stderr, "No alignd answers: %v. The whole store is read in its place.\n", err)
	}
	st, err := store.OpenReadOnly(ctx, cfg.Store)
	if errors.Is(err, store.ErrInUse) {
		return nil, nil
	}
	return st, err
}

// listening returns nil if an alignd answers where the file says.
func (f askFlags) listening(ctx context.Context, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	running, err := f.running(cfg.Web)
	if err != nil {
		return err
	}
	return running.healthy(ctx)
}

// mappingFile is a mapping with its rules.
type mappingFile struct {
	path  string
	text  []byte
	rules *mapping.RuleSet
}

// readMapping reads a mapping alone if its path is given, else the one that an
// alignd.yml names.
func readMapping(path, configFile string) (mappingFile, error) {
	if path == "" {
		cfg, err := config.Review(configFile)
		if err != nil {
			return mappingFile{}, fmt.Errorf("the configuration is not right:\n%w\nA mapping alone is enough with --mapping.file", err)
		}
		path = cfg.MappingFile
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return mappingFile{}, fmt.Errorf("read mapping: %w", err)
	}
	rules, err := mapping.Parse(path, text)
	if err != nil {
		return mappingFile{}, fmt.Errorf("the mapping is not right:\n%w", err)
	}
	return mappingFile{path, text, rules}, nil
}

// loaded stands for a file that was read already.
func loaded(cfg *config.Config) func(string) (*config.Config, error) {
	return func(string) (*config.Config, error) { return cfg, nil }
}
