//go:build opencv

package cv

import (
	"encoding/json"
	"image"
	"reflect"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// boardViews are pictures of a chessboard of 5x3 corners from several sides, and one of none.
func boardViews(t *testing.T) []frame.Frame {
	t.Helper()
	board := testPicture(t, frame.Geometry{Width: 320, Height: 240, Format: frame.FormatBGR, Depth: frame.U8})
	for i := range board.Pix {
		x, y := i/3%320, i/3/320
		inside := x >= 40 && x < 280 && y >= 40 && y < 200
		board.Pix[i] = 255
		if inside && (x/40+y/40)%2 == 0 {
			board.Pix[i] = 0
		}
	}
	var views []frame.Frame
	for _, dst := range []string{"30,20/290,35/280,215/45,225", "20,40/270,10/300,220/10,190", "", "60,30/260,15/310,230/15,205",
		"10,10/300,30/260,200/50,230", "25,5/305,25/315,235/5,200"} {
		text := "warp_perspective src=0,0/319,0/319,239/0,239 borderValue=255 dst=" + dst
		if dst == "" {
			text = "in_range lowerb=300 upperb=300 | cvt_color code=GRAY2BGR"
		}
		views = append(views, run(t, text, board).Frame)
	}
	return views
}

// calibratedDirectly is what gocv makes of the corners of views, called as its documentation says.
func calibratedDirectly(t *testing.T, views []frame.Frame, flags gocv.CalibFlag) camera {
	t.Helper()
	size := image.Pt(5, 3)
	object, corners := gocv.NewPoints3fVector(), gocv.NewPoints2fVector()
	defer object.Close()
	defer corners.Close()
	for _, v := range views {
		src, err := gocv.NewMatFromBytes(v.Height, v.Width, matType(v.Geometry), v.Pix)
		if err != nil {
			t.Fatal(err)
		}
		gray, found := gocv.NewMat(), gocv.NewMat()
		if gocv.FindChessboardCorners(src, size, &found, gocv.CalibCBAdaptiveThresh|gocv.CalibCBNormalizeImage) {
			gocv.CvtColor(src, &gray, gocv.ColorBGRToGray)
			gocv.CornerSubPix(gray, &found, image.Pt(5, 5), image.Pt(-1, -1), gocv.NewTermCriteria(gocv.Count|gocv.EPS, 30, 0.001))
			corners.Append(gocv.NewPoint2fVectorFromMat(found))
			board := gocv.NewPoint3fVector()
			for i := range size.X * size.Y {
				board.Append(gocv.NewPoint3f(float32(i%size.X), float32(i/size.X), 0))
			}
			object.Append(board)
		}
		src.Close()
		gray.Close()
		found.Close()
	}
	k, d, r, tv := gocv.NewMat(), gocv.NewMat(), gocv.NewMat(), gocv.NewMat()
	c := camera{Error: gocv.CalibrateCamera(object, corners, image.Pt(320, 240), &k, &d, &r, &tv, flags)}
	for row := range 3 {
		c.CameraMatrix = append(c.CameraMatrix, []float64{k.GetDoubleAt(row, 0), k.GetDoubleAt(row, 1), k.GetDoubleAt(row, 2)})
	}
	for i := range d.Total() {
		c.DistCoeffs = append(c.DistCoeffs, d.GetDoubleAt(0, i))
	}
	for _, m := range []*gocv.Mat{&k, &d, &r, &tv} {
		m.Close()
	}
	return c
}

// saidToUndistort is the camera that an undistort step has.
func saidToUndistort(t *testing.T, text string) camera {
	t.Helper()
	args := map[string]string{}
	for _, a := range parse(t, text)[0].Args {
		args[a.Name] = a.Value
	}
	var c camera
	numbers := func(row string) (values []float64) {
		if err := json.Unmarshal([]byte("["+row+"]"), &values); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return values
	}
	for row := range strings.SplitSeq(args["cameraMatrix"], "/") {
		c.CameraMatrix = append(c.CameraMatrix, numbers(row))
	}
	c.DistCoeffs = numbers(args["distCoeffs"])
	return c
}

func TestACameraIsCalibratedAsOpenCVDoesByTheBoardsOfItsStream(t *testing.T) {
	views := boardViews(t)
	for text, flags := range map[string]gocv.CalibFlag{
		"calibrate_camera patternSize=5x3":                                            0,
		"calibrate_camera patternSize=5x3 zero_tangent_dist=true rational_model=true": 8 | 16384,
	} {
		prog := compile(t, text)
		var s serve.Stream
		defer s.Close()
		for i, boards := range []int{1, 2, 2, 3, 4, 5} {
			var got calibration
			if err := json.Unmarshal([]byte(tell(t, &s, prog, views[i])), &got); err != nil {
				t.Fatal(err)
			}
			if got.Found != (i != 2) || got.Boards != boards || (got.Camera != nil) != (boards >= 3) {
				t.Fatalf("%s, frame %d: %+v", text, i, got)
			}
			if got.Camera == nil {
				continue
			}
			run(t, got.Camera.Undistort, views[i])
			want := calibratedDirectly(t, views[:i+1], flags)
			if said := saidToUndistort(t, got.Camera.Undistort); !reflect.DeepEqual(said, camera{CameraMatrix: want.CameraMatrix, DistCoeffs: want.DistCoeffs}) {
				t.Errorf("%s, frame %d: %s says %+v, gocv makes %+v", text, i, got.Camera.Undistort, said, want)
			}
			want.Boards = boards
			if want.Undistort = got.Camera.Undistort; !reflect.DeepEqual(*got.Camera, want) {
				t.Errorf("%s, frame %d: got %+v, gocv makes %+v", text, i, *got.Camera, want)
			}
		}
		_, err := s.Try(prog, run(t, "resize dsize=100x80", views[0]).Frame)
		wantFault(t, err, fault.Invalid, "the stream's frames were 320x240 bgr u8, this one is 100x80 bgr u8")
	}
}

func TestACalibrationPassesFramesOver(t *testing.T) {
	views := boardViews(t)
	for text, want := range map[string][]int{
		"calibrate_camera patternSize=5x3 every=2":      {1, 1, 1, 1, 2, 2},
		"calibrate_camera patternSize=5x3 max_boards=3": {1, 2, 2, 3, 3, 3},
	} {
		prog := compile(t, text)
		var s serve.Stream
		defer s.Close()
		for i, in := range views {
			var got calibration
			if err := json.Unmarshal([]byte(tell(t, &s, prog, in)), &got); err != nil {
				t.Fatal(err)
			}
			if got.Boards != want[i] {
				t.Errorf("%s, frame %d: %d boards, want %d", text, i, got.Boards, want[i])
			}
		}
	}
}

// It was calculated for every board, of all before it: a stream of a hundred took minutes, and the timeout of a frame lost them all.
func TestACameraIsCalculatedAnewForATenthMoreOfBoards(t *testing.T) {
	view := boardViews(t)[0]
	prog := compile(t, "calibrate_camera patternSize=5x3 max_boards=22")
	var s serve.Stream
	defer s.Close()
	for i, want := range []int{0, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 13, 13, 15, 15, 17, 17, 19, 19, 21, 22, 22} {
		var got calibration
		if err := json.Unmarshal([]byte(tell(t, &s, prog, view)), &got); err != nil {
			t.Fatal(err)
		}
		if of := (&boards{camera: got.Camera}).known(); of != want || got.Boards != min(i+1, 22) {
			t.Errorf("frame %d: the camera is of %d boards of %d, want %d", i, of, got.Boards, want)
		}
	}
	_, err := New(Options{}).Compile(parse(t, "calibrate_camera max_boards=51"), nil)
	wantFault(t, err, fault.Invalid, "max_boards")
}
