package store_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"alignd/sandbox/ports"
	"alignd/store"
	"alignd/store/storetest"
)

// rights are the rules that docs/ops.md tells people to grant, as they stand
// there.
type rights struct{ server, cluster, sentinel string }

var rightsText = regexp.MustCompile("`ACL SETUSER (alignd [^`]+)`, for a cluster\\s+`([^`]+)` as well, and on Sentinels[^`]*\\s+`ACL SETUSER (alignd [^`]+)`")

func documentedRights(t *testing.T) rights {
	t.Helper()
	text, err := os.ReadFile("../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	found := rightsText.FindStringSubmatch(string(text))
	if found == nil {
		t.Fatalf("docs/ops.md has nothing like %s", rightsText)
	}
	return rights{server: found[1], cluster: found[1] + " " + found[2], sentinel: found[3]}
}

// allow gives these rights and no others to the user alignd, whose connections
// end.
func allow(t *testing.T, admin *redis.Client, rule, password string) {
	t.Helper()
	args := []any{"ACL", "SETUSER"}
	for word := range strings.FieldsSeq(strings.ReplaceAll(rule, "PASSWORD", password)) {
		args = append(args, word)
	}
	for _, command := range [][]any{{"ACL", "DELUSER", "alignd"}, args} {
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// notDenied reports what the server did not let its users do, be it that
// nobody saw an error.
func notDenied(t *testing.T, admin *redis.Client) {
	t.Helper()
	entries, err := admin.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Reason != "auth" { // a wrong password, which tests try
			t.Errorf("user %s has no right to %s %q", e.Username, e.Reason, e.Object)
		}
	}
}

// startCluster starts three servers that share the slots.
func startCluster(t *testing.T) (cfg store.Config, clients []*redis.Client) {
	t.Helper()
	ctx := t.Context()
	cfg = store.Config{Redis: &store.RedisConfig{Cluster: true}}
	var others [][3]string
	for range 3 {
		_, bus, _ := net.SplitHostPort(ports.Address(t))
		s := startRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus)
		c := s.client()
		first := len(clients) * 5462
		if err := c.ClusterAddSlotsRange(ctx, first, min(first+5461, 16383)).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(s.addr)
		others = append(others, [3]string{host, port, bus})
		clients = append(clients, c)
		cfg.Redis.Addrs = append(cfg.Redis.Addrs, s.addr)
	}
	for _, o := range others[1:] {
		if err := clients[0].Do(ctx, "CLUSTER", "MEET", o[0], o[1], o[2]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	retry(t, func() error {
		for _, c := range clients {
			info, err := c.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return errors.Join(errors.New(info), err)
			}
		}
		return nil
	})
	return cfg, clients
}

func TestRedisCluster(t *testing.T) {
	cfg, nodes := startCluster(t)
	for _, node := range nodes {
		allow(t, node, documentedRights(t).cluster, "secret")
	}
	cfg.Redis.Username, cfg.Redis.PasswordFile = "alignd", writeFile(t, "password", "secret\n")
	for _, connector := range []string{"acme", "linear", "other", "third"} { // on whatever node
		s := openConfig(t, cfg)
		epoch, err := s.Acquire(t.Context(), connector, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, store.Batch{Connector: connector, Epoch: epoch, Watermark: crashStart})
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		mine := *cfg.Redis
		mine.KeyPrefix = newPrefix()
		return relay{openConfig(t, store.Config{Redis: &mine}), openConfig(t, store.Config{Redis: &mine})}
	})
	for _, node := range nodes {
		notDenied(t, node)
	}

	for _, node := range nodes {
		allow(t, node, documentedRights(t).server, "secret")
	}
	if _, err := store.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "NOPERM") ||
		!strings.HasSuffix(err.Error(), `(the user lacks rights: see "Redis", Rights, in docs/ops.md)`) {
		t.Errorf("without the rights for a cluster: %v", err)
	}
}

// startReplicated starts a server and its replica, and waits for the replica.
func startReplicated(t *testing.T) (first, second *server) {
	t.Helper()
	first = startRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(first.addr)
	second = startRedis(t, "--replicaof", host+" "+port)
	retry(t, func() error {
		info, err := first.client().Info(t.Context(), "replication").Result()
		if err == nil && !strings.Contains(info, "state=online") {
			err = errors.New(info)
		}
		return err
	})
	return first, second
}

