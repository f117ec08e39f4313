package config

import (
	"crypto/sha256"
	"fmt"
	"reflect"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/yamlfile"
)

type digest [sha256.Size]byte

// Account is one configured connector, whatever its kind.
type Account struct {
	connectors.Common        // with defaults filled in
	Kind              string // "jira" or "linear"
	Settings          any    // jira.Config or linear.Config

	path       string
	credential digest
}

// Accounts returns all connectors in the order of the file, Jira first.
func (c *Config) Accounts() []Account {
	var accounts []Account
	for i, s := range c.Connectors.Jira {
		accounts = append(accounts, Account{
			Common: s.WithDefaults(), Kind: "jira", Settings: s,
			path: fmt.Sprintf("connectors.jira[%d]", i), credential: c.credentials[s.Name],
		})
	}
	for i, s := range c.Connectors.Linear {
		accounts = append(accounts, Account{
			Common: s.WithDefaults(), Kind: "linear", Settings: s,
			path: fmt.Sprintf("connectors.linear[%d]", i), credential: c.credentials[s.Name],
		})
	}
	return accounts
}

// written returns the keys as they stand in the file, zero where they are
// absent.
func (a Account) written() connectors.Common {
	if s, ok := a.Settings.(linear.Config); ok {
		return s.Common
	}
	return a.Settings.(jira.Config).Common
}

// Same reports whether both accounts are read in the same way, with the same
// credential.
func (a Account) Same(b Account) bool {
	a.path, b.path = "", ""
	return reflect.DeepEqual(a, b)
}

func (a Account) validate(report yamlfile.Report) {
	switch s := a.Settings.(type) {
	case jira.Config:
		s.Validate(a.path, report)
	case linear.Config:
		s.Validate(a.path, report)
	}
}

// credentialKey is one way to name a credential in the file.
type credentialKey struct{ key, file, env string }

func (a Account) credentialKeys() []credentialKey {
	hook := []credentialKey{
		{"webhook.secret_file", a.Webhook.SecretFile, ""},
		{"webhook.secret_env", "", a.Webhook.SecretEnv},
	}
	switch s := a.Settings.(type) {
	case jira.Config:
		return append(hook, []credentialKey{
			{"auth.token_file", s.Auth.TokenFile, ""},
			{"auth.token_env", "", s.Auth.TokenEnv},
			{"auth.bearer_file", s.Auth.BearerFile, ""},
			{"auth.bearer_env", "", s.Auth.BearerEnv},
			{"auth.password_file", s.Auth.PasswordFile, ""},
			{"auth.password_env", "", s.Auth.PasswordEnv},
		}...)
	case linear.Config:
		return append(hook, []credentialKey{
			{"auth.api_key_file", s.Auth.APIKeyFile, ""},
			{"auth.api_key_env", "", s.Auth.APIKeyEnv},
			{"auth.bearer_file", s.Auth.BearerFile, ""},
			{"auth.bearer_env", "", s.Auth.BearerEnv},
		}...)
	}
	return nil
}

// Verify returns what checks the deliveries of the account's webhook.
func (a Account) Verify() connectors.Verify {
	if a.Kind == "linear" {
		return linear.VerifyWebhook
	}
	return jira.VerifyWebhook
}
