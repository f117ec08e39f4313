package daemon

import (
	"context"
	"crypto/sha256"
	"os"
	"time"

	"alignd/config"
)

// watchEvery is how often the files are looked at. Looking at their content,
// instead of waiting for events of the file system, sees every way of saving:
// in place, by rename, and by the symbolic links of a Kubernetes ConfigMap.
const watchEvery = 5 * time.Second

// watch reloads when the content of a file has changed. A bad file is tried
// once for each content.
func (d *Daemon) watch(ctx context.Context) {
	seen := d.fileDigest()
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := d.fileDigest()
		if now == seen {
			continue
		}
		// An editor may be in the middle of writing.
		if !sleep(ctx, time.Second) || d.fileDigest() != now {
			continue
		}
		seen = now
		_ = d.requestReload(ctx) // logged and counted there
	}
}

// fileDigest identifies the content of both files and of those with the
// credentials and the passwords that they name; a missing one is content too.
func (d *Daemon) fileDigest() [sha256.Size]byte {
	h := sha256.New()
	for _, path := range config.Files(d.opts.ConfigFile) {
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		h.Write(sum[:])
		if err != nil {
			h.Write([]byte("missing"))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
