package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was wrong with an entry was told in the words of the standard library, and not what to do about it.
func TestADamagedEntryIsNamedWithWhatRemovesIt(t *testing.T) {
	const id = "20200101-000000.000-aaaa"
	for _, tt := range []struct {
		name string
		make func(entry string) error
		says string
		// replayed is set where only a replay looks that far.
		replayed bool
	}{
		{"no story", func(e string) error { return os.Mkdir(e, 0o700) }, "job.json is missing", false},
		{"a torn story", job(`{"id": `), "job.json is not as it was written: unexpected end of JSON input", false},
		{"the story of another", job(`{"id":"20200101-000000.009-aaaa"}`), `job.json tells of "20200101-000000.009-aaaa"`, false},
		{"a file", func(e string) error { return os.WriteFile(e, nil, 0o600) }, "it is no folder", false},
		{"a link to elsewhere", func(e string) error { return os.Symlink(os.TempDir(), e) }, "it is no folder", false},
		{"no input", job(`{"id":"` + id + `","input":{"file":"input.png","format":"encoded"}}`), `"input.png": input.png is missing`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := tt.make(filepath.Join(folder, id)); err != nil {
				t.Fatal(err)
			}
			advice := "coordinator quarantine rm " + id + " removes it"
			want := filepath.Join(folder, id) + " is damaged: " + tt.says + "; " + advice
			var out, errs bytes.Buffer
			do := func(args ...string) error {
				return Run(background(), App{Out: &out, Err: &errs}, append([]string{"quarantine", "--quarantine", folder}, args...))
			}
			if err := do("replay", id, "--worker", "/bin/false"); err == nil || err.Error() != want {
				t.Errorf("replay: %v\nwant %s", err, want)
			}
			if tt.replayed {
				return
			}
			if err := do("show", id); err == nil || err.Error() != want {
				t.Errorf("show: %v\nwant %s", err, want)
			}
			if err := do("list"); err != nil || !strings.Contains(out.String(), "damaged: "+tt.says) || errs.String() != id+" is damaged; "+advice+"\n" {
				t.Errorf("list: %v\n%s%s", err, &out, &errs)
			}
		})
	}
}

// job makes an entry with that story.
func job(text string) func(entry string) error {
	return func(entry string) error {
		return errors.Join(os.Mkdir(entry, 0o700), os.WriteFile(filepath.Join(entry, "job.json"), []byte(text), 0o600))
	}
}
