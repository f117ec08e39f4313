// Package config reads alignd.yml, the file ops edit, together with the
// mapping it names. Each component owns its part of the file; this package
// puts the parts together, resolves paths, and reports every mistake of both
// files at once.
package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/mapping"
	"alignd/secret"
	"alignd/store"
	"alignd/yamlfile"
)

// Config is a checked alignd.yml with its mapping. Paths are absolute or
// relative to the working directory, not to the file.
//
//schema:json {"required": ["connectors"]}
type Config struct {
	// MappingFile is the file of product ops: goals, targets, teams, reasons,
	// rules.
	//schema:json {"minLength": 1, "default": "mapping.yml"}
	MappingFile string `yaml:"mapping_file"`
	// Store says where tickets and their history are kept.
	Store store.Config `yaml:"store"`
	// Connectors are the tracker accounts that are read.
	Connectors Connectors `yaml:"connectors"`
	// Web says where the page, the API and /metrics are served.
	Web Web `yaml:"web"`
	// Webhooks says where the webhooks of all connectors arrive.
	Webhooks Webhooks `yaml:"webhooks"`

	// StaleAfter is the age of a team's watermark from which its numbers are
	// no longer exported, and marked as old on the page; 24h by default.
	StaleAfter connectors.Duration `yaml:"stale_after"`
	// MaxSeries bounds the series of the computed metrics.
	//schema:json {"minimum": 100, "default": 20000}
	MaxSeries int `yaml:"max_series"`

	// Rules is the compiled mapping and Warnings what is noticed in it.
	// Load fills them in.
	Rules    *mapping.RuleSet   `yaml:"-"`
	Warnings []yamlfile.Problem `yaml:"-"`

	// credentials holds a digest of each connector's secret, to notice a
	// change without keeping it.
	credentials map[string]digest

	doc *yamlfile.Document // for the places of what is found later; only read
}

// At returns a problem with what stands at path in the file that was loaded.
func (c *Config) At(path, format string, args ...any) yamlfile.Problem {
	return c.doc.At(path, format, args...)
}

// Connectors are the tracker accounts by kind.
type Connectors struct {
	Jira   []jira.Config   `yaml:"jira"`   // Jira accounts, Cloud or Data Center.
	Linear []linear.Config `yaml:"linear"` // Linear workspaces.
}

// Webhooks says where the webhooks of all connectors arrive.
type Webhooks struct {
	// ListenAddress is where deliveries arrive, such as 127.0.0.1:8643;
	// nothing listens if it is absent.
	//schema:json {"pattern": ":[A-Za-z0-9-]+$"}
	ListenAddress string `yaml:"listen_address"`
}

// Default returns what holds for the keys a file leaves out.
func Default() Config {
	return Config{
		MappingFile: "mapping.yml",
		Store:       store.DefaultConfig(),
		Web:         Web{ListenAddresses: []string{defaultAddress}},
		StaleAfter:  connectors.Duration(24 * time.Hour),
		MaxSeries:   20_000,
	}
}

// Load reads the file and the mapping it names. Mistakes in either are
// returned as yamlfile.Problems, all of both at once. Credentials are read to
// see that they are there; they are not kept in any printable form.
func Load(path string) (*Config, error) { return onlyRight(load(path, false, parse)) }

// Review is Load for those who look at the files, maybe elsewhere than where
// alignd runs with them: what the file names and is not there, or may not be
// read, be it a credential or the folder of the store, is a warning.
func Review(path string) (*Config, error) { return onlyRight(load(path, true, parse)) }

// Check is Review for those who want to hear everything: Warnings include those
// of the day, and if the file could be read the Config comes beside mistakes
// too, good for its Warnings and its Web alone.
func Check(path string, today mapping.Date) (*Config, error) {
	return load(path, true, func(name string, data []byte) (*mapping.RuleSet, []yamlfile.Problem, error) {
		return mapping.Check(name, data, today)
	})
}

