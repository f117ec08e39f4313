package jira

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"alignd/connectors"
	"alignd/secret"
)

// DefaultGatewayURL is where scoped tokens are accepted, see Config.CloudID.
const DefaultGatewayURL = "https://api.atlassian.com"

// DefaultCanceledResolutions are the resolutions that close a ticket without
// its work having been wanted or possible: those Jira ships or used to ship,
// and the usual additions. Resolutions that leave the question open ("Known
// Error", "On Hold") are not among them.
var DefaultCanceledResolutions = []string{
	"Won't Do", "Won't Fix", "Duplicate", "Declined", "Cannot Reproduce",
	"Invalid", "Incomplete", "Rejected", "Canceled", "Cancelled",
}

// Config is one Jira account.
//
//schema:json {"required": ["name", "auth"], "anyOf": [{"required": ["projects"]}, {"required": ["jql"]}]}
type Config struct {
	connectors.Common `yaml:",inline"`

	// URL of the site, with the context path if there is one.
	//schema:json {"pattern": "^https?://[^?#]+$"}
	URL string `yaml:"url"`
	// Auth says where the credential is.
	Auth Auth `yaml:"auth"`

	// Deployment tells Jira Cloud from Jira Data Center and Server. Jira is
	// asked if it is absent.
	//schema:json {"enum": ["cloud", "datacenter"]}
	Deployment Deployment `yaml:"deployment"`

	// CloudID selects the gateway at GatewayURL in place of the site, which
	// scoped tokens and service accounts require. The site answers with its
	// id at <url>/_edge/tenant_info.
	//schema:json {"pattern": "^[A-Za-z0-9-]+$"}
	CloudID string `yaml:"cloud_id"`
	// GatewayURL is where scoped tokens are accepted; Atlassian's own if
	// absent.
	//schema:json {"pattern": "^https?://[^?#]+$"}
	GatewayURL string `yaml:"gateway_url"`

	// Projects to read, by key or numeric id. Projects or a query must be
	// given; if both are, both must hold.
	//schema:json {"pattern": "^([A-Za-z][A-Za-z0-9_]*|[0-9]+)$"}
	Projects []string `yaml:"projects"`
	// JQL is the query for what to read, without ORDER BY.
	JQL string `yaml:"jql"`

	// StoryPointsField is the id or exact name of the field with estimates,
	// needed only where it cannot be discovered.
	StoryPointsField string `yaml:"story_points_field"`

	// CanceledStatuses always mean canceled. Letter case does not count.
	CanceledStatuses []string `yaml:"canceled_statuses"`
	// CanceledResolutions mean canceled on tickets whose status is in the done
	// category; absent means those Jira ships or used to ship, an empty list
	// means none. Letter case does not count.
	CanceledResolutions []string `yaml:"canceled_resolutions"`
}

// Auth is either e-mail with API token (Cloud), a bearer token (on Data Center
// a personal access token), or user name with password (Data Center). Each
// secret comes from a file or from an environment variable.
type Auth struct {
	Email        string `yaml:"email"`         // E-mail of the account the API token belongs to (Cloud).
	TokenFile    string `yaml:"token_file"`    // File with the API token, and nothing else in it.
	TokenEnv     string `yaml:"token_env"`     // Environment variable with the API token.
	BearerFile   string `yaml:"bearer_file"`   // File with a bearer token, on Data Center a personal access token.
	BearerEnv    string `yaml:"bearer_env"`    // Environment variable with a bearer token.
	Username     string `yaml:"username"`      // User name, on Data Center only.
	PasswordFile string `yaml:"password_file"` // File with the password, on Data Center only.
	PasswordEnv  string `yaml:"password_env"`  // Environment variable with the password.
}

