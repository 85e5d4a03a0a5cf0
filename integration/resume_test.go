//go:build opencv

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// resumable is a command whose coordinator is killed now and then.
type resumable struct {
	name    string
	args    []string
	journal string // the folder, in that of the run
	lines   int    // of a whole journal
}

// photos is a folder of images, of which one cannot be decoded.
func photos(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	output(t, "ffmpeg", "-v", "error", "-nostdin", "-i", clip(t), "-frames:v", fmt.Sprint(n-1), filepath.Join(dir, "%03d.png"))
	write(t, filepath.Join(dir, "017-bad.png"), "\x89PNG\r\n\x1a\nthat is all")
	return dir
}

// Whatever moments the coordinator is killed at, the same command finishes the rest, and the outputs are those of a run that
// nobody disturbed.
func TestResumeAfterKills(t *testing.T) {
	t.Parallel()
	album := photos(t, 60)
	for _, c := range []resumable{
		{"images to a folder", []string{album, "-p", edges, "-o", "out/"}, "out/.cvfarm", 61},
		{"images to a pattern, and data", []string{album, "-p", "gray | stats", "-o", "out/%04d.jpg", "--data", "found.jsonl"},
			"out/.%04d.jpg.cvfarm", 61},
		{"video to video, and data", []string{clip(t), "-p", "stats | flip", "-o", "out.mp4", "--data", "found.jsonl", "--segment", "13"},
			".out.mp4.cvfarm", 14},
		{"two videos to images", []string{clip(t), clip(t), "--limit", "200", "-p", "gray", "-o", "out/%04d.png"}, "out/.%04d.png.cvfarm",
			201},
		{"images to video", []string{album, "-p", edges, "-o", "out.mov", "--segment", "7"}, ".out.mov.cvfarm", 10},
		{"video to Matroska", []string{clip(t), "-p", "flip", "-o", "out.mkv", "--segment", "13"}, ".out.mkv.cvfarm", 14},
		{"video to WebM", []string{clip(t), "--limit", "60", "-p", "flip", "-o", "out.webm", "--segment", "7"}, ".out.webm.cvfarm", 10},
		{"images to AVI", []string{album, "-p", edges, "-o", "out.avi", "--segment", "7"}, ".out.avi.cvfarm", 10},
		{"data alone", []string{clip(t), "-p", "stats", "--data", "found.jsonl"}, ".found.jsonl.cvfarm", clipFrames + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.args = append([]string{"run", "--resume", "--report", "report.json"}, c.args...)
			whole := t.TempDir()
			start(t, command{args: c.args, dir: whole}).wait()
			dir := t.TempDir()
			kills := c.killed(t, dir)
			if kills < 3 {
				t.Errorf("%d kills", kills)
			}
			same(t, dir, whole)
			if names := names(t, dir); slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "cvfarm") }) {
				t.Errorf("something was left: %q", names)
			}
			for _, name := range names(t, dir) {
				if slices.Contains([]string{".mp4", ".mov", ".mkv", ".webm", ".avi"}, filepath.Ext(name)) {
					c.playsAsOne(t, filepath.Join(dir, name))
				}
			}
		})
	}
}

// An encoder that dies costs no more than its segment, and the outputs are those of a run that nobody disturbed.
func TestDeathOfAnEncoderCostsASegment(t *testing.T) {
	t.Parallel()
	c := resumable{args: []string{"run", clip(t), "--resume", "--report", "report.json", "-p", "median_blur ksize=9 | stats", "-o", "out.mp4",
		"--data", "found.jsonl", "--segment", "40"}}
	whole, dir := t.TempDir(), t.TempDir()
	start(t, command{args: c.args, dir: whole}).wait().exits(0)
	p := start(t, command{args: c.args, dir: dir})
	p.awaitLines(filepath.Join(dir, ".out.mp4.cvfarm", "journal.jsonl"), 3)
	eventually(t, patience, func() error {
		p.signal(unix.SIGSTOP)
		defer p.signal(unix.SIGCONT)
		pids := p.children()[encoder]
		if len(pids) == 0 {
			return errors.New("no worker writes a video")
		}
		for _, pid := range pids {
			kill(t, pid, unix.SIGKILL)
		}
		return nil
	})
	p.wait().exits(0)
	p.await("way back", regexp.MustCompile(`^cannot write out.mp4: .*killed.*; going back to frame (81|121|161)\n`).MatchString)
	same(t, dir, whole)
	if r := readReport(t, filepath.Join(dir, "report.json")).counts(t, clipFrames, clipFrames, 0); r.EncoderRestarts != 1 {
		t.Errorf("%d restarts of the encoder", r.EncoderRestarts)
	}
}

