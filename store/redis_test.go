package store_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"alignd/sandbox/ports"
	"alignd/store"
	"alignd/store/storetest"
)

// server is a redis-server of a test's own.
type server struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a server on a free port of loopback, in a folder of its
// own and without persistence unless the arguments say otherwise.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the store in Redis was not tested: %v", err)
		}
		t.Skipf("THE STORE IN REDIS WAS NOT TESTED: %v", err)
	}
	addr := ports.Address(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &server{t: t, addr: addr, args: append([]string{
		"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--daemonize", "no",
	}, args...)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	retry(s.t, func() error {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// client speaks to the server directly.
func (s *server) client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *server) config(prefix string) store.Config {
	return store.Config{Redis: &store.RedisConfig{Addrs: []string{s.addr}, KeyPrefix: prefix}}
}

var prefixes atomic.Int64

// newPrefix returns one that was not used before.
func newPrefix() string { return "alignd:test-" + strconv.FormatInt(prefixes.Add(1), 10) + ":" }

func openConfig(t testing.TB, cfg store.Config) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// With no more rights than docs/ops.md says.
func TestRedis(t *testing.T) {
	server := startRedis(t)
	allow(t, server.client(), documentedRights(t).server, "secret")
	password := writeFile(t, "password", "secret\n")
	storetest.Run(t, func(t *testing.T) store.Store {
		cfg := server.config(newPrefix())
		cfg.Redis.Username, cfg.Redis.PasswordFile = "alignd", password
		return openConfig(t, cfg)
	})
	notDenied(t, server.client())
}

func TestRedisReopen(t *testing.T) {
	server := startRedis(t)
	storetest.RunReopen(t, func(t *testing.T) func() store.Store {
		cfg := server.config(newPrefix())
		return func() store.Store { return openConfig(t, cfg) }
	})
}

// relay is a store whose facts are written by one replica, under leases, and
// read by another.
type relay struct {
	store.Store
	reader store.Store
}

func (r relay) Apply(ctx context.Context, b store.Batch) (store.Applied, error) {
	if b.Connector != "" {
		epoch, err := r.Acquire(ctx, b.Connector, time.Minute)
		if err != nil {
			return store.Applied{}, err
		}
		b.Epoch = epoch
	}
	return r.Store.Apply(ctx, b)
}

func (r relay) View(ctx context.Context, fn func(store.View) error) error {
	if _, err := r.reader.Follow(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return r.reader.View(ctx, fn)
}

func (r relay) Close() error { return errors.Join(r.reader.Close(), r.Store.Close()) }

func TestRedisFollower(t *testing.T) {
	server := startRedis(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		cfg := server.config(newPrefix())
		return relay{openConfig(t, cfg), openConfig(t, cfg)}
	})
}
