package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	promconfig "github.com/prometheus/common/config"

	"alignd/config"
	"alignd/web"
)

// askFlags say which running alignd to ask, and how.
type askFlags struct{ file, url, http *string }

func addAskFlags(c *kingpin.CmdClause) askFlags {
	return askFlags{
		file: configFlag(c),
		url: c.Flag("url", "Ask the alignd at this address, such as https://alignd.example. By default the one on this machine that runs with --config.file.").
			PlaceHolder("URL").String(),
		http: c.Flag("http.config.file", "Path to a file with the password, client certificate or authority that the running alignd wants, in the format of Prometheus' HTTP clients.").
			PlaceHolder("FILE").String(),
	}
}

// asked is a running alignd that answers questions.
type asked struct {
	// places returns where a path may be, in the order to try.
	places func(path string) []string
	client *http.Client
}

// running returns the alignd at --url, or else the one that serves what w says.
func (f askFlags) running(w config.Web) (asked, error) {
	a := asked{places: func(string) []string { return []string{strings.TrimSuffix(*f.url, "/")} }}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if *f.url == "" {
		a.places = placesOf(w)
		if loopback(a.places("/")[0]) {
			// The certificate names the public address, and on loopback nobody
			// stands in between.
			transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		}
	} else if u, err := url.Parse(*f.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return a, errors.New("--url must be an address such as https://alignd.example")
	}
	transport.DisableKeepAlives = true
	a.client = &http.Client{Transport: transport}
	if *f.http != "" {
		var err error
		if a.client, err = clientOf(*f.http); err != nil {
			return a, fmt.Errorf("read --http.config.file: %w", err)
		}
	}
	// A password goes to the address that was named and nowhere else.
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return a, nil
}

// clientOf returns the client that a file describes. Paths in it start at its
// folder, as in alignd.yml.
func clientOf(file string) (*http.Client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := promconfig.LoadHTTPConfig(string(text))
	if err != nil {
		return nil, err
	}
	cfg.SetDirectory(filepath.Dir(file))
	return promconfig.NewClientFromConfig(*cfg, "alignd", promconfig.WithKeepAlivesDisabled())
}

// placesOf returns where an alignd with this section of the file serves a path
// on this machine.
func placesOf(w config.Web) func(path string) []string {
	schemes := []string{"http"}
	if w.ConfigFile != "" {
		// The file may switch on TLS or only passwords: ask the server.
		schemes = []string{"https", "http"}
	}
	return func(path string) (places []string) {
		address := w.ListenAddresses[0]
		if w.PageListenAddress != "" && !strings.HasPrefix(path, "/-/") {
			address = w.PageListenAddress
		}
		for _, scheme := range schemes {
			places = append(places, (&url.URL{Scheme: scheme, Host: onThisMachine(address)}).String())
		}
		return places
	}
}

// onThisMachine replaces "all addresses" by loopback.
func onThisMachine(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "80"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

func loopback(place string) bool {
	u, err := url.Parse(place)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// request asks for a path and returns the first answer, whatever it says. The
// caller closes its body.
func (a asked) request(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	var errs []error
	for _, place := range a.places(path) {
		answer, err := a.requestAt(ctx, method, place+path, body)
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

// errStranger is about a server that wants a certificate, or another one.
var errStranger = errors.New("turned away as a stranger")

func (a asked) requestAt(ctx context.Context, method, target string, body []byte) (*http.Response, error) {
	greeted := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { greeted = err == nil },
	})
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := a.client.Do(req)
	told := (*net.OpError)(nil)
	slow := net.Error(nil)
	// With TLS 1.3 the server looks at the certificate after the handshake, and
	// may hang up before it can be heard why: as a broken pipe, a reset, an end,
	// or HTTP/2 connection that never came about.
	hungUp := greeted && err != nil && ctx.Err() == nil && !(errors.As(err, &slow) && slow.Timeout())
	if hungUp || errors.As(err, &told) && told.Op == "remote error" {
		return nil, fmt.Errorf("%w: %w", errStranger, err)
	}
	return answer, err
}

// open asks for a path and returns the body of a successful answer.
func (a asked) open(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	got, err := a.request(ctx, method, path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the running alignd: %w (%s)", err, advice(err))
	}
	if got.StatusCode == http.StatusOK {
		return got.Body, nil
	}
	defer func() { _ = got.Body.Close() }()
	return nil, readRefusal(got)
}

// advice says what to do about an alignd that does not answer.
func advice(err error) string {
	_, distrust := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case distrust:
		return "say whom to trust by tls_config: {ca_file: ...} in --http.config.file"
	case errors.Is(err, errStranger):
		return "it wants a client certificate: tls_config: {cert_file: ..., key_file: ...} in --http.config.file"
	}
	return "say where it is by --url"
}

// answer asks for a path and decodes the JSON that comes back.
func (a asked) answer(ctx context.Context, method, path string, body []byte, into any) error {
	got, err := a.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = got.Close() }()
	if err := json.NewDecoder(got).Decode(into); err != nil {
		return fmt.Errorf("read the answer of the running alignd: %w", err)
	}
	return nil
}

// copy asks for a path and writes what comes back.
func (a asked) copy(ctx context.Context, out io.Writer, method, path string) error {
	got, err := a.open(ctx, method, path, nil)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, got); err != nil {
		err = fmt.Errorf("read the answer of the running alignd: %w", err)
	}
	return errors.Join(err, got.Close())
}

// refusal is an answer of the API that is not a success.
type refusal struct{ code, message string }

func (r refusal) Error() string { return r.message }

func readRefusal(got *http.Response) error {
	said, _ := io.ReadAll(io.LimitReader(got.Body, 1<<16))
	var body web.ErrorBody
	if json.Unmarshal(said, &body) == nil && body.Error.Code != "" {
		return refusal{body.Error.Code, body.Error.Message}
	}
	text := strings.TrimSpace(string(said))
	switch {
	case got.StatusCode == http.StatusBadRequest && strings.HasSuffix(text, "HTTP request to an HTTPS server."):
		return errors.New("the running alignd speaks HTTPS: begin --url with https://")
	case got.StatusCode == http.StatusUnauthorized:
		return errors.New("the running alignd wants a password: basic_auth: {username: ..., password_file: ...} in --http.config.file")
	case got.StatusCode == http.StatusNotFound && text == "404 page not found":
		return fmt.Errorf("%s is not served there; the page and the API may have an address of their own, web.page_listen_address", got.Request.URL.Path)
	case text != "" && strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain"):
		return errors.New(text)
	}
	return fmt.Errorf("the running alignd answers %s", got.Status) // or a proxy in front of it
}
