//go:build opencv

package cv

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// samples are videos that ffmpeg makes, by name. %s is a photo's small.mp4, of 166 frames.
var samples = map[string]string{
	"nob.mp4":    "-i SMALL -t 2 -an -c:v libx264 -bf 0 -movflags faststart",
	"b.mp4":      "-i SMALL -t 2 -an -c:v libx264 -bf 3 -movflags faststart",
	"late.mp4":   "-i SMALL -t 2 -an -c:v libx264 -bf 3", // index at the end
	"large.mp4":  "-i SMALL -an -c:v mpeg4 -q:v 1",       // 3 MB, index at the end
	"b.mkv":      "-i SMALL -t 2 -an -c:v libx264 -bf 3",
	"m4.avi":     "-i SMALL -t 2 -an -c:v mpeg4",
	"mj.avi":     "-i SMALL -t 2 -an -c:v mjpeg",
	"v.webm":     "-i SMALL -t 2 -an -c:v libvpx -deadline realtime -cpu-used 8",
	"t.ts":       "-i SMALL -t 2 -an -c:v libx264 -bf 3",
	"frag.mp4":   "-i SMALL -t 2 -an -c:v libx264 -bf 3 -movflags frag_keyframe+empty_moov",
	"audio.mp4":  "-f lavfi -i testsrc=size=64x48:rate=25:duration=2 -f lavfi -i sine=duration=5 -c:v libx264 -bf 3 -c:a aac",
	"audio.mkv":  "-f lavfi -i testsrc=size=64x48:rate=25:duration=2 -f lavfi -i sine=duration=5 -c:v libx264 -bf 3 -c:a aac",
	"vfr.mp4":    "-f lavfi -i testsrc=size=64x48:rate=25:duration=4 -vf select='not(mod(n,3))+lt(n,20)' -vsync vfr -c:v libx264 -bf 3",
	"vfr.mkv":    "-f lavfi -i testsrc=size=64x48:rate=25:duration=4 -vf select='not(mod(n,3))+lt(n,20)' -vsync vfr -c:v libx264 -bf 3",
	"cutin.mp4":  "-ss 1.3 -i SMALL -an -c copy", // the edit list hides frames
	"sound.mp4":  "-f lavfi -i sine=duration=1 -c:a aac",
	"odd.mp4":    "-f lavfi -i testsrc=size=65x47:rate=25:duration=1 -c:v libx264 -pix_fmt yuv444p",
	"turned.mp4": "-f lavfi -i testsrc=size=64x48:rate=25:duration=1 -metadata:s:v rotate=90 -c:v mpeg4",
}

var sampleDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "cvfarm-samples-") })

