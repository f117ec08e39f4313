// Package ports reserves addresses for the servers that tests start, stop
// and start again.
package ports

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Reserve returns an address of loopback that the operating system gives to
// nobody who lets it choose, until release is called. Whoever names it may
// listen on it, one after the other.
func Reserve() (address string, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", nil, fmt.Errorf("reserve a port: %w", err)
	}
	syscall.CloseOnExec(fd)
	release = func() { _ = syscall.Close(fd) }
	port, err := bind(fd)
	if err != nil {
		release()
		return "", nil, fmt.Errorf("reserve a port: %w", err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), release, nil
}

// bind takes a port that the system chooses without listening on it. Two
// sockets may have one port if both say SO_REUSEADDR and at most one listens.
func bind(fd int) (port int, err error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*syscall.SockaddrInet4).Port, nil
}

// Tester is the part of testing.TB that Address needs.
type Tester interface {
	Helper()
	Cleanup(func())
	Fatal(args ...any)
}

// Address reserves an address until the test has ended.
func Address(t Tester) string {
	t.Helper()
	address, release, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}
