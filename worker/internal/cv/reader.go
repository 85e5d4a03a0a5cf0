//go:build opencv

package cv

import (
	"fmt"
	"io"
	"math"
	"time"
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// reader is a video that is being read, one frame for each Run.
type reader struct {
	uri   string
	path  string // empty where the source is no file
	relay *relay // nil where the source is no file on an HTTP server
	video serve.Video
	cap   *gocv.VideoCapture
	dst   gocv.Mat // header over the lent block
	done  uint64   // frames passed over or delivered
	pts   time.Duration
}

// OpenReader opens a video; see serve.VideoEngine. Opening a URL blocks until there is an answer, at most openTimeout.
func (e *Engine) OpenReader(uri string, skip uint64) (serve.Program, serve.Video, error) {
	src, err := parseSource(uri)
	if err != nil {
		return nil, serve.Video{}, err
	}
	capture, relay, err := src.open()
	if err != nil {
		return nil, serve.Video{}, err
	}
	r := &reader{uri: uri, path: src.path, relay: relay, cap: capture, dst: gocv.NewMat(), video: describe(capture)}
	if r.video.Width == 0 || r.video.Height == 0 {
		r.Close()
		return nil, serve.Video{}, fault.Errorf(fault.Undecodable, "%s has no video stream%s", uri, relay.hint())
	}
	if err := r.skip(skip); err != nil {
		r.Close()
		return nil, serve.Video{}, err
	}
	return r, r.video, nil
}

// describe reads what the container claims. Numbers that cannot be are unknown.
func describe(c *gocv.VideoCapture) serve.Video {
	v := serve.Video{Geometry: frame.Geometry{Format: frame.FormatBGR, Depth: frame.U8}}
	v.Width = int(within(c.Get(gocv.VideoCaptureFrameWidth), frame.MaxSide))
	v.Height = int(within(c.Get(gocv.VideoCaptureFrameHeight), frame.MaxSide))
	v.FPS = within(c.Get(gocv.VideoCaptureFPS), maxFPS)
	v.Frames = uint64(within(c.Get(gocv.VideoCaptureFrameCount), 1<<40))
	if code := uint32(within(c.Get(gocv.VideoCaptureFOURCC), math.MaxUint32)); code != 0 {
		v.Codec = printable([]byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code >> 24)})
	}
	return v
}

// maxFPS: FFmpeg answers 90000 and the like, its clock's rate, where it does not know.
const maxFPS = 1000

// within returns v, or 0 where v is not a number in (0, limit].
func within(v, limit float64) float64 {
	if v > 0 && v <= limit { // false for NaN
		return v
	}
	return 0
}

// printable returns a codec's four characters; some containers number their codecs instead.
func printable(code []byte) string {
	for _, c := range code {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(code)
}

// skip passes over n frames. They are decoded, for only so is the count exact, but not converted. gocv's Grab does not say
// whether there was a frame; the position does.
func (r *reader) skip(n uint64) error {
	position := func() float64 { return r.cap.Get(gocv.VideoCapturePosFrames) }
	for r.done < n {
		before := position()
		if err := r.cap.Grab(1); err != nil {
			return fault.Errorf(fault.Undecodable, "%s: cannot pass over frame %d: %s", r.uri, r.done+1, short(err))
		}
		if r.path != "" && position() <= before {
			return nil // the first Run tells how the file ended
		}
		r.done++
	}
	return nil
}

// Run puts the next frame.
func (r *reader) Run(_ frame.Frame, out *serve.Output) error {
	out.Step(0)
	pix, err := out.Pixels(r.video.Geometry)
	if err != nil {
		return err
	}
	if err := wrapPixels(&r.dst, r.video.Geometry, pix); err != nil {
		return err
	}
	if !r.cap.Read(&r.dst) {
		return r.ended()
	}
	if g := geometryOf(&r.dst, frame.FormatBGR); g != r.video.Geometry {
		return fault.Errorf(fault.Invalid, "frame %d is %v, the video is %v", r.done+1, g, r.video.Geometry)
	}
	if err := r.place(pix); err != nil {
		return err
	}
	out.SetPTS(r.time())
	r.done++
	return nil
}

// place copies the frame into the block where OpenCV put it elsewhere, as it does with one that it turned.
func (r *reader) place(pix []byte) error {
	if dataOf(&r.dst) == unsafe.Pointer(&pix[0]) {
		return nil
	}
	block := gocv.NewMat()
	defer block.Close()
	if err := wrapPixels(&block, r.video.Geometry, pix); err != nil {
		return err
	}
	return r.dst.CopyTo(&block)
}

// time is the frame's presentation time. OpenCV 4.6 answers 0 for the frames that the decoder still held when the file ended,
// and may answer so elsewhere: time goes on by one frame then.
func (r *reader) time() time.Duration {
	pts := time.Duration(within(r.cap.Get(gocv.VideoCapturePosMsec), 1e12) * float64(time.Millisecond))
	if r.done > 0 && pts <= r.pts {
		pts = r.pts + time.Millisecond
		if r.video.FPS > 0 {
			pts = r.pts + time.Duration(float64(time.Second)/r.video.FPS)
		}
	}
	r.pts = pts
	return pts
}

// ended tells a clean end from a broken one. Nobody knows the end of a live source, such as a camera's stream: that it has none
// any more is told.
func (r *reader) ended() error {
	why, share := r.evidence()
	of := ""
	if r.video.Frames > r.done {
		of = fmt.Sprintf(" of %d", r.video.Frames)
	}
	switch {
	case why == "" && r.done > 0 && r.video.Frames == 0 && r.live():
		return fault.Errorf(fault.Undecodable, "there is no frame after frame %d: the stream ended or broke", r.done)
	case why == "" && r.tooFew(share):
		why = "the file is damaged"
	case why == "" && r.done == 0:
		return fault.Errorf(fault.Undecodable, "there is no frame that can be decoded%s", r.relay.hint())
	case why == "":
		return io.EOF
	}
	return fault.Errorf(fault.Undecodable, "it ends after frame %d%s: %s", r.done, of, why)
}

// live reports a source that has no length.
func (r *reader) live() bool { return r.path == "" && (r.relay == nil || r.relay.size == 0) }

// evidence is why the source cannot have been whole, and the share of its frames that is shown: 0 is not known.
func (r *reader) evidence() (why string, share float64) {
	if r.relay != nil {
		return r.relay.shortfall(), r.relay.share()
	}
	if r.path == "" {
		return "", 0
	}
	err := withFile(r.path, func(f io.ReaderAt, size int64) { why, share = shortfallOf(f, size), mp4Share(f, size) })
	if err != nil {
		why = err.Error()
	}
	return why, share
}

// tooFew reports that an mp4, whose claim is a count, gave fewer frames than it shows. A whole track may lack two, which a
// decoder that waits for a key frame leaves out; of one that was edited the number is an estimate.
func (r *reader) tooFew(share float64) bool {
	claim := float64(r.video.Frames)
	slack := 2.0
	if share = min(share, 1); share*claim < claim-1 {
		slack += 0.1 * claim
	}
	return float64(r.done)+slack < share*claim
}

// Close closes the video.
func (r *reader) Close() error {
	defer r.relay.close()
	if err := r.dst.Close(); err != nil {
		return err
	}
	if err := r.cap.Close(); err != nil {
		return fmt.Errorf("%s: cannot close: %w", r.uri, err)
	}
	return nil
}
