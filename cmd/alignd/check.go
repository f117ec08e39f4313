package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
)

func addCheck(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("check", "Say whether alignd.yml and the mapping it names are right, with every mistake at once. Exit code 1 if they are not.")
	file := configFlag(c)
	return c, func(_ context.Context, out io.Writer) error {
		cfg, err := config.Load(*file)
		if err != nil {
			fmt.Fprintln(out, err)
			return errSilent
		}
		for _, w := range cfg.Warnings {
			fmt.Fprintf(out, "warning: %v\n", w)
		}
		fmt.Fprintf(out, "%s and %s are right: %s, %s, %s, %s.\n", *file, cfg.MappingFile,
			count(len(cfg.Accounts()), "connector"), count(len(cfg.Rules.Teams()), "team"),
			count(len(cfg.Rules.Goals()), "goal"), count(len(cfg.Rules.RuleNames()), "rule"))
		return nil
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
