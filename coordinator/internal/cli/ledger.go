package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// ledger is what a run with --resume keeps beside its output, in a hidden folder: a journal of what is done, and the segments of
// a video until they are joined. A nil ledger is that of a run without --resume, and does nothing.
type ledger struct {
	folder string
	data   string // the file of --data in the making; empty without one
	header header
	every  uint64 // frames for each line of the journal

	journal *journal.Journal // nil where there is none yet
	known   bool             // an earlier run began it
	was     header           // what that was asked for
	past    []record         // what that did
	begun   bool             // this one began it

	// Owned by the goroutine that collects.
	sink  media.Keeper
	found *media.Data // nil without --data
	line  record      // the next

	// Owned by who writes a line, until that is settled.
	settled chan error // the line that is being written; nil for none
	last    record     // the line before
	done    uint64     // frames that the journal has
	bad     int        // those of them that failed
}

// header is the first line of a journal.
type header struct {
	Version int           `json:"cvfarm_journal"`
	Asked   journal.Asked `json:"asked"`
	// Worker has the versions of what computes, and Beside the files that the pipeline takes beside the frames.
	Worker []journal.Setting `json:"worker"`
	Beside []journal.Input   `json:"beside,omitempty"`
}

// record is another line: everything in front of Next is done.
type record struct {
	Next   media.Position `json:"next"`
	Kept   []media.Kept   `json:"kept,omitempty"`
	Failed []failure      `json:"failed,omitempty"`
	Data   *media.Mark    `json:"data,omitempty"`
	// Complete is set in the last: there are no more frames, only final names to be given.
	Complete bool `json:"complete,omitempty"`
	// Report is the file of --report that the run wrote in its end, which a later one may replace. Nothing else is new then.
	Report string `json:"report,omitempty"`
}

const journalVersion = 2

// again reports whether an earlier run was found. It may have written more than its journal tells.
func (l *ledger) again() bool { return l != nil && l.known }

// complete reports whether an earlier run had only names left to give.
func (l *ledger) complete() bool {
	return l != nil && len(l.past) > 0 && l.past[len(l.past)-1].Complete
}

// at is where to go on.
func (l *ledger) at() media.Position {
	if l == nil || len(l.past) == 0 {
		return media.Position{}
	}
	return l.past[len(l.past)-1].Next
}

// kept is how many frames a later run need not do again; 0 when there is none to come.
func (l *ledger) kept() uint64 {
	if l == nil || l.journal == nil {
		return 0
	}
	return l.done
}

// keptOut is how many of those went into the outputs.
func (l *ledger) keptOut() int64 {
	if l == nil {
		return 0
	}
	return int64(l.done) - int64(l.bad)
}

// begin begins the journal where there is none, and else forgets what does not hold any more.
func (l *ledger) begin() error {
	if l == nil {
		return nil
	}
	if l.again() {
		return l.journal.Keep(1 + len(l.past))
	}
	if l.journal == nil {
		if err := l.create(); err != nil {
			return err
		}
	}
	l.begun = true
	if err := l.journal.Keep(0); err != nil {
		return err
	}
	if err := l.journal.Append(l.header); err != nil {
		return err
	}
	return l.journal.Sync()
}

// restore counts what earlier runs did.
func (l *ledger) restore(t *tally) {
	if l == nil {
		return
	}
	for _, r := range l.past {
		t.bad.Add(int64(len(r.Failed)))
		t.failures = append(t.failures, r.Failed[:min(len(r.Failed), maxFailures-len(t.failures))]...)
	}
	t.in.Store(int64(l.at().Index))
	t.out.Store(t.in.Load() - t.bad.Load())
	t.before, t.badBefore = t.out.Load(), t.bad.Load()
}

// openSink opens the output behind what earlier runs made of it.
func (l *ledger) openSink(c media.SinkConfig) (media.Sink, error) {
	k := media.Keep{Folder: l.folder, Again: l.again()}
	for _, r := range l.past {
		k.Past = append(k.Past, r.Kept...)
	}
	sink, err := media.NewKeeper(c, k)
	if err != nil {
		return nil, err
	}
	l.sink = sink
	return sink, nil
}

