//go:build opencv

package cv

import (
	"fmt"

	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// modules says which parts of OpenCV this build has. gocv needs OpenCV 4.9 for all of them; against an older one the Makefile
// builds those that compile.
func modules(version string) []serve.Module {
	var list []serve.Module
	for _, name := range []string{"core", "imgproc", "imgcodecs", "videoio", "calib3d", "features2d", "photo"} {
		list = append(list, serve.Module{Name: name, Present: true})
	}
	why := "left out of this build: it has the tag gocv_specific_modules"
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n == 2 && major*100+minor < 409 {
		why = "needs OpenCV 4.9 or newer, this is " + version
	}
	if recentModules {
		why = ""
	}
	for _, name := range []string{"objdetect", "video", "dnn", "aruco"} {
		list = append(list, serve.Module{Name: name, Present: recentModules, Why: why})
	}
	return list
}

// ffmpeg reports whether OpenCV was built with FFmpeg, without which no video can be read or written.
func ffmpeg() bool { return gocv.VideoRegistry.HasBackend(gocv.VideoCaptureFFmpeg) }
