package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"alignd/secret"
)

// A credential must not show in any way Go has of printing a value, also when
// it sits inside something else.
func TestValueNeverShows(t *testing.T) {
	type config struct {
		Name  string
		Token secret.Value
		List  []secret.Value
		Ptr   *secret.Value
	}
	const text = "s3cr3t-token"
	v := secret.New(text)
	c := config{"acme", v, []secret.Value{v}, &v}
	var log strings.Builder
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))} {
		logger.Info("Loaded", "token", v, "config", c, "ptr", &c)
	}
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"%v": fmt.Sprintf("%v %v", v, c), "%+v": fmt.Sprintf("%+v %+v", v, c), "%#v": fmt.Sprintf("%#v %#v", v, c),
		"%s": fmt.Sprintf("%s", v), //nolint:staticcheck // the verb is the point
		"%q": fmt.Sprintf("%q", v), "%x": fmt.Sprintf("%x", v),
		"error": fmt.Errorf("bad %v", v).Error(), "json": string(marshalled), "log": log.String(),
	} {
		if strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) {
			t.Errorf("%s shows the secret: %s", name, got)
		}
	}
	if v.Reveal() != text || v.Empty() || !secret.New("").Empty() {
		t.Error("the value itself is lost")
	}
}
