package cli

import (
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// showBar draws a bar on a terminal. Where the total is unknown the bar stays empty and the numbers tell.
func (j *runJob) showBar() (stop func()) {
	progress := mpb.New(mpb.WithOutput(j.Err), mpb.WithAutoRefresh(), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))
	text := func(decor.Statistics) string { return " " + j.gauge(time.Now()).text() }
	bar := progress.AddBar(0, mpb.BarRemoveOnComplete(), mpb.AppendDecorators(decor.Any(text)))
	j.notices = progress // it writes above the bar
	quit := make(chan struct{})
	var painter sync.WaitGroup
	painter.Go(func() {
		ticker := time.NewTicker(150 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				g := j.gauge(time.Now())
				bar.SetTotal(max(g.Total, g.Frames+1), false)
				bar.SetCurrent(g.Frames)
			case <-quit:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(quit)
		painter.Wait()
		bar.Abort(true)
		progress.Wait()
	})
}
