package shm

import (
	"container/list"
	"context"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// Budget bounds the bytes of the regions that it is given to, lent and warm together. Who finds it used up waits in line: the
// first to ask is the first to get, so that no small request overtakes a large one for ever.
type Budget struct {
	name  string
	limit int64

	// guarded by the arena's mu
	leased  int64
	warm    int64
	ages    list.List // of *block: the warm ones, the longest unused first
	waiting list.List // of *Request
}

// NewBudget returns a budget of limit bytes. The name is for messages. A budget serves regions of one arena only.
func NewBudget(name string, limit int64) *Budget { return &Budget{name: name, limit: limit} }

// Limit is the number of bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Holds reports whether n bytes are no more than the whole budget.
func (b *Budget) Holds(n int) bool { return pages(int64(n)) <= b.limit }

// Leased returns the bytes that are lent now.
func (b *Budget) Leased(a *Arena) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return b.leased
}

// Waiting reports whether somebody stands in line.
func (b *Budget) Waiting(a *Arena) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return b.waiting.Len() > 0
}

// Request is a wish for a block, standing in line.
type Request struct {
	region *Region
	size   int64
	got    chan<- Granted
	place  *list.Element // nil when it is not in line any more
}

// Granted is a request with what it got.
type Granted struct {
	Request *Request
	Lease   *Lease
}

// Request asks for n bytes. The lease comes through got, perhaps at once; got must have room for it, for it is sent under a
// lock. It fails with fault.Invalid when n is more than the whole budget, with fault.Closing when the region is retired.
func (r *Region) Request(n int, got chan<- Granted) (*Request, error) {
	b, a := r.budget, r.arena
	if !b.Holds(n) {
		return nil, fault.Errorf(fault.Invalid, "%d bytes are more than the memory budget for %s has in all: %d", n, b.name, b.limit)
	}
	req := &Request{region: r, size: int64(n), got: got}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.retired {
		return nil, fault.Errorf(fault.Closing, "there is no memory for %d bytes any more: its process has ended", n)
	}
	req.place = b.waiting.PushBack(req)
	b.serve(a)
	return req, nil
}

// Cancel leaves the line. It reports false where the lease has been sent already.
func (q *Request) Cancel() bool {
	a := q.region.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if q.place == nil {
		return false
	}
	q.region.budget.waiting.Remove(q.place)
	q.place = nil
	q.region.budget.serve(a)
	return true
}

// Lease is Request that waits, until ctx ends.
func (r *Region) Lease(ctx context.Context, n int) (*Lease, error) {
	if l := r.TryLease(n); l != nil {
		return l, nil
	}
	got := make(chan Granted, 1)
	req, err := r.Request(n, got)
	if err != nil {
		return nil, err
	}
	select {
	case g := <-got:
		return g.Lease, nil
	case <-ctx.Done():
		if !req.Cancel() {
			(<-got).Lease.Release()
		}
		return nil, ctx.Err()
	}
}

// TryLease returns n bytes, or nil where they are not to be had at once, or the region is retired.
func (r *Region) TryLease(n int) *Lease {
	r.arena.mu.Lock()
	defer r.arena.mu.Unlock()
	if r.retired || r.budget.waiting.Len() > 0 {
		return nil
	}
	return r.lend(int64(n))
}

// serve gives leases to those who wait, in their order, as far as they fit.
func (b *Budget) serve(a *Arena) {
	for e := b.waiting.Front(); e != nil; e = b.waiting.Front() {
		req := e.Value.(*Request)
		l := req.region.lend(req.size)
		if l == nil {
			return
		}
		b.waiting.Remove(e)
		req.place = nil
		req.got <- Granted{req, l}
	}
}

// lend takes a warm block, or a new one within the budget, giving back warm ones that stand in the way.
func (r *Region) lend(n int64) *Lease {
	order := orderFor(n)
	blk := r.takeWarm(order, pages(n))
	if blk == nil {
		if !r.budget.room(pages(n)) {
			return nil
		}
		off, ok := r.space.take(order)
		for !ok && r.budget.evict(r) {
			off, ok = r.space.take(order)
		}
		if !ok {
			return nil
		}
		blk = &block{region: r, off: off, order: order}
	}
	r.arena.live += max(0, pages(n)-blk.touched)
	r.arena.peak = max(r.arena.peak, r.arena.live)
	blk.touched = max(blk.touched, pages(n))
	r.budget.leased += blk.touched
	r.leases++
	l := &Lease{block: blk, size: n}
	l.refs.Store(1)
	return l
}

// takeWarm returns a warm block of the order, if the budget allows to touch n bytes of it.
func (r *Region) takeWarm(order int, n int64) *block {
	stack := r.warm[order]
	if len(stack) == 0 {
		return nil
	}
	blk := stack[len(stack)-1]
	blk.unheat()
	if n > blk.touched && !r.budget.room(n) {
		blk.heat()
		return nil
	}
	return blk
}

// room makes place for n more bytes by giving back warm blocks, the longest unused first.
func (b *Budget) room(n int64) bool {
	if b.leased+n > b.limit {
		return false
	}
	for b.leased+b.warm+n > b.limit && b.evict(nil) {
	}
	return b.leased+b.warm+n <= b.limit
}

// evict gives back the longest unused warm block, of one region or of any.
func (b *Budget) evict(only *Region) bool {
	for e := b.ages.Front(); e != nil; e = e.Next() {
		if blk := e.Value.(*block); only == nil || blk.region == only {
			blk.cool()
			return true
		}
	}
	return false
}

// put takes back a lease that nobody holds any more.
func (r *Region) put(l *Lease) {
	a, b := r.arena, r.budget
	a.mu.Lock()
	defer a.mu.Unlock()
	b.leased -= l.block.touched
	r.leases--
	l.block.heat()
	if r.retired {
		l.block.cool()
		r.freeIfUnused()
	}
	b.serve(a)
}

// Shrink says that only the first n bytes were used after all. A tail worth it goes back to the kernel and to the budget.
func (l *Lease) Shrink(n int) {
	r := l.block.region
	used := pages(int64(n))
	a := r.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	l.size = min(l.size, int64(n))
	if tail := l.block.touched - used; tail >= 64<<10 && tail > l.block.touched/4 {
		a.punch(r.base+l.block.off+used, tail)
		l.block.touched = used
		r.budget.leased -= tail
		a.live -= tail
		r.budget.serve(a)
	}
}

// pages rounds up to whole pages.
func pages(n int64) int64 { return (max(n, 1) + 1<<minOrder - 1) &^ (1<<minOrder - 1) }
