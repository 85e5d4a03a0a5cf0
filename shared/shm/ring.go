package shm

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A region begins with its worker's report and the claims, a page each, and two rings: from the coordinator down to the worker,
// and up again.
const (
	headOrder = 18
	reportLen = 1 << minOrder
	ringStart = 2 << minOrder
	ringLen   = (1<<headOrder - ringStart) / 2
	ringData  = ringLen - int(unsafe.Sizeof(ringWords{}))
)

// prefix is the length in front of each message.
const prefix = 4

// ringWords are the ring's shared state. Each has a cache line for itself and one writer; the other side's are not believed.
type ringWords struct {
	tail   atomic.Uint64 // bytes put in so far, by the writer
	_      [56]byte
	head   atomic.Uint64 // bytes taken out so far, by the reader
	_      [56]byte
	asleep atomic.Uint32 // 1: the reader waits to be woken; it sets this, and whoever wakes it clears it
	_      [60]byte
}

// ring is one of a region's two.
type ring struct {
	*ringWords
	data []byte
}

func ringAt(region []byte, i int) ring {
	at := ringStart + i*ringLen
	mem := region[at : at+ringLen : at+ringLen]
	return ring{(*ringWords)(unsafe.Pointer(&mem[0])), mem[ringLen-ringData:]}
}

func (r ring) reset() {
	r.tail.Store(0)
	r.head.Store(0)
	r.asleep.Store(0)
}

// copyIn and copyOut are at a position that grows for ever.
func (r ring) copyIn(pos uint64, p []byte) {
	at := int(pos % uint64(ringData))
	n := copy(r.data[at:], p)
	copy(r.data, p[n:])
}

func (r ring) copyOut(p []byte, pos uint64) {
	at := int(pos % uint64(ringData))
	n := copy(p, r.data[at:])
	copy(p[n:], r.data)
}

// RingWriter puts messages into a ring. It is not safe for concurrent use, but for Wake.
type RingWriter struct {
	ring
	put  uint64 // what tail must be, whatever shared memory says
	wake func()
}

// Crowded reports whether half of the ring is taken, as far as the reader tells.
func (w *RingWriter) Crowded() bool { return w.put-w.head.Load() > uint64(ringData)/2 }

// Put adds a message. It reports false, and adds nothing, where there is no room for it now: nothing waits here. The reader is
// not woken.
func (w *RingWriter) Put(msg []byte) bool {
	need := uint64(prefix + len(msg))
	if used := w.put - w.head.Load(); used > uint64(ringData) || need > uint64(ringData)-used {
		return false
	}
	var length [prefix]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(msg)))
	w.copyIn(w.put, length[:])
	w.copyIn(w.put+prefix, msg)
	w.put += need
	w.tail.Store(w.put)
	return true
}

// Wake wakes the reader if it is asleep: a system call then, a glance otherwise.
func (w *RingWriter) Wake() {
	if w.asleep.CompareAndSwap(1, 0) {
		w.wake()
	}
}

// RingReader takes messages out of a ring. It is not safe for concurrent use, but for Empty and WakeFutex.
type RingReader struct {
	ring
	taken atomic.Uint64 // what head must be
}

// Take appends the next message to buf. It reports false where there is none; then buf is as it was. An error says that the
// writer broke the ring, for good.
func (r *RingReader) Take(buf []byte) (msg []byte, ok bool, err error) {
	taken := r.taken.Load()
	there := r.tail.Load() - taken
	if there == 0 {
		return buf, false, nil
	}
	if there > uint64(ringData) || there < prefix {
		return buf, false, fmt.Errorf("the ring holds %d bytes, of %d that fit", there, ringData)
	}
	var length [prefix]byte
	r.copyOut(length[:], taken)
	n := uint64(binary.LittleEndian.Uint32(length[:]))
	if n > there-prefix {
		return buf, false, fmt.Errorf("the ring holds %d bytes, and a message of %d", there, n)
	}
	start := len(buf)
	buf = append(buf, make([]byte, n)...)
	r.copyOut(buf[start:], taken+prefix)
	taken += prefix + n
	r.taken.Store(taken)
	r.head.Store(taken)
	return buf, true, nil
}

// Empty reports whether there is nothing to take.
func (r *RingReader) Empty() bool { return r.tail.Load() == r.taken.Load() }

// doze says that the reader is about to wait. It reports false where it need not: then it is awake.
func (r *RingReader) doze() bool {
	r.asleep.Store(1)
	if r.Empty() {
		return true
	}
	r.asleep.Store(0)
	return false
}
