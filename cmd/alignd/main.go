// Command alignd shows which share of the work goes to a company's goals. It
// reads Jira and Linear, maps tickets to goals, and serves the result to
// Prometheus and to people.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // teams live in time zones, and a scratch image has none

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// command runs one subcommand until it is done or ctx ends.
type command func(ctx context.Context, out io.Writer) error

// exitCode ends the process with this code when everything has been said.
type exitCode int

func (exitCode) Error() string { return "" }

const errSilent = exitCode(1)

func main() {
	app := kingpin.New("alignd", "Shows which share of the work in Jira and Linear goes to the company's goals, and serves it to Prometheus.\n\n"+
		"Try it without any account: alignd demo")
	version.Version = release()
	app.Version(version.Print("alignd"))
	app.UsageWriter(os.Stdout)
	app.HelpFlag.Short('h')

	commands := map[string]command{}
	for _, add := range []func(*kingpin.Application) (*kingpin.CmdClause, command){
		addRun, addCheck, addInit, addSchema, addSuggest, addExplain, addPlan, addRevisionsList, addRevisionsShow, addRevisionsDiff, addAccept, addAck, addExport, addHealth, addStoreBackup, addStoreCopy, addStoreCompact, addDemo, addSandbox,
	} {
		clause, run := add(app)
		commands[clause.FullCommand()] = run
	}
	name, err := app.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "alignd: %v, try --help\n", err)
		os.Exit(1) // 2 is an answer, of plan and check
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends a shutdown that takes too long.
	context.AfterFunc(ctx, stop)
	err = commands[name](ctx, os.Stdout)
	stop()
	code, silent := errors.AsType[exitCode](err)
	switch {
	case silent:
		os.Exit(int(code))
	case err != nil:
		fmt.Fprintf(os.Stderr, "alignd: %v\n", err)
		os.Exit(1)
	}
}
