package linear

import (
	"encoding/json"
	"time"

	"alignd/connectors"
	"alignd/secret"
)

// webhookWindow is how far the signed time of a delivery may be from ours.
// Linear repeats failed deliveries after a minute, an hour and six hours, and
// does not say whether with a new time. The first repetition fits in; by the
// time of the others polling has long found what they tell.
const webhookWindow = 5 * time.Minute

var _ connectors.Verify = VerifyWebhook

// VerifyWebhook is a connectors.Verify for Linear's webhooks.
func VerifyWebhook(key secret.Value, d connectors.Delivery, arrived time.Time) error {
	if err := d.Signed(key, d.Header.Get("Linear-Signature")); err != nil {
		return err
	}
	var body struct {
		Sent *int64 `json:"webhookTimestamp"` // in milliseconds
	}
	if json.Unmarshal(d.Body, &body) != nil || body.Sent == nil {
		return connectors.ErrMalformed
	}
	if arrived.Sub(time.UnixMilli(*body.Sent)).Abs() > webhookWindow {
		return connectors.ErrStale
	}
	return nil
}
