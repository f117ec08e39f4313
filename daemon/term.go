package daemon

import (
	"context"
	"errors"
	"time"

	"alignd/connectors"
	"alignd/store"
	"alignd/web"
)

// term is a time in which this replica reads a connector, under one epoch. It
// ends by itself when the lease is lost, or runs out because it could not be
// renewed: then another replica may have it.
type term struct {
	epoch   int64
	renewed time.Time
	end     *time.Timer
	over    context.Context
	cancel  context.CancelFunc
	done    chan struct{} // closed when the poller has returned
}

// lead reads the connector whenever this replica has its lease, until ctx ends.
func (p *poller) lead(ctx context.Context) {
	p.counts.Leads(p.account.Name, false)
	ticker := time.NewTicker(p.sharing.beat())
	defer ticker.Stop()
	defer p.leave()
	for {
		p.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// turn does what is due about the lease.
func (p *poller) turn(ctx context.Context) {
	name := p.account.Name
	reads := p.term != nil && p.term.over.Err() == nil
	switch {
	case reads && p.resting.Load() && p.sharing.yield(name):
		p.logger.Info("Another replica may read this connector: there are some with less to do")
		p.stop()
		p.release(ctx)
		p.readElsewhere(ctx)
		return
	case reads && time.Since(p.term.renewed) < p.sharing.lease/3:
		return
	case p.term == nil && !p.sharing.claim(name):
		p.readElsewhere(ctx)
		return
	}
	asked := time.Now()
	epoch, err := p.sharing.store.Acquire(ctx, name, p.sharing.lease)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, store.ErrHeld):
		p.stop()
		p.sharing.done(name)
		p.readElsewhere(ctx)
	case err != nil:
		p.unreachable(err)
	case !p.sharing.granted(name):
		p.release(ctx)
	default:
		p.hold(ctx, epoch, asked)
	}
}

// hold goes on with the term, or begins another one if the epoch is new or the
// term has ended.
func (p *poller) hold(ctx context.Context, epoch int64, asked time.Time) {
	left := p.sharing.lease - time.Since(asked)
	if t := p.term; t != nil && t.epoch == epoch && t.over.Err() == nil && left > 0 {
		t.renewed = asked
		t.end.Reset(left)
		return
	}
	p.stop()
	if left <= 0 { // the process was stopped, or Redis took its time
		return
	}
	if epoch != p.epoch {
		if err := p.beginAnew(epoch); err != nil {
			p.unreachable(err)
			return
		}
	}
	p.begin(ctx, epoch, asked, left)
}

func (p *poller) begin(ctx context.Context, epoch int64, asked time.Time, left time.Duration) {
	t := &term{epoch: epoch, renewed: asked, done: make(chan struct{})}
	t.over, t.cancel = context.WithCancel(ctx)
	t.end = time.AfterFunc(left, t.cancel)
	p.term = t
	p.store = leased{p.sharing.store, epoch, t.cancel}
	p.counts.Leads(p.account.Name, true)
	p.update(func(s *web.ConnectorStatus) { s.Elsewhere = false })
	go func() {
		defer close(t.done)
		p.run(t.over)
		p.counts.Leads(p.account.Name, false)
	}()
}

// stop ends the term, if there is one.
func (p *poller) stop() {
	if p.term == nil {
		return
	}
	p.term.cancel()
	p.term.end.Stop()
	<-p.term.done
	p.term = nil
	p.update(func(s *web.ConnectorStatus) { s.NextAttempt = time.Time{} })
}

// leave gives the lease back, so that nobody need wait for its end.
func (p *poller) leave() {
	p.stop()
	p.sharing.done(p.account.Name)
	ctx, cancel := context.WithTimeout(context.Background(), handOver)
	defer cancel()
	p.release(ctx)
}

func (p *poller) release(ctx context.Context) {
	if err := p.sharing.store.Release(ctx, p.account.Name); err != nil && ctx.Err() == nil {
		p.logger.Warn("Giving the lease back failed, it will run out", "err", err)
	}
}

// unreachable notes that the lease could not be asked for. While the last one
// lasts, reading goes on.
func (p *poller) unreachable(err error) {
	p.logger.Debug("Asking for the lease failed", "err", err)
	if p.term == nil || p.term.over.Err() != nil {
		p.update(func(s *web.ConnectorStatus) { s.Error = err.Error() })
	}
}

// readElsewhere notes that another replica reads the connector.
func (p *poller) readElsewhere(ctx context.Context) {
	already := p.state().Elsewhere
	p.update(func(s *web.ConnectorStatus) { s.Elsewhere, s.Error = true, "" })
	if already {
		return
	}
	p.logger.Info("Another replica reads this connector")
	p.counts.ReadElsewhere(p.account.Name)
	p.showShared(ctx)
}

// showShared shows how far another replica has read.
func (p *poller) showShared(ctx context.Context) {
	if !p.state().Elsewhere {
		return
	}
	var watermark time.Time
	var census store.Census
	err := p.sharing.store.View(ctx, func(v store.View) error {
		watermark, census = v.Watermarks()[p.account.Name], v.Census(p.account.Name)
		return nil
	})
	if err != nil {
		p.logger.Debug("Reading the watermark failed", "err", err)
		return
	}
	p.showWatermark(watermark)
	p.showCensus(census)
	p.showReread(census.Reread, 0)
}

// beginAnew forgets what was known of the tracker: another replica may have
// read on since.
func (p *poller) beginAnew(epoch int64) (err error) {
	if p.epoch != 0 {
		if p.connector, err = p.connect(); err != nil {
			return err
		}
	}
	p.epoch = epoch
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory = newMemory()
	return nil
}

// memory is what a poller keeps in mind under one epoch.
type memory struct {
	skipped   map[string]bool // UIDs that were logged already
	census    schedule
	reread    time.Time // when the next part is read again; zero before the first look at the store
	sampled   time.Time // when names were last compared with the tracker's
	told      bool      // the connector knows the tickets outside
	latest    time.Time // the tracker's clock at the latest complete walk; zero before the first
	suspended *walk     // to be gone on with; nil if there is none
	counting  *counting // likewise
	mark      time.Time // what walks ask from if that is before the watermark; zero before the first
}

func newMemory() memory { return memory{skipped: map[string]bool{}} }

// connect makes a connector that knows nothing of the tracker yet.
type connect func() (connectors.Connector, error)
