//go:build opencv

package cv

import (
	"image"
	"image/color"

	"gocv.io/x/gocv"
)

func points2f(xy ...float32) gocv.Point2fVector {
	var points []gocv.Point2f
	for ; len(xy) > 0; xy = xy[2:] {
		points = append(points, gocv.NewPoint2f(xy[0], xy[1]))
	}
	return gocv.NewPoint2fVectorFromPoints(points)
}

// In Python, M, H and K are the matrices that stand here in full.
var warpAgreements = []agreement{
	{"resize dsize=97x55 interpolation=linear_exact", "cv2.resize(img, (97, 55), interpolation=cv2.INTER_LINEAR_EXACT)", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"resize fx=1.3 interpolation=nearest_exact", "cv2.resize(img, None, fx=1.3, fy=1.3, interpolation=cv2.INTER_NEAREST_EXACT)", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"resize dsize=1000x1 interpolation=area", "cv2.resize(img, (1000, 1), interpolation=cv2.INTER_AREA)", nil, linear},
	{"transpose", "cv2.transpose(img)", nil, "all"},
	{"repeat ny=2 nx=3", "cv2.repeat(img, 2, 3)", nil, "all"},
	{"copy_make_border top=3 bottom=500 left=7 right=1 borderType=constant value=9", "cv2.copyMakeBorder(img, 3, 500, 7, 1, cv2.BORDER_CONSTANT, value=(9, 9, 9, 9))", nil, "all"},
	{"copy_make_border top=3 bottom=500 left=7 right=1 borderType=replicate value=9", "cv2.copyMakeBorder(img, 3, 500, 7, 1, cv2.BORDER_REPLICATE, value=(9, 9, 9, 9))", nil, "all"},
	{"copy_make_border top=3 bottom=500 left=7 right=1 borderType=reflect value=9", "cv2.copyMakeBorder(img, 3, 500, 7, 1, cv2.BORDER_REFLECT, value=(9, 9, 9, 9))", nil, "all"},
	{"copy_make_border top=3 bottom=500 left=7 right=1 borderType=wrap value=9", "cv2.copyMakeBorder(img, 3, 500, 7, 1, cv2.BORDER_WRAP, value=(9, 9, 9, 9))", nil, "all"},
	{"copy_make_border top=3 bottom=500 left=7 right=1 borderType=reflect101 value=9", "cv2.copyMakeBorder(img, 3, 500, 7, 1, cv2.BORDER_REFLECT101, value=(9, 9, 9, 9))", nil, "all"},
	{"copy_make_border left=5 value=255,0,9.7", "cv2.copyMakeBorder(img, 0, 0, 5, 0, cv2.BORDER_CONSTANT, value=(255, 0, 9.7, 0))", nil, "colour odd one pixel row u16 f32"},
	{"get_rect_sub_pix patchSize=31x20 center=10.25,7.5", "cv2.getRectSubPix(img, (31, 20), (10.25, 7.5))", nil, "colour gray odd one pixel row column f32"},
	{"get_rect_sub_pix patchSize=500 patchType=f32", "cv2.getRectSubPix(img, (500, 500), middle(img), patchType=cv2.CV_32F)", nil, "colour gray odd one pixel row column f32"},
	{"pyr_down", "cv2.pyrDown(img)", nil, linear},
	{"pyr_down borderType=wrap", "cv2.pyrDown(img, borderType=cv2.BORDER_WRAP)", nil, linear},
	{"pyr_up", "cv2.pyrUp(img)", nil, linear},
	{"rotate_angle angle=30", "cv2.warpAffine(img, cv2.getRotationMatrix2D(middle(img), 30, 1), img.shape[1::-1])", nil, linear},
	{"rotate_angle angle=-77.7 scale=0.8 expand=true flags=cubic borderMode=replicate", "turn(img, -77.7, 0.8, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)", nil, linear},
	{"rotate_angle angle=90 expand=true", "turn(img, 90, 1)", nil, linear},
	{"rotate_angle angle=12 center=3,4.5 borderValue=77", "cv2.warpAffine(img, cv2.getRotationMatrix2D((3, 4.5), 12, 1), img.shape[1::-1], borderValue=(77, 77, 77, 77))", nil, linear},
	{"warp_affine M=1,0.2,5/-0.1,0.9,10", "cv2.warpAffine(img, M, img.shape[1::-1])", nil, linear},
	{"warp_affine M=1,0.2,5/-0.1,0.9,10 dsize=100x0 flags=nearest borderMode=reflect101", "cv2.warpAffine(img, M, (100, img.shape[0]), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT101)", nil, linear},
	{"warp_affine M=1,0.2,5/-0.1,0.9,10 dsize=100x0 flags=cubic borderMode=reflect101", "cv2.warpAffine(img, M, (100, img.shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT101)", nil, linear},
	{"warp_affine M=1,0.2,5/-0.1,0.9,10 dsize=100x0 flags=lanczos4 borderMode=reflect101", "cv2.warpAffine(img, M, (100, img.shape[0]), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT101)", nil, linear},
	{"warp_affine M=1,0.2,5/-0.1,0.9,10 inverse=true borderValue=20", "cv2.warpAffine(img, M, img.shape[1::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=(20, 20, 20, 20))", nil, linear},
	{"warp_perspective M=1,0.2,0/0.1,1,10/0,0.001,1", "cv2.warpPerspective(img, H, img.shape[1::-1])", nil, linear},
	{"warp_perspective M=1,0.2,0/0.1,1,10/0,0.001,1 dsize=90x70 flags=nearest inverse=true borderMode=wrap", "cv2.warpPerspective(img, H, (90, 70), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP)", nil, linear},
	{"warp_affine src=0,0/100,0/0,50 dst=10,5/90.5,20/15,70 flags=cubic", "cv2.warpAffine(img, cv2.getAffineTransform(np.float32([[0, 0], [100, 0], [0, 50]]), np.float32([[10, 5], [90.5, 20], [15, 70]])), img.shape[1::-1], flags=cv2.INTER_CUBIC)",
		func(s gocv.Mat, d *gocv.Mat) error {
			m := gocv.GetAffineTransform2f(points2f(0, 0, 100, 0, 0, 50), points2f(10, 5, 90.5, 20, 15, 70))
			defer m.Close()
			return gocv.WarpAffineWithParams(s, d, m, image.Pt(s.Cols(), s.Rows()), gocv.InterpolationCubic, gocv.BorderConstant, color.RGBA{})
		}, linear},
	{"warp_perspective src=20,10/90,15/95,80/10,70.5 dst=0,0/200,0/200,100/0,100 dsize=200x100", "cv2.warpPerspective(img, cv2.getPerspectiveTransform(np.float32([[20, 10], [90, 15], [95, 80], [10, 70.5]]), np.float32([[0, 0], [200, 0], [200, 100], [0, 100]])), (200, 100))",
		func(s gocv.Mat, d *gocv.Mat) error {
			m := gocv.GetPerspectiveTransform2f(points2f(20, 10, 90, 15, 95, 80, 10, 70.5), points2f(0, 0, 200, 0, 200, 100, 0, 100))
			defer m.Close()
			return gocv.WarpPerspective(s, d, m, image.Pt(200, 100))
		}, linear},
	{"undistort cameraMatrix=300,0,150/0,310,110/0,0,1 distCoeffs=-0.3,0.1,0.001,-0.002,0.01", "cv2.undistort(img, K, np.float64([-0.3, 0.1, 0.001, -0.002, 0.01]))", nil, linear},
	{"undistort cameraMatrix=300,0,150/0,310,110/0,0,1 distCoeffs=-0.3,0.1,0,0 newCameraMatrix=250,0,150/0,250,100/0,0,1", "cv2.undistort(img, K, np.float64([-0.3, 0.1, 0, 0]), newCameraMatrix=np.float64([[250, 0, 150], [0, 250, 100], [0, 0, 1]]))", nil, linear},
	{"fisheye_undistort_image K=300,0,150/0,310,110/0,0,1 D=-0.02,0.01,0.003,-0.001", "cv2.fisheye.undistortImage(img, K, np.float64([-0.02, 0.01, 0.003, -0.001]), Knew=K, new_size=img.shape[1::-1])", nil, linear},
	{"warp_polar dsize=120x200 maxRadius=90", "cv2.warpPolar(img, (120, 200), middle(img), 90, cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"warp_polar dsize=120x200 log=true flags=cubic center=50,60.5", "cv2.warpPolar(img, (120, 200), (50, 60.5), edge(img), cv2.INTER_CUBIC | cv2.WARP_POLAR_LOG | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"warp_polar maxRadius=80 inverse=true", "cv2.warpPolar(img, img.shape[1::-1], middle(img), 80, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"linear_polar", "cv2.linearPolar(img, middle(img), edge(img), cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"linear_polar maxRadius=70 inverse=true", "cv2.linearPolar(img, middle(img), 70, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"log_polar", "cv2.logPolar(img, middle(img), img.shape[1] / np.log(max(2, edge(img))), cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS)", nil, linear},
	{"log_polar M=40 flags=nearest center=100,100", "cv2.logPolar(img, (100, 100), 40, cv2.INTER_NEAREST | cv2.WARP_FILL_OUTLIERS)", nil, linear},
}
