//go:build opencv

package cv

import (
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// OpenCV writes past the end of an array where a shortened descriptor has fewer than three channels: descriptor_size=2
// descriptor_channels=1 ended the worker some frames later, at a place that had nothing to do with it.
func TestAkazeDescriptorsThatCorruptTheHeapAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"akaze descriptor_size=2 descriptor_channels=1":                              "descriptor_size=2 descriptor_channels=1",
		"akaze descriptor_size=6 descriptor_channels=1":                              "descriptor_size=6",
		"akaze descriptor_size=486 descriptor_channels=2":                            "descriptor_channels=2",
		"akaze descriptor_type=mldb_upright descriptor_size=1 descriptor_channels=2": "take descriptor_size=0 or descriptor_channels=3",
		"gray | akaze descriptor_size=7 descriptor_channels=1 draw=true":             "take descriptor_size=0",
	} {
		prog, err := New(Options{}).Compile(parse(t, text), nil)
		if err == nil {
			t.Errorf("%s is taken", text)
			if err := prog.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		wantFault(t, err, fault.Invalid, "akaze: ", want)
	}
	in := testPicture(t, frame.Geometry{Width: 64, Height: 64, Format: frame.FormatGray, Depth: frame.U8})
	for _, text := range []string{
		"akaze descriptor_channels=1 descriptors=true", "akaze descriptor_size=2 descriptors=true", "akaze descriptor_size=486 descriptors=true",
		"akaze descriptor_type=kaze descriptor_size=2 descriptor_channels=1 descriptors=true",
	} {
		if _, err := serve.Try(compile(t, text), in); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Each tile has a table of all values that an element can have: 256 times 256 tiles of u16 took 8.4 GB, however small the picture.
func TestTilesWhoseTablesWouldFillTheMemoryAreRefused(t *testing.T) {
	gray := func(d frame.Depth) frame.Geometry {
		return frame.Geometry{Width: 640, Height: 480, Format: frame.FormatGray, Depth: d}
	}
	for _, c := range []struct {
		text string
		in   frame.Geometry
		want string
	}{
		{"clahe tileGridSize=256", gray(frame.U16), "step 1, clahe: tileGridSize=256x256 of 640x480 gray u16 needs 65536 tables of 131072 bytes, " +
			"more than 2048: take fewer tiles"},
		{"clahe tileGridSize=64x33", gray(frame.U16), "tileGridSize=64x33 of 640x480 gray u16 needs 2112 tables"},
		{"clahe tileGridSize=64x32", gray(frame.U16), ""},
		{"clahe tileGridSize=256", gray(frame.U8), ""},
	} {
		_, err := compile(t, c.text).(serve.Planner).Shapes(c.in)
		if c.want != "" {
			wantFault(t, err, fault.Invalid, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// cv2.findCirclesGrid without flags looks for a symmetric grid.
func TestACirclesGridIsSymmetricUnlessTold(t *testing.T) {
	in := testPicture(t, frame.Geometry{Width: 64, Height: 64, Format: frame.FormatGray, Depth: frame.U8})
	for _, text := range []string{"find_circles_grid", "find_circles_grid clustering=true", "find_circles_grid asymmetric_grid=true"} {
		if _, err := serve.Try(compile(t, text), in); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := New(Options{}).Compile(parse(t, "find_circles_grid symmetric_grid=true asymmetric_grid=true"), nil)
	wantFault(t, err, fault.Invalid, "takes one of symmetric_grid and asymmetric_grid")
}

func TestParametersAreSuggestedUnderTheNamesThatCv2GivesThem(t *testing.T) {
	for text, want := range map[string]string{"canny threshold1=9": "did you mean low?", "canny threshold2=9": "did you mean high?"} {
		_, err := New(Options{}).Compile(parse(t, text), nil)
		wantFault(t, err, fault.Invalid, want)
	}
}

// With one of srn and stn 0, and where rho is longer than the picture's diagonal, OpenCV's finer search reads outside of an empty
// table: gray | hough_lines srn=3 ended the worker.
func TestAFinerSearchThatCrashesIsRefused(t *testing.T) {
	for _, text := range []string{"hough_lines srn=3", "hough_lines stn=3", "hough_lines srn=0.4 stn=0.4", "hough_lines srn=7 stn=0.9"} {
		_, err := New(Options{}).Compile(parse(t, text), nil)
		wantFault(t, err, fault.Invalid, "both are 0, or both 1 and more")
	}
	in := testPicture(t, frame.Geometry{Width: 5, Height: 5, Format: frame.FormatGray})
	_, err := serve.Try(compile(t, "hough_lines rho=8 srn=9 stn=2"), in)
	wantFault(t, err, fault.Invalid, "rho=8 is too large for 5x5 gray u8 with srn=9")
	in = testPicture(t, frame.Geometry{Width: 8, Height: 8, Format: frame.FormatGray})
	_, err = serve.Try(compile(t, "hough_lines rho=2.5 threshold=3 srn=1 stn=1"), in)
	wantFault(t, err, fault.Invalid, "srn=1 stn=1: in a line of this picture OpenCV's finer search leaves its table: leave both 0")
	if _, err := serve.Try(compile(t, "hough_lines rho=2.5 threshold=3"), in); err != nil {
		t.Error(err)
	}
}

func TestPointsThatAreNearlyOnALineAreTaken(t *testing.T) {
	in := testPicture(t, frame.Geometry{Width: 40, Height: 30, Format: frame.FormatGray})
	for _, src := range []string{"0,0/4000,0/2000,0.01", "1000,1000/1001,1001/1002,1002.01", "0,0/1e-6,0/0,1e-6", "0,0/0.1,0.3/0.3,0.9001"} {
		if _, err := serve.Try(compile(t, "warp_affine dst=0,0/9,0/0,9 src="+src), in); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}
