package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
)

// healthTimeout is well below the patience of container runtimes.
const healthTimeout = 5 * time.Second

func addHealth(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("health", "Ask a running alignd whether it is alive, for health checks of containers. Exit code 1 if it is not.")
	file := configFlag(c)
	flags := addWebFlags(c, "The address alignd was started with.")
	return c, func(ctx context.Context, out io.Writer) error {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		if err := newLocal(flags.over(config.ReadWeb(*file))).healthy(ctx); err != nil {
			return fmt.Errorf("not healthy: %w", err)
		}
		fmt.Fprintln(out, "healthy")
		return nil
	}
}

// local is an alignd on this machine, described by the flags it was started
// with.
type local struct {
	host string
	// schemes are tried in this order.
	schemes []string
	client  *http.Client
}

func newLocal(web config.Web) local {
	host, port, err := net.SplitHostPort(web.ListenAddresses[0])
	if err != nil {
		host, port = web.ListenAddresses[0], "80"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	l := local{host: net.JoinHostPort(host, port), schemes: []string{"http"}}
	transport := &http.Transport{DisableKeepAlives: true}
	if web.ConfigFile != "" {
		// The file may switch on TLS or only passwords: ask the server.
		l.schemes = []string{"https", "http"}
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		// The certificate names the public address, and on loopback nobody
		// stands in between.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	l.client = &http.Client{Transport: transport}
	return l
}

// get asks for a path and returns the first answer. The caller closes its
// body.
func (l local) get(ctx context.Context, path string) (*http.Response, error) {
	return l.request(ctx, http.MethodGet, path, nil)
}

func (l local) request(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	var errs []error
	for _, scheme := range l.schemes {
		target := (&url.URL{Scheme: scheme, Host: l.host}).String() + path
		req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", l.host, err)
		}
		answer, err := l.client.Do(req)
		if err == nil {
			return answer, nil
		}
		errs = append(errs, err)
		if !errors.Is(err, http.ErrSchemeMismatch) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// healthy returns nil if the server is alive. One that asks for a password or
// a certificate is.
func (l local) healthy(ctx context.Context) error {
	answer, err := l.get(ctx, "/-/healthy")
	if refusal := (*net.OpError)(nil); errors.As(err, &refusal) && refusal.Op == "remote error" {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusUnauthorized {
		err = errors.New(answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}