// startSentinel watches over a server, lets nobody in without a password, and
// returns once it knows the replica.
func startSentinel(t *testing.T, first *server) (addr string, admin *redis.Client) {
	t.Helper()
	host, port, _ := net.SplitHostPort(first.addr)
	text := fmt.Sprintf("requirepass admin\nsentinel monitor mymaster %s %s 1\nsentinel failover-timeout mymaster 2000\n", host, port)
	s := &server{t: t, addr: ports.Address(t)}
	_, own, _ := net.SplitHostPort(s.addr)
	s.args = []string{writeFile(t, "sentinel.conf", text), "--bind", "127.0.0.1", "--port", own, "--sentinel"}
	s.start()
	t.Cleanup(s.kill)

	admin = redis.NewClient(&redis.Options{Addr: s.addr, Password: "admin"})
	t.Cleanup(func() { _ = admin.Close() })
	allow(t, admin, documentedRights(t).sentinel, "watcher")
	watch := redis.NewSentinelClient(&redis.Options{Addr: s.addr, Password: "admin"})
	defer func() { _ = watch.Close() }()
	retry(t, func() error {
		replicas, err := watch.Replicas(t.Context(), "mymaster").Result()
		if err == nil && (len(replicas) != 1 || replicas[0]["flags"] != "slave" || replicas[0]["master-link-status"] != "ok") {
			err = fmt.Errorf("the sentinel knows %v", replicas)
		}
		return err
	})
	return s.addr, admin
}

// The server fails and its replica takes over, without anybody's help. Servers
// and Sentinel each want a user and a password of their own.
func TestRedisSentinel(t *testing.T) {
	before := goleak.IgnoreCurrent()
	// The client looks once a second whether a server that failed is back, and
	// whether it was closed.
	t.Cleanup(func() { retry(t, func() error { return goleak.Find(before) }) })
	first, second := startReplicated(t)
	for _, s := range []*server{first, second} {
		allow(t, s.client(), documentedRights(t).server, "secret")
	}
	sentinel, admin := startSentinel(t, first)
	cfg := store.Config{Redis: &store.RedisConfig{
		Addrs: []string{sentinel}, MasterName: "mymaster",
		Username: "alignd", PasswordFile: writeFile(t, "password", "secret\n"),
		SentinelUsername: "alignd", SentinelPasswordFile: writeFile(t, "password", "watcher\n"),
	}}
	a := openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, walked(epoch, 1, 1, 2))
	retry(t, func() error { // until the second has it
		n, err := first.client().Wait(t.Context(), 1, time.Second).Result()
		if err == nil && n != 1 {
			err = fmt.Errorf("%d replicas have it", n)
		}
		return err
	})
	// Until here a server that is only busy must not lose its place.
	if err := admin.Do(t.Context(), "SENTINEL", "SET", "mymaster", "down-after-milliseconds", "300").Err(); err != nil {
		t.Fatal(err)
	}
	first.kill()
	retry(t, func() error { _, err := a.Acquire(t.Context(), "acme", time.Minute); return err })
	epoch = acquire(t, a)
	write(t, a, walked(epoch, 2, 3))
	sees(t, "who asks the second itself", openConfig(t, second.config("")), look(t, a))

	// Nobody is left to take over, however long the second may be busy.
	storetest.Run(t, func(t *testing.T) store.Store {
		mine := *cfg.Redis
		mine.KeyPrefix = newPrefix()
		return openConfig(t, store.Config{Redis: &mine})
	})
	notDenied(t, second.client())
	notDenied(t, admin)

	for words, login := range map[string][2]string{
		"NOAUTH":    {},
		"WRONGPASS": {"alignd", cfg.Redis.PasswordFile},
	} {
		other := *cfg.Redis
		other.SentinelUsername, other.SentinelPasswordFile = login[0], login[1]
		_, err := store.Open(t.Context(), store.Config{Redis: &other})
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, want %s and no password in it", err, words)
		}
	}
}

