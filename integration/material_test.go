//go:build opencv

package integration

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// sample is a file that gocv's module ships.
func sample(t *testing.T, name string) string {
	t.Helper()
	dir, err := gocvDir()
	path := filepath.Join(dir, "images", name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("cannot find %s, which gocv's module ships: %v", name, err)
	}
	return path
}

var gocvDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "gocv.io/x/gocv").Output()
	return strings.TrimSpace(string(out)), err
})

// clip is a real video: H.264 and sound, 166 frames of 560×320 at 30 a second.
func clip(t *testing.T) string { t.Helper(); return sample(t, "small.mp4") }

const clipFrames = 166

var (
	making sync.Mutex
	made   = map[string]bool{}
)

// produced is a file that ffmpeg makes, once for all tests.
func produced(t *testing.T, name string, args ...string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	path := filepath.Join(shop, name)
	if !made[name] {
		output(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), path)...)
		made[name] = true
	}
	return path
}

// thumbnail is a small PNG of a photograph.
func thumbnail(t *testing.T) string {
	t.Helper()
	return produced(t, "thumbnail.png", "-i", sample(t, "space_shuttle.jpg"), "-vf", "scale=97:61", "-frames:v", "1")
}

// output runs a program that must succeed and returns what it prints.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errs.String())
	}
	return out
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// copyTo copies a file and returns the new one's path.
func copyTo(t *testing.T, from, to string) string { t.Helper(); return write(t, to, read(t, from)) }

// names lists a folder's files, those in folders below it too.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != dir && (!e.IsDir() || isEmpty(path)) {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// holds checks that a folder has these files and no others.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// stream is what ffprobe says of a video.
type stream struct {
	Codec  string `json:"codec_name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Rate   string `json:"avg_frame_rate"`
	Frames int    `json:"-"`
	Read   string `json:"nb_read_frames"`
}

// probe counts the frames by decoding them.
func probe(t *testing.T, path string) stream {
	t.Helper()
	out := output(t, "ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames",
		"-show_entries", "stream=codec_name,width,height,avg_frame_rate,nb_read_frames", "-of", "json", path)
	var found struct{ Streams []stream }
	if err := json.Unmarshal(out, &found); err != nil || len(found.Streams) != 1 {
		t.Fatalf("ffprobe of %s: %v\n%s", path, err, out)
	}
	s := found.Streams[0]
	s.Frames, _ = strconv.Atoi(s.Read)
	return s
}

// plays checks that a player reads the whole video and has nothing to complain of.
func plays(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-i", asFile(path), "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg complains of %s: %v\n%s", path, err, out)
	}
}

// asFile keeps ffmpeg from taking a percent sign in a path for a pattern.
func asFile(path string) string { return "file:" + strings.ReplaceAll(path, "%", "%%") }

// frameHashes are one for each frame's pixels. Options of ffmpeg's may choose a part of the video.
func frameHashes(t *testing.T, path string, options ...string) []string {
	t.Helper()
	args := append(append([]string{"-v", "error", "-nostdin"}, options...), "-i", path, "-map", "0:v:0", "-f", "framemd5", "-")
	out := output(t, "ffmpeg", args...)
	var all []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(line, ",")
			all = append(all, strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return all
}

// report is what --report promises.
type report struct {
	FramesIn        *int     `json:"frames_in"`
	FramesOut       *int     `json:"frames_out"`
	FramesFailed    *int     `json:"frames_failed"`
	Before          int      `json:"frames_before"`
	Cancelled       *int     `json:"frames_cancelled"`
	Retries         *int     `json:"retries"`
	WorkerRestarts  *int     `json:"worker_restarts"`
	WorkerRecycles  *int     `json:"worker_recycles"`
	EncoderRestarts int      `json:"encoder_restarts"`
	Seconds         *float64 `json:"seconds"`
	FPS             *float64 `json:"fps"`
	Workers         *int     `json:"workers"`
	Pipeline        *string  `json:"pipeline"`
	Output          *string  `json:"output"`
	Interrupted     bool     `json:"interrupted"`
	Memory          struct {
		Budget, Peak int64
		RSS          int64 `json:"coordinator_peak_rss"`
	} `json:"memory"`
	CPU struct {
		Coordinator, Workers float64
	} `json:"cpu_seconds"`
	Failures []failure `json:"failures"`
}

type failure struct {
	Index    *int    `json:"index"`
	Input    *string `json:"input"`
	Code     *string `json:"code"`
	Message  *string `json:"message"`
	Attempts *int    `json:"attempts"`
}

// readReport checks that all is there, and that the numbers add up.
func readReport(t *testing.T, path string) report {
	t.Helper()
	var r report
	text := read(t, path)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, there := range []bool{r.FramesIn != nil, r.FramesOut != nil, r.FramesFailed != nil, r.Cancelled != nil, r.Output != nil, r.Retries != nil,
		r.WorkerRestarts != nil, r.WorkerRecycles != nil, r.Seconds != nil, r.FPS != nil, r.Workers != nil, r.Pipeline != nil, r.Failures != nil} {
		if !there {
			t.Fatalf("the report lacks something:\n%s", text)
		}
	}
	for _, f := range r.Failures {
		if f.Index == nil || f.Input == nil || f.Code == nil || f.Message == nil || f.Attempts == nil {
			t.Fatalf("a failure in the report lacks something:\n%s", text)
		}
	}
	if *r.FramesIn != *r.FramesOut+*r.FramesFailed+*r.Cancelled || *r.Cancelled < 0 {
		t.Errorf("%d frames in are not %d out, %d failed and %d cancelled", *r.FramesIn, *r.FramesOut, *r.FramesFailed, *r.Cancelled)
	}
	if *r.FramesFailed != len(r.Failures) {
		t.Errorf("%d frames failed, but %d failures are listed", *r.FramesFailed, len(r.Failures))
	}
	if fps := float64(*r.FramesOut-r.Before) / *r.Seconds; *r.Seconds <= 0 || fps < 0.99**r.FPS || fps > 1.01**r.FPS {
		t.Errorf("%d frames in %v s are not %v a second", *r.FramesOut, *r.Seconds, *r.FPS)
	}
	return r
}

// counts checks a report's frames.
func (r report) counts(t *testing.T, in, out, failed int) report {
	t.Helper()
	if *r.FramesIn != in || *r.FramesOut != out || *r.FramesFailed != failed {
		t.Errorf("%d frames in, %d out, %d failed; want %d, %d, %d", *r.FramesIn, *r.FramesOut, *r.FramesFailed, in, out, failed)
	}
	return r
}

func slicesSorted(s ...string) []string { slices.Sort(s); return s }
