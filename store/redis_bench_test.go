package store_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"alignd/store"
)

// usedMemory returns the bytes that Redis' data takes.
func (s *server) usedMemory() float64 {
	info := s.client().Info(s.t.Context(), "memory").Val()
	found := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(info)
	if found == nil {
		s.t.Fatal("redis does not tell its memory")
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// BenchmarkRedisShare has one replica write 100,000 tickets, or
// ALIGND_BENCH_TICKETS, another follow page by page, and a third read all.
func BenchmarkRedisShare(b *testing.B) {
	for name, uid := range map[string]func(int) string{"numbers": number, "uuids": uuid} {
		b.Run(name, func(b *testing.B) {
			n := tickets(b)
			var writing, following, loading time.Duration
			var memory, mirror float64
			rounds := 0
			for b.Loop() {
				rounds++
				server := startRedis(b)
				cfg := server.config("")
				writer, follower := openConfig(b, cfg), openConfig(b, cfg)
				empty := server.usedMemory()
				epoch := acquire(b, writer)
				const page = 1000
				for from := 0; from < n; from += page {
					batch := store.Batch{Connector: "acme", Epoch: epoch}
					for i := from; i < min(n, from+page); i++ {
						batch.Tickets = append(batch.Tickets, fact(i, uid(i)))
					}
					start := time.Now()
					write(b, writer, batch)
					writing += time.Since(start)
					start = time.Now()
					follow(b, follower)
					following += time.Since(start)
				}
				memory += server.usedMemory() - empty
				start := time.Now()
				third := openConfig(b, cfg)
				loading += time.Since(start)
				size, err := third.Size(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				mirror += float64(size)
			}
			all := float64(n * rounds)
			b.ReportMetric(float64(writing.Nanoseconds())/all, "ns-write/ticket")
			b.ReportMetric(float64(following.Nanoseconds())/all, "ns-follow/ticket")
			b.ReportMetric(float64(loading.Nanoseconds())/all, "ns-load/ticket")
			b.ReportMetric(memory/all, "B-redis/ticket")
			b.ReportMetric(mirror/all, "B-mirror/ticket")
		})
	}
}

// BenchmarkRedisPoll is what a poll that brings one changed ticket costs the
// writer and a follower, among as many tickets as BenchmarkRedisShare has.
func BenchmarkRedisPoll(b *testing.B) {
	cfg := startRedis(b).config("")
	writer := openConfig(b, cfg)
	fill(b, writer, tickets(b), number)
	follower := openConfig(b, cfg)
	var writing, following time.Duration
	n := 0
	for b.Loop() {
		n++
		batch := page(0, n, n%1000)
		batch.Watermark = crashStart.Add(time.Duration(n) * time.Minute)
		start := time.Now()
		write(b, writer, batch)
		writing += time.Since(start)
		start = time.Now()
		follow(b, follower)
		following += time.Since(start)
	}
	b.ReportMetric(float64(writing.Nanoseconds())/float64(n), "ns-write/poll")
	b.ReportMetric(float64(following.Nanoseconds())/float64(n), "ns-follow/poll")
}

// BenchmarkRedisIdle is what following 100 connectors costs while nothing
// happens, and renewing the leases of all of them.
func BenchmarkRedisIdle(b *testing.B) {
	s := openConfig(b, startRedis(b).config(""))
	const connectors = 100
	renew := func() {
		for i := range connectors {
			if _, err := s.Acquire(b.Context(), "c"+strconv.Itoa(i), time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	}
	renew()
	b.Run("follow", func(b *testing.B) {
		for b.Loop() {
			follow(b, s)
		}
	})
	b.Run("renew", func(b *testing.B) {
		for b.Loop() {
			renew()
		}
	})
}
