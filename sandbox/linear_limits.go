package sandbox

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// bucket is a leaky bucket: what was taken flows back within an hour.
type bucket struct {
	mu    sync.Mutex
	limit float64
	used  float64
	at    time.Time
}

func newBucket(limit int) *bucket { return &bucket{limit: float64(limit)} }

// take charges n and returns what is left, which is negative if it was too
// much, and when the bucket is full again.
func (b *bucket) take(now time.Time, n float64) (left float64, reset time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.at); passed > 0 {
		b.used = max(0, b.used-b.limit*passed.Hours())
	}
	b.at = now
	left = b.limit - b.used - n
	if left >= 0 {
		b.used += n
	}
	return left, now.Add(time.Duration(b.used / b.limit * float64(time.Hour)))
}

// state returns what has been taken and not flown back yet.
func (b *bucket) state() (used, limit float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.limit
}

type charged struct {
	header   http.Header
	exceeded bool
}

// charge takes a query from both budgets and writes the headers.
func (h *linearHandler) charge(c *call, cost int) charged {
	out := charged{header: http.Header{}}
	out.header.Set("X-Complexity", strconv.Itoa(cost))
	for name, take := range map[string]struct {
		b *bucket
		n float64
	}{"Requests": {h.requests, 1}, "Complexity": {h.complexity, float64(cost)}} {
		left, reset := take.b.take(c.now, take.n)
		out.exceeded = out.exceeded || left < 0
		prefix := "X-Ratelimit-" + name + "-"
		out.header.Set(prefix+"Limit", strconv.FormatFloat(take.b.limit, 'f', 0, 64))
		out.header.Set(prefix+"Remaining", strconv.FormatFloat(max(0, math.Floor(left)), 'f', 0, 64))
		out.header.Set(prefix+"Reset", strconv.FormatInt(reset.UnixMilli(), 10))
	}
	return out
}

// cost is the documented complexity: 0.1 per property, 1 per object, and the
// children of a connection times its page size.
func (x *execution) cost(op *ast.OperationDefinition) int {
	return int(math.Ceil(x.costOf(op.SelectionSet)))
}

func (x *execution) costOf(set ast.SelectionSet) float64 {
	var sum float64
	for _, f := range x.flatten(set) {
		switch {
		case len(f.SelectionSet) == 0:
			sum += 0.1
		case x.isConnection(f):
			sum += x.pageCost(f)
		default:
			sum += 1 + x.costOf(f.SelectionSet)
		}
	}
	return sum
}

func (x *execution) isConnection(f *ast.Field) bool {
	for _, sub := range x.flatten(f.SelectionSet) {
		if sub.Name == "nodes" || sub.Name == "edges" || sub.Name == "pageInfo" {
			return true
		}
	}
	return false
}

func (x *execution) pageCost(f *ast.Field) float64 {
	size := float64(defaultFirst)
	args, _ := x.arguments(f)
	if n, ok := number(args["first"]); ok {
		size = n
	}
	var sum float64
	for _, sub := range x.flatten(f.SelectionSet) {
		one := 1 + x.costOf(sub.SelectionSet)
		if sub.Name == "nodes" || sub.Name == "edges" {
			one *= size
		}
		sum += one
	}
	return sum
}
