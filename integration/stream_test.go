//go:build opencv

package integration

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRTSPBecomesVideo(t *testing.T) {
	t.Parallel()
	c := newCamera(t)
	dir := t.TempDir()
	p := runIn(t, dir, "run", c.url, "--limit", "30", "-p", "gray", "-o", "x.mp4", "--report", "report.json").exits(0)
	readReport(t, filepath.Join(dir, "report.json")).counts(t, 30, 30, 0)
	out := filepath.Join(dir, "x.mp4")
	if s := probe(t, out); s.Frames != 30 || s.Width != 560 || s.Height != 320 || s.Rate != "30/1" {
		t.Errorf("the video is %+v", s)
	}
	plays(t, out)
	t.Logf("30 frames in %v", p.took)
}

// live is a run on a camera that has no end. The first frames have passed.
func live(t *testing.T, c *camera, args ...string) (*program, *pacer) {
	t.Helper()
	p, pace := paced(t, command{args: append([]string{"run", c.url, "-p", "stats | gray", "-o", "x.mp4", "--report", "report.json"}, args...)})
	pace.reach(10)
	return p, pace
}

// What came before a stream broke is kept; that it broke is told, and soon.
func TestRTSPThatBreaks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		ruin  func(c *camera)
		args  []string
		code  string
		soon  time.Duration
		words string
	}{
		{"the server goes away", func(c *camera) { c.close() }, nil, "undecodable", 20 * time.Second, "ended or broke"},
		{"the server falls silent", func(c *camera) { c.silent.Store(true) }, []string{"--timeout", "2s"}, "deadline_exceeded",
			10 * time.Second, "2s"},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := newCamera(t)
			p, pace := live(t, c, x.args...)
			x.ruin(c)
			began := time.Now()
			pace.finish().exits(1, c.url, x.words)
			if took := time.Since(began); took > x.soon {
				t.Errorf("it took %v to tell, want %v", took, x.soon)
			} else {
				t.Logf("told after %v: %s", took, p.stderr.text())
			}
			r := readReport(t, filepath.Join(p.dir, "report.json"))
			if *r.FramesFailed != 1 || *r.FramesOut < 10 || *r.Failures[0].Code != x.code {
				t.Errorf("the report: %s", read(t, filepath.Join(p.dir, "report.json")))
			}
			out := filepath.Join(p.dir, "x.mp4")
			if n := probe(t, out).Frames; n != *r.FramesOut {
				t.Errorf("%d frames in the video, %d in the report", n, *r.FramesOut)
			}
			plays(t, out)
		})
	}
}

func TestRTSPIsEndedByASignal(t *testing.T) {
	t.Parallel()
	p, pace := live(t, newCamera(t))
	p.signal(unix.SIGINT)
	pace.finish().exits(130, "interrupted")
	plays(t, filepath.Join(p.dir, "x.mp4"))
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "rtsp://" + closed.Addr().String() + "/x"
	closed.Close()
	dir := t.TempDir()
	p := runIn(t, dir, "run", url, "-p", "gray", "-o", "x.mp4").exits(1, "cannot connect to "+url)
	holds(t, dir)
	t.Logf("told after %v", p.took)
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(clip(t)))))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	runIn(t, dir, "run", server.URL+"/small.mp4", "-p", edges, "-o", "url.mp4").exits(0)
	runIn(t, dir, "run", clip(t), "-p", edges, "-o", "file.mp4").exits(0)
	if !slices.Equal(frameHashes(t, filepath.Join(dir, "url.mp4")), frameHashes(t, filepath.Join(dir, "file.mp4"))) {
		t.Error("a video by its URL comes out other than by its path")
	}
	runIn(t, dir, "run", server.URL+"/missing.mp4", "-p", edges, "-o", "missing.mp4").exits(1, "/missing.mp4", "cannot connect", "404 Not Found")
	holds(t, dir, "file.mp4", "url.mp4")
}

// A transfer that breaks off is no end of the video: what came is kept, as of a file that was cut, and the rest is told.
func TestHTTPThatBreaksOff(t *testing.T) {
	t.Parallel()
	mkv := produced(t, "whole.mkv", "-i", clip(t), "-an", "-c", "copy")
	mp4 := produced(t, "index-in-front.mp4", "-i", clip(t), "-an", "-c", "copy", "-movflags", "+faststart")
	for _, name := range []string{mkv, mp4} {
		t.Run(filepath.Ext(name), func(t *testing.T) {
			t.Parallel()
			whole := read(t, name)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
				_, _ = io.WriteString(w, whole[:len(whole)/2])
			}))
			t.Cleanup(server.Close)
			dir := t.TempDir()
			url := server.URL + "/clip" + filepath.Ext(name)
			runIn(t, dir, "run", url, "-p", "gray", "-o", "x.mp4", "--report", "report.json").exits(1, url, "the transfer broke")
			r := readReport(t, filepath.Join(dir, "report.json"))
			if *r.FramesFailed != 1 || *r.Failures[0].Code != "undecodable" || *r.FramesOut < 10 || *r.FramesOut >= clipFrames {
				t.Errorf("the report: %s", read(t, filepath.Join(dir, "report.json")))
			}
			if n := probe(t, filepath.Join(dir, "x.mp4")).Frames; n != *r.FramesOut {
				t.Errorf("%d frames in the video, %d in the report", n, *r.FramesOut)
			}
			plays(t, filepath.Join(dir, "x.mp4"))
			holds(t, dir, "report.json", "x.mp4")
		})
	}
}

// Half an image made a frame, which was written as if it were whole.
func TestHTTPThatBreaksOffAnImage(t *testing.T) {
	t.Parallel()
	whole := read(t, produced(t, "whole.jpg", "-i", clip(t), "-frames:v", "1"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		_, _ = io.WriteString(w, whole[:len(whole)/2])
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	runIn(t, dir, "run", server.URL+"/whole.jpg", "-p", "stats", "-o", "x.mp4", "--report", "report.json").exits(1, "the transfer broke after")
	readReport(t, filepath.Join(dir, "report.json")).counts(t, 1, 0, 1)
	holds(t, dir, "report.json")
}

// A server that sends files only from their beginning cannot show an index at the end. Such a run had no frames, and succeeded.
func TestHTTPWithoutAFrame(t *testing.T) {
	t.Parallel()
	late := produced(t, "index-at-the-end.mp4", "-i", clip(t), "-an", "-c:v", "mpeg4", "-q:v", "1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		whole := read(t, late)
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		_, _ = io.WriteString(w, whole)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	runIn(t, dir, "run", server.URL+"/x.mp4", "-p", "gray", "-o", "x.mp4").exits(1, server.URL, "no ranges")
	holds(t, dir)
}
