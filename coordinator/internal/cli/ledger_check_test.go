package cli

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

func (x *resumed) journal() string { return filepath.Join(x.dir, "out/.cvfarm", journalName) }

// died is a run that was killed on its way, and all files of it but the inputs.
func died(t *testing.T) (x *resumed, files map[string]string) {
	t.Helper()
	x, files = newResumed(t, 8), map[string]string{}
	if _, err := x.run(4); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	err := filepath.WalkDir(x.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Dir(path) != filepath.Join(x.dir, "in") {
			data, _ := os.ReadFile(path)
			files[path] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x, files
}

// restore makes the files that there are those of a run that died.
func (x *resumed) restore(files map[string]string) {
	x.t.Helper()
	err := errors.Join(os.RemoveAll(filepath.Join(x.dir, "out")), os.RemoveAll(filepath.Join(x.dir, "data.jsonl")))
	for name, text := range files {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte(text), 0o666))
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.said.Reset()
}

// One flipped bit made a resume leave frames out with exit code 0, or panic.
func TestWhateverByteOfAJournalIsDamagedNothingIsLost(t *testing.T) {
	x, files := died(t)
	whole := newResumed(t, 8)
	undisturbed, err := whole.run(0)
	if err != nil {
		t.Fatal(err)
	}
	want, text := whole.story(undisturbed), files[x.journal()]
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		data := []byte(text)
		data[at] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		damaged := maps.Clone(files)
		damaged[x.journal()] = string(data)
		x.restore(damaged)
		j, err := x.try("out")
		if err != nil {
			if at > strings.Index(text, "\n") || ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "remove "+filepath.Dir(x.journal())) {
				t.Fatalf("byte %d of %q: %v", at, data, err)
			}
			return
		}
		j.ledger.close()
		if said := x.said.String(); at < len(text)-1 && !strings.Contains(said, "is damaged from line ") {
			t.Fatalf("byte %d of %q, and it said %q", at, data, said)
		}
		if j, err = x.run(0); err != nil {
			t.Fatalf("byte %d of %q: %v", at, data, err)
		}
		if got := x.story(j); got != want {
			t.Fatalf("byte %d of %q: %s\nwant %s", at, data, got, want)
		}
	})
}

func TestADamagedJournalIsTold(t *testing.T) {
	x, files := died(t)
	lines := strings.SplitAfter(files[x.journal()], "\n")
	rest := strings.Join(lines[1:], "")
	for _, tt := range []struct {
		name, text, says, refused string
	}{
		{"a line", lines[0] + lines[1] + strings.Replace(lines[2], "input", "inbut", 1) + lines[3], "damaged from line 3 on: 2 lines are passed over", ""},
		{"the last line", lines[0] + lines[1] + strings.Replace(lines[2], "input", "inbut", 1), "damaged from line 3 on: 1 line is passed over", ""},
		{"a torn end", files[x.journal()][:len(files[x.journal()])-3], "", ""},
		{"the header", strings.Replace(lines[0], "stats", "stat$", 1) + rest, "", "its first line is damaged, or of another version"},
		{"the header alone", strings.Replace(lines[0], "stats", "stat$", 1), "", "its first line is damaged, or of another version"},
		{"no checksums", `{"cvfarm_journal":1,"asked":{}}` + "\n", "", "its first line is damaged, or of another version"},
	} {
		x.restore(map[string]string{x.journal(): tt.text})
		j, err := x.try("out")
		if err == nil {
			j.ledger.close()
		}
		if ExitCode(err) == exitUsage != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if said := x.said.String(); !strings.Contains(said, tt.says) || (said == "") != (tt.says == "") {
			t.Errorf("%s: it said %q", tt.name, said)
		}
		if data, err := os.ReadFile(x.journal()); err != nil || string(data) != tt.text {
			t.Errorf("%s: it was changed before the run began: %v", tt.name, err)
		}
	}
}

