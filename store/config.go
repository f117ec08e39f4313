package store

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"alignd/secret"
)

const (
	defaultPath   = "alignd.db"
	defaultPrefix = "alignd:"
	defaultLease  = 15 * time.Second
	shortestLease = time.Second
	longestLease  = 10 * time.Minute
)

// Config says where the facts are kept: in a file of one alignd, or in a Redis
// that several share.
type Config struct {
	// Path is the file of the embedded store. It is made if it does not
	// exist; its folder is not.
	Path string `yaml:"path"`
	// Redis says how to reach the Redis that several replicas share, in place
	// of path.
	Redis *RedisConfig `yaml:"redis"`
}

// RedisConfig says how to reach Redis.
type RedisConfig struct {
	// Addrs are host:port of the server, of the Sentinels with master_name,
	// or of some nodes with cluster.
	//schema:json {"minItems": 1}
	Addrs []string `yaml:"addrs"`
	// MasterName is the name by which Sentinels know the server.
	MasterName string `yaml:"master_name"`
	// Cluster says that the servers are a Redis Cluster.
	Cluster bool `yaml:"cluster"`

	// Username is the user of the ACL; the default user if absent.
	Username string `yaml:"username"`
	// PasswordFile is a file that holds nothing but the password. It is read
	// for each new connection.
	PasswordFile string `yaml:"password_file"`
	// PasswordEnv is the name of an environment variable with the password.
	PasswordEnv string `yaml:"password_env"`

	// SentinelUsername is the user of the Sentinels' own ACL.
	SentinelUsername string `yaml:"sentinel_username"`
	// SentinelPasswordFile is a file with the password of the Sentinels.
	SentinelPasswordFile string `yaml:"sentinel_password_file"`
	// SentinelPasswordEnv is the name of an environment variable with it.
	SentinelPasswordEnv string `yaml:"sentinel_password_env"`

	// KeyPrefix begins all keys, so that several may share a Redis; alignd:
	// by default.
	//schema:json {"pattern": "^[^{}]*$", "default": "alignd:"}
	KeyPrefix string `yaml:"key_prefix"`

	// Lease is for how long a replica that gives no sign of life keeps its
	// connectors before others take over; the same on all of them. Default 15s.
	//schema:json {"type": "string", "pattern": "^([0-9]+(\\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$", "default": "15s"}
	Lease time.Duration `yaml:"lease"`

	// TLS switches TLS on, be it as {} with the authorities of the system.
	TLS *TLSConfig `yaml:"tls"`
}

// TLSConfig says how to speak TLS.
type TLSConfig struct {
	// CAFile holds the certificates to trust in place of the system's, as PEM.
	CAFile string `yaml:"ca_file"`
	// CertFile holds a certificate to show, as PEM; with key_file.
	CertFile string `yaml:"cert_file"`
	// KeyFile holds its key, as PEM.
	KeyFile string `yaml:"key_file"`
	// ServerName is expected in the server's certificate; by default the host
	// of the address.
	ServerName string `yaml:"server_name"`
}

// DefaultConfig returns the embedded store beside the configuration file.
func DefaultConfig() Config { return Config{Path: defaultPath} }

// String names the store for people.
func (c Config) String() string {
	if c.Redis == nil {
		return c.Path
	}
	return "redis at " + strings.Join(c.Redis.Addrs, ", ") + fmt.Sprintf(" under %q", c.Redis.prefix())
}

func (r *RedisConfig) prefix() string { return cmp.Or(r.KeyPrefix, defaultPrefix) }

// LeaseTime is for how long a connector's lease is to be taken.
func (c Config) LeaseTime() time.Duration {
	if c.Redis == nil {
		return defaultLease
	}
	return cmp.Or(c.Redis.Lease, defaultLease)
}