var (
	projectForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_]*|[0-9]+)$`)
	cloudIDForm = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// ResolvePaths makes relative secret files relative to dir, the folder of the
// configuration file.
func (c *Config) ResolvePaths(dir string) {
	c.Auth.TokenFile = connectors.ResolvePath(dir, c.Auth.TokenFile)
	c.Auth.BearerFile = connectors.ResolvePath(dir, c.Auth.BearerFile)
	c.Auth.PasswordFile = connectors.ResolvePath(dir, c.Auth.PasswordFile)
	c.Webhook.SecretFile = connectors.ResolvePath(dir, c.Webhook.SecretFile)
}

// Validate reports all mistakes, each with the path of its key. It opens no
// file and calls no tracker.
func (c Config) Validate(path string, report func(path, format string, args ...any)) {
	c.Common.Validate(path, report)
	if c.URL != "" || c.CloudID == "" {
		connectors.ValidateURL(path+".url", c.URL, report)
	}
	if c.GatewayURL != "" {
		connectors.ValidateURL(path+".gateway_url", c.GatewayURL, report)
	}
	if c.CloudID != "" && !cloudIDForm.MatchString(c.CloudID) {
		report(path+".cloud_id", "must be the id from <url>/_edge/tenant_info")
	}
	c.validateDeployment(path, report)
	c.Auth.validate(path+".auth", report)
	c.validateScope(path, report)
}

func (c Config) validateDeployment(path string, report func(path, format string, args ...any)) {
	switch {
	case c.Deployment != "" && c.Deployment != Cloud && c.Deployment != DataCenter:
		report(path+".deployment", "is %q, but must be %s or %s, or absent so that Jira is asked", c.Deployment, Cloud, DataCenter)
	case c.Deployment == DataCenter && c.CloudID != "":
		report(path+".cloud_id", "does not go with deployment: %s", DataCenter)
	case c.Deployment == DataCenter && c.Auth.Email != "":
		report(path+".auth.email", "is for Jira Cloud: Data Center takes bearer_file, or username with password_file")
	case c.configured() == Cloud && c.Auth.Username != "":
		report(path+".auth.username", "is for Jira Data Center: the Cloud takes email with token_file, or bearer_file")
	}
}

func (c Config) validateScope(path string, report func(path, format string, args ...any)) {
	if len(c.Projects) == 0 && strings.TrimSpace(c.JQL) == "" {
		report(path+".projects", "projects or jql is required: Jira refuses to search a whole site")
	}
	for i, p := range c.Projects {
		if !projectForm.MatchString(p) {
			report(fmt.Sprintf("%s.projects[%d]", path, i), "is %q, but must be a project key such as PAY or a numeric id", p)
		}
	}
	if problem := checkJQL(c.JQL); problem != "" {
		report(path+".jql", "%s", problem)
	}
}

func (a Auth) validate(path string, report func(path, format string, args ...any)) {
	token, bearer, password := a.TokenFile+a.TokenEnv != "", a.BearerFile+a.BearerEnv != "", a.PasswordFile+a.PasswordEnv != ""
	switch {
	case !token && !bearer && !password:
		report(path, "is required: email with token_file or token_env, or bearer_file or bearer_env, or username with password_file or password_env")
	case token && bearer, token && password, bearer && password:
		report(path, "must hold one of token, bearer and password")
	}
	switch {
	case token && a.Email == "":
		report(path+".email", "is required with an API token")
	case a.Email != "" && !token && (bearer || password):
		report(path+".email", "goes with an API token only")
	}
	switch {
	case password && a.Username == "":
		report(path+".username", "is required with a password")
	case a.Username != "" && !password && (token || bearer):
		report(path+".username", "goes with a password only")
	}
	for _, pair := range [][3]string{
		{"token", a.TokenFile, a.TokenEnv},
		{"bearer", a.BearerFile, a.BearerEnv},
		{"password", a.PasswordFile, a.PasswordEnv},
	} {
		if pair[1] != "" && pair[2] != "" {
			report(path+"."+pair[0]+"_env", "must not stand beside %s_file", pair[0])
		}
	}
}

// authorizer reads the secret and returns what adds it to a request.
func (a Auth) authorizer() (func(*http.Request), error) {
	file, env, user := a.TokenFile, a.TokenEnv, a.Email
	switch {
	case a.BearerFile+a.BearerEnv != "":
		token, err := connectors.ReadSecret(a.BearerFile, a.BearerEnv)
		if err != nil {
			return nil, err
		}
		return setAuthorization(secret.New("Bearer " + token.Reveal())), nil
	case a.PasswordFile+a.PasswordEnv != "":
		file, env, user = a.PasswordFile, a.PasswordEnv, a.Username
	}
	token, err := connectors.ReadSecret(file, env)
	if err != nil {
		return nil, err
	}
	pair := base64.StdEncoding.EncodeToString([]byte(user + ":" + token.Reveal()))
	return setAuthorization(secret.New("Basic " + pair)), nil
}

func setAuthorization(header secret.Value) func(*http.Request) {
	return func(req *http.Request) { req.Header.Set("Authorization", header.Reveal()) }
}

// baseURL returns the address under which /rest/ is found.
func (c Config) baseURL() (*url.URL, error) {
	if c.CloudID == "" {
		return parseBase(c.URL)
	}
	gateway := c.GatewayURL
	if gateway == "" {
		gateway = DefaultGatewayURL
	}
	base, err := parseBase(gateway)
	if err != nil {
		return nil, err
	}
	return base.JoinPath("ex", "jira", c.CloudID), nil
}

func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("parse url: %w", err)
	}
	return base, nil
}
