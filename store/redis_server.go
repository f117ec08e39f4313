package store

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// oldestRedis is the oldest version we support: since 7.0 a script that would
// run into the memory limit is refused before it has written anything, and its
// effects reach replicas and the append-only file as one transaction. Valkey
// tells the version of Redis that it is compatible with.
const oldestRedis = 7

// checkServers says what is wrong with the servers, one by one.
func checkServers(ctx context.Context, client redis.UniversalClient) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return checkServer(ctx, node) })
	}
	return checkServer(ctx, client)
}

func checkServer(ctx context.Context, client redis.Cmdable) error {
	info := map[string]string{}
	for _, section := range []string{"server", "memory"} {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			return fmt.Errorf("ask redis for its version: %w", err)
		}
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ":")
			info[key] = value
		}
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestRedis {
		return fmt.Errorf("%w: redis has version %q, alignd needs %d.0 or later", ErrFormat, info["redis_version"], oldestRedis)
	}
	if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && strings.HasPrefix(policy, "allkeys-") {
		return fmt.Errorf("redis drops keys when its memory is full (maxmemory-policy %s): set maxmemory-policy to noeviction", policy)
	}
	return nil
}
