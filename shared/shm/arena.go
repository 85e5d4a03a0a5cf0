package shm

import (
	"container/list"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// Arena is the coordinator's side: the allocator. All methods are safe for concurrent use.
type Arena struct {
	fd         *os.File // read and write; for workers until they have mapped their region
	ro         *os.File // the same memory, read-only
	mem        []byte   // all of it, mapped
	regionSize int64

	mu     sync.Mutex
	slots  []bool // which regions are taken
	live   int64  // bytes lent or warm
	peak   int64
	closed bool
}

// Create makes an arena of that many regions, each with address space for several times budget bytes. It takes no memory yet.
func Create(regions int, budget int64) (*Arena, error) {
	size := int64(1) << (bits.Len64(uint64(max(budget, 1<<20)-1)) + 2)
	fd, ro, mem, err := createMemory("cvfarm", size*int64(regions))
	if err != nil {
		return nil, fmt.Errorf("cannot create shared memory of %d regions of %d bytes: %w", regions, size, err)
	}
	return &Arena{fd: fd, ro: ro, mem: mem, regionSize: size, slots: make([]bool, regions)}, nil
}

// Close gives the arena back, once the last region in use is: until then what is lent stays valid.
func (a *Arena) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.unmapIfUnused()
}

func (a *Arena) unmapIfUnused() {
	if !a.closed || a.mem == nil || slices.Contains(a.slots, true) {
		return
	}
	_ = unmap(a.mem) // it cannot fail on a whole mapping of ours
	a.mem = nil
	a.fd.Close()
	a.ro.Close()
}

// Files returns the read-only and the writable descriptor for a worker. They belong to the arena.
func (a *Arena) Files() (ro, rw *os.File) { return a.ro, a.fd }

// Live returns the bytes lent or kept warm now, and the most that ever were.
func (a *Arena) Live() (now, peak int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live, a.peak
}

// Region takes a free region, whose bytes count against b.
func (a *Arena) Region(b *Budget) (*Region, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, taken := range a.slots {
		if !taken && !a.closed {
			a.slots[i] = true
			r := &Region{arena: a, budget: b, slot: i, base: int64(i) * a.regionSize, space: newBuddy(a.regionSize)}
			r.space.take(headOrder) // the worker's report, and the rings
			r.resetHead()
			return r, nil
		}
	}
	return nil, fmt.Errorf("all %d regions of the shared memory are in use", len(a.slots))
}

// Region is the part of the arena that one process may write.
type Region struct {
	arena  *Arena
	budget *Budget
	slot   int
	base   int64

	// guarded by arena.mu
	space   *buddy
	warm    [64][]*block // free but touched, by order; the last returned is the first taken
	leases  int
	retired bool
}

// resetHead leaves nothing of what a former worker said, or was told.
func (r *Region) resetHead() {
	*r.Claims().words = [MaxClaims]atomic.Uint64{}
	for i := range 2 {
		ringAt(r.arena.mem[r.base:], i).reset()
	}
}

// Span is where the region lies in the arena.
func (r *Region) Span() (offset, size int64) { return r.base, r.arena.regionSize }

// Retire says that the region's process has been reaped. The region becomes free when the last lease in it is released.
func (r *Region) Retire() {
	a := r.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.retired {
		return
	}
	r.retired = true
	for order := range r.warm {
		for len(r.warm[order]) > 0 {
			r.warm[order][0].cool()
		}
	}
	r.budget.serve(a)
	r.freeIfUnused()
}

func (r *Region) freeIfUnused() {
	if r.retired && r.leases == 0 {
		r.arena.punch(r.base, 1<<headOrder)
		r.arena.slots[r.slot] = false
		r.arena.unmapIfUnused()
	}
}

// Lane returns what the region's worker last said about its lane: the job that it runs (0 for none) and how many steps it has
// begun since it started. It is the word of a process that may be broken: a hint, to be checked.
func (r *Region) Lane(i int) (job, steps uint64) {
	return lane(r.arena.mem[r.base:], i).read()
}

// Beats counts the worker's signs of life.
func (r *Region) Beats() uint64 {
	_, n := word(r.arena.mem[r.base:], words-1).read()
	return n
}

// block is a piece of a region that is lent or warm.
type block struct {
	region  *Region
	off     int64 // within the region
	order   int
	touched int64         // bytes at its start that may hold pages
	age     *list.Element // its place among the budget's warm blocks; nil while it is lent
}

// heat keeps a returned block, pages and all, for the next who wants one of its size.
func (b *block) heat() {
	r := b.region
	r.warm[b.order] = append(r.warm[b.order], b)
	r.budget.warm += b.touched
	b.age = r.budget.ages.PushBack(b)
}

// unheat takes a warm block into use.
func (b *block) unheat() {
	r := b.region
	i := slices.Index(r.warm[b.order], b)
	r.warm[b.order] = slices.Delete(r.warm[b.order], i, i+1)
	r.budget.warm -= b.touched
	r.budget.ages.Remove(b.age)
	b.age = nil
}

// cool gives the pages of a warm block back to the kernel, and its addresses to the region.
func (b *block) cool() {
	b.unheat()
	r := b.region
	r.arena.punch(r.base+b.off, b.touched)
	r.arena.live -= b.touched
	r.space.give(b.off, b.order)
}

// Lease is a block that somebody uses. It is counted: the block is free when every holder has released it.
type Lease struct {
	block *block
	size  int64
	refs  atomic.Int32
	held  atomic.Bool // first is in use
	first Hold        // most leases have one
}

// Bytes is the block's content. It must not be touched after Release.
func (l *Lease) Bytes() []byte {
	at := l.Offset()
	return l.Arena().mem[at : at+l.size : at+l.size]
}

// Offset is where the block begins in the arena.
func (l *Lease) Offset() int64 { return l.block.region.base + l.block.off }

// Size is the length of the block.
func (l *Lease) Size() int64 { return l.size }

// Arena is where the block lies.
func (l *Lease) Arena() *Arena { return l.block.region.arena }

// Retain adds a holder.
func (l *Lease) Retain() { l.refs.Add(1) }

// retainIfHeld adds a holder where there is one: a lease that the last has released is somebody else's memory.
func (l *Lease) retainIfHeld() bool {
	for {
		n := l.refs.Load()
		if n <= 0 {
			return false
		}
		if l.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Hold makes a frame's memory of one holder's count, which it takes over.
func (l *Lease) Hold() *Hold {
	if l.held.CompareAndSwap(false, true) {
		l.first.lease = l
		return &l.first
	}
	return &Hold{lease: l}
}

// Hold is one count of a lease, as the memory of a frame. Copies of the frame share it: whoever of them releases it first does so
// for all, and a second release does nothing.
type Hold struct {
	lease    *Lease
	released atomic.Bool
}

// Release gives the count back, once.
func (h *Hold) Release() {
	if h.released.CompareAndSwap(false, true) {
		h.lease.Release()
	}
}

// Share returns another hold of the same lease, or nil where this one was released.
func (h *Hold) Share() *Hold {
	if h.released.Load() || !h.lease.retainIfHeld() {
		return nil
	}
	return h.lease.Hold()
}

// Lease is what is held. It must not be used after Release.
func (h *Hold) Lease() *Lease { return h.lease }

// Release ends one holder's use. One release too many is a mistake that would hand memory to two owners: it panics.
func (l *Lease) Release() {
	switch n := l.refs.Add(-1); {
	case n < 0:
		panic("shm: a lease was released more often than it was held")
	case n == 0:
		l.block.region.put(l)
	}
}
