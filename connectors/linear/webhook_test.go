package linear_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"alignd/connectors"
	"alignd/connectors/linear"
	"alignd/secret"
)

var hookKey = secret.New("lin_wh_a long and random secret")

func hookSignature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(hookKey.Reveal()))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestVerifyWebhook(t *testing.T) {
	arrived := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	sent := func(ago time.Duration) string {
		return fmt.Sprintf(`{"action":"update","type":"Issue","webhookTimestamp":%d}`, arrived.Add(-ago).UnixMilli())
	}
	for name, tc := range map[string]struct {
		body string
		want error
	}{
		"at once":              {sent(time.Second), nil},
		"repeated in a minute": {sent(75 * time.Second), nil},
		"their clock is ahead": {sent(-time.Minute), nil},
		"repeated in an hour":  {sent(time.Hour), connectors.ErrStale},
		"from the future":      {sent(-time.Hour), connectors.ErrStale},
		"from the stone age":   {`{"webhookTimestamp":-9223372036854775808}`, connectors.ErrStale},
		"without a time":       {`{"action":"update"}`, connectors.ErrMalformed},
		"time is null":         {`{"webhookTimestamp":null}`, connectors.ErrMalformed},
		"time is a text":       {`{"webhookTimestamp":"now"}`, connectors.ErrMalformed},
		"no JSON":              {"webhookTimestamp=1", connectors.ErrMalformed},
	} {
		d := connectors.Delivery{Header: http.Header{"Linear-Signature": {hookSignature([]byte(tc.body))}}, Body: []byte(tc.body)}
		if err := linear.VerifyWebhook(hookKey, d, arrived); !errors.Is(err, tc.want) {
			t.Errorf("%s: error is %v, want %v", name, err, tc.want)
		}
		d.Header.Set("Linear-Signature", hookSignature([]byte("{}")))
		if err := linear.VerifyWebhook(hookKey, d, arrived); !errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s, badly signed: error is %v", name, err)
		}
	}
}

// What is signed may still be anything. Only a time close to ours makes us
// poll.
func FuzzVerifyWebhook(f *testing.F) {
	arrived := time.UnixMilli(1_790_000_000_000)
	f.Add(`{"webhookTimestamp":1790000000000}`, true)
	f.Add(`{"webhookTimestamp":1789990000000}`, true)
	f.Add(`{"webhookTimestamp":1e400}`, true)
	f.Add(`[`, false)
	f.Fuzz(func(t *testing.T, body string, signed bool) {
		d := connectors.Delivery{Header: http.Header{}, Body: []byte(body)}
		if signed {
			d.Header.Set("Linear-Signature", hookSignature(d.Body))
		}
		switch err := linear.VerifyWebhook(hookKey, d, arrived); {
		case !signed && !errors.Is(err, connectors.ErrSignature):
			t.Errorf("error is %v without a signature", err)
		case signed && errors.Is(err, connectors.ErrSignature):
			t.Errorf("error is %v with a signature", err)
		}
	})
}
