//go:build opencv

package cv

/*
#include "bridge_calibration.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// From how many views of a chessboard a camera is calculated. OpenCV's time for it grows with their cube: it takes some seconds for
// 50, and may take longer than a frame's usual timeout for 100.
const (
	leastBoards = 3
	mostBoards  = 50
)

func calibrateOp() op {
	sub := subPixParams()[1:] // always refined
	return op{
		OpInfo: stateful(info("calibrate_camera", "calib3d", "Calibrate a camera by the pictures of a chessboard in its stream.", slices.Concat(
			[]pipeline.Param{
				pipeline.SizeOf("patternSize", "9x6", 3, 100, "inner corners in a row, and in a column"),
				pipeline.Int("every", 1, 1, 1<<20, "look at one of so many frames, such as 10 of a video, whose neighbours are alike"),
				pipeline.Int("max_boards", mostBoards, leastBoards, mostBoards, "how many views to calculate from at most: the first; twice as many "+
					"take eight times as long, 50 some seconds"),
			}, switches(chessboardFlags, "adaptive_thresh", "normalize_image"), sub, switches(cameraFlags))...).
			WithReturns(`the picture passes; {"found": whether there is a chessboard, "boards": how many there were so far, and from the third on ` +
				`"camera": {"boards": how many it is calculated from, "error": of the corners projected again, in pixels, as root mean square, "cameraMatrix": 3 rows of 3, "distCoeffs": ` +
				`[k1, k2, p1, p2, k3, ...], "undistort": the step that straightens the camera's pictures}}. ` +
				"It is calculated anew for each board up to 11, later for a tenth more of them and at max_boards").
			WithExample("calibrate_camera patternSize=9x6")),
		bind: calibrateCamera,
	}
}

var cameraFlags = []flag{
	{"fix_principal_point", "the axis goes through the middle of the picture", 4},
	{"zero_tangent_dist", "p1 and p2 are 0", 8},
	{"fix_k3", "k3 is 0, as for a lens that bends little", 128},
	{"rational_model", "k4, k5 and k6, too, for a wide lens", 16384},
}

// boards is what is kept of a stream.
type boards struct {
	g      frame.Geometry
	frames int
	views  [][]spot // the corners of each board
	camera *camera
}

type (
	// calibration is the JSON of calibrate_camera.
	calibration struct {
		Found  bool    `json:"found"`
		Boards int     `json:"boards"`
		Camera *camera `json:"camera,omitempty"`
	}
	camera struct {
		Boards       int         `json:"boards"`
		Error        float64     `json:"error"`
		CameraMatrix [][]float64 `json:"cameraMatrix"`
		DistCoeffs   []float64   `json:"distCoeffs"`
		Undistort    string      `json:"undistort"`
	}
)

func calibrateCamera(a pipeline.Args) (step, error) {
	sub, err := subPixOf(a)
	if err != nil {
		return step{}, err
	}
	size, every, limit := a.Size("patternSize"), a.Int("every"), a.Int("max_boards")
	look, flags := chessboard(a, sub), flagsOf(a, cameraFlags)
	return step{
		takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8),
		watch: func(kept *serve.State, src picture) (any, error) {
			b, _ := kept.Value.(*boards)
			if b == nil {
				b = &boards{g: src.g}
				kept.Value = b
			}
			if err := steady(b.g, src.g); err != nil {
				return nil, err
			}
			if b.frames++; (b.frames-1)%every != 0 || len(b.views) == limit {
				return b.calibration(false), nil
			}
			p, err := look(src)
			if err == nil && p.Found {
				if b.views = append(b.views, p.Corners); b.due(limit) {
					err = b.calculate(size, flags)
				}
			}
			return b.calibration(p.Found), err
		},
	}, nil
}

func (b *boards) calibration(found bool) calibration {
	return calibration{found, len(b.views), b.camera}
}

// due reports that the views are enough more than those of the camera: a tenth, or the last that are looked at.
func (b *boards) due(limit int) bool {
	n := len(b.views)
	return n >= leastBoards && (n == limit || 10*n >= 11*b.known())
}

// known is how many views the camera is of.
func (b *boards) known() int {
	if b.camera == nil {
		return 0
	}
	return b.camera.Boards
}

// calculate makes the camera of all views. Where nothing can be calculated with the latest, they are not kept.
func (b *boards) calculate(size pipeline.Size, flags C.int) error {
	c, err := cameraOf(b.views, size, b.g, flags)
	if err != nil {
		b.views = b.views[:max(b.known(), leastBoards-1)]
		return err
	}
	b.camera = c
	return nil
}

func cameraOf(views [][]spot, size pipeline.Size, g frame.Geometry, flags C.int) (*camera, error) {
	corners := spotDoubles(slices.Concat(views...))
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_calibrate_camera(&corners[0], C.int(len(views)), C.int(size.Width), C.int(size.Height), C.int(g.Width),
			C.int(g.Height), flags, out)
	})
	if err != nil {
		return nil, err
	}
	c := &camera{Boards: len(views), Error: t.float(), CameraMatrix: some(t, 3, func() []float64 { return some(t, 3, t.float) }), DistCoeffs: all(t, t.float)}
	var rows []string
	for _, row := range c.CameraMatrix {
		rows = append(rows, commas(row))
	}
	c.Undistort = fmt.Sprintf("undistort cameraMatrix=%s distCoeffs=%s", strings.Join(rows, "/"), commas(c.DistCoeffs))
	return c, nil
}

// commas writes numbers as a pipeline has them.
func commas(list []float64) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strings.Join(words, ",")
}
