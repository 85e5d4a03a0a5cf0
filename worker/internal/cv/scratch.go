//go:build opencv

package cv

import (
	"runtime"
	"sync"

	"github.com/cvfarm/cvfarm/shared/frame"
	"gocv.io/x/gocv"
)

// scratch is what one Run needs of its own: headers over memory of others, and Mats for pictures between the steps. A page of
// fresh memory costs a fault; a scratch that was used before has none to pay.
type scratch struct {
	in        gocv.Mat    // as out and view, a header
	out, view [2]gocv.Mat // out of the lent block and of a copy into it; view has two because a view may be taken of a view
	between   []*slot
	pins      runtime.Pinner // over Go memory only; arena memory does not move
}

// slot is a picture between two steps.
type slot struct {
	g    frame.Geometry
	mat  gocv.Mat
	used bool // in this Run
}

func newScratch() *scratch {
	s := &scratch{in: gocv.NewMat()}
	for i := range 2 {
		s.out[i], s.view[i] = gocv.NewMat(), gocv.NewMat()
	}
	return s
}

// take returns a slot for a picture of geometry g that is not the one in busy, which may be nil.
func (s *scratch) take(g frame.Geometry, busy *slot) *slot {
	for _, b := range s.between {
		if b.g == g && b != busy {
			b.used = true
			return b
		}
	}
	b := &slot{g: g, mat: gocv.NewMat(), used: true}
	s.between = append(s.between, b)
	return b
}

// rest ends a Run: what it did not use is freed, so that a change of picture size leaves nothing behind.
func (s *scratch) rest() {
	s.pins.Unpin()
	kept := s.between[:0]
	for _, b := range s.between {
		if !b.used {
			b.mat.Close()
			continue
		}
		b.used = false
		kept = append(kept, b)
	}
	clear(s.between[len(kept):])
	s.between = kept
}

func (s *scratch) close() {
	s.in.Close()
	for i := range 2 {
		s.out[i].Close()
		s.view[i].Close()
	}
	for _, b := range s.between {
		b.mat.Close()
	}
}

// freeList keeps the scratches of a program: as many as Runs ever overlapped.
type freeList struct {
	mu   sync.Mutex
	free []*scratch
}

func (f *freeList) get() *scratch {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.free)
	if n == 0 {
		return newScratch()
	}
	s := f.free[n-1]
	f.free = f.free[:n-1]
	return s
}

func (f *freeList) put(s *scratch) {
	s.rest()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = append(f.free, s)
}

func (f *freeList) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.free {
		s.close()
	}
	f.free = nil
}