// certificate writes a certificate for this machine and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"redis.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TLS with client certificates, and a user of the ACL who may do no more than
// docs/ops.md says, whose password changes.
func TestRedisGuarded(t *testing.T) {
	cert, key := certificate(t)
	_, port, _ := net.SplitHostPort(ports.Address(t))
	server := startRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	admin := server.client()
	password := writeFile(t, "password", "first\n")
	rule := documentedRights(t).server
	allow(t, admin, rule, "first")
	cfg := store.Config{Redis: &store.RedisConfig{
		Addrs: []string{"127.0.0.1:" + port}, Username: "alignd", PasswordFile: password,
		TLS: &store.TLSConfig{CAFile: cert, CertFile: cert, KeyFile: key},
	}}
	a := openConfig(t, cfg)
	write(t, a, walked(acquire(t, a), 1, 1))
	appendRecord(t, a, 1)

	notDenied(t, admin)
	allow(t, admin, rule, "second")
	if _, err := a.Follow(t.Context()); err == nil {
		t.Error("the old password is good enough")
	} else if strings.Contains(err.Error(), "first") {
		t.Errorf("the password is in the error: %v", err)
	}
	if err := os.WriteFile(password, []byte("second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	retry(t, func() error { _, err := a.Follow(t.Context()); return err })
	write(t, a, walked(acquire(t, a), 2, 2))

	stranger := cfg
	other := *cfg.Redis
	other.TLS = &store.TLSConfig{CAFile: cert, ServerName: "other.example", CertFile: cert, KeyFile: key}
	stranger.Redis = &other
	if _, err := store.Open(t.Context(), stranger); err == nil || !strings.Contains(err.Error(), "other.example") {
		t.Errorf("a certificate of somebody else: %v", err)
	}
}

// stub answers INFO like a server of that version, and other commands with an
// error.
func stub(t *testing.T, info string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					n, _ := strconv.Atoi(strings.TrimPrefix(lines.Text(), "*"))
					var words []string
					for range n {
						lines.Scan() // its length
						lines.Scan()
						words = append(words, lines.Text())
					}
					switch strings.ToLower(words[0]) {
					case "info":
						fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
					case "client":
						fmt.Fprint(conn, "+OK\r\n")
					default:
						fmt.Fprint(conn, "-ERR unknown command\r\n")
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRedisRefused(t *testing.T) {
	evicting := startRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	foreign := startRedis(t)
	if err := foreign.client().Set(t.Context(), "alignd:{/store}:format", "99", 0).Err(); err != nil {
		t.Fatal(err)
	}
	empty := startRedis(t)
	for name, test := range map[string]struct {
		addr  string
		open  string
		words string
	}{
		"old":              {stub(t, "redis_version:6.2.14\r\n"), "Open", `redis has version "6.2.14", alignd needs 7.0 or later`},
		"something else":   {stub(t, "what:ever\r\n"), "Open", `redis has version ""`},
		"drops keys":       {evicting.addr, "Open", "set maxmemory-policy to noeviction"},
		"newer format":     {foreign.addr, "Open", `found version "99", this alignd supports version "1"`},
		"nobody there":     {ports.Address(t), "Open", "connection refused"},
		"nothing to read":  {empty.addr, "OpenReadOnly", `there is no store of alignd under "alignd:"`},
		"newer, read only": {foreign.addr, "OpenReadOnly", `found version "99"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openers[test.open](t.Context(), store.Config{Redis: &store.RedisConfig{Addrs: []string{test.addr}}})
			if err == nil || !strings.Contains(err.Error(), test.words) || !strings.Contains(err.Error(), test.addr) {
				t.Errorf("error %v, want %q and the address in it", err, test.words)
			}
		})
	}
}

func TestRedisReadOnly(t *testing.T) {
	cfg := startRedis(t).config("")
	a := openConfig(t, cfg)
	write(t, a, walked(0, 1, 1, 2))
	r, err := store.OpenReadOnly(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	sees(t, "who only looks", r, look(t, a))
	_, applied := r.Apply(t.Context(), walked(0, 2, 1))
	_, appended := r.Append(t.Context(), note(1))
	_, acquired := r.Acquire(t.Context(), "acme", time.Minute)
	if applied == nil || appended == nil || acquired == nil {
		t.Errorf("a store that is open for reading was written to: %v, %v, %v", applied, appended, acquired)
	}
	report, err := store.Check(context.Background(), cfg)
	if err != nil || len(report.Connectors) != 1 || report.Connectors[0].Tickets != 2 {
		t.Errorf("report %+v, error %v", report, err)
	}
}