func onlyRight(c *Config, err error) (*Config, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func load(path string, elsewhere bool, parse parser) (*Config, error) {
	c, doc, err := read(path)
	if err != nil {
		return nil, err
	}
	if len(c.Accounts()) == 0 {
		doc.Problemf("connectors", "needs at least one account under jira or linear")
	}
	report := func(path string, err error) {
		if elsewhere && absent(err) {
			c.Warnings = append(c.Warnings, doc.At(path, "%v; alignd run refuses to start without it", err))
			return
		}
		doc.Problemf(path, "%v", err)
	}
	c.Store.ValidateFiles("store", report)
	c.readCredentials(report)
	inMapping := c.loadMapping(doc, parse)
	return c, errors.Join(doc.Err(), inMapping)
}

// LoadAlone reads the file without its mapping and its credentials, for
// commands that help where those are not right. The section store is enough.
func LoadAlone(path string) (*Config, error) {
	c, doc, err := read(path)
	if err != nil {
		return nil, err
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func read(path string) (*Config, *yamlfile.Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	c := Default()
	doc := yamlfile.Decode(path, data, &c)
	c.doc = doc
	c.resolve(filepath.Dir(path))
	c.validate(doc.Problemf)
	c.refuseZeros(doc)
	return &c, doc, nil
}

// resolve makes relative paths relative to dir.
func (c *Config) resolve(dir string) {
	c.MappingFile = connectors.ResolvePath(dir, c.MappingFile)
	c.Store.ResolvePaths(dir)
	c.Web.ConfigFile = connectors.ResolvePath(dir, c.Web.ConfigFile)
	for i := range c.Connectors.Jira {
		c.Connectors.Jira[i].ResolvePaths(dir)
	}
	for i := range c.Connectors.Linear {
		c.Connectors.Linear[i].ResolvePaths(dir)
	}
}

func (c *Config) validate(report yamlfile.Report) {
	c.Store.Validate("store", report)
	c.Web.validate(report)
	if c.MappingFile == "" {
		report("mapping_file", "must name the mapping, such as mapping.yml")
	}
	if d := time.Duration(c.StaleAfter); d < time.Hour {
		report("stale_after", "is %s, but must be at least 1h", c.StaleAfter)
	}
	if c.MaxSeries < 100 {
		report("max_series", "is %d, but must be at least 100", c.MaxSeries)
	}
	accounts := c.Accounts()
	first := map[string]string{}
	for _, a := range accounts {
		a.validate(report)
		if path, ok := first[a.Name]; ok && a.Name != "" {
			report(a.path+".name", "%q is already the name of %s; names must differ", a.Name, path)
		} else {
			first[a.Name] = a.path
		}
	}
	c.validateWebhooks(accounts, report)
	c.validateAddresses(report)
}

// refuseZeros reports zeros that are written where a value of zero means that
// the key is absent, and so the default.
func (c *Config) refuseZeros(doc *yamlfile.Document) {
	refuse := func(path string, zero bool, allowed string) {
		if zero && doc.Has(path) {
			doc.Problemf(path, "is 0, but must be %s; leave the key out for the default", allowed)
		}
	}
	for _, a := range c.Accounts() {
		is := a.written()
		refuse(a.path+".poll_interval", is.PollInterval == 0, "at least 1s")
		refuse(a.path+".timeout", is.Timeout == 0, "at least 1s")
		refuse(a.path+".overlap", is.Overlap == 0, "at least 1s")
		refuse(a.path+".census_interval", is.CensusInterval == 0, "at least 1s")
		refuse(a.path+".requests_per_second", is.RequestsPerSecond == 0, "greater than 0")
	}
	refuse("store.redis.lease", c.Store.Redis != nil && c.Store.Redis.Lease == 0, "between 1s and 10m")
}

func (c *Config) validateWebhooks(accounts []Account, report yamlfile.Report) {
	address := c.Webhooks.ListenAddress
	if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
		report("webhooks.listen_address", "is %q, but must be an address such as :8643 or 127.0.0.1:8643", address)
	}
	first := map[string]string{}
	for _, a := range accounts {
		switch hook := a.Webhook; {
		case !hook.Enabled():
			continue
		case address == "":
			report(a.path+".webhook", "needs webhooks.listen_address, the address where deliveries arrive")
		case first[hook.Path] != "":
			report(a.path+".webhook.path", "%q is already the path of %s; paths must differ", hook.Path, first[hook.Path])
		}
		first[a.Webhook.Path] = a.path
	}
	if address != "" && len(first) == 0 {
		report("webhooks.listen_address", "is of no use while no connector has a webhook")
	}
}

// validateAddresses reports addresses that cannot be listened on because
// another key has them.
func (c *Config) validateAddresses(report yamlfile.Report) {
	type place struct{ path, address string }
	var places []place
	for i, address := range c.Web.ListenAddresses {
		places = append(places, place{fmt.Sprintf("web.listen_addresses[%d]", i), address})
	}
	places = append(places, place{"web.page_listen_address", c.Web.PageListenAddress}, place{"webhooks.listen_address", c.Webhooks.ListenAddress})
	for i, p := range places {
		at := slices.IndexFunc(places[:i], func(other place) bool { return collide(p.address, other.address) })
		if at >= 0 {
			report(p.path, "%q cannot be listened on beside %q of %s; give each a port of its own", p.address, places[at].address, places[at].path)
		}
	}
}

// collide reports whether only one of two addresses can be listened on. What
// is no address has been reported.
func collide(a, b string) bool {
	host, port, err := net.SplitHostPort(a)
	otherHost, otherPort, otherErr := net.SplitHostPort(b)
	every := func(host string) bool { return host == "" || host == "::" || host == "0.0.0.0" }
	return err == nil && otherErr == nil && port == otherPort && port != "0" && port != "" && (host == otherHost || every(host) || every(otherHost))
}

// readCredentials reports each credential that cannot be read, so that a
// missing file is known before the first request is due.
func (c *Config) readCredentials(report func(path string, err error)) {
	c.credentials = map[string]digest{}
	for _, a := range c.Accounts() {
		for _, k := range a.credentialKeys() {
			if k.file == "" && k.env == "" {
				continue
			}
			value, err := connectors.ReadSecret(k.file, k.env)
			if err != nil {
				report(a.path+"."+k.key, err)
			}
			before := c.credentials[a.Name]
			c.credentials[a.Name] = sha256.Sum256(append(before[:], value.Reveal()...))
		}
	}
}

// absent reports whether something is not there or may not be read, rather
// than being wrong.
func absent(err error) bool {
	_, unreadable := errors.AsType[*fs.PathError](err)
	return unreadable || errors.Is(err, fs.ErrNotExist) || errors.Is(err, secret.ErrUnset)
}
