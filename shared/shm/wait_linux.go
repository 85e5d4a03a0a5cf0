package shm

import (
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The worker's threads sleep on the ring itself, by futex(2): whoever wakes them needs no descriptor and can never block. The
// coordinator waits for a bell, an eventfd(2), since that is what the Go run-time can wait for without a thread. Nobody reads
// the bell: the run-time watches for edges, and each write is one.

// NewBell makes the descriptor by which one worker wakes the coordinator.
func NewBell() (*os.File, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return os.NewFile(uintptr(fd), "bell"), nil
}

// Rings returns the coordinator's ends: the ring down to the worker, and the one up.
func (r *Region) Rings() (down *RingWriter, up *RingReader) {
	mem := r.arena.mem[r.base:]
	d := ringAt(mem, 0)
	return &RingWriter{ring: d, wake: func() { futexWake(&d.asleep) }}, &RingReader{ring: ringAt(mem, 1)}
}

// Rings returns the worker's ends. Its answers ring the bell, a descriptor.
func (v *View) Rings(bell int) (down *RingReader, up *RingWriter) {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	ring := func() { _, _ = unix.Write(bell, one) } // it fails only where it was rung 2^64 times
	return &RingReader{ring: ringAt(v.own, 0)}, &RingWriter{ring: ringAt(v.own, 1), wake: ring}
}

// WaitFutex blocks the thread until there is a message, or until WakeFutex is called after done has come to be true. It may
// return for no reason.
func (r *RingReader) WaitFutex(done func() bool) {
	if !r.doze() {
		return
	}
	if done() {
		r.asleep.Store(0)
		return
	}
	const wait = 0 // FUTEX_WAIT, between processes
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&r.asleep)), wait, 1, 0, 0, 0)
}

// WakeFutex ends a WaitFutex, whoever in this process is in it.
func (r *RingReader) WakeFutex() {
	if r.asleep.CompareAndSwap(1, 0) {
		futexWake(&r.asleep)
	}
}

func futexWake(word *atomic.Uint32) {
	const wake = 1 // FUTEX_WAKE, between processes
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, 1, 0, 0, 0)
}

// Waiter waits for a bell.
type Waiter struct {
	bell   *os.File
	conn   syscall.RawConn
	closed atomic.Bool
}

// NewWaiter takes the bell over.
func NewWaiter(bell *os.File) (*Waiter, error) {
	conn, err := bell.SyscallConn()
	return &Waiter{bell: bell, conn: conn}, err
}

// Wait blocks the goroutine until r has a message, or until somebody looks for one: it may return for no reason. After Close
// it fails with os.ErrClosed.
func (w *Waiter) Wait(r *RingReader) error {
	err := w.conn.Read(func(uintptr) bool { return !r.doze() })
	switch {
	case w.closed.Load():
		return os.ErrClosed // what a RawConn says then cannot be told from other errors
	case errors.Is(err, os.ErrDeadlineExceeded):
		return w.bell.SetReadDeadline(time.Time{})
	}
	return err
}

// Look ends a Wait as if the bell had been rung. It is safe for concurrent use.
func (w *Waiter) Look() { _ = w.bell.SetReadDeadline(time.Unix(1, 0)) } // it fails only after Close

// Close ends every Wait.
func (w *Waiter) Close() {
	w.closed.Store(true)
	w.bell.Close()
}
