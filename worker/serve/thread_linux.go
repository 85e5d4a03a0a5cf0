package serve

import (
	"time"

	"golang.org/x/sys/unix"
)

// preciseTimers gives this thread the usual slack of timers: the process was started with much more, for Go's own threads.
func preciseTimers() {
	const usual = 50 * time.Microsecond
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(usual), 0, 0, 0)
}
