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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"alignd/store"
	"alignd/store/storetest"
)

// startCluster starts three servers that share the slots.
func startCluster(t *testing.T) store.Config {
	t.Helper()
	ctx := t.Context()
	cfg := store.Config{Redis: &store.RedisConfig{Cluster: true}}
	var clients []*redis.Client
	var others [][3]string
	for range 3 {
		_, bus, _ := net.SplitHostPort(freeAddress(t))
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
	return cfg
}

func TestRedisCluster(t *testing.T) {
	cfg := startCluster(t)
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
}

// startSentinel watches over a server and makes one of its replicas take over.
func startSentinel(t *testing.T, first *server) (addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(first.addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor mymaster %s %s 1\nsentinel down-after-milliseconds mymaster 300\nsentinel failover-timeout mymaster 2000\n", host, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: freeAddress(t)}
	_, own, _ := net.SplitHostPort(s.addr)
	s.args = []string{file, "--bind", "127.0.0.1", "--port", own, "--sentinel"}
	s.start()
	t.Cleanup(s.kill)
	return s.addr
}

// The server fails and its replica takes over, without anybody's help.
func TestRedisSentinel(t *testing.T) {
	first := startRedis(t)
	host, port, _ := net.SplitHostPort(first.addr)
	second := startRedis(t, "--replicaof", host+" "+port)
	sentinel := startSentinel(t, first)
	retry(t, func() error { // until the one knows of the other
		info, err := redis.NewSentinelClient(&redis.Options{Addr: sentinel}).Replicas(t.Context(), "mymaster").Result()
		if err == nil && len(info) == 0 {
			err = errors.New("the sentinel knows no replica")
		}
		return err
	})

	cfg := store.Config{Redis: &store.RedisConfig{Addrs: []string{sentinel}, MasterName: "mymaster"}}
	a := openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, walked(epoch, 1, 1, 2))
	if err := first.client().Wait(t.Context(), 1, 5*time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	first.kill()
	retry(t, func() error { _, err := a.Acquire(t.Context(), "acme", time.Minute); return err })
	epoch = acquire(t, a)
	write(t, a, walked(epoch, 2, 3))
	sees(t, "who asks the second itself", openConfig(t, second.config("")), look(t, a))
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
	_, port, _ := net.SplitHostPort(freeAddress(t))
	server := startRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	admin := server.client()
	allow := func(password string) {
		rule := strings.Fields("reset on >" + password + " ~alignd:* +@read +@write +@scripting +@connection +@transaction +info +time +cluster|slots +cluster|shards")
		args := []any{"ACL", "SETUSER", "alignd"}
		for _, word := range rule {
			args = append(args, word)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := admin.Do(t.Context(), "CLIENT", "KILL", "USER", "alignd").Err(); err != nil {
			t.Fatal(err)
		}
	}
	password := writeFile(t, "password", "first\n")
	allow("first")
	cfg := store.Config{Redis: &store.RedisConfig{
		Addrs: []string{"127.0.0.1:" + port}, Username: "alignd", PasswordFile: password,
		TLS: &store.TLSConfig{CAFile: cert, CertFile: cert, KeyFile: key},
	}}
	a := openConfig(t, cfg)
	write(t, a, walked(acquire(t, a), 1, 1))
	appendRecord(t, a, 1)

	allow("second")
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
		"nobody there":     {freeAddress(t), "Open", "connection refused"},
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
