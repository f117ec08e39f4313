package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"alignd/config"
	"alignd/store"
	"alignd/web"
)

// asked is a running alignd that answers questions.
type asked struct {
	request func(ctx context.Context, method, path string, body []byte) (*http.Response, error)
	hint    string // where else it could be
}

func (f webFlags) running(cfg *config.Config) asked {
	return asked{newLocal(f.over(cfg.Web)).request, "say where it listens by --" + addressFlag}
}

// consult answers from the store of a stopped alignd. A running one holds its
// store, and is asked instead.
func consult[T any](ctx context.Context, cfg *config.Config, running asked, fromStore func(store.Store) (T, error), ask func(asked) (T, error)) (T, error) {
	st, err := store.OpenReadOnly(ctx, cfg.Store)
	if errors.Is(err, store.ErrInUse) {
		return ask(running)
	}
	if err != nil {
		var none T
		return none, err
	}
	answer, err := fromStore(st)
	return answer, errors.Join(err, st.Close())
}

// refusal is an answer of the API that is not a success.
type refusal struct{ code, message string }

func (r refusal) Error() string { return r.message }

// answer asks for a path and decodes the JSON that comes back.
func (a asked) answer(ctx context.Context, method, path string, body []byte, into any) error {
	got, err := a.request(ctx, method, path, body)
	if err != nil {
		return fmt.Errorf("ask the running alignd: %w (%s)", err, a.hint)
	}
	defer func() { _ = got.Body.Close() }()
	switch got.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(got.Body).Decode(into); err != nil {
			return fmt.Errorf("read the answer of the running alignd: %w", err)
		}
		return nil
	case http.StatusUnauthorized:
		return errors.New("the running alignd asks for a password, which only alignd explain can give: --url=https://user:password@host:port")
	}
	return readRefusal(got)
}

func readRefusal(got *http.Response) error {
	said, _ := io.ReadAll(io.LimitReader(got.Body, 1<<16))
	var body web.ErrorBody
	if json.Unmarshal(said, &body) == nil && body.Error.Code != "" {
		return refusal{body.Error.Code, body.Error.Message}
	}
	text := strings.TrimSpace(string(said))
	if got.StatusCode == http.StatusBadRequest || got.StatusCode == http.StatusServiceUnavailable {
		return errors.New(text)
	}
	return fmt.Errorf("the running alignd answers %s: %s", got.Status, text)
}
