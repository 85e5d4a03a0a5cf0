package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, name string) (*Journal, []string) {
	t.Helper()
	j, lines, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	var all []string
	for _, l := range lines {
		all = append(all, string(l))
	}
	return j, all
}

// add appends objects that have one number each, behind the lines that hold.
func add(t testing.TB, j *Journal, values ...int) {
	t.Helper()
	if err := j.Keep(len(j.lines)); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := j.Append(map[string]int{"a": v}); err != nil {
			t.Fatal(err)
		}
	}
}

// written is a journal with those numbers, and what it holds.
func written(t testing.TB, values ...int) (name string, data []byte) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, name)
	add(t, j, values...)
	j.Close()
	return name, read(t, name)
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func has(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLinesAreThereAgain(t *testing.T) {
	name, _ := written(t, 1, 2, 3)
	j, lines := open(t, name)
	has(t, lines, `{"a":1}`, `{"a":2}`, `{"a":3}`)
	add(t, j, 4)
	if err := j.Keep(2); err != nil {
		t.Fatal(err)
	}
	add(t, j, 5)
	j.Close()
	j, lines = open(t, name)
	has(t, lines, `{"a":1}`, `{"a":2}`, `{"a":5}`)
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// A process that was killed has written what it appended, synced or not; and people can read it.
func TestAppendNeedsNoClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, name)
	add(t, j, 1, 2)
	want := `{"a":1,"crc":"cff7d56a"}` + "\n" + `{"a":2,"crc":"de5ff55c"}` + "\n"
	if got := string(read(t, name)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALineIsAnObjectWithFields(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "journal"))
	for _, v := range []any{1, "{text}", nil, struct{}{}, []int{1, 2}} {
		if err := j.Append(v); err == nil {
			t.Errorf("%v is a line", v)
		}
	}
}

// One flipped bit made a resume leave frames out, and say that all was well.
func TestLinesThatDoNotHoldAreNotRead(t *testing.T) {
	_, data := written(t, 1, 2, 3, 4)
	_, foreign := written(t, 9, 2, 3, 4)
	text := strings.SplitAfter(string(data), "\n")
	other := strings.SplitAfter(string(foreign), "\n")
	for _, tt := range []struct {
		name, text     string
		holds, damaged int
	}{
		{"as it was", string(data), 4, 0},
		{"a torn end", string(data[:len(data)-5]), 3, 0},
		{"a torn end that lacks its newline alone", string(data[:len(data)-1]), 3, 0},
		{"zeros behind a power cut", string(data) + "\x00\x00\x00", 4, 0},
		{"zeros, and a line behind them", text[0] + "\x00\x00\x00\n" + text[2], 1, 2},
		{"an empty line", text[0] + "\n" + text[1], 1, 2},
		{"another value", text[0] + strings.Replace(text[1], "2", "3", 1) + text[2] + text[3], 1, 3},
		{"the last with another value", text[0] + strings.Replace(text[1], "2", "3", 1), 1, 1},
		{"a line lost in the middle", text[0] + text[1] + text[3], 2, 1},
		{"a line twice", text[0] + text[1] + text[1], 2, 1},
		{"lines that changed places", text[0] + text[2] + text[1], 1, 2},
		{"a line of another journal", text[0] + text[1] + other[2], 2, 1},
		{"a line without a checksum", text[0] + text[1] + `{"a":3}` + "\n", 2, 1},
		{"a first line without a checksum", `{"a":1}` + "\n" + text[1], 0, 2},
		{"nothing", "", 0, 0},
		{"half a first line", text[0][:9], 0, 0},
	} {
		name := filepath.Join(t.TempDir(), "journal")
		write(t, name, []byte(tt.text))
		j, lines := open(t, name)
		if len(lines) != tt.holds || j.Damaged != tt.damaged {
			t.Errorf("%s: %d lines hold and %d are damaged, want %d and %d", tt.name, len(lines), j.Damaged, tt.holds, tt.damaged)
		}
		if string(read(t, name)) != tt.text {
			t.Errorf("%s: Open changed it", tt.name)
		}
		add(t, j, 7)
		j.Close()
		_, again := open(t, name)
		has(t, again, append(lines, `{"a":7}`)...)
	}
}

