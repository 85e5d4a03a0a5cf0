//go:build opencv

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Each is a run with something wrong in it, in a folder that the case fills. Beside it stands good.png, which must be done.
func TestBadInput(t *testing.T) {
	t.Parallel()
	toy := read(t, sample(t, "toy.jpg"))
	cut := func(t *testing.T, dir, name string) {
		whole := produced(t, "faststart.mp4", "-i", clip(t), "-an", "-c", "copy", "-movflags", "+faststart")
		text := read(t, whole)
		write(t, filepath.Join(dir, name), text[:len(text)/2])
	}
	cases := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		args    string
		code    int
		says    []string
		made    []string
	}{
		{"a missing file", nil, "missing.png good.png -p gray -o out/", 1, []string{"missing.png", "no such file", "unreadable"}, []string{"out/good.png"}},
		{"a missing file alone", nil, "missing.mp4 -p gray -o out.mp4", 1, []string{"missing.mp4", "no such file"}, nil},
		{"a glob without a match", nil, "no*.png good.png -p gray -o out/", 1, []string{"nothing matches no*.png"}, []string{"out/good.png"}},
		{"a folder without images", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "in", "notes.txt"), "x") },
			"in good.png -p gray -o out/", 1, []string{"no images in folder in"}, []string{"out/good.png"}},
		{"a text named .jpg", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "text.jpg"), "no picture at all\n") },
			"text.jpg good.png -p gray -o out/", 1, []string{"text.jpg", "text/plain", "undecodable"}, []string{"out/good.png"}},
		{"an empty image", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "empty.png"), "") },
			"empty.png good.png -p gray -o out/", 1, []string{"empty.png is empty"}, []string{"out/good.png"}},
		{"a truncated jpeg", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "cut.jpg"), toy[:len(toy)/2]) },
			"cut.jpg good.png -p gray -o out/", 1, []string{"cut.jpg", "truncated", "undecodable"}, []string{"out/good.png"}},
		{"a video that ends in the middle", func(t *testing.T, dir string) { cut(t, dir, "cut.mp4") },
			"cut.mp4 -p gray -o out.avi", 1, []string{"cut.mp4", "truncated", "of 166"}, []string{"out.avi"}},
		{"a text named .mp4", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "text.mp4"), "no video at all\n") },
			"text.mp4 good.png -p gray -o out/", 1, []string{"text.mp4", "it is a text"}, []string{"out/good.png"}},
		{"an image that is too large", nil, "good.png -p resize,dsize=60000x60000 -o x.png", 2, []string{"60000x60000 bgr u8 is larger than"}, nil},
		{"a folder that cannot be made", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "x") },
			"good.png -p gray -o file/out/", 1, []string{"cannot write", "file/out"}, nil},
		{"a report that cannot be written", nil, "good.png -p gray -o x.png --report good.png/r.json", 2, []string{"cannot write good.png/r.json"}, nil},
		{"a report in the output's place", nil, "good.png -p gray -o x.png --report x.png", 2, []string{"both name x.png"}, nil},
		{"a name that speaks to the terminal", nil, "good.png \x1b]0;x.png -p gray -o out/", 1, []string{`cannot read \x1b]0;x.png`},
			[]string{"out/good.png"}},
		{"an image that is larger than there are", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "huge.ppm"), "P6\n# x\n2000000 2000000\n255\nabc")
		},
			"huge.ppm good.png -p gray -o out/", 1, []string{"pnm of 2000000x2000000: the limit is"}, []string{"out/good.png"}},
		{"a folder in the way of a pattern's images", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "x") },
			"good.png good.png -p gray -o file/%d.png", 1, []string{"cannot write file/1.png"}, nil},
		{"an unknown codec", nil, "VIDEO -p gray -o out.mp4 --codec ZZZZ", 1, []string{"out.mp4", "ZZZZ", "avc1"}, nil},
		{"a codec that is none", nil, "VIDEO -p gray -o out.mp4 --codec h264x", 2, []string{"four characters"}, nil},
		{"an unknown container", nil, "VIDEO -p gray -o out.xyz", 2, []string{".xyz", ".mp4"}, nil},
		{"frames of odd sides", nil, "VIDEO -p crop,width=33,height=33 -o out.mp4", 2, []string{"even sides", "crop"}, nil},
		{"an unknown op", nil, "good.png -p gray|cany -o x.png", 2, []string{"step 2", "cany", "did you mean canny?"}, nil},
		{"a step that must be the last", nil, "good.png -p encode|gray -o x.png", 2, []string{"step 1, encode: must be the last step"}, nil},
		{"a step that must be the first", nil, "good.png -p gray|decode -o x.png", 2, []string{"step 2, decode: must be the first step"}, nil},
		{"a step that cannot take what the one before makes", nil, "good.png -p blur|equalize_hist -o x.png", 2,
			[]string{"step 2, equalize_hist: needs gray u8, got bgr u8: put gray before it"}, nil},
		{"a resize without a size", nil, "good.png -p gray|resize -o x.png", 2, []string{"step 2, resize: needs dsize"}, nil},
		{"a frame that a step cannot take", nil, "good.png -p gray|crop,x=5000 -o x.png", 1, []string{"step 2, crop: "}, nil},
		{"an unknown parameter", nil, "good.png -p canny,lo=3 -o x.png", 2, []string{"canny", "unknown parameter lo", "did you mean low?"}, nil},
		{"a value out of range", nil, "good.png -p median_blur,ksize=100000 -o x.png", 2, []string{"median_blur", "ksize", "100000"}, nil},
		{"an empty pipeline", nil, "good.png -o x.png", 2, []string{"no pipeline"}, nil},
		{"a pipeline that ends in a bar", nil, "good.png -p gray| -o x.png", 2, nil, nil},
		{"no output", nil, "good.png -p gray", 2, []string{"no output"}, nil},
		{"no input", nil, "-p gray -o x.png", 2, []string{"no input"}, nil},
		{"an unknown flag", nil, "good.png -p gray -o x.png --wrokers 3", 2, []string{"wrokers", "--help"}, nil},
		{"a flag's value out of range", nil, "good.png -p gray -o x.png --workers -1", 2, []string{"--workers"}, nil},
		{"an unknown isolation", nil, "good.png -p gray -o x.png --isolation none", 2, []string{"process or thread"}, nil},
		{"two images for one file", nil, "good.png good.png -p gray -o x.png", 2, []string{"%06d"}, nil},
		{"a missing camera", nil, "camera:97 good.png -p gray -o out/", 1, []string{"no camera 97"}, []string{"out/good.png"}},
		{"a missing worker", nil, "good.png -p gray -o x.png --worker nowhere/worker", 2, []string{"nowhere/worker", "no such file"}, nil},
		{"a worker that is not executable", nil, "good.png -p gray -o x.png --worker good.png", 2, []string{"good.png", "not an executable"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			copyTo(t, thumbnail(t), filepath.Join(dir, "good.png"))
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			before := names(t, dir)
			args := strings.Fields("run " + c.args)
			for i := range args {
				args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], ",", " "), "VIDEO", clip(t))
			}
			runIn(t, dir, args...).exits(c.code, c.says...)
			holds(t, dir, slicesSorted(append(before, c.made...)...)...)
			for _, name := range c.made {
				plays(t, filepath.Join(dir, name))
			}
		})
	}
}

