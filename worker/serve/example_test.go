package serve_test

import (
	"fmt"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// A worker's main is
//
//	func main() {
//		serve.Main(func(serve.Settings) (serve.Engine, error) { return serve.Ops("mine", brighten), nil })
//	}
//
// and its ops can be tried without a coordinator.
func Example() {
	brighten := serve.Op{
		OpInfo: pipeline.OpInfo{
			Name: "brighten", Doc: "Add to every value.", Params: []pipeline.Param{pipeline.Int("by", 10, 0, 255, "how much")},
		},
		Depths: []frame.Depth{frame.U8},
		Run: func(a pipeline.Args, in frame.Frame, out *serve.Output) error {
			dst, err := out.Pixels(in.Geometry)
			for i := range dst {
				dst[i] = byte(min(255, int(in.Pix[i])+a.Int("by")))
			}
			return err
		},
	}
	p, err := pipeline.Parse("brighten | brighten by=200")
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := serve.Ops("mine", brighten).Compile(p, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer program.Close()
	gray := frame.Geometry{Width: 3, Height: 1, Format: frame.FormatGray}
	outcome, err := serve.Try(program, frame.Frame{Geometry: gray, Pix: []byte{0, 40, 90}})
	fmt.Println(outcome.Frame.Pix, err)
	// Output: [210 250 255] <nil>
}
