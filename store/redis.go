package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.etcd.io/bbolt"
)

// The layout in Redis, below the prefix. What stands in {} keeps the keys of a
// connector on one node of a cluster, so that a script can change all of them
// at once.
//
//	{/store}:format        version of this layout
//	{/store}:connectors    set of names
//	{/store}:replicas      sorted set of replicas by when they were last seen
//	{/logs}:records        stream of records, never trimmed
//	{/logs}:keys           log and key -> random part of the record's id
//	{<connector>}:state    position, epoch, holder, until (milliseconds);
//	                       watermark, scope, census as in the embedded store
//	{<connector>}:tickets  UID -> value, see codec.go
//	{<connector>}:names    id -> name
//	{<connector>}:texts    list of the texts that tickets refer to
//	{<connector>}:feed     stream: which tickets and names each batch touched
//
// The id of a feed's entry is a position: a number that counts batches, and a
// random one, by which the same number in another history is told apart.
const redisFormat = "1"

// redisTimeout bounds each exchange with Redis.
const redisTimeout = 5 * time.Second

// redisStore is the Store that several replicas share. Each replica has a
// mirror of all facts: what it reads, it reads there.
type redisStore struct {
	client redis.UniversalClient
	prefix string
	holder string // names this replica in leases
	mirror *embedded
	alive  atomic.Bool // said so to the others

	mu         sync.Mutex // guards the map
	connectors map[string]*shared

	records sync.Mutex // guards recordsAt
	// recordsAt is the id of the last record in the mirror.
	recordsAt string
}

// shared is where this replica stands with one connector.
type shared struct {
	name string
	keys []string

	mu sync.Mutex // held while anything below, or the connector's mirror, may change
	// at is the position that the mirror shows.
	at string
	// adrift says that Redis has lost facts that the mirror has complete.
	adrift bool
	// epoch is that of the lease, 0 while it is not held.
	epoch int64
	// announced says that Redis lists the connector.
	announced bool
}

func openRedis(ctx context.Context, cfg *RedisConfig, readOnly bool) (Store, error) {
	client, err := dialRedis(cfg)
	if err != nil {
		return nil, err
	}
	r := &redisStore{client: client, prefix: cfg.prefix(), holder: rand.Text(), connectors: map[string]*shared{}}
	if err := r.start(ctx, readOnly); err != nil {
		if redis.IsPermissionError(err) {
			err = fmt.Errorf("%w (the user lacks rights: see \"Redis\", Rights, in docs/ops.md)", err)
		}
		return nil, errors.Join(err, r.Close())
	}
	if readOnly {
		return readOnlyRedis{r}, nil
	}
	return r, nil
}

// start checks whether this is a Redis of the right kind, and reads all of it.
func (r *redisStore) start(ctx context.Context, readOnly bool) error {
	if err := checkServers(ctx, r.client); err != nil {
		return err
	}
	if err := r.checkFormat(ctx, readOnly); err != nil {
		return err
	}
	var err error
	if r.mirror, err = newMirror(); err != nil {
		return err
	}
	_, err = r.Follow(ctx)
	return err
}

func (r *redisStore) checkFormat(ctx context.Context, readOnly bool) error {
	key := r.key("/store", "format")
	found, err := r.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) && !readOnly {
		if err := r.client.SetNX(ctx, key, redisFormat, 0).Err(); err != nil {
			return fmt.Errorf("write format: %w", err)
		}
		found, err = r.client.Get(ctx, key).Result()
	}
	switch {
	case errors.Is(err, redis.Nil):
		return fmt.Errorf("%w: there is no store of alignd under %q", ErrFormat, r.prefix)
	case err != nil:
		return fmt.Errorf("read format: %w", err)
	case found != redisFormat:
		return fmt.Errorf("%w: found version %q, this alignd supports version %q; use the alignd that wrote it, or another key_prefix",
			ErrFormat, found, redisFormat)
	}
	return nil
}

