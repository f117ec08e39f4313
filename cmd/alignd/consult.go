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

// consult answers from the store of a stopped alignd. A running one holds its
// store, and is asked instead; so is the one at --url, whatever is here.
func consult[T any](ctx context.Context, f askFlags, load func(file string) (*config.Config, error), fromStore func(store.Store, *config.Config) (T, error), ask func(asked) (T, error)) (T, error) {
	var none T
	var serving config.Web
	if *f.url == "" {
		cfg, err := load(*f.file)
		if err != nil {
			return none, fmt.Errorf("the configuration is not right:\n%w", err)
		}
		st, err := store.OpenReadOnly(ctx, cfg.Store)
		if err == nil {
			answer, err := fromStore(st, cfg)
			return answer, errors.Join(err, st.Close())
		}
		if !errors.Is(err, store.ErrInUse) {
			return none, err
		}
		serving = cfg.Web
	}
	running, err := f.running(serving)
	if err != nil {
		return none, err
	}
	return ask(running)
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
		cfg, err := config.Load(configFile)
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