// sample returns the path of a video that ffmpeg has made.
func sample(t testing.TB, name string) string {
	t.Helper()
	dir, err := sampleDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	args := []string{"-v", "error", "-y"}
	for _, a := range strings.Fields(samples[name]) {
		if a == "SMALL" {
			a = photo(t, "small.mp4")
		}
		args = append(args, a)
	}
	if out, err := exec.Command("ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

// cutSample returns the path of a sample of which only a share is there.
func cutSample(t testing.TB, name string, share float64) string {
	t.Helper()
	data, err := os.ReadFile(sample(t, name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data[:int(float64(len(data))*share)], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read reads a video to its end and returns its frames' times and how it ended.
func read(t testing.TB, p serve.Program, v serve.Video) (times []time.Duration, ended error) {
	t.Helper()
	for {
		out, err := serve.Try(p, frame.Frame{})
		if err != nil {
			return times, err
		}
		if out.Frame.Geometry != v.Geometry {
			t.Fatalf("frame %d is %v, the video %v", len(times), out.Frame.Geometry, v.Geometry)
		}
		times = append(times, out.Frame.PTS)
	}
}

func openReader(t testing.TB, uri string, skip uint64) (serve.Program, serve.Video) {
	t.Helper()
	p, v, err := New(Options{}).OpenReader(uri, skip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, v
}

func TestASoundVideoEndsWithEOFAndItsTimesRise(t *testing.T) {
	want := map[string]int{"nob.mp4": 60, "b.mp4": 60, "late.mp4": 60, "b.mkv": 60, "m4.avi": 60, "mj.avi": 60, "v.webm": 60, "t.ts": 60,
		"frag.mp4": 60, "audio.mp4": 50, "audio.mkv": 50, "vfr.mp4": 47, "vfr.mkv": 47, "cutin.mp4": 127, "odd.mp4": 25, "turned.mp4": 25}
	for name, n := range want {
		t.Run(name, func(t *testing.T) {
			p, v := openReader(t, sample(t, name), 0)
			times, err := read(t, p, v)
			if err != io.EOF || len(times) != n {
				t.Fatalf("%d frames and %v, want %d and EOF", len(times), err, n)
			}
			for i := 1; i < len(times); i++ {
				if times[i] <= times[i-1] || times[i] > times[i-1]+time.Second {
					t.Fatalf("frame %d is at %v, the one before at %v", i, times[i], times[i-1])
				}
			}
			if times[0] > time.Second || v.FPS < 10 || v.FPS > 31 {
				t.Fatalf("begins at %v, %v fps", times[0], v.FPS)
			}
			if _, err := serve.Try(p, frame.Frame{}); err != io.EOF {
				t.Fatalf("after the end: %v", err)
			}
		})
	}
}

func TestACutVideoDoesNotEndAsIfItWereWhole(t *testing.T) {
	for _, name := range []string{"nob.mp4", "b.mp4", "b.mkv", "m4.avi", "mj.avi", "v.webm", "frag.mp4"} {
		for _, share := range []float64{0.4, 0.9, 0.999} {
			p, v := openReader(t, cutSample(t, name, share), 0)
			times, err := read(t, p, v)
			wantFault(t, err, fault.Undecodable, "it ends after frame", "truncated")
			if len(times) > 60 || share > 0.5 && len(times) < 20 {
				t.Errorf("%s, %v of it: %d frames", name, share, len(times))
			}
		}
	}
}

// The lengths of the parts are right in such files, and FFmpeg gives up where nothing decodes.
func TestAVideoWithAHoleDoesNotEndAsIfItWereWhole(t *testing.T) {
	for _, name := range []string{"nob.mp4", "b.mp4", "cutin.mp4"} {
		path := cutSample(t, name, 1)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(data, []byte("mdat")) // zeros from its middle
		size := int(binary.BigEndian.Uint32(data[at-4:]))
		clear(data[at+size/2 : at+size-8])
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, v := openReader(t, path, 0)
		times, err := read(t, p, v)
		wantFault(t, err, fault.Undecodable, "ends after frame", "the file is damaged")
		t.Log(len(times), err)
	}
}

func TestSkippedFramesArePassedOver(t *testing.T) {
	all, v := openReader(t, sample(t, "b.mp4"), 0)
	want, _ := read(t, all, v)
	for _, skip := range []uint64{1, 17, 59, 60, 1e15} {
		p, v := openReader(t, sample(t, "b.mp4"), skip)
		times, err := read(t, p, v)
		if n := max(0, 60-int(min(skip, 60))); err != io.EOF || len(times) != n {
			t.Fatalf("skip %d: %d frames, %v", skip, len(times), err)
		}
		if len(times) > 1 && times[0] != want[skip] {
			t.Errorf("skip %d begins at %v, want %v", skip, times[0], want[skip])
		}
	}
}

func TestWhatIsNoVideoSaysWhy(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := []struct {
		name, uri string
		code      fault.Code
		words     string
	}{
		{"a name of nothing", dir + "/none.mp4", fault.Invalid, "no such file"},
		{"a directory", dir, fault.Invalid, "is a directory"},
		{"an empty file", file("empty.mp4", ""), fault.Undecodable, "the file is empty"},
		{"a text", file("notes.txt", "FFmpeg draws this as a video"), fault.Undecodable, "it is a text"},
		{"noise", file("noise.mp4", "\x00\x01\x02\x03noise\x00\xff"), fault.Undecodable, "it is not a video"},
		{"sound", sample(t, "sound.mp4"), fault.Undecodable, "no video stream"},
		{"a video without its index", cutSample(t, "late.mp4", 0.5), fault.Undecodable, "truncated"},
		{"no camera", "camera:97", fault.Invalid, "no camera 97"},
		{"no number of a camera", "camera:x", fault.Invalid, "is no camera"},
		{"a URL of another kind", "gopher://x/y", fault.Invalid, "gopher"},
		{"nobody at the other end", "rtsp://127.0.0.1:9/x", fault.Undecodable, "cannot connect to rtsp://127.0.0.1:9/x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := New(Options{}).OpenReader(c.uri, 0)
			wantFault(t, err, c.code, c.uri, c.words)
		})
	}
}

func TestAVideoIsReadOverHTTP(t *testing.T) {
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(sample(t, "b.mp4")))))
	defer server.Close()
	for _, scheme := range []string{"http", "HTTP"} { // of which the second passed the relay by, and found no protocol in FFmpeg
		p, v := openReader(t, scheme+strings.TrimPrefix(server.URL, "http")+"/b.mp4", 5)
		if times, err := read(t, p, v); err != io.EOF || len(times) != 55 {
			t.Fatalf("%s: %d frames, %v", scheme, len(times), err)
		}
	}
}

// breaking serves the samples, and breaks the connection of each answer with a body after limit bytes of the file.
func breaking(t *testing.T, limit int64, parts bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !parts {
			req.Header.Del("Range")
			w = noRanges{w}
		}
		http.ServeFile(&breakingWriter{ResponseWriter: w, left: limit}, req, sample(t, filepath.Base(req.URL.Path)))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// noRanges is a server that does not know of them.
type noRanges struct{ http.ResponseWriter }

func (w noRanges) WriteHeader(code int) {
	w.Header().Del("Accept-Ranges")
	w.ResponseWriter.WriteHeader(code)
}

type breakingWriter struct {
	http.ResponseWriter
	left int64
}

func (w *breakingWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.NewResponseController.
func (w noRanges) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FFmpeg takes a connection that broke for the end of the video, and such a video ended as if it were whole.
func TestATransferThatBreaksIsNoEnd(t *testing.T) {
	for _, name := range []string{"b.mp4", "b.mkv", "frag.mp4"} {
		info, err := os.Stat(sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		p, v := openReader(t, breaking(t, info.Size()*2/3, true)+"/"+name, 0)
		times, err := read(t, p, v)
		wantFault(t, err, fault.Undecodable, "it ends after frame", "the transfer broke: unexpected EOF")
		if len(times) < 5 || len(times) >= 60 {
			t.Errorf("%s: %d frames", name, len(times))
		}
	}
}

func TestWhatAnHTTPServerHasIsComparedWithWhatItSays(t *testing.T) {
	all := int64(1 << 40)
	t.Run("without parts", func(t *testing.T) {
		p, v := openReader(t, breaking(t, all, false)+"/b.mp4", 0)
		if times, err := read(t, p, v); err != io.EOF || len(times) != 60 {
			t.Errorf("%d frames, %v", len(times), err)
		}
	})
	t.Run("an index that cannot be reached", func(t *testing.T) {
		url := breaking(t, all, false) + "/large.mp4"
		var times []time.Duration
		p, v, err := New(Options{}).OpenReader(url, 0)
		if err == nil {
			defer p.Close()
			times, err = read(t, p, v)
		}
		if wantFault(t, err, fault.Undecodable, "no ranges"); len(times) != 0 {
			t.Error(len(times))
		}
	})
	t.Run("a file that is cut", func(t *testing.T) {
		server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(cutSample(t, "b.mp4", 0.6)))))
		defer server.Close()
		p, v := openReader(t, server.URL+"/b.mp4", 0)
		_, err := read(t, p, v)
		wantFault(t, err, fault.Undecodable, "it ends after frame", "of 60", "the file is truncated")
	})
	t.Run("nothing", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		_, _, err := New(Options{}).OpenReader(server.URL+"/b.mp4", 0)
		wantFault(t, err, fault.Undecodable, "cannot connect to "+server.URL, "404 Not Found")
	})
	t.Run("after another address", func(t *testing.T) {
		files := http.FileServer(http.Dir(filepath.Dir(sample(t, "late.mp4"))))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/old" {
				http.Redirect(w, req, "/late.mp4", http.StatusFound)
				return
			}
			files.ServeHTTP(w, req)
		}))
		defer server.Close()
		p, v := openReader(t, server.URL+"/old", 0)
		if times, err := read(t, p, v); err != io.EOF || len(times) != 60 {
			t.Errorf("%d frames, %v", len(times), err)
		}
	})
}

func FuzzShortfall(f *testing.F) {
	for _, name := range []string{"b.mp4", "b.mkv", "m4.avi", "frag.mp4"} {
		data, err := os.ReadFile(sample(f, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:2048])
		f.Add(data[len(data)-2048:])
	}
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := shortfall(path); err != nil {
			t.Fatal(err)
		}
		if share := mp4Share(bytes.NewReader(data), int64(len(data))); share < 0 {
			t.Fatal(share)
		}
	})
}
