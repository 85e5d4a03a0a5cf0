//go:build opencv

package cv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// container is a kind of video file.
type container struct {
	ext string
	// codecs are tried in this order where none is asked for: not every FFmpeg has an encoder for H.264.
	codecs []string
}

func containers() []container {
	return []container{
		{".mp4", []string{"avc1", "mp4v"}},
		{".mkv", []string{"avc1", "mp4v"}},
		{".mov", []string{"avc1", "mp4v"}},
		{".avi", []string{"MJPG", "mp4v"}},
		{".webm", []string{"VP80", "VP90"}},
	}
}

func findContainer(ext string) (container, error) {
	var known []string
	for _, c := range containers() {
		if strings.EqualFold(c.ext, ext) {
			return c, nil
		}
		known = append(known, c.ext)
	}
	return container{}, fault.Errorf(fault.Invalid, "container %q is not known: there are %s", ext, strings.Join(known, ", "))
}

// defaultFPS is for videos whose rate nobody knows.
const defaultFPS = 25

// writer is a video that is being written, one frame for each Run.
type writer struct {
	path    string
	video   serve.Video
	out     *gocv.VideoWriter
	src     gocv.Mat // header over the input
	bgr     gocv.Mat // for inputs with alpha
	written uint64
}

// OpenWriter creates a video file; see serve.VideoEngine. FFmpeg chooses the container by the name, so path must end in it.
func (e *Engine) OpenWriter(path string, v serve.Video) (serve.Program, string, error) {
	if v.Container == "" {
		v.Container = filepath.Ext(path)
	}
	c, err := findContainer(v.Container)
	if err != nil {
		return nil, "", err
	}
	if !strings.EqualFold(filepath.Ext(path), c.ext) {
		return nil, "", fault.Errorf(fault.Invalid, "%s: the name of a %s file must end in %s", path, c.ext, c.ext)
	}
	if err := checkWritable(path, &v); err != nil {
		return nil, "", err
	}
	out, codec, err := c.open(path, v)
	if err != nil {
		return nil, "", err
	}
	v.Codec = codec
	return &writer{path: path, video: v, out: out, src: gocv.NewMat(), bgr: gocv.NewMat()}, codec, nil
}

// checkWritable refuses what OpenCV would write otherwise than asked, and fills in the frame rate.
func checkWritable(path string, v *serve.Video) error {
	if v.FPS == 0 {
		v.FPS = defaultFPS
	}
	if err := only(frame.FormatBGR, frame.FormatGray, frame.FormatBGRA).of(frame.U8).check(v.Geometry); err != nil {
		return fault.Errorf(fault.Invalid, "%s: a video %v", path, err)
	}
	switch {
	case within(v.FPS, maxFPS) == 0:
		return fault.Errorf(fault.Invalid, "%s: %v frames per second are not possible: the limit is %d", path, v.FPS, maxFPS)
	case v.Width < 2 || v.Height < 2 || v.Width > maxVideoSide || v.Height > maxVideoSide:
		return fault.Errorf(fault.Invalid, "%s: a video of %dx%d is not possible: each side is 2 to %d", path, v.Width, v.Height,
			maxVideoSide)
	case v.Width%2 != 0 || v.Height%2 != 0:
		// FFmpeg's usual pixel format halves the colour in both directions. OpenCV would silently leave a column or row out.
		return fault.Errorf(fault.Invalid, "%s: a video needs even sides, got %dx%d: put crop width=%d height=%d before it", path,
			v.Width, v.Height, v.Width&^1, v.Height&^1)
	case v.Codec != "" && len(v.Codec) != 4:
		return fault.Errorf(fault.Invalid, "%s: codec %q is not four characters, such as avc1", path, v.Codec)
	}
	return nil
}

// maxVideoSide is what H.264 and the others can do.
const maxVideoSide = 16384

func (c container) open(path string, v serve.Video) (*gocv.VideoWriter, string, error) {
	if !ffmpeg() {
		return nil, "", fault.Errorf(fault.Invalid, "cannot create %s: this OpenCV was built without FFmpeg", path)
	}
	if err := creatable(path); err != nil {
		return nil, "", err
	}
	codecs := c.codecs
	if v.Codec != "" {
		codecs = []string{v.Codec}
	}
	for _, codec := range codecs {
		w, err := gocv.VideoWriterFileWithAPI(path, gocv.VideoCaptureFFmpeg, codec, v.FPS, v.Width, v.Height,
			v.Format != frame.FormatGray)
		if err == nil && w.IsOpened() {
			return w, codec, nil
		}
		if w != nil {
			w.Close()
		}
	}
	os.Remove(path)
	if v.Codec != "" {
		return nil, "", fault.Errorf(fault.Invalid, "cannot create %s: codec %s does not work in %s here; try %s", path, v.Codec, c.ext,
			strings.Join(c.codecs, " or "))
	}
	return nil, "", fault.Errorf(fault.Invalid, "cannot create %s: this FFmpeg encodes none of %s at %v", path,
		strings.Join(c.codecs, ", "), v.Geometry)
}

// creatable creates the file, to learn from the system what FFmpeg would not tell.
func creatable(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fault.Errorf(fault.Invalid, "cannot create %s: %w", path, err)
	}
	return f.Close()
}

// Run appends a frame.
func (w *writer) Run(in frame.Frame, out *serve.Output) error {
	out.Step(0)
	if err := in.Validate(); err != nil {
		return err
	}
	if in.Geometry != w.video.Geometry {
		return fault.Errorf(fault.Invalid, "%s: frame %d is %v, the video is %v", w.path, w.written+1, in.Geometry, w.video.Geometry)
	}
	if err := wrapPixels(&w.src, in.Geometry, in.Pix); err != nil {
		return err
	}
	src := w.src
	if in.Format == frame.FormatBGRA {
		if err := gocv.CvtColor(w.src, &w.bgr, gocv.ColorBGRAToBGR); err != nil {
			return fault.Errorf(fault.Invalid, "%s: %s", w.path, short(err))
		}
		src = w.bgr
	}
	if err := w.out.Write(src); err != nil {
		return fault.Errorf(fault.Invalid, "%s: cannot write frame %d: %s", w.path, w.written+1, short(err))
	}
	w.written++
	return nil
}

// Close completes the file, and verifies that it is there: OpenCV tells nobody that a disk is full.
func (w *writer) Close() error {
	w.src.Close()
	w.bgr.Close()
	w.out.Close()
	if err := w.verify(); err != nil {
		return fmt.Errorf("%s is not complete: %w", w.path, err)
	}
	return nil
}

// verify makes the system write the file out, opens it again, and compares the number of frames. It allows for one frame: mkv
// and webm have no number, and it is computed from a rounded duration.
func (w *writer) verify() error {
	if w.written == 0 {
		return fault.Errorf(fault.Invalid, "no frame was written")
	}
	if err := syncFile(w.path); err != nil {
		return err
	}
	why, err := shortfall(w.path)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("%s: is the disk full?", why)
	}
	c, err := gocv.VideoCaptureFileWithAPI(w.path, gocv.VideoCaptureFFmpeg)
	if c, err = opened(c, err, fmt.Errorf("it cannot be opened again: is the disk full?")); err != nil {
		return err
	}
	defer c.Close()
	if v := describe(c); v.Frames+1 < w.written || v.Frames > w.written+1 {
		return fmt.Errorf("it has %d frames, %d were written: is the disk full?", v.Frames, w.written)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
