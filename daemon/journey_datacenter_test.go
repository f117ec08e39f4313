package daemon_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"alignd/sandbox"
)

// onDataCenter has the Jira of a configuration read as Data Center, which
// alignd has to find out.
func (tr *traveller) onDataCenter() {
	tr.t.Helper()
	text, err := os.ReadFile(tr.file("alignd.yml"))
	if err != nil {
		tr.t.Fatal(err)
	}
	cloud := fmt.Sprintf("url: %q, auth: {email: %q, token_file: jira-token}", tr.server.JiraURL, sandbox.JiraEmail)
	server := fmt.Sprintf("url: %q, auth: {bearer_file: jira-token}", tr.server.DataCenterURL)
	if !strings.Contains(string(text), cloud) {
		tr.t.Fatalf("no %s in\n%s", cloud, text)
	}
	tr.write("alignd.yml", strings.ReplaceAll(string(text), cloud, server))
	tr.write("jira-token", sandbox.DataCenterToken)
}

// A company on Data Center has the numbers of the same company on the Cloud,
// and neither is asked for a person.
func TestDataCenterShowsTheSame(t *testing.T) {
	t.Parallel()
	cloud := acme(t)
	want := cloud.start(nil).settled()

	tr := acme(t)
	tr.onDataCenter()
	r := tr.start(nil)
	sameNumbers(t, "on Data Center", want, r.settled())
	for _, endpoint := range []string{"server_info", "search", "field", "status"} {
		if tr.server.Requests()["datacenter "+endpoint] == 0 {
			t.Errorf("%s was never asked for", endpoint)
		}
	}
	tr.noPerson(r, "PAY-1", ofTheCompany)
}
