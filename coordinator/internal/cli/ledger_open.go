package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

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
		return err
	}
	l.journal = file
	if len(lines) == 0 { // killed before it had a header
		return nil
	}
	if err := json.Unmarshal(lines[0], &l.was); err != nil || l.was.Version != journalVersion {
		l.close()
		return usagef("--resume: %s is not a journal that this coordinator knows: remove it to begin anew", l.folder)
	}
	if err := l.differs(l.was.Asked.Difference(l.header.Asked)); err != nil {
		l.close()
		return err
	}
	l.known = true
	for _, line := range lines[1:] {
		var r record
		if json.Unmarshal(line, &r) != nil {
			break
		}
		l.past = append(l.past, r)
	}
	l.past = l.past[:l.intact(j.options.data)]
	l.done = l.at().Index
	for _, r := range l.past {
		l.bad += len(r.Failed)
	}
	return nil
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
