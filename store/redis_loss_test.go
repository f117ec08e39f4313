package store_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"alignd/store"
)

// Redis is emptied while two replicas know everything.
func TestEmptied(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, walked(epoch, 1, 1, 2, 3))
	appendRecord(t, a, 1)
	follow(t, b)
	appendRecord(t, b, 2)
	follow(t, a)
	want := look(t, a)

	server.client().FlushAll(t.Context())
	for range 2 {
		follow(t, b) // has the records back in Redis, too
		sees(t, "the follower", b, want)
	}
	refused(t, a, page(epoch, 2, 4))
	sees(t, "the leader", a, want)
	again := acquire(t, a)
	if again <= epoch {
		t.Errorf("epoch %d after epoch %d", again, epoch)
	}
	refused(t, a, page(epoch, 2, 4))
	fresh := openConfig(t, cfg)
	follow(t, a)
	sees(t, "the leader", a, want)
	sees(t, "a new replica", fresh, want)
	write(t, a, walked(again, 2, 4))
	want = look(t, a)
	for name, s := range map[string]store.Store{"the follower": b, "a new replica": fresh} {
		follow(t, s)
		sees(t, name, s, want)
	}
}

// A new replica takes the lease of a Redis that was emptied, and reads the
// tracker from the beginning. Others show what they know until it is done.
func TestEmptiedAndReadAgain(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a := openConfig(t, cfg)
	write(t, a, walked(0, 1, 1, 2, 3))
	want := look(t, a)
	server.client().FlushAll(t.Context())

	fresh := openConfig(t, cfg)
	epoch := acquire(t, fresh)
	for day := range 3 {
		write(t, fresh, page(epoch, 2+day, 1+day))
		follow(t, a)
		sees(t, "who knows all", a, want)
	}
	write(t, fresh, walked(epoch, 9, 5))
	follow(t, a)
	sees(t, "who knew all", a, look(t, fresh))
}

// A replica that knows all takes over from one that was about to read all
// again.
func TestEmptiedAndHalfReadAgain(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a := openConfig(t, cfg)
	write(t, a, walked(0, 1, 1, 2, 3))
	want := look(t, a)
	server.client().FlushAll(t.Context())

	fresh := openConfig(t, cfg)
	epoch := acquire(t, fresh)
	write(t, fresh, page(epoch, 2, 3, 4))
	if err := fresh.Release(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	acquire(t, a)
	sees(t, "who knows all", a, want)
	refused(t, fresh, page(epoch, 3, 5))
	follow(t, fresh)
	sees(t, "the new one", fresh, want)
	sees(t, "another new one", openConfig(t, cfg), want)
}

// Redis is emptied during the first walk: there is nothing to keep.
func TestEmptiedBeforeTheEnd(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a := openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, page(epoch, 1, 1, 2))
	server.client().FlushAll(t.Context())
	refused(t, a, walked(epoch, 1, 3))
	epoch = acquire(t, a)
	if got := look(t, a); len(got.Tickets) != 0 {
		t.Errorf("%d tickets are left", len(got.Tickets))
	}
	write(t, a, walked(epoch, 1, 1, 2, 3))
	sees(t, "another", openConfig(t, cfg), look(t, a))
}

// rollBack makes Redis forget everything since the last SAVE.
func (s *server) rollBack() {
	s.kill()
	s.start()
}

