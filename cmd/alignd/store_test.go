package main

import (
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// redisServer is the command redis of the scripts.
func redisServer(ts *testscript.TestScript, _ bool, _ []string) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			ts.Fatalf("the store in Redis was not tested: %v", err)
		}
		return // the script skips the rest
	}
	freeport(ts, false, []string{"REDIS_PORT"})
	addr := net.JoinHostPort("127.0.0.1", ts.Getenv("REDIS_PORT"))
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", ts.Getenv("REDIS_PORT"), "--dir", ts.MkAbs("."), "--save", "")
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ts.Setenv("REDIS", addr)
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
