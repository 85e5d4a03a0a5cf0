package serve

import (
	"io"
	"sync"
)

// State is what one step keeps from frame to frame of one stream. Value is nil at the stream's first frame in this worker. A
// Value that is an io.Closer is closed when the stream has ended.
type State struct{ Value any }

// streams is what the steps of all programs keep. Jobs of one stream never overlap, so a State needs no lock.
type streams struct {
	mu   sync.Mutex
	kept map[uint64]map[place]*State // by stream
}

// place is one step of one program.
type place struct {
	program uint32
	step    int
}

func (s *streams) state(stream uint64, program uint32, step int) *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[uint64]map[place]*State{}
	}
	if s.kept[stream] == nil {
		s.kept[stream] = map[place]*State{}
	}
	at := place{program, step}
	if s.kept[stream][at] == nil {
		s.kept[stream][at] = &State{}
	}
	return s.kept[stream][at]
}

// end drops what was kept for a stream.
func (s *streams) end(stream uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.kept[stream] {
		state.close()
	}
	delete(s.kept, stream)
}

// forget drops what a program kept.
func (s *streams) forget(program uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, places := range s.kept {
		for at, state := range places {
			if at.program == program {
				state.close()
				delete(places, at)
			}
		}
	}
}

func (s *State) close() {
	if c, ok := s.Value.(io.Closer); ok {
		_ = c.Close() // nobody is left who could be told
	}
}
