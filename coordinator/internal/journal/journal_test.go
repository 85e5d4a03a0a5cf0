package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
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

func add(t testing.TB, j *Journal, values ...any) {
	t.Helper()
	for _, v := range values {
		if err := j.Append(v); err != nil {
			t.Fatal(err)
		}
	}
}

func has(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLinesAreThereAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, lines := open(t, name)
	has(t, lines)
	add(t, j, map[string]int{"a": 1}, "two\nlines", 3)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, lines = open(t, name)
	has(t, lines, `{"a":1}`, `"two\nlines"`, "3")
	add(t, j, 4)
	if err := j.Keep(2); err != nil {
		t.Fatal(err)
	}
	add(t, j, 5)
	j.Close()
	j, lines = open(t, name)
	has(t, lines, `{"a":1}`, `"two\nlines"`, "5")
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// A process that was killed has written what it appended, synced or not.
func TestAppendNeedsNoClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, name)
	add(t, j, 1, 2)
	data, err := os.ReadFile(name)
	if err != nil || string(data) != "1\n2\n" {
		t.Errorf("%q %v", data, err)
	}
}

func TestATornLineIsGone(t *testing.T) {
	for _, tail := range []string{`{"a":`, `{"a":1}`, "\x00\x00\x00\n3\n", "}\n3\n", "\n"} {
		name := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(name, []byte("1\n2\n"+tail), 0o666); err != nil {
			t.Fatal(err)
		}
		j, lines := open(t, name)
		has(t, lines, "1", "2")
		add(t, j, 4)
		j.Close()
		_, lines = open(t, name)
		has(t, lines, "1", "2", "4")
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

// However a journal is cut, what is read of it is its beginning, and it can be gone on with.
func TestAnyCutLeavesTheBeginning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny())).Draw(t, "values")
		var whole bytes.Buffer
		for _, v := range values {
			line, _ := json.Marshal(v)
			fmt.Fprintf(&whole, "%s\n", line)
		}
		cut := rapid.IntRange(0, whole.Len()).Draw(t, "cut")
		lines, ends := split(whole.Bytes()[:cut])
		if want := bytes.Count(whole.Bytes()[:cut], []byte("\n")); len(lines) != want || len(ends) != want {
			t.Fatalf("%d lines, want %d", len(lines), want)
		}
		for i, l := range lines {
			if want, _ := json.Marshal(values[i]); !bytes.Equal(l, want) {
				t.Fatalf("line %d is %s, want %s", i, l, want)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n[2]\nnul"))
	f.Add([]byte("\n\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(dir, "journal")
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		j, lines := open(t, name)
		add(t, j, "next")
		j.Close()
		_, again := open(t, name)
		has(t, again, append(lines, `"next"`)...)
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
