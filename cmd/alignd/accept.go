package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
)

func addAccept(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("accept", "Tell a running alignd that the tickets it misses since the scope of a connector shrank are really gone. Needs --web.enable-lifecycle there.")
	connector := c.Arg("connector", "Name of the connector.").Required().String()
	file := configFlag(c)
	flags := addWebFlags(c, "The address the running alignd was started with.")
	return c, func(ctx context.Context, out io.Writer) error {
		return flags.post(ctx, out, *file, "/-/accept?connector="+url.QueryEscape(*connector))
	}
}

// post asks something of the running alignd and prints its answer.
func (f webFlags) post(ctx context.Context, out io.Writer, file, path string) error {
	server := newLocal(f.over(config.ReadWeb(file)))
	answer, err := server.request(ctx, http.MethodPost, path, nil)
	if err != nil {
		return fmt.Errorf("ask the running alignd: %w (say where it listens by --web.listen-address)", err)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("read the answer of the running alignd: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(text)))
	}
	_, err = out.Write(text)
	return err
}