// A worker that cannot be one is found out before anything is done, and named.
func TestBadWorker(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		worker func(t *testing.T) string
		says   []string
	}{
		{"a program that is no worker", func(*testing.T) string { return "/bin/true" }, []string{"/bin/true", "cannot start"}},
		{"a program that is another's worker", func(t *testing.T) string { return wrapped(t, "echo '1|1|tcp|127.0.0.1:1|netrpc'; exec sleep 60") },
			[]string{"cannot start"}},
		{"a file that is no program", func(t *testing.T) string {
			path := wrapped(t, "")
			write(t, path, "\x00\x01\x02")
			return path
		}, []string{"cannot start", "exec format"}},
		{"a worker of another protocol version", func(t *testing.T) string { return fakeWorker(t, "version") }, []string{"cannot start", "999", "1"}},
		{"a worker that crashes at its start", func(t *testing.T) string { return fakeWorker(t, "crash") },
			[]string{"cannot start", "the library that does not exist", "code 3"}},
		{"a worker that prints garbage", func(t *testing.T) string { return fakeWorker(t, "garbage") }, []string{"cannot start"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			worker := c.worker(t)
			p := runIn(t, dir, "run", thumbnail(t), "-p", "gray", "-o", "x.png", "--worker", worker).exits(1, append(c.says, worker)...)
			t.Logf("after %v: %s", p.took, p.stderr.text())
			holds(t, dir)
		})
	}
}

// A disk that is full ends the run; the names that there are then are those of whole files.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk to fill")
	}
	cases := []struct {
		name string
		args []string
		says string
	}{
		{"by a video", []string{"-p", "flip", "-o", "disk/out.mp4"}, "out.mp4"},
		{"by images", []string{"-p", "flip", "-o", "disk/%06d.png"}, ".png"},
		{"by data", []string{"-p", "stats", "--data", "disk/found.jsonl"}, "found.jsonl"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			disk := filepath.Join(dir, "disk")
			if err := os.Mkdir(disk, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("none", disk, "tmpfs", 0, "size=16k"); err != nil {
				t.Skipf("cannot mount a small disk to fill: %v", err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			runIn(t, dir, append([]string{"run", clip(t), "--report", "report.json"}, c.args...)...).exits(1, "cannot write disk/", c.says, "no space left")
			readReport(t, filepath.Join(dir, "report.json"))
			for _, name := range names(t, disk) {
				if strings.HasPrefix(name, ".") || filepath.Ext(name) != ".png" {
					t.Errorf("%s is on the disk", name)
					continue
				}
				plays(t, filepath.Join(disk, name))
			}
		})
	}
}
