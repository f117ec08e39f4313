package ports_test

import (
	"net"
	"testing"

	"alignd/sandbox/ports"
)

// The kernel gives ports out at random, so a port that were free would be
// among so many now and then, not each time.
func TestNobodyGetsIt(t *testing.T) {
	const others = 500
	address := ports.Address(t)
	for range others {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if l.Addr().String() == address {
			t.Fatalf("%s was given to somebody else", address)
		}
	}
}

func TestListenAgainAndAgain(t *testing.T) {
	address := ports.Address(t)
	for range 3 {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := net.Listen("tcp", address); err == nil {
			t.Error("two listen at the same time")
		}
		_, _ = conn.Close(), l.Close()
	}
}

func TestTwoDiffer(t *testing.T) {
	if a, b := ports.Address(t), ports.Address(t); a == b {
		t.Errorf("%s was reserved twice", a)
	}
}
