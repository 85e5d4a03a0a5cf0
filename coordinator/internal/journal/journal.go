// Package journal keeps what a run has done, so that another can go on where it was killed: a file of JSON lines to which is
// only added. The first line tells what was asked for.
//
// What Append was given survives the death of the process at once, and that of the machine once it was synced, which happens
// in batches. Each line ends in a checksum of itself and of all before it. What does not hold is not read, nor is anything
// behind it. The file is locked as long as its Journal is open, so that no two processes add to it; the lock ends with the
// process, however that ends. A Journal is for one goroutine.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Journal is an open journal.
type Journal struct {
	// Damaged counts the whole lines that Open passed over, as the first of them is not as it was written. The torn end that a
	// process leaves that is killed is none.
	Damaged int

	file   *os.File
	lines  []end
	dirty  int // lines since the last sync
	synced time.Time
}

// A sync costs milliseconds, so there is one for so many lines, or for what comes in so much time.
const (
	batchLines = 256
	batchTime  = time.Second
)

// ErrLocked says that another process has the file open.
var ErrLocked = errors.New("another coordinator is at work on it")

// Open opens the journal of that name, or begins it, and returns the lines that hold. It changes nothing: Keep forgets what is
// behind them, and comes before the first Append.
func Open(name string) (*Journal, []json.RawMessage, error) {
	f, err := OpenLocked(name)
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	j := &Journal{file: f, synced: time.Now()}
	var lines []json.RawMessage
	lines, j.lines = split(data)
	j.Damaged = bytes.Count(data[j.end().at:], []byte("\n"))
	return j, lines, nil
}

// OpenLocked opens a regular file, or begins it, and locks it until it is closed. The error is ErrLocked where another has done
// that.
func OpenLocked(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NONBLOCK, 0o666) // a pipe would block, then or later
		if err != nil {
			return nil, err
		}
		mine, err := f.Stat()
		if err == nil && !mine.Mode().IsRegular() {
			err = &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrLocked
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		// Whoever had it locked before may have removed it, or given it another name.
		if there, err := os.Stat(name); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close()
	}
}

// Append adds a line: v as JSON, which must be an object with fields.
func (j *Journal) Append(v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(payload) < len(`{"":0}`) || payload[0] != '{' {
		return fmt.Errorf("%.20q is no object with fields", payload)
	}
	line, sum := seal(payload, j.end().sum)
	if _, err := j.file.Write(line); err != nil {
		return err
	}
	j.lines = append(j.lines, end{j.end().at + int64(len(line)), sum})
	if j.dirty++; j.dirty >= batchLines || time.Since(j.synced) >= batchTime {
		return j.Sync()
	}
	return nil
}

func (j *Journal) end() end {
	if len(j.lines) == 0 {
		return end{}
	}
	return j.lines[len(j.lines)-1]
}

// Keep forgets all lines but the first n.
func (j *Journal) Keep(n int) error {
	j.lines, j.Damaged = j.lines[:n], 0
	if err := j.file.Truncate(j.end().at); err != nil {
		return err
	}
	_, err := j.file.Seek(j.end().at, io.SeekStart)
	return err
}

// Sync makes every line durable, and the journal's name.
func (j *Journal) Sync() error {
	j.dirty, j.synced = 0, time.Now()
	if err := j.file.Sync(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(j.file.Name()))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}

// Close syncs and unlocks the journal. It does nothing after the first time.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.Sync(), j.file.Close())
	j.file = nil
	return err
}

// Remove removes the journal, and then unlocks it.
func (j *Journal) Remove() error {
	if j.file == nil {
		return nil
	}
	err := errors.Join(os.Remove(j.file.Name()), j.file.Close())
	j.file = nil
	return err
}
