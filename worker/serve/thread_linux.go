package serve

import (
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

// preciseTimers is for a thread that runs ops: see handshake.TimerSlack.
func preciseTimers() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(handshake.OpTimerSlack), 0, 0, 0)
}