// killed runs the command again and again until it comes to its end, and returns how often it was killed.
func (c resumable) killed(t *testing.T, dir string) (kills int) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kept := map[string]fs.FileInfo{}
	for before := 0; ; kills++ {
		p := start(t, command{args: c.args, dir: dir})
		p.awaitLines(filepath.Join(dir, c.journal, "journal.jsonl"), before+1+random.IntN(max(1, c.lines/6)))
		select {
		case <-p.ended:
			if r := readReport(t, filepath.Join(dir, "report.json")); r.Before == 0 || *r.FramesIn-*r.FramesFailed != *r.FramesOut {
				t.Errorf("the last of %d runs says %+v", kills+1, r)
			}
			c.untouched(t, kept)
			return kills
		default:
			p.kill()
		}
		p.allGone()
		records := c.records(t, dir)
		if len(records) < before {
			t.Fatalf("the journal had %d lines, and has %d", before, len(records))
		}
		before = len(records)
		c.untouched(t, kept)
		c.remember(t, dir, records, kept)
	}
}

// awaitLines waits until a file has so many lines, or the program ended.
func (p *program) awaitLines(name string, n int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		select {
		case <-p.ended:
			return nil
		default:
		}
		data, _ := os.ReadFile(name)
		if have := bytes.Count(data, []byte("\n")); have < n {
			return fmt.Errorf("%s has %d lines, not %d; the coordinator said:\n%s", name, have, n, p.stderr.text())
		}
		return nil
	})
}

// line is what the journal says of the files of a frame or a segment.
type line struct {
	Kept []struct{ Name string }
}

// records are the lines of a journal; none where there is no journal.
func (c resumable) records(t *testing.T, dir string) []line {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, c.journal, "journal.jsonl"))
	if err != nil {
		return nil // it was killed after its end
	}
	var all []line
	for text := range strings.Lines(string(data)) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			break // torn
		}
		all = append(all, l)
	}
	return all
}

// remember keeps what the files are that the journal calls done.
func (c resumable) remember(t *testing.T, dir string, records []line, kept map[string]fs.FileInfo) {
	t.Helper()
	for _, r := range records {
		for _, k := range r.Kept {
			name := filepath.Join(dir, k.Name)
			if _, known := kept[name]; known {
				continue
			}
			info, err := os.Stat(name)
			if err != nil {
				t.Fatalf("the journal tells of a file that is not there: %v", err)
			}
			kept[name] = info
		}
	}
}

// untouched checks that they are the same files still: what is done is not done again. Segments go with the journal.
func (c resumable) untouched(t *testing.T, kept map[string]fs.FileInfo) {
	t.Helper()
	for name, was := range kept {
		now, err := os.Stat(name)
		if err != nil && strings.Contains(name, c.journal+"/") {
			continue
		}
		if err != nil || !os.SameFile(was, now) || was.ModTime() != now.ModTime() {
			t.Errorf("%s was made again (%v)", name, err)
		}
	}
}

// same checks that two runs made the same files, but for times in the report.
func same(t *testing.T, dir, whole string) {
	t.Helper()
	got, want := names(t, dir), names(t, whole)
	if !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	for _, name := range want {
		if name != "report.json" && read(t, filepath.Join(dir, name)) != read(t, filepath.Join(whole, name)) {
			t.Errorf("%s is not what an undisturbed run makes", name)
		}
	}
	a, b := readReport(t, filepath.Join(dir, "report.json")), readReport(t, filepath.Join(whole, "report.json"))
	b.counts(t, *a.FramesIn, *a.FramesOut, *a.FramesFailed)
	x, _ := json.Marshal(a.Failures)
	y, _ := json.Marshal(b.Failures)
	if !bytes.Equal(x, y) {
		t.Errorf("the failures are %s, want %s", x, y)
	}
}

