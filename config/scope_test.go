package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
)

func TestScope(t *testing.T) {
	scope := func(change ...string) string {
		t.Helper()
		text := strings.NewReplacer(change...).Replace(smallConfig)
		cfg, _ := load(t, map[string]string{"alignd.yml": text, "mapping.yml": smallMapping, "token": "abc", "other": "def"})
		return cfg.Accounts()[0].Scope()
	}
	first := scope()
	for _, same := range [][]string{
		{},
		{"token_file: token", "token_file: other"},
		{"[PAY]", "[pay, PAY]"},
		{"projects: [PAY]", "projects: [PAY]\n      poll_interval: 5m\n      overlap: 10m\n      timeout: 5s\n      requests_per_second: 3"},
	} {
		if got := scope(same...); got != first {
			t.Errorf("%q changes the scope from %q to %q", same, first, got)
		}
	}
	for _, different := range [][]string{
		{"[PAY]", "[PAY, BILL]"},
		{"[PAY]", "[PAY]\n      jql: type = Bug"},
		{"[PAY]", "[PAY]\n      ignore_labels: [team-*]"},
		{"[PAY]", "[PAY]\n      canceled_resolutions: []"},
		{"acme.atlassian", "other.atlassian"},
	} {
		if got := scope(different...); got == first {
			t.Errorf("%q does not change the scope", different)
		}
	}
}

func parseScope(t *testing.T, kind string, settings any) config.Scope {
	t.Helper()
	text := config.Account{Kind: kind, Settings: settings}.Scope()
	s, ok := config.ParseScope(text)
	if !ok || s.String() != text {
		t.Fatalf("%q is read as %+v, %t", text, s, ok)
	}
	return s
}

func TestParseScope(t *testing.T) {
	s := parseScope(t, "jira", jira.Config{Projects: []string{"pay", "BILL", "10001"}, JQL: "text ~ private"})
	if diff := cmp.Diff([]string{"10001", "BILL", "PAY"}, s.Projects); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	if strings.Contains(s.String(), "private") || s.Query == "" {
		t.Errorf("the scope is %q", s)
	}
	if s := parseScope(t, "linear", linear.Config{}); s.Kind != "linear" || s.Query != "" || len(s.Projects) > 0 {
		t.Errorf("the scope is %+v", s)
	}
	for _, text := range []string{"", "jira 0011223344556677", "a b c d e"} {
		if s, ok := config.ParseScope(text); ok {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

func TestScopeOfTheSameTickets(t *testing.T) {
	first := jira.Config{URL: "https://acme.example", Projects: []string{"PAY", "BILL"}, JQL: "type = Bug"}
	for name, test := range map[string]struct {
		change func(*jira.Config)
		want   bool
	}{
		"story_points_field":   {func(c *jira.Config) { c.StoryPointsField = "Points" }, true},
		"canceled_statuses":    {func(c *jira.Config) { c.CanceledStatuses = []string{"Dropped"} }, true},
		"canceled_resolutions": {func(c *jira.Config) { c.CanceledResolutions = []string{} }, true},
		"url":                  {func(c *jira.Config) { c.URL = "https://jira.acme.example" }, true},
		"cloud_id":             {func(c *jira.Config) { c.CloudID = "abc-123" }, true},
		"gateway_url":          {func(c *jira.Config) { c.GatewayURL = "https://gateway.acme.example" }, true},
		"deployment":           {func(c *jira.Config) { c.Deployment = jira.DataCenter }, true},
		"ignore_labels":        {func(c *jira.Config) { c.Common = connectors.Common{IgnoreLabels: []string{"team-*"}} }, true},
		"order of projects":    {func(c *jira.Config) { c.Projects = []string{"BILL", "PAY"} }, true},
		"projects":             {func(c *jira.Config) { c.Projects = []string{"PAY"} }, false},
		"jql":                  {func(c *jira.Config) { c.JQL = "type = Task" }, false},
		"no jql":               {func(c *jira.Config) { c.JQL = "" }, false},
	} {
		changed := first
		test.change(&changed)
		if got := parseScope(t, "jira", changed).SameTickets(parseScope(t, "jira", first)); got != test.want {
			t.Errorf("%s: the same tickets: %t, want %t", name, got, test.want)
		}
	}
	all, some := parseScope(t, "linear", linear.Config{}), parseScope(t, "linear", linear.Config{Teams: []string{"PLT"}})
	if some.SameTickets(all) || !some.SameTickets(parseScope(t, "linear", linear.Config{Teams: []string{"plt"}, URL: "https://proxy.example"})) {
		t.Error("teams of Linear decide otherwise than projects of Jira")
	}
}

// TestWhoLeaves: what lists tell of tickets that were in scope.
func TestWhoLeaves(t *testing.T) {
	list := func(projects ...string) jira.Config { return jira.Config{Projects: projects} }
	bugs := func(c jira.Config) jira.Config { c.JQL = "type = Bug"; return c }
	for name, test := range map[string]struct {
		was, is      any
		project      string
		keeps, drops bool
	}{
		"dropped":                     {list("PAY", "BILL"), list("PAY"), "BILL", false, true},
		"still listed":                {list("PAY", "BILL"), list("PAY"), "PAY", true, false},
		"in lower case":               {list("pay", "bill"), list("pay"), "PAY", true, false},
		"never listed by this name":   {list("PAY", "BILL"), list("PAY"), "MONEY", false, false},
		"replaced, maybe by its name": {list("PAY", "BILL"), list("PAY", "MONEY"), "BILL", false, false},
		"replaced, maybe by its id":   {list("PAY", "BILL"), list("PAY", "10001"), "BILL", false, false},
		"an id dropped":               {list("PAY", "10001"), list("PAY"), "BILL", false, false},
		"one more":                    {list("PAY"), list("PAY", "BILL"), "PAY", true, false},
		"no list any more":            {bugs(list("PAY")), bugs(list()), "PAY", true, false},
		"a list at last":              {bugs(list()), bugs(list("PAY")), "BILL", false, false},
		"another query":               {list("PAY"), bugs(list("PAY")), "PAY", false, false},
		"another query, and dropped":  {list("PAY", "BILL"), bugs(list("PAY")), "BILL", false, true},
		"a team of all":               {linear.Config{}, linear.Config{Teams: []string{"PLT"}}, "APP", false, false},
		"a team dropped":              {linear.Config{Teams: []string{"PLT", "APP"}}, linear.Config{Teams: []string{"PLT"}}, "APP", false, true},
		"no team":                     {linear.Config{Teams: []string{"PLT", "APP"}}, linear.Config{Teams: []string{"PLT"}}, "", false, false},
		"another tracker":             {list("PAY"), linear.Config{Teams: []string{"PAY"}}, "PAY", false, true},
	} {
		kind := func(settings any) string {
			if _, ok := settings.(linear.Config); ok {
				return "linear"
			}
			return "jira"
		}
		was, is := parseScope(t, kind(test.was), test.was), parseScope(t, kind(test.is), test.is)
		if keeps, drops := is.Keeps(was, test.project), is.Drops(was, test.project); keeps != test.keeps || drops != test.drops {
			t.Errorf("%s: keeps %t, drops %t, want %t, %t", name, keeps, drops, test.keeps, test.drops)
		}
	}
}
