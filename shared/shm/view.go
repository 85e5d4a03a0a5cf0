package shm

import (
	"fmt"
	"os"
)

// View is a worker's side of the arena.
type View struct {
	all   []byte // read-only
	own   []byte // the worker's region, writable
	start int64  // where own begins in the arena
}

// Open maps the arena read-only and the region [offset, offset+size) writable, and closes both files. It refuses a file whose
// size is not sealed.
func Open(ro, rw *os.File, offset, size int64) (*View, error) {
	defer ro.Close()
	defer rw.Close()
	total, err := sealedSize(ro)
	if err != nil {
		return nil, err
	}
	if offset < 0 || size < 1<<headOrder || offset > total-size {
		return nil, fmt.Errorf("region of %d bytes at %d is not within the %d bytes of shared memory", size, offset, total)
	}
	all, err := mapShared(ro, 0, total, false)
	if err != nil {
		return nil, fmt.Errorf("cannot map the shared memory: %w", err)
	}
	own, err := mapShared(rw, offset, size, true)
	if err != nil {
		unmap(all)
		return nil, fmt.Errorf("cannot map the region at %d: %w", offset, err)
	}
	return &View{all: all, own: own, start: offset}, nil
}

// Close unmaps both.
func (v *View) Close() {
	unmap(v.own)
	unmap(v.all)
	v.own, v.all = nil, nil
}

// In returns a block to read. A write to it ends the process.
func (v *View) In(offset, size uint64) ([]byte, error) {
	if size > uint64(len(v.all)) || offset > uint64(len(v.all))-size {
		return nil, fmt.Errorf("block of %d bytes at %d is not within the %d bytes of shared memory", size, offset, len(v.all))
	}
	return v.all[offset : offset+size : offset+size], nil
}

// Out returns a block of the own region to write.
func (v *View) Out(offset, size uint64) ([]byte, error) {
	at := offset - uint64(v.start) // wraps below start, and is then too large
	if size > uint64(len(v.own)) || at > uint64(len(v.own))-size {
		return nil, fmt.Errorf("block of %d bytes at %d is not within the own region of %d bytes at %d", size, offset, len(v.own), v.start)
	}
	return v.own[at : at+size : at+size], nil
}

// Report says that lane i runs job and has begun another step; job 0 says that it is idle. It is one store, seen by the
// coordinator also after a crash.
func (v *View) Report(i int, job uint64) { lane(v.own, i).write(job) }

// Beat shows the coordinator a sign of life.
func (v *View) Beat() { word(v.own, words-1).write(0) }