// newMirror makes an embedded store that vanishes with the process. It need
// not survive anything, so nothing waits for the disk.
func newMirror() (*embedded, error) {
	file, err := os.CreateTemp("", "alignd-mirror-")
	if err != nil {
		return nil, fmt.Errorf("make mirror: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // it stays usable as long as it is open
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("make mirror: %w", err)
	}
	db, err := bbolt.Open(file.Name(), 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, InitialMmapSize: addressSpace,
		NoStatistics: true, NoSync: true, NoFreelistSync: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make mirror: %w", err)
	}
	if err := db.Update(writeFormat); err != nil {
		return nil, errors.Join(fmt.Errorf("make mirror: %w", err), db.Close())
	}
	return &embedded{db: db, tables: map[string]*textTable{}}, nil
}

func dialRedis(cfg *RedisConfig) (redis.UniversalClient, error) {
	redis.SetLogger(quiet{})
	tlsConfig, err := cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	opts := &redis.UniversalOptions{
		Addrs: cfg.Addrs, MasterName: cfg.MasterName, TLSConfig: tlsConfig, ClientName: "alignd",
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := cfg.login().password()
			return cfg.Username, password.Reveal(), err
		},
		DialerRetries: 1, DialTimeout: redisTimeout, ReadTimeout: redisTimeout, WriteTimeout: redisTimeout, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case cfg.MasterName != "":
		password, err := cfg.sentinelLogin().password()
		if err != nil {
			return nil, err
		}
		opts.SentinelUsername, opts.SentinelPassword = cfg.SentinelUsername, password.Reveal()
		return redis.NewFailoverClient(opts.Failover()), nil
	case cfg.Cluster:
		return redis.NewClusterClient(opts.Cluster()), nil
	default:
		return redis.NewClient(opts.Simple()), nil
	}
}

// quiet drops what the client would log by itself: each call returns its error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// key builds a key; what belongs to the same owner is on the same node.
func (r *redisStore) key(owner, what string) string {
	return r.prefix + "{" + owner + "}:" + what
}

// connector returns where we stand with a connector, new or known.
func (r *redisStore) connector(name string) *shared {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.connectors[name]
	if c == nil {
		c = &shared{name: name}
		// Owners of our own begin with a slash, which this escapes.
		owner := url.PathEscape(name)
		for _, what := range []string{"state", "tickets", "names", "texts", "feed"} {
			c.keys = append(c.keys, r.key(owner, what))
		}
		r.connectors[name] = c
	}
	return c
}

func (c *shared) state() string { return c.keys[0] }

// View shows the mirror, which is there whether Redis is or not.
func (r *redisStore) View(ctx context.Context, fn func(View) error) error {
	return r.mirror.View(ctx, fn)
}

// Size returns the bytes that the mirror takes.
func (r *redisStore) Size(ctx context.Context) (int64, error) { return r.mirror.Size(ctx) }

func (r *redisStore) Close() error {
	r.leave()
	var err error
	if r.mirror != nil {
		err = r.mirror.Close()
	}
	if closed := r.client.Close(); closed != nil && !errors.Is(closed, redis.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("close redis: %w", closed))
	}
	return err
}

// Replicas implements Store with Redis' own clock.
func (r *redisStore) Replicas(ctx context.Context, within time.Duration) (int, error) {
	r.alive.Store(true)
	n, err := replicasScript.Run(ctx, r.client, r.replicas(), r.holder, within.Milliseconds(), forgetReplica.Milliseconds()).Int()
	if err != nil {
		return 0, fmt.Errorf("count replicas: %w", err)
	}
	return n, nil
}

func (r *redisStore) replicas() []string { return []string{r.key("/store", "replicas")} }

const (
	// forgetReplica is after what time without a sign of life Redis need not
	// remember a replica. No lease is longer.
	forgetReplica = time.Hour
	// leaveTime bounds how long the end waits for a Redis that is away.
	leaveTime = time.Second
)

// leave takes the sign of life back. If that fails, it ends by itself.
func (r *redisStore) leave() {
	if !r.alive.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	_ = r.client.ZRem(ctx, r.replicas()[0], r.holder).Err()
}

// readOnlyRedis is for those who only look.
type readOnlyRedis struct{ *redisStore }

var errReadOnly = errors.New("the store is open for reading only")

func (readOnlyRedis) Apply(context.Context, Batch) (Applied, error) { return Applied{}, errReadOnly }

func (readOnlyRedis) Append(context.Context, ...Record) (int, error) { return 0, errReadOnly }

func (readOnlyRedis) AppendAfter(context.Context, int, ...Record) (int, error) { return 0, errReadOnly }

func (readOnlyRedis) Acquire(context.Context, string, time.Duration) (int64, error) {
	return 0, errReadOnly
}
