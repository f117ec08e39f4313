package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/mapping"
	"alignd/yamlfile"
)

type initFlags struct {
	file          *string
	days, tickets *int
	jira          jira.Config
	linear        linear.Config
}

func addInit(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("init", "Look at a Jira, a Linear or both, and write a first alignd.yml and mapping.yml for them, with comments. Overwrites nothing.")
	f := &initFlags{
		file:    configFlag(c),
		days:    c.Flag("days", "How far back to look for tickets that changed; 0 looks at all.").Default("91").Int(),
		tickets: c.Flag("tickets", "How many tickets of each tracker to look at, at most.").Default("5000").Int(),
	}
	rate := c.Flag("requests-per-second", "Budget of each account while looking.").Default("1").Float64()
	text := func(into *string, name, stands, help string) { c.Flag(name, help).PlaceHolder(stands).StringVar(into) }
	text(&f.jira.URL, "jira.url", "URL", "Address of the Jira site, such as https://acme.atlassian.net.")
	text(&f.jira.Name, "jira.name", "NAME", "Name for the account. Default: the first word of the address.")
	text(&f.jira.Auth.Email, "jira.email", "ADDRESS", "E-mail of the account whose API token is given (Jira Cloud).")
	text(&f.jira.Auth.TokenFile, "jira.token-file", "FILE", "File that holds nothing but the API token.")
	text(&f.jira.Auth.TokenEnv, "jira.token-env", "VARIABLE", "Environment variable with the API token.")
	text(&f.jira.Auth.BearerFile, "jira.bearer-file", "FILE", "File with a bearer token; on Data Center a personal access token.")
	text(&f.jira.Auth.BearerEnv, "jira.bearer-env", "VARIABLE", "Environment variable with a bearer token.")
	text(&f.jira.Auth.Username, "jira.username", "NAME", "User name (Jira Data Center).")
	text(&f.jira.Auth.PasswordFile, "jira.password-file", "FILE", "File with the password (Jira Data Center).")
	text(&f.jira.Auth.PasswordEnv, "jira.password-env", "VARIABLE", "Environment variable with the password (Jira Data Center).")
	text(&f.jira.CloudID, "jira.cloud-id", "ID", "Id of the site, for scoped tokens.")
	c.Flag("jira.project", "Key of a project to read; may be repeated. Default: all that have tickets.").PlaceHolder("KEY").StringsVar(&f.jira.Projects)
	text(&f.linear.URL, "linear.url", "URL", "GraphQL endpoint of Linear. Default: Linear's own.")
	text(&f.linear.Name, "linear.name", "NAME", "Name for the workspace. Default: linear.")
	text(&f.linear.Auth.APIKeyFile, "linear.api-key-file", "FILE", "File that holds nothing but the API key.")
	text(&f.linear.Auth.APIKeyEnv, "linear.api-key-env", "VARIABLE", "Environment variable with the API key.")
	text(&f.linear.Auth.BearerFile, "linear.bearer-file", "FILE", "File with an OAuth access token.")
	text(&f.linear.Auth.BearerEnv, "linear.bearer-env", "VARIABLE", "Environment variable with an OAuth access token.")
	c.Flag("linear.team", "Key of a team to read; may be repeated. Default: all that the key may see.").PlaceHolder("KEY").StringsVar(&f.linear.Teams)
	return c, func(ctx context.Context, out io.Writer) error {
		f.jira.RequestsPerSecond, f.linear.RequestsPerSecond = *rate, *rate
		return f.run(ctx, out)
	}
}

func (f *initFlags) run(ctx context.Context, out io.Writer) error {
	dir := filepath.Dir(*f.file)
	names := []string{*f.file, filepath.Join(dir, config.Default().MappingFile), filepath.Join(dir, "alignd.schema.json"), filepath.Join(dir, "mapping.schema.json")}
	if err := absent(names); err != nil {
		return err
	}
	trackers, err := f.trackers()
	if err != nil {
		return err
	}
	var since time.Time
	if *f.days > 0 {
		since = time.Now().AddDate(0, 0, -*f.days)
	}
	for i := range trackers {
		t := &trackers[i]
		fmt.Fprintf(out, "Looking at %s ...\n", t.name)
		if err := t.look(ctx, since, *f.tickets); err != nil {
			return fmt.Errorf("look at %s: %w", t.name, f.refused(t, err))
		}
		fmt.Fprintf(out, "%s: %s in %s\n", t.name, count(t.tickets, "ticket"), count(len(t.projects), t.projectWord()))
	}
	configText, err := f.configText(dir, trackers)
	if err != nil {
		return err
	}
	texts := []string{configText, mappingText(trackers, time.Now(), changedIn(*f.days)), config.Schema(), mapping.Schema()}
	for i, name := range names {
		if err := writeNew(name, texts[i]); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nWrote %s, and two schemas for editors.\n", strings.Join(names[:2], " and "))
	if _, err := config.Load(*f.file); err != nil {
		return fmt.Errorf("what was written needs your hand:\n%w", err)
	}
	fmt.Fprintf(out, `Next: read both files, and put goals and rules into %s.
  alignd check      says whether they are right
  alignd run        reads everything and serves the numbers
  alignd suggest    proposes rules for what is not mapped yet
`, names[1])
	return nil
}

// absent refuses to overwrite anything before a tracker is asked.
func absent(names []string) error {
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s is there already, and nothing is overwritten; move it away, or write elsewhere by --config.file", name)
		}
	}
	return nil
}

