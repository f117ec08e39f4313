package connectors

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"time"

	"alignd/secret"
)

// Webhook lets the tracker of an account ask for a poll before the next one
// is due. The zero value means that it may not.
//
//schema:json {"required": ["path"]}
type Webhook struct {
	// Path is where deliveries arrive, such as /webhooks/acme.
	//schema:json {"pattern": "^(/[A-Za-z0-9._~-]+)+$"}
	Path       string `yaml:"path"`
	SecretFile string `yaml:"secret_file"` // File with the secret that the tracker signs with.
	SecretEnv  string `yaml:"secret_env"`  // Environment variable with that secret, in place of the file.
}

// Enabled reports whether the account takes webhooks.
func (w Webhook) Enabled() bool { return w.Path != "" }

var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func (w Webhook) validate(path string, report func(path, format string, args ...any)) {
	if w == (Webhook{}) {
		return
	}
	if !pathForm.MatchString(w.Path) {
		report(path+".path", "is %q, but must be a path such as /webhooks/acme", w.Path)
	}
	switch {
	case w.SecretFile == "" && w.SecretEnv == "":
		report(path, "needs secret_file or secret_env: a delivery without a signature could come from anybody")
	case w.SecretFile != "" && w.SecretEnv != "":
		report(path+".secret_env", "must not stand beside secret_file")
	}
}

// Why a webhook delivery is no reason for a poll.
var (
	ErrSignature = errors.New("signature is missing or wrong") // not from whoever knows the secret
	ErrStale     = errors.New("signed too long ago")           // all right otherwise
	ErrMalformed = errors.New("not a delivery of this tracker")
)

// Delivery is one call of a webhook.
type Delivery struct {
	Header http.Header
	Body   []byte // raw
}

// Verify says whether a delivery that arrived at the given time is a reason
// for a poll: nil, or one of the errors above. Nothing else of a delivery is
// ever used.
type Verify func(key secret.Value, d Delivery, arrived time.Time) error

// Signed returns nil if signature is the HMAC-SHA256 of the raw body in
// hexadecimal digits, else ErrSignature. It takes the same time for every
// wrong signature.
func (d Delivery) Signed(key secret.Value, signature string) error {
	got, err := hex.DecodeString(signature)
	if err != nil || key.Empty() {
		return ErrSignature
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(d.Body)
	if !hmac.Equal(mac.Sum(nil), got) {
		return ErrSignature
	}
	return nil
}
