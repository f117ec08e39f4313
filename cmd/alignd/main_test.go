package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"alignd/sandbox"
	"alignd/sandbox/ports"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"alignd": main})
}

// TestScripts runs the stories in testdata: each is what one user does. They
// have these commands of their own:
//
//	freeport NAME...   puts a port of loopback that nobody else gets into each variable
//	until URL REGEXP   waits for the address to answer with such a text
//	post URL           posts nothing to the address, which must say OK
//	get URL            prints the status and body of an answer to stdout
//	trackers           starts a small fake Jira, as $JIRA, with PAY-1 and PAY-2
//	company            starts the trackers of the pretend company, as $JIRA and $LINEAR
//	redis              starts a Redis, as $REDIS, if there is a redis-server
//	envsubst FILE...   replaces variables such as $JIRA and $PORT in files
//	ids FILE           puts the ids of a list of revisions into $ID1, $ID2, ...
//	certificate C K    writes a certificate for alignd.example and its key
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freeport, "until": untilOf(t), "get": get, "post": post, "trackers": trackers, "company": company,
			"redis": redisServer, "envsubst": envsubst, "certificate": certificate, "ids": revisionIDs,
		},
		Setup: func(env *testscript.Env) error {
			// What demo leaves behind would be seen here.
			env.Setenv("TMPDIR", env.WorkDir+"/tmp")
			return os.MkdirAll(env.WorkDir+"/tmp", 0o755)
		},
	})
}

func freeport(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		address, release, err := ports.Reserve()
		ts.Check(err)
		ts.Defer(release)
		_, port, err := net.SplitHostPort(address)
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

func fetch(url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return fmt.Sprintf("%s\n%s", answer.Status, body), err
}

// untilOf returns the command until.
func untilOf(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) != 2 {
			ts.Fatalf("usage: until URL REGEXP")
		}
		re := regexp.MustCompile(args[1])
		for {
			text, err := fetch(args[0])
			if err == nil && re.MatchString(text) {
				return
			}
			if isLate(t) {
				ts.Fatalf("%s never said %s, but %s%v", args[0], args[1], text, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// isLate reports whether the test binary will be stopped shortly, so that it is
// time to say what was waited for.
func isLate(t *testing.T) bool {
	end, limited := t.Deadline()
	return limited && time.Until(end) < 10*time.Second
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	text, err := fetch(args[0])
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), text)
	ts.Check(err)
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	answer, err := http.Post(args[0], "", nil)
	ts.Check(err)
	ts.Check(answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("%s says %s", args[0], answer.Status)
	}
}

func envsubst(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

func certificate(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"alignd.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

func revisionIDs(ts *testscript.TestScript, _ bool, args []string) {
	for i, m := range regexp.MustCompile(`(?m)UTC  ([0-9a-f]{8})$`).FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
		ts.Setenv(fmt.Sprint("ID", i+1), m[1])
	}
}

func trackers(ts *testscript.TestScript, _ bool, _ []string) {
	now := time.Now()
	world := sandbox.NewWorld(func() time.Time { return now }) // stands still, so that two looks say the same
	past := now.Add(-10 * 24 * time.Hour)
	world.Jira.AddProject(sandbox.NewProject{Key: "PAY", Name: "Payments"})
	epic := world.Jira.CreateIssue(past, sandbox.NewIssue{Project: "PAY", Type: "Epic", Title: "Faster checkout", Labels: []string{"goal-checkout"}})
	story := world.Jira.CreateIssue(past.Add(time.Hour), sandbox.NewIssue{Project: "PAY", Title: "Remember the address", Parent: epic})
	world.Jira.Transition(past.Add(2*time.Hour), story, "In Progress")
	server, err := sandbox.Start(world, sandbox.Options{})
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("JIRA", server.JiraURL)
	ts.Setenv("JIRA_TOKEN", sandbox.JiraToken)
}

func company(ts *testscript.TestScript, _ bool, _ []string) {
	made := sandbox.NewCompany(1, time.Now())
	server, err := sandbox.Start(made.World, sandbox.Options{})
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("JIRA", server.JiraURL)
	ts.Setenv("JIRA_TOKEN", sandbox.JiraToken)
	ts.Setenv("LINEAR", server.LinearURL)
	ts.Setenv("LINEAR_KEY", sandbox.LinearAPIKey)
}