func (s *server) save() {
	s.t.Helper()
	if err := s.client().Save(s.t.Context()).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// Redis forgets its last seconds, as it may when its host fails or a replica
// takes over. What a walk has read since then must be read again, so the walk
// must not come to its end.
func TestRollBack(t *testing.T) {
	for name, notice := range map[string]func(*testing.T, store.Store){
		"noticed when writing":   func(*testing.T, store.Store) {},
		"noticed when following": func(t *testing.T, s store.Store) { follow(t, s) },
		"noticed when renewing":  func(t *testing.T, s store.Store) { acquire(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			server := startRedis(t)
			cfg := server.config("")
			a := openConfig(t, cfg)
			epoch := acquire(t, a)
			write(t, a, walked(epoch, 1, 1, 2))
			appendRecord(t, a, 1)
			server.save()
			before := look(t, a)
			write(t, a, page(epoch, 2, 3))
			appendRecord(t, a, 2)
			withRecord := look(t, a).Records
			server.rollBack()

			retry(t, func() error { _, err := a.Replicas(t.Context(), time.Minute); return err })
			notice(t, a)
			refused(t, a, walked(epoch, 2, 4))
			epoch = acquire(t, a)
			follow(t, a)
			before.Records = withRecord
			sees(t, "the leader", a, before)
			write(t, a, walked(epoch, 2, 3, 4))
			sees(t, "another", openConfig(t, cfg), look(t, a))
		})
	}
}

// retry waits until nothing is wrong any more. Shortly before the test binary
// would be stopped it says what still is.
func retry(t testing.TB, try func() error) {
	t.Helper()
	var end time.Time
	if limited, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		end, _ = limited.Deadline()
	}
	for err := try(); err != nil; err = try() {
		if !end.IsZero() && time.Until(end) < 5*time.Second {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The same, and another replica has gone further since than the one that
// remembers what was lost.
func TestRollBackUnseen(t *testing.T) {
	server := startRedis(t)
	cfg := server.config("")
	a := openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, walked(epoch, 1, 1, 2))
	server.save()
	write(t, a, page(epoch, 2, 3))
	write(t, a, page(epoch, 2, 4))
	server.rollBack()

	b := openConfig(t, cfg)
	var second int64
	retry(t, func() (err error) {
		if err := a.Release(t.Context(), "acme"); err != nil {
			return err
		}
		second, err = b.Acquire(t.Context(), "acme", time.Minute)
		return err
	})
	for day := range 4 {
		write(t, b, walked(second, 3+day, 2, 5+day))
	}
	refused(t, a, walked(epoch, 9, 9))
	follow(t, a)
	sees(t, "who remembers", a, look(t, b))
}

// While Redis is away views stay and writing fails; when it is back, it goes
// on as if nothing had been.
func TestRedisAway(t *testing.T) {
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	cfg := server.config("")
	a, b := openConfig(t, cfg), openConfig(t, cfg)
	epoch := acquire(t, a)
	write(t, a, walked(epoch, 1, 1, 2))
	follow(t, b)
	want := look(t, a)
	server.kill()
	for name, s := range map[string]store.Store{"the leader": a, "the follower": b} {
		if _, err := s.Apply(t.Context(), page(epoch, 2, 3)); err == nil {
			t.Errorf("%s writes to nowhere", name)
		}
		if _, err := s.Append(t.Context(), note(1)); err == nil {
			t.Errorf("%s appends to nowhere", name)
		}
		if _, err := s.Follow(t.Context()); err == nil {
			t.Errorf("%s follows nobody", name)
		}
		if _, err := s.Acquire(t.Context(), "acme", time.Minute); err == nil || errors.Is(err, store.ErrHeld) {
			t.Errorf("%s asks nobody for the lease: %v", name, err)
		}
		sees(t, name, s, want)
	}
	server.start()
	retry(t, func() error { _, err := a.Follow(t.Context()); return err })
	if again := acquire(t, a); again != epoch {
		t.Errorf("epoch %d, want %d", again, epoch)
	}
	write(t, a, walked(epoch, 2, 3))
	retry(t, func() error { _, err := b.Follow(t.Context()); return err })
	sees(t, "the follower", b, look(t, a))
}

// A Redis whose memory is full refuses a batch as a whole.
func TestRedisFull(t *testing.T) {
	server := startRedis(t, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
	cfg := server.config("")
	a := openConfig(t, cfg)
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = a.Apply(t.Context(), crashBatch(n))
	}
	sees(t, "another", openConfig(t, cfg), look(t, a))
	if last, _, err := crashState(a); err != nil || last != n-2 {
		t.Errorf("batch %d, want %d, error %v", last, n-2, err)
	}
	server.client().ConfigSet(t.Context(), "maxmemory", "0")
	write(t, a, crashBatch(n-1))
	sees(t, "another", openConfig(t, cfg), look(t, a))
}

// A Redis that stands still keeps nobody from reading.
func TestRedisStandsStill(t *testing.T) {
	server := startRedis(t)
	a := openConfig(t, server.config(""))
	write(t, a, walked(0, 1, 1))
	want := look(t, a)
	if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := a.Apply(t.Context(), walked(0, 2, 2))
		done <- err
	}()
	for range 20 {
		sees(t, "who waits", a, want)
		time.Sleep(10 * time.Millisecond)
	}
	if err := server.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
