// Command crashworker is cvfarm's worker with one op more, which ends it by kill -9. peers.py says what for.
package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/opencv"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func main() {
	serve.Main(func(settings serve.Settings) (serve.Engine, error) {
		cv, err := opencv.New(settings)
		if err != nil {
			return nil, err
		}
		return serve.Join(cv, serve.Ops("crash", crash())), nil
	})
}

// crash ends the process at one frame, if the file does not exist; it does afterwards.
func crash() serve.Op {
	return serve.Op{
		OpInfo: pipeline.OpInfo{Name: "crash", Doc: "End the process by kill -9, once.", Params: []pipeline.Param{
			pipeline.Int("at", 0, 0, frame.MaxSide, "index of the frame"), pipeline.String("once", "", "file that tells that it was done"),
		}},
		Run: func(a pipeline.Args, in frame.Frame, _ *serve.Output) error {
			if in.Index != uint64(a.Int("at")) {
				return nil
			}
			f, err := os.OpenFile(a.String("once"), os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			if err != nil {
				return err
			}
			f.Close()
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			return err
		},
	}
}