// playsAsOne compares a joined video with what ffmpeg decodes of one that was written in one go: as many frames, at the same
// times.
func (c resumable) playsAsOne(t *testing.T, joined string) {
	t.Helper()
	plays(t, joined)
	dir := t.TempDir()
	args := slices.DeleteFunc(slices.Clone(c.args), func(a string) bool { return a == "--resume" })
	start(t, command{args: args, dir: dir}).wait()
	whole := filepath.Join(dir, filepath.Base(joined))
	got, want := probe(t, joined), probe(t, whole)
	if got != want {
		t.Errorf("the joined video is %+v, one in one go %+v", got, want)
	}
	if got, want := duration(t, joined), duration(t, whole); got != want {
		t.Errorf("the joined video lasts %s s, one in one go %s s", got, want)
	}
	if got, want := times(t, joined), times(t, whole); !slices.Equal(got, want) {
		t.Errorf("its frames are shown at %q, want %q", got, want)
	}
}

// duration is what the container says, in seconds.
func duration(t *testing.T, path string) string {
	t.Helper()
	return strings.TrimSpace(string(output(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path)))
}

// times are when frames are shown.
func times(t *testing.T, path string) []string {
	t.Helper()
	out := output(t, "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path)
	return strings.Fields(strings.ReplaceAll(string(out), ",", " "))
}

// The first signal keeps what is done, and says so.
func TestResumeAfterASignal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"run", clip(t), "-p", "stats | gray", "-o", "out.mp4", "--data", "found.jsonl", "--resume", "--segment", "20",
		"--report", "report.json"}
	p := start(t, command{args: args, dir: dir})
	p.awaitLines(filepath.Join(dir, ".out.mp4.cvfarm/journal.jsonl"), 3)
	p.signal(unix.SIGINT)
	p.wait().exits(130, "interrupted", "frames are kept in .out.mp4.cvfarm: the same command goes on behind them")
	for _, name := range []string{"out.mp4", "found.jsonl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there, and not complete", name)
		}
	}
	r := readReport(t, filepath.Join(dir, "report.json"))
	if n := *r.FramesOut; !r.Interrupted || n < 40 || n%20 != 0 || n >= clipFrames {
		t.Errorf("interrupted: %v, %d frames are kept", r.Interrupted, n)
	}
	runIn(t, dir, args...).exits(0, fmt.Sprintf("(%d before)", *r.FramesOut))
	readReport(t, filepath.Join(dir, "report.json")).counts(t, clipFrames, clipFrames, 0)
	holds(t, dir, "found.jsonl", "out.mp4", "report.json")
	if n := probe(t, filepath.Join(dir, "out.mp4")).Frames; n != clipFrames {
		t.Errorf("%d frames", n)
	}
}

// begun is a run with --resume that was killed.
func begun(t *testing.T, dir, journal string, args ...string) {
	t.Helper()
	p := start(t, command{args: append([]string{"run", "--resume"}, args...), dir: dir})
	p.awaitLines(filepath.Join(dir, journal, "journal.jsonl"), 5)
	p.kill()
	p.allGone()
}

func TestResumeOfAnotherCommandIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := copyTo(t, clip(t), filepath.Join(dir, "in.mp4"))
	begun(t, dir, "out/.cvfarm", in, "-p", "gray", "-o", "out/")
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{in, "-p", "flip", "-o", "out/"}, "the pipeline is flip, and was gray"},
		{[]string{in, "-p", "gray", "-o", "out/", "--limit", "9"}, "--limit is 9, and was not given"},
		{[]string{in, in, "-p", "gray", "-o", "out/"}, "there are 2 inputs, and were 1"},
	} {
		runIn(t, dir, append([]string{"run", "--resume"}, tt.args...)...).exits(2, tt.says, "remove out/.cvfarm to begin anew")
	}
	copyTo(t, thumbnail(t), in)
	runIn(t, dir, "run", "--resume", in, "-p", "gray", "-o", "out/").exits(2, "in.mp4 was changed")
}

