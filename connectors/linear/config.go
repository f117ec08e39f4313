package linear

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"alignd/connectors"
	"alignd/secret"
)

// DefaultURL is Linear's one GraphQL endpoint.
const DefaultURL = "https://api.linear.app/graphql"

// Config is one Linear workspace.
//
//schema:json {"required": ["name", "auth"]}
type Config struct {
	connectors.Common `yaml:",inline"`

	// Auth says where the credential is: exactly one of its keys.
	Auth Auth `yaml:"auth"`

	// URL of the GraphQL endpoint, for proxies and tests; Linear's own if
	// absent.
	//schema:json {"pattern": "^https?://[^?#]+$"}
	URL string `yaml:"url"`

	// Teams are the keys of the teams to read, such as PLT; empty means all
	// that the credential may see.
	//schema:json {"pattern": "^[A-Za-z0-9_]+$"}
	Teams []string `yaml:"teams"`
}

// Auth says where the credential is. Exactly one of its keys is set.
//
//schema:json {"minProperties": 1, "maxProperties": 1}
type Auth struct {
	APIKeyFile string `yaml:"api_key_file"` // File with an API key, and nothing else in it.
	APIKeyEnv  string `yaml:"api_key_env"`  // Environment variable with an API key.
	BearerFile string `yaml:"bearer_file"`  // File with an OAuth access token, and nothing else in it.
	BearerEnv  string `yaml:"bearer_env"`   // Environment variable with an OAuth access token.
}

var teamKey = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Validate reports all mistakes, each with the path of its key.
func (c Config) Validate(path string, report func(path, format string, args ...any)) {
	c.Common.Validate(path, report)
	connectors.ValidateURL(path+".url", cmp.Or(c.URL, DefaultURL), report)
	c.Auth.validate(path+".auth", report)
	seen := map[string]bool{}
	for i, key := range c.Teams {
		at := fmt.Sprintf("%s.teams[%d]", path, i)
		switch folded := strings.ToUpper(key); {
		case !teamKey.MatchString(key):
			report(at, "is %q, but must be a team key such as PLT", key)
		case seen[folded]:
			report(at, "names team %s a second time", key)
		default:
			seen[folded] = true
		}
	}
}

func (a Auth) validate(path string, report func(path, format string, args ...any)) {
	set := 0
	for _, value := range []string{a.APIKeyFile, a.APIKeyEnv, a.BearerFile, a.BearerEnv} {
		if value != "" {
			set++
		}
	}
	if set != 1 {
		report(path, "needs exactly one of api_key_file, api_key_env, bearer_file, bearer_env, but has %d", set)
	}
}

// ResolvePaths makes the files of the credential relative to dir, the folder
// of the configuration file.
func (c *Config) ResolvePaths(dir string) {
	c.Auth.APIKeyFile = connectors.ResolvePath(dir, c.Auth.APIKeyFile)
	c.Auth.BearerFile = connectors.ResolvePath(dir, c.Auth.BearerFile)
	c.Webhook.SecretFile = connectors.ResolvePath(dir, c.Webhook.SecretFile)
}

// read returns the value of the Authorization header: an API key stands there
// bare (Linear refuses it behind Bearer), an OAuth token behind Bearer.
func (a Auth) read() (secret.Value, error) {
	if a.BearerFile == "" && a.BearerEnv == "" {
		return connectors.ReadSecret(a.APIKeyFile, a.APIKeyEnv)
	}
	token, err := connectors.ReadSecret(a.BearerFile, a.BearerEnv)
	if err != nil {
		return secret.Value{}, err
	}
	return secret.New("Bearer " + token.Reveal()), nil
}

// newHTTPClient returns the client of the account and the parsed endpoint.
func newHTTPClient(cfg Config, opts connectors.Options) (*http.Client, error) {
	endpoint, err := url.Parse(cmp.Or(cfg.URL, DefaultURL))
	if err != nil {
		return nil, fmt.Errorf("parse url: %w", err)
	}
	credential, err := cfg.Auth.read()
	if err != nil {
		return nil, err
	}
	common := cfg.Common.WithDefaults()
	return connectors.NewClient(connectors.ClientConfig{
		Connector:         common.Name,
		BaseURL:           endpoint,
		Authorize:         func(req *http.Request) { req.Header.Set("Authorization", credential.Reveal()) },
		RequestsPerSecond: common.RequestsPerSecond,
		RequestsPerDay:    common.RequestsPerDay,
		Timeout:           time.Duration(common.Timeout),
		Inspect:           inspector{credential}.inspect,
		Daily:             opts.Daily,
		Observer:          opts.Observer,
		Logger:            opts.Logger,
		UserAgent:         opts.UserAgent,
		Transport:         opts.Transport,
	}), nil
}
