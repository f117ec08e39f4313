package main

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
)

func addAccept(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("accept", "Tell a running alignd that the tickets it misses since the scope of a connector shrank are really gone. Needs --web.enable-lifecycle there.")
	connector := c.Arg("connector", "Name of the connector.").Required().String()
	f := addAskFlags(c)
	return c, func(ctx context.Context, out io.Writer) error {
		return f.post(ctx, out, "/-/accept?connector="+url.QueryEscape(*connector))
	}
}

// post asks something of the running alignd and prints its answer.
func (f askFlags) post(ctx context.Context, out io.Writer, path string) error {
	running, err := f.running(config.ReadWeb(*f.file))
	if err != nil {
		return err
	}
	return running.copy(ctx, out, http.MethodPost, path)
}
