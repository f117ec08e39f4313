package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/store"
)

func TestConfigValidate(t *testing.T) {
	redis := func(change func(*store.RedisConfig)) store.Config {
		r := &store.RedisConfig{Addrs: []string{"redis:6379"}}
		change(r)
		return store.Config{Redis: r}
	}
	password := writeFile(t, "password", "secret\n")
	t.Setenv("ALIGND_TEST_PASSWORD", "secret")
	for name, test := range map[string]struct {
		cfg  store.Config
		want []string
	}{
		"default": {store.DefaultConfig(), nil},
		"folder":  {store.Config{Path: "nowhere/a.db"}, []string{`store.path: folder "nowhere" does not exist: file does not exist`}},
		"nothing": {store.Config{}, []string{"store.path: must name the file of the store"}},
		"redis":   {redis(func(*store.RedisConfig) {}), nil},
		"all": {redis(func(r *store.RedisConfig) {
			r.Addrs, r.MasterName, r.KeyPrefix = []string{"a:1", "[::1]:2"}, "mymaster", "team-a:"
			r.Username, r.PasswordFile, r.SentinelPasswordEnv = "alignd", password, "ALIGND_TEST_PASSWORD"
			r.TLS = &store.TLSConfig{ServerName: "redis.example"}
		}), nil},
		"cluster": {redis(func(r *store.RedisConfig) { r.Addrs, r.Cluster = []string{"a:1", "b:2"}, true }), nil},
		"both": {store.Config{Path: "a.db", Redis: &store.RedisConfig{Addrs: []string{"redis:6379"}}}, []string{
			"store: has both path and redis, but facts are kept in one place",
		}},
		"no server": {redis(func(r *store.RedisConfig) { r.Addrs = nil }), []string{
			"store.redis.addrs: must name at least one server, such as redis:6379",
		}},
		"no ports": {redis(func(r *store.RedisConfig) { r.Addrs, r.Cluster = []string{"redis", ":6379", "a:1"}, true }), []string{
			`store.redis.addrs[0]: is "redis", but must be host:port such as redis:6379`,
			`store.redis.addrs[1]: is ":6379", but must be host:port such as redis:6379`,
		}},
		"passwords": {redis(func(r *store.RedisConfig) {
			r.Addrs, r.Cluster = []string{"redis://:s3cret@redis:6379", "s3cret@redis:6379"}, true
		}), []string{
			"store.redis.addrs[0]: must be host:port such as redis:6379, not a URL; user name and password have keys of their own",
			"store.redis.addrs[1]: must be host:port such as redis:6379, not a URL; user name and password have keys of their own",
		}},
		"cluster and sentinel": {redis(func(r *store.RedisConfig) { r.Cluster, r.MasterName = true, "mymaster" }), []string{
			"store.redis.master_name: is of Sentinel and excludes cluster",
		}},
		"many of what": {redis(func(r *store.RedisConfig) { r.Addrs = []string{"a:1", "b:2"} }), []string{
			"store.redis.addrs: names 2 servers; say cluster: true or the master_name of the Sentinels",
		}},
		"lease": {redis(func(r *store.RedisConfig) { r.Lease = time.Hour }), []string{
			"store.redis.lease: is 1h0m0s, but must be between 1s and 10m",
		}},
		"braces": {redis(func(r *store.RedisConfig) { r.KeyPrefix = "{a}" }), []string{
			`store.redis.key_prefix: is "{a}", but must not hold { or }, which say where in a cluster a key belongs`,
		}},
		"two passwords": {redis(func(r *store.RedisConfig) { r.PasswordFile, r.PasswordEnv = password, "ALIGND_TEST_PASSWORD" }), []string{
			"store.redis.password_env: and password_file exclude each other",
		}},
		"no password": {redis(func(r *store.RedisConfig) { r.Username = "alignd" }), []string{
			"store.redis.username: needs a password_file or password_env",
		}},
		"passwords that are not there": {redis(func(r *store.RedisConfig) {
			r.PasswordEnv, r.MasterName, r.SentinelPasswordFile = "ALIGND_TEST_NONE", "mymaster", "none"
		}), []string{
			"store.redis.password_env: read secret: environment variable ALIGND_TEST_NONE is not set or empty",
			"store.redis.sentinel_password_file: read secret: open none: no such file or directory",
		}},
		"a password for no sentinel": {redis(func(r *store.RedisConfig) { r.SentinelPasswordFile = password }), []string{
			"store.redis.sentinel_username: is of no use without master_name",
		}},
		"no certificates": {redis(func(r *store.RedisConfig) { r.TLS = &store.TLSConfig{CAFile: password} }), []string{
			"store.redis.tls: read certificates: there is none in " + password,
		}},
		"half a certificate": {redis(func(r *store.RedisConfig) { r.TLS = &store.TLSConfig{CertFile: "none"} }), []string{
			"store.redis.tls: must have both cert_file and key_file, or neither",
			"store.redis.tls: read own certificate: open none: no such file or directory",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			test.cfg.Validate("store", func(path, format string, args ...any) {
				got = append(got, path+": "+fmt.Sprintf(format, args...))
			})
			test.cfg.ValidateFiles("store", func(path string, err error) { got = append(got, path+": "+err.Error()) })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigPaths(t *testing.T) {
	dir := t.TempDir()
	file, shared := store.DefaultConfig(), store.DefaultConfig()
	file.ResolvePaths(dir)
	if want := filepath.Join(dir, "alignd.db"); file.Path != want || file.String() != want {
		t.Errorf("path %q, shown as %q, want %q", file.Path, file, want)
	}
	shared.Redis = &store.RedisConfig{Addrs: []string{"redis:6379"}, PasswordFile: "password", TLS: &store.TLSConfig{CAFile: "/ca"}}
	shared.ResolvePaths(dir)
	want := store.Config{Redis: &store.RedisConfig{Addrs: []string{"redis:6379"}, PasswordFile: filepath.Join(dir, "password"), TLS: &store.TLSConfig{CAFile: "/ca"}}}
	if diff := cmp.Diff(want, shared); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := shared.String(); got != `redis at redis:6379 under "alignd:"` {
		t.Errorf("shown as %q", got)
	}
}
