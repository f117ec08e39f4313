package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
)

// healthTimeout is well below the patience of container runtimes.
const healthTimeout = 5 * time.Second

func addHealth(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("health", "Ask a running alignd whether it is alive, for health checks of containers. Exit code 1 if it is not.")
	f := addAskFlags(c)
	return c, func(ctx context.Context, out io.Writer) error {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		running, err := f.running(config.ReadWeb(*f.file))
		if err != nil {
			return err
		}
		if err := running.healthy(ctx); err != nil {
			return fmt.Errorf("not healthy: %w", err)
		}
		fmt.Fprintln(out, "healthy")
		return nil
	}
}

// healthy returns nil if the server is alive. One that asks for a password or
// a certificate is.
func (a asked) healthy(ctx context.Context) error {
	answer, err := a.request(ctx, http.MethodGet, "/-/healthy", nil)
	if errors.Is(err, errStranger) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (%s)", err, advice(err))
	}
	if answer.StatusCode == http.StatusBadRequest {
		return errors.Join(readRefusal(answer), answer.Body.Close())
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusUnauthorized {
		err = errors.New(answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}
