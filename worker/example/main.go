// Command example is a worker with an op of its own: a start for yours.
package main

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/codec"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func main() {
	serve.Main(func(serve.Settings) (serve.Engine, error) {
		return serve.Ops("mine", append(codec.Ops(), blacken())...), nil
	})
}

func blacken() serve.Op {
	return serve.Op{
		OpInfo: pipeline.OpInfo{
			Name: "blacken", Family: "mine", Doc: "Make black what is darker than a level, and count it.", Example: "blacken level=80",
			Returns: "a picture of the same size, format and depth, and the data black",
			Params:  []pipeline.Param{pipeline.Int("level", 64, 0, 255, "least value that stays")},
		},
		Depths: []frame.Depth{frame.U8},
		Run: func(a pipeline.Args, in frame.Frame, out *serve.Output) error {
			dst, err := out.Pixels(in.Geometry)
			if err != nil {
				return err
			}
			black := 0
			for i, v := range in.Pix {
				if int(v) < a.Int("level") {
					v, black = 0, black+1
				}
				dst[i] = v
			}
			return out.Value("blacken", map[string]int{"black": black})
		},
	}
}
