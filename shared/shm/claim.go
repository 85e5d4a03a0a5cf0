package shm

import (
	"sync/atomic"
	"unsafe"
)

// MaxClaims is how many claims a region has.
const MaxClaims = 1 << minOrder / int(unsafe.Sizeof(atomic.Uint64{}))

// Claims decide who has a job that was sent and perhaps not begun: the worker that takes its claim to begin it, or the coordinator
// that takes it to recall it. A claim holds the job's number until one of them has. A broken worker may take what it likes: then
// nothing can be recalled from it, and no more.
type Claims struct{ words *[MaxClaims]atomic.Uint64 }

func claimsAt(region []byte) Claims {
	return Claims{(*[MaxClaims]atomic.Uint64)(unsafe.Pointer(&region[reportLen]))}
}

// Claims returns the region's.
func (r *Region) Claims() Claims { return claimsAt(r.arena.mem[r.base:]) }

// Claims returns the own region's.
func (v *View) Claims() Claims { return claimsAt(v.own) }

// Offer makes claim i that of a job.
func (c Claims) Offer(i int, job uint64) { c.words[i].Store(job) }

// Offered reports whether nobody has taken the job's claim i.
func (c Claims) Offered(i int, job uint64) bool { return c.words[i].Load() == job }

// Take reports whether the job's claim i was there to be taken. Only one side gets it.
func (c Claims) Take(i int, job uint64) bool {
	return i < MaxClaims && c.words[i].CompareAndSwap(job, 0)
}
