package bench

import (
	"context"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tick is how often the loop whose lag is measured wants to run.
const tick = time.Millisecond

// measureLag wakes every tick until ctx ends and records how late it is. The timer is set for each wake by itself: a Ticker
// would drop what is late.
func measureLag(ctx context.Context, lag *hdrhistogram.Histogram) {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for due := time.Now().Add(tick); ; {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		_ = lag.RecordCorrectedValue(int64(now.Sub(due)), int64(tick))
		due = now.Add(tick)
		timer.Reset(tick)
	}
}
