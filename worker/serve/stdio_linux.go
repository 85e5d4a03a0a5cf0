package serve

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// guardStdout keeps standard output for the handshake line alone: os.Stdout becomes a duplicate of it, and what native code
// prints there goes to standard error from now on. Otherwise a chatty library would break the handshake, and later block on a
// pipe that nobody drains (go-plugin#323).
func guardStdout() error {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return os.NewSyscallError("dup standard output", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return os.NewSyscallError("redirect standard output", err)
	}
	os.Stdout = os.NewFile(uintptr(fd), "handshake")
	return nil
}

// TrueSignals makes a fault in native code end the process by its own signal, which is what the coordinator reports. Go's
// run-time would print a trace of its own stacks, which say nothing of the native ones, and exit with code 2. An engine in
// native code calls it when it opens; for one in Go the trace is worth more.
func TrueSignals() {
	for _, s := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGABRT} {
		resetSignal(s)
	}
}