// openData opens the file of --data behind what earlier runs found; nil where that has its final name.
func (l *ledger) openData(name string, overwrite bool) (*media.Data, error) {
	if _, err := os.Stat(l.data); err != nil && l.complete() {
		return nil, nil
	}
	var at media.Mark
	if len(l.past) > 0 {
		at = *l.past[len(l.past)-1].Data
	}
	var err error
	if l.found, err = media.KeepData(name, l.data, at, overwrite, l.again()); errors.Is(err, journal.ErrLocked) {
		err = usagef("--data %s: %w", name, journal.ErrLocked)
	}
	return l.found, err
}

// passed notes a frame, in its order; failed is nil where it went into the outputs.
func (l *ledger) passed(ctx context.Context, next media.Position, failed *failure) error {
	if l == nil {
		return nil
	}
	l.line.Next = next
	if failed != nil {
		l.line.Failed = append(l.line.Failed, *failed)
	}
	if next.Index%l.every != 0 {
		return nil
	}
	return l.cut(ctx)
}

// cut makes a line of what was passed. It is written, once the files that it tells of are complete, while frames go on.
func (l *ledger) cut(ctx context.Context) error {
	if err := l.settle(); err != nil {
		return err
	}
	if l.found != nil {
		mark, err := l.found.Cut()
		if err != nil {
			return err
		}
		l.line.Data = &mark
	}
	line, complete, settled := l.line, l.sink.Cut(), make(chan error, 1)
	l.line, l.settled = record{Next: line.Next}, settled
	go func() { settled <- l.write(ctx, line, complete) }()
	return nil
}

func (l *ledger) write(ctx context.Context, line record, complete func(context.Context) ([]media.Kept, error)) error {
	var err error
	if line.Kept, err = complete(ctx); err != nil {
		return err
	}
	if err := l.journal.Append(line); err != nil {
		return err
	}
	l.last, l.done, l.bad = line, line.Next.Index, l.bad+len(line.Failed)
	return nil
}

// reports notes that this run writes a report, before that has its name.
func (l *ledger) reports(name string) error {
	if l == nil || l.journal == nil || !l.known && !l.begun {
		return nil
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if l.again() && l.sink == nil { // it ended before it began
		if err := l.begin(); err != nil {
			return err
		}
	}
	line := record{Next: l.last.Next, Data: l.last.Data, Complete: l.last.Complete, Report: name}
	if l.data != "" && line.Data == nil {
		line.Data = &media.Mark{}
	}
	return l.journal.Append(line)
}

// settle waits for the line that is being written. It is called before cut's context ends, and before anything else is done with
// the journal.
func (l *ledger) settle() error {
	if l == nil || l.settled == nil {
		return nil
	}
	err := <-l.settled
	l.settled = nil
	return err
}

// finish notes that there are no more frames.
func (l *ledger) finish(ctx context.Context) error {
	if l == nil || l.complete() {
		return nil
	}
	if l.line.Next.Index == 0 {
		l.line.Next = l.at()
	}
	l.line.Complete = true
	if err := l.cut(ctx); err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	return l.journal.Sync()
}

// remove ends a run whose outputs are complete. The journal is emptied first: without it the rest means nothing. Its file goes
// last, as its lock is what keeps others from the folder; who has begun another in there by then keeps the folder.
func (l *ledger) remove() error {
	if l == nil || l.journal == nil {
		return nil
	}
	err := errors.Join(l.journal.Keep(0), l.journal.Sync())
	if err == nil {
		err = l.removeSegments()
	}
	err = errors.Join(err, l.journal.Remove())
	l.journal = nil
	_ = os.Remove(l.folder)
	return err
}

// removeSegments removes what is in the folder beside the journal.
func (l *ledger) removeSegments() error {
	files, err := os.ReadDir(l.folder)
	for _, f := range files {
		if f.Name() != journalName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(l.folder, f.Name())))
		}
	}
	return err
}

// close leaves the journal for a later run, unless this one began it and there is nothing in it.
func (l *ledger) close() {
	if l == nil || l.journal == nil {
		return
	}
	if l.done > 0 || !l.begun {
		_ = l.journal.Close()
		l.journal = nil
		return
	}
	_ = l.remove()
}