func TestResumeNeedsWhatCanBeGoneOnWith(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyTo(t, thumbnail(t), filepath.Join(dir, "in/a.png"))
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"-", "-o", "out/"}, "standard input cannot be read a second time"},
		{[]string{"camera:0", "-o", "out/"}, "camera:0 is live"},
		{[]string{"in/", "-o", "-"}, "what went to standard output cannot be gone on with"},
		{[]string{"in/", "-o", "out/", "--data", "-"}, "what went to standard output cannot be gone on with"},
		{[]string{"in/", "-o", "none"}, "-o none leaves nothing"},
		{[]string{"in/", "-o", "in/%d.png"}, "the outputs would lie among the inputs, as in/a.png does"},
		{[]string{"in/", "-o", "out/", "--segment", "0"}, "--segment 0: 1 to"},
	} {
		runIn(t, dir, append([]string{"run", "--resume", "-p", "gray"}, tt.args...)...).exits(2, tt.says)
	}
	holds(t, dir, "in/a.png")
}

// Two coordinators do not write one output; the second is told at once.
func TestResumeIsForOneAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"run", "--resume", clip(t), "-p", slow, "-o", "out/"}
	p := start(t, command{args: args, dir: dir})
	p.awaitLines(filepath.Join(dir, "out/.cvfarm/journal.jsonl"), 1)
	runIn(t, dir, args...).exits(2, "out/.cvfarm/journal.jsonl: another coordinator is at work on it")
	p.signal(unix.SIGINT)
	p.signal(unix.SIGTERM)
	p.wait().exits(130)
}

// What somebody removed or changed after it was done is done again; what is not ours is left alone.
func TestResumeLooksAtWhatIsThere(t *testing.T) {
	t.Parallel()
	dir, album := t.TempDir(), photos(t, 20)
	args := []string{album, "-p", "gray", "-o", "out/"}
	begun(t, dir, "out/.cvfarm", args...)
	removed := filepath.Join(dir, "out/001.png")
	want := read(t, removed)
	if err := os.Remove(removed); err != nil {
		t.Fatal(err)
	}
	foreign := write(t, filepath.Join(dir, "out/019.png"), "precious")
	args = append([]string{"run", "--resume"}, args...)
	runIn(t, dir, args...).exits(1, "out/019.png exists already: --overwrite replaces it", "the same command goes on behind them")
	if read(t, removed) != want || read(t, foreign) != "precious" {
		t.Error("a file that was removed was not made again, or one that is not ours was not left alone")
	}
	runIn(t, dir, append(args, "--overwrite")...).exits(1, "1 of 20 frames failed")
	plays(t, foreign)
}

// One flipped bit in a line made a resume leave frames out and say that all was well.
func TestResumeTellsOfADamagedJournal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, field, journal string
		args                 []string
	}{
		{"images", `"index":3`, "out/.cvfarm", []string{photos(t, 20), "-p", "gray | stats", "-o", "out/", "--data", "found.jsonl"}},
		{"a video", `"frames":13`, ".out.mp4.cvfarm", []string{clip(t), "-p", "flip", "-o", "out.mp4", "--segment", "13"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, whole := t.TempDir(), t.TempDir()
			args := append([]string{"run", "--resume", "--report", "report.json"}, c.args...)
			start(t, command{args: args, dir: whole}).wait()
			begun(t, dir, c.journal, args[2:]...)
			name := filepath.Join(dir, c.journal, "journal.jsonl")
			good := read(t, name)
			write(t, name, strings.Replace(good, "crc", "cRc", 1))
			runIn(t, dir, args...).exits(2, c.journal+"/journal.jsonl: its first line is damaged", "remove "+c.journal+" to begin anew")
			write(t, name, strings.Replace(good, c.field, c.field+"0", 1))
			p := start(t, command{args: args, dir: dir}).wait()
			if text := p.stderr.text(); !strings.Contains(text, "warning: "+c.journal+"/journal.jsonl is damaged from line ") {
				t.Errorf("it said:\n%s", text)
			}
			same(t, dir, whole)
		})
	}
}
