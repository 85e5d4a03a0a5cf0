package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// open reads the journal that is there.
func (l *ledger) open(j *runJob) error {
	file, lines, err := journal.Open(filepath.Join(l.folder, journalName))
	if errors.Is(err, journal.ErrLocked) {
		return usageError{err}
	}
	if err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		return l.refused(err.Error())
	}
	l.journal = file
	if len(lines) == 0 && file.Damaged == 0 { // killed before it had a header
		return nil
	}
	if err := l.read(j, lines); err != nil {
		l.close()
		return err
	}
	if n := file.Damaged; n > 0 {
		fmt.Fprintf(j.Err, "warning: %s is damaged from line %d on: %s passed over, and what is behind line %d is done again\n",
			Plain(filepath.Join(l.folder, journalName)), len(lines)+1, plural(n, "line is", "lines are"), len(lines))
	}
	l.known = true
	l.past = l.past[:l.intact(j.options.data)]
	l.done = l.at().Index
	if n := len(l.past); n > 0 {
		l.last = l.past[n-1]
	}
	for _, r := range l.past {
		l.bad += len(r.Failed)
	}
	return nil
}

// read takes the lines of an earlier run. It refuses those of another command, and what no run can have written.
func (l *ledger) read(j *runJob, lines []json.RawMessage) error {
	if len(lines) == 0 || json.Unmarshal(lines[0], &l.was) != nil || l.was.Version != journalVersion {
		return l.refused("its first line is damaged, or of another version of this coordinator")
	}
	if err := l.differs(l.was.Asked.Difference(l.header.Asked)); err != nil {
		return err
	}
	for i, line := range lines[1:] {
		var r record
		err := json.Unmarshal(line, &r)
		if err == nil {
			err = l.follows(j, r)
		}
		if err != nil {
			return l.refused(fmt.Sprintf("line %d makes no sense: %v", i+2, err))
		}
		l.past = append(l.past, r)
	}
	return nil
}

// refused is a journal that cannot be gone on with.
func (l *ledger) refused(why string) error {
	return usagef("--resume: cannot go on with %s: %s; remove %s to begin anew", filepath.Join(l.folder, journalName), why, l.folder)
}

// intact is how many records hold: the files that they tell of may have been changed, or lost with the power.
func (l *ledger) intact(final string) int {
	n := len(l.past)
	if l.data != "" {
		n = l.dataReaches(final)
	}
	for i, r := range l.past[:n] {
		for _, k := range r.Kept {
			if !k.Intact() {
				return i
			}
		}
	}
	return n
}

func (l *ledger) dataReaches(final string) int {
	var marks []media.Mark
	for _, r := range l.past {
		if r.Data == nil {
			break
		}
		marks = append(marks, *r.Data)
	}
	if _, err := os.Stat(l.data); err != nil && l.complete() && media.Reaches(final, marks) == len(marks) {
		return len(marks) // it has its final name
	}
	return media.Reaches(l.data, marks)
}

// meets tells which worker computes, and which files the pipeline takes beside the frames. It refuses others than those of an
// earlier run.
func (l *ledger) meets(worker farm.Info, path string, files []besideFile) error {
	if l == nil {
		return nil
	}
	h := &l.header
	h.Worker, h.Beside = []journal.Setting{{Name: "the worker", Value: worker.Engine}}, nil
	for _, name := range slices.Sorted(maps.Keys(worker.Versions)) {
		if name == "go" { // it makes no pixels
			continue
		}
		h.Worker = append(h.Worker, journal.Setting{Name: "the worker's " + name, Value: worker.Versions[name]})
	}
	if worker.Engine != "opencv" { // of another than ours, versions do not tell all
		h.Beside = append(h.Beside, journal.InputOf(path, path))
	}
	for _, f := range files {
		h.Beside = append(h.Beside, journal.InputOf(f.path, f.path))
	}
	if !l.again() {
		return nil
	}
	was, now := journal.Asked{Settings: l.was.Worker, Inputs: l.was.Beside}, journal.Asked{Settings: h.Worker, Inputs: h.Beside}
	return l.differs(was.Difference(now))
}

// differs refuses to go on with another command; what tells it from the first, and is empty where nothing does.
func (l *ledger) differs(what string) error {
	if what == "" {
		return nil
	}
	return usagef("--resume: another command was begun here: %s; give that again, or remove %s to begin anew", what, l.folder)
}

// reported reports whether an earlier run wrote the report of that name.
func (l *ledger) reported(name string) bool {
	if l == nil {
		return false
	}
	name, err := filepath.Abs(name)
	return err == nil && slices.ContainsFunc(l.past, func(r record) bool { return r.Report == name })
}

// create makes the journal, and its folder, which another run that ends may remove in between.
func (l *ledger) create() error {
	var lines []json.RawMessage
	var err error
	for range 10 {
		if err = os.MkdirAll(l.folder, 0o777); err == nil {
			l.journal, lines, err = journal.Open(filepath.Join(l.folder, journalName))
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err == nil && len(lines)+l.journal.Damaged > 0 { // another run began it since this one looked
		l.journal.Close()
		l.journal, err = nil, journal.ErrLocked
	}
	if errors.Is(err, journal.ErrLocked) {
		return usagef("--resume: %w", err)
	}
	return err
}
