package connectortest

import (
	"os"
	"testing"
	"time"

	"alignd/connectors"
	"alignd/ticket"
)

// WalkOn reads what changed since a time, and asks once for a page again that
// failed, after meanwhile. It returns the tickets by UID and how often a page
// failed. It takes a nil meanwhile for nothing to do.
func WalkOn(t *testing.T, conn connectors.Connector, since time.Time, meanwhile func()) (got map[string]ticket.Ticket, failed int) {
	t.Helper()
	got = map[string]ticket.Ticket{}
	for q := (connectors.Query{Since: since}); ; {
		page, err := conn.Page(t.Context(), q)
		if err != nil {
			if failed++; failed > 1 || !connectors.Resumable(err) {
				t.Fatal(err)
			}
			if meanwhile != nil {
				meanwhile()
			}
			continue
		}
		for _, tk := range page.Tickets {
			got[tk.ID.UID] = tk
		}
		if q.Token = page.Next; q.Token == "" {
			return got, failed
		}
	}
}

// OpenFiles counts the open files of this process.
func OpenFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open files cannot be counted here")
	}
	return len(files)
}

// AwaitFiles waits until no more files are open: a server closes its ends when
// it finds that ours are.
func AwaitFiles(t *testing.T, most int) {
	t.Helper()
	end, limited := t.Deadline()
	for n := OpenFiles(t); n > most; n = OpenFiles(t) {
		if limited && time.Until(end) < 5*time.Second {
			t.Fatalf("%d files are open, want at most %d", n, most)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