// A pipe of that name kept a run waiting for ever, deaf to signals.
func TestWhatIsNoRegularFileIsRefusedAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{name, os.DevNull, t.TempDir()} {
		if _, _, err := Open(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTwoDoNotShareAJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, name)
	if _, _, err := Open(name); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), name) {
		t.Errorf("the second got %v", err)
	}
	j.Close()
	open(t, name)
}

// However a journal is cut, and whichever byte of it is changed, what is read of it is its beginning.
func TestWhatIsReadIsTheBeginning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole []byte
		sum := uint32(0)
		values := rapid.SliceOf(rapid.String()).Draw(t, "values")
		for _, v := range values {
			object, _ := json.Marshal(map[string]string{"a": v})
			var line []byte
			line, sum = seal(object, sum)
			whole = append(whole, line...)
		}
		data := whole[:rapid.IntRange(0, len(whole)).Draw(t, "cut")]
		want := bytes.Count(data, []byte("\n"))
		if len(data) > 0 {
			at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
			if flip := rapid.Byte().Draw(t, "flip"); flip != 0 {
				want = bytes.Count(data[:at], []byte("\n"))
				data[at] ^= flip
			}
		}
		lines, ends := split(data)
		if len(lines) != want || len(ends) != want {
			t.Fatalf("%d lines, want %d", len(lines), want)
		}
		for i, l := range lines {
			if object, _ := json.Marshal(map[string]string{"a": values[i]}); !bytes.Equal(l, object) {
				t.Fatalf("line %d is %s, want %s", i, l, object)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	_, data := written(f, 1, 2)
	f.Add(data)
	f.Add([]byte("\n\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(dir, "journal")
		write(t, name, data)
		j, lines := open(t, name)
		add(t, j, 5)
		j.Close()
		_, again := open(t, name)
		has(t, again, append(lines, `{"a":5}`)...)
	})
}

func TestWhatDiffersIsNamed(t *testing.T) {
	asked := func(change func(*Asked)) Asked {
		a := Asked{
			Settings: []Setting{{"the pipeline", "gray"}, {"--limit", ""}},
			Inputs:   []Input{{"a.png", 10, 5e18}, {"b.png", 20, 6e18}},
		}
		change(&a)
		return a
	}
	was := asked(func(*Asked) {})
	for _, tt := range []struct {
		change func(*Asked)
		says   string
	}{
		{func(*Asked) {}, ""},
		{func(a *Asked) { a.Settings[0].Value = "canny" }, "the pipeline is canny, and was gray"},
		{func(a *Asked) { a.Settings[1].Value = "7" }, "--limit is 7, and was not given"},
		{func(a *Asked) { a.Settings = a.Settings[:1] }, "--limit is not known now, and was not given"},
		{func(a *Asked) { a.Settings = append(a.Settings, Setting{"--new", "1"}) }, "--new is 1, and was not given"},
		{func(a *Asked) { a.Inputs[1].Name = "c.png" }, "input 2 is c.png, and was b.png"},
		{func(a *Asked) { a.Inputs[1].Size = 21 }, "input b.png was changed: it has 21 bytes of 2160-02-18 10:40:00, and had 20 bytes"},
		{func(a *Asked) { a.Inputs[0].Changed++ }, "input a.png was changed: it has 10 bytes of 2128-06-11 08:53:20.000000001"},
		{func(a *Asked) { a.Inputs[0].Size = -1 }, "it has no file, and had 10 bytes"},
		{func(a *Asked) { a.Inputs = a.Inputs[:1] }, "there are 1 inputs, and were 2: b.png is gone"},
		{func(a *Asked) { a.Inputs = append(a.Inputs, Input{Name: "z"}) }, "there are 3 inputs, and were 2: z is new"},
	} {
		text, err := json.Marshal(asked(tt.change))
		var now Asked
		if err != nil || json.Unmarshal(text, &now) != nil {
			t.Fatal(err)
		}
		if got := was.Difference(now); !strings.Contains(got, tt.says) || (got == "") != (tt.says == "") {
			t.Errorf("%q, want %q", got, tt.says)
		}
	}
}
