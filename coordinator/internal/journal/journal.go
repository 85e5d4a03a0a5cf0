// Package journal keeps what a run has done, so that another can go on where it was killed: a file of JSON lines to which is
// only added. The first line tells what was asked for.
//
// What Append was given survives the death of the process at once, and that of the machine once it was synced, which happens
// in batches. A line that was cut short is not read, nor is anything behind it. The file is locked as long as its Journal is
// open, so that no two processes add to it; the lock ends with the process, however that ends. A Journal is for one goroutine.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Journal is an open journal.
type Journal struct {
	file   *os.File
	lines  []int64 // where each ends
	dirty  int     // lines since the last sync
	synced time.Time
}

// A sync costs milliseconds, so there is one for so many lines, or for what comes in so much time.
const (
	batchLines = 256
	batchTime  = time.Second
)

// ErrLocked says that another process has the file open.
var ErrLocked = errors.New("another coordinator is at work on it")

// Open opens the journal of that name, or begins it, and returns the lines that are there. What is behind them, because it was
// cut short, is gone then.
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
	if err := j.Keep(len(lines)); err != nil {
		f.Close()
		return nil, nil, err
	}
	return j, lines, nil
}

// OpenLocked opens a file, or begins it, and locks it until it is closed. The error is ErrLocked where another has done that.
func OpenLocked(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrLocked
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mine, err := f.Stat() // whoever had it locked before may have removed it, or given it another name
		if err != nil {
			f.Close()
			return nil, err
		}
		if there, err := os.Stat(name); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close()
	}
}

// split returns the lines that are whole, and where each ends.
func split(data []byte) (lines []json.RawMessage, ends []int64) {
	for end := int64(0); ; {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 || !json.Valid(data[end:][:n]) {
			return lines, ends
		}
		lines = append(lines, data[end:][:n:n])
		end += int64(n) + 1
		ends = append(ends, end)
	}
}

// Append adds a line: v as JSON.
func (j *Journal) Append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	j.lines = append(j.lines, j.end()+int64(len(line))+1)
	if j.dirty++; j.dirty >= batchLines || time.Since(j.synced) >= batchTime {
		return j.Sync()
	}
	return nil
}

func (j *Journal) end() int64 {
	if len(j.lines) == 0 {
		return 0
	}
	return j.lines[len(j.lines)-1]
}

// Keep forgets all lines but the first n.
func (j *Journal) Keep(n int) error {
	j.lines = j.lines[:n]
	if err := j.file.Truncate(j.end()); err != nil {
		return err
	}
	_, err := j.file.Seek(j.end(), io.SeekStart)
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
