//go:build opencv

package cv

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// lensOps undo what a lens did.
func lensOps() []op {
	camera := func(name string) pipeline.Param {
		return pipeline.Matrix(name, "", 3, 3, "fx,0,cx/0,fy,cy/0,0,1 in pixels, from a calibration").Required()
	}
	fresh := func(name, of string) pipeline.Param {
		return pipeline.Kernel(name, "", 3, "camera matrix of the result; "+of+" by default")
	}
	return []op{
		{
			OpInfo: info("undistort", "calib3d", "Straighten what a lens bent.", camera("cameraMatrix"),
				pipeline.Floats("distCoeffs", "", []int{4, 5, 8, 12, 14}, -1e6, 1e6, "k1,k2,p1,p2 and as many of k3,k4,k5,k6,s1,s2,s3,s4,τx,τy").Required(),
				fresh("newCameraMatrix", "cameraMatrix")).
				WithExample("undistort cameraMatrix=400,0,200/0,400,200/0,0,1 distCoeffs=-0.2,0.05,0,0"),
			bind: func(a pipeline.Args) (step, error) {
				k, d, m := a.Matrix("cameraMatrix"), a.Floats("distCoeffs"), a.Matrix("newCameraMatrix")
				return lens("newCameraMatrix", m, func(src gocv.Mat, dst *gocv.Mat, _ image.Point) error {
					return undistort(src, dst, k.Values, d, m.Values)
				})
			},
		}, {
			OpInfo: info("fisheye_undistort_image", "calib3d", "Straighten what a fisheye lens bent.", camera("K"),
				pipeline.Floats("D", "", []int{4}, -1e6, 1e6, "k1,k2,k3,k4, from a fisheye calibration").Required(),
				fresh("Knew", "K")).
				WithExample("fisheye_undistort_image K=400,0,200/0,400,200/0,0,1 D=-0.01,0.02,0,0"),
			bind: func(a pipeline.Args) (step, error) {
				k, d, m := a.Matrix("K"), a.Floats("D"), a.Matrix("Knew")
				return lens("Knew", m, func(src gocv.Mat, dst *gocv.Mat, size image.Point) error {
					return fisheyeUndistort(src, dst, k.Values, d, m.Values, size)
				})
			},
		},
	}
}

// lens makes a step of the size of its input. fresh is 3x3 or empty.
func lens(name string, fresh pipeline.Numbers, apply func(src gocv.Mat, dst *gocv.Mat, size image.Point) error) (step, error) {
	if n := len(fresh.Values); n != 0 && (fresh.Rows != 3 || fresh.Cols != 3) {
		return step{}, wrong(name, "%s has %d rows of %d numbers, it needs 3 of 3", name, fresh.Rows, fresh.Cols)
	}
	same := func(in frame.Geometry) image.Point { return image.Pt(in.Width, in.Height) }
	return warp("", same, func(src picture, dst *gocv.Mat, size image.Point) error { return apply(src.Mat, dst, size) }), nil
}