func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// trackers returns the accounts that the flags describe.
func (f *initFlags) trackers() (found []tracker, err error) {
	var wrong []error
	report := func(path, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
	}
	if f.jira.URL != "" || f.jira.CloudID != "" || f.jira.Auth != (jira.Auth{}) {
		if f.jira.Name == "" {
			f.jira.Name = siteName(f.jira.URL)
		}
		look := f.jira
		if len(look.Projects) == 0 {
			look.JQL = f.anyProject()
		}
		look.Validate("jira", report)
		found = append(found, tracker{name: look.Name, kind: "jira", connect: func(o connectors.Options) (connectors.Connector, error) { return jira.New(look, o) }})
	}
	if f.linear.Auth != (linear.Auth{}) || f.linear.URL != "" {
		if f.linear.Name == "" {
			f.linear.Name = "linear"
		}
		look := f.linear
		look.Validate("linear", report)
		found = append(found, tracker{name: look.Name, kind: "linear", connect: func(o connectors.Options) (connectors.Connector, error) { return linear.New(look, o) }})
	}
	if len(found) == 0 {
		report("init", "say which tracker to look at: --jira.url with --jira.email and --jira.token-file, or --linear.api-key-file")
	}
	if len(found) == 2 && found[0].name == found[1].name {
		report("linear.name", "%q is the name of the Jira already; give another one", found[1].name)
	}
	return found, errors.Join(wrong...)
}

// anyProject is a query for all projects, since Jira refuses to search a site
// without a bound.
func (f *initFlags) anyProject() string {
	if *f.days > 0 {
		return fmt.Sprintf("updated >= -%dd", *f.days)
	}
	return `created >= "1970-01-01"`
}

// siteName is the first word of a site's address.
func siteName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "jira"
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	if rest == "" || strings.Trim(name, "0123456789") == "" {
		return "jira"
	}
	return name
}

// configText is the alignd.yml for what was found.
func (f *initFlags) configText(dir string, trackers []tracker) (string, error) {
	var b strings.Builder
	b.WriteString(`# yaml-language-server: $schema=./alignd.schema.json
#
# Which trackers alignd reads. Paths start at the folder of this file. An editor
# that speaks YAML completes and explains the keys by the schema named above;
# "alignd schema config" prints it again after an update of alignd.

# What the company works towards, and how tickets show it.
mapping_file: mapping.yml

# Where tickets and their history are kept. The file is made by itself.
store:
  path: alignd.db

connectors:
`)
	for i := range trackers {
		text, err := f.accountText(dir, &trackers[i])
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func (f *initFlags) accountText(dir string, t *tracker) (string, error) {
	var b strings.Builder
	key := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "      %s: %s\n", name, yamlfile.Text(value))
		}
	}
	list := func(name string, keys []string) {
		texts := make([]string, len(keys))
		for i, k := range keys {
			texts[i] = yamlfile.Text(k)
		}
		fmt.Fprintf(&b, "      %s: [%s]\n", name, strings.Join(texts, ", "))
	}
	fmt.Fprintf(&b, "  %s:\n    # The mapping and the metrics use this name.\n    - name: %s\n", t.kind, yamlfile.Text(t.name))
	auth := authOf(f.linear.Auth)
	if t.kind == "jira" {
		key("url", f.jira.URL)
		key("cloud_id", f.jira.CloudID)
		auth = authOf(f.jira.Auth)
	} else {
		key("url", f.linear.URL)
	}
	fmt.Fprintln(&b, "      # A secret stands in a file of its own, or in an environment variable (*_env).\n      auth:")
	for _, a := range auth {
		value := a.value
		if strings.HasSuffix(a.key, "_file") && value != "" {
			var err error
			if value, err = relative(dir, value); err != nil {
				return "", err
			}
		}
		if value != "" {
			fmt.Fprintf(&b, "        %s: %s\n", a.key, yamlfile.Text(value))
		}
	}
	keys := t.projectKeys()
	switch {
	case t.kind == "jira" && len(f.jira.Projects) > 0:
		list("projects", f.jira.Projects)
	case t.kind == "jira":
		fmt.Fprintf(&b, "      # Those with tickets%s.\n", changedIn(*f.days))
		list("projects", keys)
	case len(f.linear.Teams) > 0:
		list("teams", f.linear.Teams)
	default:
		fmt.Fprintln(&b, "      # teams: [...] would read these only; without it all that the key may see.")
	}
	return b.String(), nil
}

type authKey struct{ key, value string }

// authOf returns what the flags say of a credential, under the keys of
// alignd.yml.
func authOf(auth any) []authKey {
	switch a := auth.(type) {
	case jira.Auth:
		return []authKey{
			{"email", a.Email},
			{"token_file", a.TokenFile},
			{"token_env", a.TokenEnv},
			{"bearer_file", a.BearerFile},
			{"bearer_env", a.BearerEnv},
			{"username", a.Username},
			{"password_file", a.PasswordFile},
			{"password_env", a.PasswordEnv},
		}
	case linear.Auth:
		return []authKey{{"api_key_file", a.APIKeyFile}, {"api_key_env", a.APIKeyEnv}, {"bearer_file", a.BearerFile}, {"bearer_env", a.BearerEnv}}
	}
	return nil
}

// relative makes a path that was given on the command line one from dir.
func relative(dir, file string) (string, error) {
	if filepath.IsAbs(file) {
		return file, nil
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
