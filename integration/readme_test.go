package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readmeBlock is one fenced block of the README.
type readmeBlock struct{ lang, text string }

func readmeBlocks(t *testing.T) []readmeBlock {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []readmeBlock
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, readmeBlock{m[1], m[2]})
	}
	return blocks
}

// Every line of a sh block of the README is run, in a folder with the files that it names. A comment "exit N" says that it
// fails; the block after it is then what it prints.
func TestTheREADMEsCommandsDoWhatItSays(t *testing.T) {
	dir := readmeFolder(t)
	ownWorker(t, dir)
	blocks := readmeBlocks(t)
	for i, b := range blocks {
		if b.lang != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			command, comment, _ := strings.Cut(strings.TrimSpace(line), "   #")
			if strings.HasPrefix(command, "make") {
				checkTarget(t, command)
				continue
			}
			out, code := shell(t, dir, command)
			want := 0
			if strings.Contains(comment, "exit 2") {
				want = 2
				if said := blocks[i+1].text; !strings.Contains(out, said) {
					t.Errorf("%s: it prints %q, the README says %q", command, out, said)
				}
			}
			if code != want {
				t.Errorf("%s: exit code %d\n%s", command, code, out)
			}
		}
	}
}

// readmeFolder has the files that the README's commands name; edges.cvf is the README's own.
func readmeFolder(t *testing.T) string {
	t.Helper()
	images := filepath.Join(goList(t, "gocv.io/x/gocv"), "images")
	dir := t.TempDir()
	for to, from := range map[string]string{
		"clip.mp4": "small.mp4", "photo.jpg": "face.jpg", "photos/a.jpg": "circles.jpg", "photos/more/b.jpg": "toy.jpg",
		"boards/a.png": "chessboard_4x6.png",
	} {
		data, err := os.ReadFile(filepath.Join(images, from))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range readmeBlocks(t) {
		if b.lang == "cvf" {
			if err := os.WriteFile(filepath.Join(dir, "edges.cvf"), []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func goList(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func shell(t *testing.T, dir, command string) (out string, code int) {
	t.Helper()
	bin := os.Getenv("CVFARM_BIN")
	if bin == "" {
		t.Fatal("CVFARM_BIN does not name the folder of the binaries: run `make test`")
	}
	cmd := exec.Command("bash", "-o", "pipefail", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

func checkTarget(t *testing.T, command string) {
	t.Helper()
	cmd := exec.Command("make", "-n", strings.Fields(command)[1])
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// The README's Go is that of files which are compiled and run.
func TestTheREADMEsGoIsFromFilesThatAreTested(t *testing.T) {
	var sources []string
	for _, file := range []string{"readme/main.go", "../worker/example/main.go", "../worker/opencv/join_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(text))
	}
	found := map[int]bool{}
	for _, b := range readmeBlocks(t) {
		if b.lang != "go" {
			continue
		}
		i := slices.IndexFunc(sources, func(s string) bool { return strings.Contains(s, "\n"+b.text) })
		if i < 0 {
			t.Errorf("no file has this Go block of the README:\n%s", b.text)
		}
		found[i] = true
	}
	if len(found) != len(sources) {
		t.Errorf("the README has Go of %d files, want %d", len(found), len(sources))
	}
}

// The README's first Go program is readme/main.go, and works.
func TestTheREADMEsProgramRuns(t *testing.T) {
	dir := readmeFolder(t)
	program := filepath.Join(dir, "readme")
	if out, err := exec.Command("go", "build", "-o", program, "./readme").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Symlink(os.Getenv("CVFARM_BIN"), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	out, code := shell(t, dir, program)
	if code != 0 || !strings.Contains(out, "gray u8") || !strings.Contains(out, `stats: {"mean":[`) {
		t.Fatalf("exit code %d: %s", code, out)
	}
}

// The README's links lead to files.
func TestTheREADMEsLinksLeadSomewhere(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("link %s: %v", m[1], err)
		}
	}
}