// ResolvePaths makes relative paths relative to dir. The default file gives
// way to Redis.
func (c *Config) ResolvePaths(dir string) {
	files := []*string{&c.Path}
	if r := c.Redis; r != nil {
		if c.Path == defaultPath {
			c.Path = ""
		}
		files = append(files, &r.PasswordFile, &r.SentinelPasswordFile)
		if t := r.TLS; t != nil {
			files = append(files, &t.CAFile, &t.CertFile, &t.KeyFile)
		}
	}
	for _, file := range files {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}

// Validate reports each mistake under the path of the key that holds it; path
// is where the Config itself stands in the file. It opens no file.
func (c *Config) Validate(path string, report func(path, format string, args ...any)) {
	switch {
	case c.Redis != nil && c.Path != "":
		report(path, "has both path and redis, but facts are kept in one place")
	case c.Redis != nil:
		c.Redis.validate(path+".redis", report)
	case c.Path == "":
		report(path+".path", "must name the file of the store")
	}
}

// ValidateFiles reports what Validate does not look at: a folder that is not
// there, and passwords and certificates that cannot be read.
func (c *Config) ValidateFiles(path string, report func(path string, err error)) {
	check := func(key string, err error) {
		if err != nil {
			report(path+key, err)
		}
	}
	if c.Redis == nil {
		check(".path", checkPath(c.Path, false))
		return
	}
	login, sentinel := c.Redis.login(), c.Redis.sentinelLogin()
	_, err := login.password()
	check(".redis."+login.key(), err)
	_, err = sentinel.password()
	check(".redis.sentinel_"+sentinel.key(), err)
	_, err = c.Redis.TLS.load()
	check(".redis.tls", err)
}

func (r *RedisConfig) validate(path string, report func(path, format string, args ...any)) {
	for i, address := range r.Addrs {
		at := fmt.Sprintf("%s.addrs[%d]", path, i)
		host, port, err := net.SplitHostPort(address)
		switch {
		case strings.ContainsAny(address, "@/"): // may hold a password, so it is not repeated
			report(at, "must be host:port such as redis:6379, not a URL; user name and password have keys of their own")
		case err != nil || host == "" || port == "":
			report(at, "is %q, but must be host:port such as redis:6379", address)
		}
	}
	switch {
	case len(r.Addrs) == 0:
		report(path+".addrs", "must name at least one server, such as redis:6379")
	case r.Cluster && r.MasterName != "":
		report(path+".master_name", "is of Sentinel and excludes cluster")
	case len(r.Addrs) > 1 && !r.Cluster && r.MasterName == "":
		report(path+".addrs", "names %d servers; say cluster: true or the master_name of the Sentinels", len(r.Addrs))
	}
	if strings.ContainsAny(r.KeyPrefix, "{}") {
		report(path+".key_prefix", "is %q, but must not hold { or }, which say where in a cluster a key belongs", r.KeyPrefix)
	}
	if r.MasterName == "" && r.sentinelLogin().set() {
		report(path+".sentinel_username", "is of no use without master_name")
	}
	if d := r.Lease; d != 0 && (d < shortestLease || d > longestLease) {
		report(path+".lease", "is %s, but must be between 1s and 10m", d)
	}
	r.login().validate(path+".", report)
	r.sentinelLogin().validate(path+".sentinel_", report)
	if t := r.TLS; t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		report(path+".tls", "must have both cert_file and key_file, or neither")
	}
}

// login is a user and where the password is.
type login struct{ user, file, env string }

func (r *RedisConfig) login() login { return login{r.Username, r.PasswordFile, r.PasswordEnv} }

func (r *RedisConfig) sentinelLogin() login {
	return login{r.SentinelUsername, r.SentinelPasswordFile, r.SentinelPasswordEnv}
}

func (l login) set() bool { return l != login{} }

func (l login) validate(path string, report func(path, format string, args ...any)) {
	switch {
	case l.file != "" && l.env != "":
		report(path+"password_env", "and password_file exclude each other")
	case l.user != "" && l.file == "" && l.env == "":
		report(path+"username", "needs a password_file or password_env")
	}
}

// key is the one that says where the password is.
func (l login) key() string {
	if l.file != "" {
		return "password_file"
	}
	return "password_env"
}

// password reads the password, which is empty if none is configured.
func (l login) password() (secret.Value, error) {
	if l.file == "" && l.env == "" {
		return secret.Value{}, nil
	}
	return secret.Read(l.file, l.env)
}

// load returns what crypto/tls wants, nil for no TLS.
func (t *TLSConfig) load() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificates: there is none in %s", t.CAFile)
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read own certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