// A run with another command cut off the lines that it could not read, and was refused then.
func TestARefusedResumeChangesNothing(t *testing.T) {
	x, files := died(t)
	text := files[x.journal()] + "half a line"
	files[x.journal()] = text
	x.restore(files)
	if err := os.Remove(filepath.Join(x.dir, "in/00.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.try("out"); ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "another command was begun here") {
		t.Error(err)
	}
	if data, err := os.ReadFile(x.journal()); err != nil || string(data) != text {
		t.Errorf("%v: %q", err, data)
	}
}

// It waited for ever, deaf to signals.
func TestAPipeIsNoJournal(t *testing.T) {
	x := newResumed(t, 1)
	if err := errors.Join(os.MkdirAll(filepath.Dir(x.journal()), 0o777), unix.Mkfifo(x.journal(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.try("out"); ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "journal.jsonl: not a regular file; remove ") {
		t.Error(err)
	}
}

// It did not begin, and noted its report behind lines that did not hold any more.
func TestAReportOfARunThatDidNotBegin(t *testing.T) {
	x, files := died(t)
	files[x.journal()] += "half a line"
	x.restore(files)
	if err := os.Remove(filepath.Join(x.dir, "out/01.png")); err != nil {
		t.Fatal(err)
	}
	j := x.open()
	if err := j.ledger.reports("report.json"); err != nil {
		t.Fatal(err)
	}
	j.ledger.close()
	if j = x.open(); !j.ledger.reported("report.json") || j.ledger.at().Index != 1 || x.said.Len() > 0 {
		t.Errorf("it goes on at %+v, and said %q", j.ledger.at(), &x.said)
	}
}

// Lines whose checksums are right, and that no run writes: they led to a panic, or to frames that were left out.
func TestAJournalThatMakesNoSenseIsRefused(t *testing.T) {
	images := slices.Repeat([]media.Input{{Kind: media.Image}}, 50)
	video := []media.Input{{Kind: media.Video, Name: "a.mp4"}, {Kind: media.Video, Name: "b.mp4"}}
	segment := func(frames, video string) string {
		return `"kept":[{"name":"s.mp4","size":9,"frames":` + frames + `,"video":` + video + `}]}`
	}
	const good = `{"width":4,"height":2,"format":"bgr","depth":"u8","FPS":25}`
	for _, tt := range []struct {
		name   string
		inputs []media.Input
		lines  []string
		says   string // nothing: it is in order
	}{
		{"images", images, []string{`{"next":{"index":1,"input":1},"kept":[{"name":"a"}]}`, `{"next":{"index":2,"input":2},"failed":[{}]}`}, ""},
		{"an input behind the last", images, []string{`{"next":{"index":1,"input":56}}`}, "line 2 makes no sense: it goes on at input 57, of 50"},
		{"an input in front of the first", images, []string{`{"next":{"index":1,"input":-16}}`}, "it goes on at input -15"},
		{"an input that was not reached", images, []string{`{"next":{"index":1,"input":36}}`}, "it tells of 1 frames, where there are 36"},
		{"an index that was not reached", images, []string{`{"next":{"index":96,"input":1}}`}, "it tells of 96 frames, where there are 1"},
		{"all images at once", images, []string{`{"next":{"index":50,"input":50},"complete":true}`}, "it tells of 50 frames, where there are 1 for each line"},
		{"back", images, []string{`{"next":{"index":1,"input":1},"failed":[{}]}`, `{"next":{"index":0,"input":0}}`}, "line 3 makes no sense: it goes back"},
		{"a frame of an image", images, []string{`{"next":{"index":1,"input":0,"frame":1},"failed":[{}]}`}, "it goes on at frame 2 of input 1"},
		{"an end before the end", images, []string{`{"next":{"index":1,"input":1},"failed":[{}],"complete":true}`}, "images are left"},
		{"an image that nothing came of", images, []string{`{"next":{"index":1,"input":1}}`}, "0 frames came out and 0 failed, of 1"},
		{"another type", images, []string{`{"next":7}`}, "line 2 makes no sense: json: "},

		{"a video", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("20", good),
			`{"next":{"index":40,"input":1,"frame":5},` + segment("20", good), `{"next":{"index":40,"input":1,"frame":5},"complete":true}`}, ""},
		{"a frame that was not reached", video, []string{`{"next":{"index":20,"input":0,"frame":160},` + segment("20", good)}, "it tells of 20 frames, where there are 160"},
		{"a frame in front of the first", video, []string{`{"next":{"index":20,"input":0,"frame":-60},` + segment("20", good)}, "it goes on at frame -59"},
		{"no width", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("20", strings.Replace(good, "4", "-4", 1))}, "s.mp4: -4x2 is not a size"},
		{"no rate", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("20", strings.Replace(good, "25", "0", 1))}, "at 0 fps"},
		{"a segment that is shorter", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("10", good)}, "10 frames came out and 0 failed, of 20"},
		{"a segment of less than nothing", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("-20", good)}, "a segment of -20 frames"},
		{"a segment of nothing known", video, []string{`{"next":{"index":20,"input":0,"frame":20},` + segment("20", "null")}, "a segment of 20 frames"},
		{"more frames than a segment has", video, []string{`{"next":{"index":30,"input":0,"frame":30},` + segment("30", good)}, "where there are 20 for each line"},
		{"behind the end", video, []string{`{"next":{"index":20,"input":0,"frame":20},"complete":true,` + segment("20", good),
			`{"next":{"index":40,"input":0,"frame":40},` + segment("20", good)}, "line 3 makes no sense: it comes behind the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			j := &runJob{options: &runOptions{}, inputs: tt.inputs}
			l := &ledger{folder: folder, header: header{Version: journalVersion}, every: 1}
			if j.output = (media.Output{Kind: media.ToFolder}); tt.inputs[0].Kind == media.Video {
				j.output.Kind, l.every = media.ToVideo, 20
			}
			written, _, err := journal.Open(filepath.Join(folder, journalName))
			if err != nil {
				t.Fatal(err)
			}
			err = written.Append(l.header)
			for _, line := range tt.lines {
				err = errors.Join(err, written.Append(json.RawMessage(line)))
			}
			if err = errors.Join(err, written.Close()); err != nil {
				t.Fatal(err)
			}
			defer l.close()
			err = l.open(j)
			if (err == nil) != (tt.says == "") || err != nil && (ExitCode(err) != exitUsage || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}
