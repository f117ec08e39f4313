package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/sandbox"
)

func addSandbox(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("sandbox", "Serve a fake Jira and a fake Linear on loopback, to try connectors and mappings on. Prints an alignd.yml for them.")
	seed := c.Flag("seed", "Which company: equal seeds make equal companies.").Default("1").Uint64()
	data := c.Flag("jira-data", "Serve these recorded raw Jira issues instead of a company: one JSON document a line, gzip or not.").PlaceHolder("FILE").ExistingFile()
	return c, func(ctx context.Context, out io.Writer) error {
		if *data != "" {
			return serveRecorded(ctx, out, *data)
		}
		company := sandbox.NewCompany(*seed, time.Now())
		return serveSandbox(out, company.World, sandbox.CompanyProjects(), sandbox.CompanyTeams(), func() { company.Live(ctx, 1) })
	}
}

func serveRecorded(ctx context.Context, out io.Writer, file string) error {
	world := sandbox.NewWorld(nil)
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read recorded issues: %w", err)
	}
	n, err := world.Jira.Load(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(out, "# %s of %s\n", count(n, "issue"), file)
	var projects []string
	for _, key := range world.Jira.Keys() {
		project, _, _ := strings.Cut(key, "-")
		projects = append(projects, project)
	}
	slices.Sort(projects)
	return serveSandbox(out, world, slices.Compact(projects), nil, func() { <-ctx.Done() })
}

// serveSandbox serves the world while live runs.
func serveSandbox(out io.Writer, world *sandbox.World, projects, teams []string, live func()) error {
	server, err := sandbox.Start(world, sandbox.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "# Before alignd reads this file:\n#   export SANDBOX_JIRA=%s SANDBOX_LINEAR=%s\n", sandbox.JiraToken, sandbox.LinearAPIKey)
	fmt.Fprint(out, sandboxConfig(server, projects, teams, "token_env: SANDBOX_JIRA", "api_key_env: SANDBOX_LINEAR"))
	fmt.Fprintf(out, "# The same Jira as a Data Center: url: %s, auth: {bearer_env: ...} with %s\n", server.DataCenterURL, sandbox.DataCenterToken)
	fmt.Fprintln(out, "# Ctrl-C ends the trackers.")
	live()
	return server.Close()
}

// sandboxConfig is an alignd.yml for the trackers of the sandbox. There is no
// Linear without teams.
func sandboxConfig(s *sandbox.Server, projects, teams []string, jiraSecret, linearSecret string) string {
	const pace = "poll_interval: 2s, census_interval: 20s, overlap: 1s, requests_per_second: 100"
	text := fmt.Sprintf(`# yaml-language-server: $schema=./alignd.schema.json
connectors:
  jira:
    - {name: %s, url: %q, auth: {email: %s, %s}, projects: [%s],
       %s}
`, sandbox.CompanyJira, s.JiraURL, sandbox.JiraEmail, jiraSecret, strings.Join(projects, ", "), pace)
	if len(teams) == 0 {
		return text
	}
	return text + fmt.Sprintf(`  linear:
    - {name: %s, url: %q, auth: {%s}, teams: [%s],
       %s}
`, sandbox.CompanyLinear, s.LinearURL, linearSecret, strings.Join(teams, ", "), pace)
}
