//go:build opencv

package cv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cvfarm/cvfarm/shared/fault"
	"gocv.io/x/gocv"
)

// source is a uri taken apart. One of the three is set.
type source struct {
	uri    string
	path   string // of a file
	url    string
	camera int // and the other two empty
}

// openTimeout and readTimeout bound how long a URL may be silent, in milliseconds. FFmpeg's own limit is 30 s.
const (
	openTimeout = 10_000
	readTimeout = 10_000
)

// OpenCV's names for them, which gocv does not have.
const (
	propOpenTimeout gocv.VideoCaptureProperties = 53
	propReadTimeout gocv.VideoCaptureProperties = 54
)

func parseSource(uri string) (source, error) {
	if n, ok := strings.CutPrefix(uri, "camera:"); ok {
		camera, err := strconv.Atoi(n)
		if err != nil || camera < 0 || camera > 99 {
			return source{}, fault.Errorf(fault.Invalid, "%s is no camera: camera:0 to camera:99 are possible", uri)
		}
		return source{uri: uri, camera: camera}, nil
	}
	if u, err := url.Parse(uri); err == nil && strings.Contains(uri, "://") {
		switch u.Scheme {
		case "rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "udp", "tcp", "srt":
			return source{uri: uri, url: u.Scheme + uri[len(u.Scheme):]}, nil // in lower case, which FFmpeg wants
		case "file":
			return source{uri: uri, path: u.Path}, nil
		}
		return source{}, fault.Errorf(fault.Invalid, "%s: cannot read %s URLs", uri, u.Scheme)
	}
	return source{uri: uri, path: uri}, nil
}

// open opens the source; one that is a file on an HTTP server through a relay.
func (s source) open() (*gocv.VideoCapture, *relay, error) {
	if s.url != "" && ffmpeg() {
		return s.openURL()
	}
	c, err := s.openLocal()
	return c, nil, err
}

func (s source) openURL() (*gocv.VideoCapture, *relay, error) {
	url, why := s.url, fmt.Errorf("no stream within %d s", openTimeout/1000)
	var r *relay
	if strings.HasPrefix(s.url, "http") {
		var err error
		var broken *brokenImage
		if r, err = newRelay(s.url); errors.As(err, &broken) {
			return nil, nil, fault.Errorf(fault.Undecodable, "%s: %w", s.uri, err)
		} else if err != nil {
			why = err
		} else {
			url = r.url
		}
	}
	c, err := gocv.VideoCaptureFileWithAPIParams(url, gocv.VideoCaptureFFmpeg, []gocv.VideoCaptureProperties{
		propOpenTimeout, openTimeout, propReadTimeout, readTimeout})
	if err == nil && c.IsOpened() {
		return c, r, nil
	}
	c.Close()
	if text := r.shortfall(); text != "" {
		why = errors.New(text)
	}
	r.close()
	return nil, nil, fault.Errorf(fault.Undecodable, "cannot connect to %s, or what it sends is not a video: %w", s.uri, why)
}

func (s source) openLocal() (*gocv.VideoCapture, error) {
	if !ffmpeg() {
		return nil, fault.Errorf(fault.Invalid, "cannot open %s: this OpenCV was built without FFmpeg", s.uri)
	}
	if s.path != "" {
		return s.openFile()
	}
	device := "/dev/video" + strconv.Itoa(s.camera)
	if _, err := os.Stat(device); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s: there is no camera %d on this machine: %w", s.uri, s.camera, err)
	}
	c, err := gocv.VideoCaptureDevice(s.camera)
	return opened(c, err, fault.Errorf(fault.Invalid, "%s: cannot open %s: is it a camera, and free?", s.uri, device))
}

// opened frees a capture that did not open: gocv returns it all the same.
func opened(c *gocv.VideoCapture, err error, otherwise error) (*gocv.VideoCapture, error) {
	if err == nil && c.IsOpened() {
		return c, nil
	}
	c.Close()
	return nil, otherwise
}

func (s source) openFile() (*gocv.VideoCapture, error) {
	if err := s.checkFile(); err != nil {
		return nil, err
	}
	c, err := gocv.VideoCaptureFileWithAPI(s.path, gocv.VideoCaptureFFmpeg)
	why, _ := shortfall(s.path)
	if why == "" {
		why = "it is not a video, it has no video stream, or FFmpeg cannot decode it"
	}
	return opened(c, err, fault.Errorf(fault.Undecodable, "cannot open %s: %s", s.uri, why))
}

// checkFile tells what FFmpeg would not: it has one error for all of these, and draws text files as if they were videos.
func (s source) checkFile() error {
	f, err := os.Open(s.path)
	if err != nil {
		return fault.Errorf(fault.Invalid, "cannot open %s: %w", s.uri, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fault.Errorf(fault.Invalid, "cannot open %s: %w", s.uri, err)
	case info.IsDir():
		return fault.Errorf(fault.Invalid, "cannot open %s: it is a directory", s.uri)
	case !info.Mode().IsRegular():
		return nil // a pipe, which must not be read here
	case info.Size() == 0:
		return fault.Errorf(fault.Undecodable, "cannot open %s: the file is empty", s.uri)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		return fault.Errorf(fault.Invalid, "cannot open %s: %w", s.uri, err)
	}
	if isText(head[:n]) && !isPlaylist(head[:n]) {
		return fault.Errorf(fault.Undecodable, "cannot open %s: it is a text, not a video", s.uri)
	}
	return nil
}

func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r < ' ' && !strings.ContainsRune("\t\r\n\f\x1b", r) || r == utf8.RuneError && size == 1 && len(b) >= utf8.UTFMax {
			return false
		}
		b = b[size:]
	}
	return true
}

// isPlaylist reports texts that stand for videos: HLS, SDP and FFmpeg's concat list.
func isPlaylist(b []byte) bool {
	for _, magic := range []string{"#EXTM3U", "v=0", "ffconcat"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return false
}
