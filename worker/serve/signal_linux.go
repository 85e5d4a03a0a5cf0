package serve

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct with everything zero: the default action. It is larger than on any architecture.
type sigaction [64]byte

// resetSignal gives a signal its default action. os/signal.Reset cannot: the run-time keeps its own handlers for these.
func resetSignal(s syscall.Signal) {
	var dfl sigaction
	const sigsetSize = 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&dfl)), 0, sigsetSize, 0, 0)
}
