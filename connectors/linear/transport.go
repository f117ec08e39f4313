package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/shurcooL/graphql"

	"alignd/connectors"
)

// answer is what came back for one query.
type answer struct {
	data  json.RawMessage
	clock time.Time // the tracker's
}

type answerKey struct{}

// query has shurcooL/graphql write and send a query, and returns the raw data
// of the answer. Its own decoder is not used: it stops at the first value it
// does not like, so one bad issue would cost the page, and it knows neither
// JSON scalars nor the extensions of errors. The q passed in stays empty.
func query(ctx context.Context, client *graphql.Client, endpoint string, q any, variables map[string]any) (answer, error) {
	var got answer
	ctx = connectors.WithEndpoint(ctx, endpoint)
	ctx = context.WithValue(ctx, answerKey{}, &got)
	if err := client.Query(ctx, q, variables); err != nil {
		if sent, ok := errors.AsType[*url.Error](err); ok {
			err = sent.Err // without the address, which is always the same
		}
		return answer{}, err
	}
	return got, nil
}

// capture is the http.RoundTripper that keeps an answer's data for query and
// leaves shurcooL/graphql an empty one.
type capture struct{ base http.RoundTripper }

const emptyAnswer = `{"data":null}`

// RoundTrip implements http.RoundTripper.
func (c capture) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	var body struct{ Data json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if len(body.Data) == 0 || bytes.Equal(body.Data, []byte("null")) {
		return nil, errors.New("decode answer: neither data nor errors")
	}
	clock, err := connectors.ServerTime(resp.Header)
	if err != nil {
		return nil, err
	}
	if got, ok := req.Context().Value(answerKey{}).(*answer); ok {
		*got = answer{body.Data, clock}
	}
	resp.Body = io.NopCloser(bytes.NewReader([]byte(emptyAnswer)))
	resp.ContentLength = int64(len(emptyAnswer))
	return resp, nil
}

// CloseIdleConnections implements what http.Client looks for.
func (c capture) CloseIdleConnections() {
	if base, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}
