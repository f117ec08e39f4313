package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/daemon"
	"alignd/store"
	"alignd/web"
)

type explainFlags struct {
	key, file, url *string
	web            webFlags
}

func addExplain(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("explain", "Say where a ticket counts and why: class, goal, rule, and from which ancestor it was inherited. Works beside a running alignd and on the store of a stopped one.")
	f := explainFlags{
		key:  c.Arg("key", "Key of the ticket, such as PAY-12.").Required().String(),
		file: configFlag(c),
		url:  c.Flag("url", "Ask the alignd at this address instead, such as https://alignd.example.").PlaceHolder("URL").String(),
		web:  addWebFlags(c, "The address the running alignd was started with."),
	}
	return c, func(ctx context.Context, out io.Writer) error {
		found, err := f.explain(ctx)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("no ticket %q is known; it may be outside the projects that are read, or not read yet", *f.key)
		}
		for i, e := range found {
			if i > 0 {
				fmt.Fprintln(out)
			}
			printExplanation(out, e)
		}
		return nil
	}
}

// explain asks the daemon where one runs, since it holds the store, and reads
// the store itself otherwise.
func (f explainFlags) explain(ctx context.Context) ([]web.Explanation, error) {
	if *f.url != "" {
		return ask(*f.key, func(path string) (*http.Response, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(*f.url, "/")+path, nil)
			if err != nil {
				return nil, err
			}
			return http.DefaultClient.Do(req)
		})
	}
	cfg, err := config.Load(*f.file)
	if err != nil {
		return nil, fmt.Errorf("the configuration is not right:\n%w", err)
	}
	found, err := explainStopped(ctx, cfg, *f.key)
	if errors.Is(err, store.ErrInUse) {
		server := newLocal(f.web.over(cfg.Web))
		return ask(*f.key, func(path string) (*http.Response, error) { return server.get(ctx, path) })
	}
	return found, err
}

func explainStopped(ctx context.Context, cfg *config.Config, key string) ([]web.Explanation, error) {
	st, err := store.OpenReadOnly(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	found, err := daemon.Explain(ctx, st, cfg.Rules, key)
	if err := errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	out := make([]web.Explanation, 0, len(found))
	for _, e := range found {
		out = append(out, web.NewExplanation(e))
	}
	return out, nil
}

// ask gets the explanations from a running alignd.
func ask(key string, get func(path string) (*http.Response, error)) ([]web.Explanation, error) {
	answer, err := get("/api/v1/explain?key=" + url.QueryEscape(key))
	if err != nil {
		return nil, fmt.Errorf("ask the running alignd: %w (say where it listens by --web.listen-address or --url)", err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		var body web.ExplainBody
		if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
			return nil, fmt.Errorf("read the answer of the running alignd: %w", err)
		}
		return body.Explanations, nil
	case http.StatusUnauthorized:
		return nil, errors.New("the running alignd asks for a password: give it in --url=https://user:password@host:port")
	}
	var body web.ErrorBody
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Error.Code == "" {
		return nil, fmt.Errorf("the running alignd answered %s", answer.Status)
	}
	if body.Error.Code == "unknown_key" {
		return nil, nil
	}
	return nil, errors.New(body.Error.Message)
}

func printExplanation(out io.Writer, e web.Explanation) {
	fmt.Fprintf(out, "%s  %s\n", e.Key, e.Title)
	fmt.Fprintf(out, "  %s, %s (%s)\n", e.Type, e.State, e.Status)
	if e.Container {
		fmt.Fprintln(out, "  hands its labels down and carries no work itself")
	}
	if e.Outside {
		fmt.Fprintln(out, "  is out of scope, and known only because tickets in scope inherit from it")
	}
	line := func(name, value string) { fmt.Fprintf(out, "  %-11s%s\n", name, value) }
	if len(e.Former) > 0 {
		line("formerly", strings.Join(e.Former, ", "))
	}
	line("connector", e.Connector)
	line("team", orElse(e.Team, "none"))
	line("labels", orElse(strings.Join(e.Labels, ", "), "none"))
	if e.Watermark != nil {
		line("as of", when(*e.Watermark))
	} else {
		line("as of", "the first reading, which is not complete")
	}
	fmt.Fprintf(out, "\nnow\n  %s\n  %s\n", e.Now.Text(nil), e.Now.Because())
	if len(e.Then) > 0 {
		fmt.Fprintln(out, "\nas it was known at the time")
	}
	for _, v := range e.Then {
		fmt.Fprintf(out, "  from %s\n    %s\n    %s\n", when(v.From), v.Text(nil), v.Because())
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
