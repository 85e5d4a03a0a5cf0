package farm

import (
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// maxStreams bounds the streams that are open at a time: each may keep something in a worker.
const maxStreams = 4096

// maxStreamKey bounds a stream's key in bytes.
const maxStreamKey = 4096

// stream is the jobs of one key. One supervisor does them, in the order in which they were submitted, so that what an op
// keeps from frame to frame is there for the next. All fields belong to streams.
type stream struct {
	key     string
	id      uint64
	owner   *supervisor
	waiting []*task // in the order of their turns
	turns   uint64
	running int       // tasks that are in the owner's worker
	last    *instance // the worker that answered last; nil before the first answer
	owed    bool      // it began anew in another worker, and nobody was told yet
	ended   bool      // no more jobs come
}

// streams are those of a farm. Methods are safe for concurrent use.
type streams struct {
	busy  atomic.Int64  // tasks that wait in any stream, and ends that no worker was told yet
	slots chan struct{} // one for each task that waits for its first worker

	mu     sync.Mutex
	byKey  map[string]*stream
	lastID uint64
	closed bool
}

// put appends a task to its stream, which it opens where there is none. It returns fault.Closing after close.
func (ss *streams) put(f *Farm, t *task, key string) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	st := ss.byKey[key]
	switch {
	case ss.closed:
		return fault.Errorf(fault.Closing, "the farm is closing")
	case st == nil && len(ss.byKey) >= maxStreams:
		return fault.Errorf(fault.Overloaded, "%d streams are open, which is the limit: EndStream those that have ended", maxStreams)
	case st == nil:
		ss.lastID++
		st = &stream{key: key, id: ss.lastID, owner: ss.leastUsed(f)}
		st.owner.streams = append(st.owner.streams, st)
		ss.byKey[key] = st
	}
	st.turns++
	t.stream, t.turn, t.queued = st, st.turns, true
	ss.insert(st, t)
	return nil
}

// again puts a task back whose worker ended. It reports false after close.
func (ss *streams) again(t *task) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return false
	}
	t.stream.running--
	ss.insert(t.stream, t)
	return true
}

func (ss *streams) insert(st *stream, t *task) {
	i, _ := slices.BinarySearchFunc(st.waiting, t, func(a, b *task) int { return int(int64(a.turn - b.turn)) })
	st.waiting = slices.Insert(st.waiting, i, t)
	ss.busy.Add(1)
	st.owner.call()
}

func (ss *streams) leastUsed(f *Farm) *supervisor {
	return slices.MinFunc(f.supervisors, func(a, b *supervisor) int {
		if a.adrift != b.adrift {
			if a.adrift {
				return 1
			}
			return -1
		}
		return len(a.streams) - len(b.streams)
	})
}

// next returns a task of a supervisor's streams, each of which has its turn. Where the worker has several lanes, a stream has
// one task in it at a time.
func (ss *streams) next(s *supervisor, lanes int) (*task, bool) {
	if ss.busy.Load() == 0 {
		return nil, false
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for i, st := range s.streams {
		if len(st.waiting) == 0 || lanes > 1 && st.running > 0 {
			continue
		}
		t := st.waiting[0]
		st.waiting = slices.Delete(st.waiting, 0, 1)
		st.running++
		ss.busy.Add(-1)
		if t.queued {
			t.queued = false
			<-ss.slots
		}
		s.streams = append(slices.Delete(s.streams, i, i+1), st)
		return t, true
	}
	return nil, false
}

// done says that a task has left the worker for good. answeredBy is the worker that did it, nil for none; the return value tells
// whether that was another than the one before, so that the stream began anew.
func (ss *streams) done(t *task, answeredBy *instance) (restarted bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	st := t.stream
	st.running--
	if answeredBy != nil {
		restarted = st.owed || st.last != nil && st.last != answeredBy
		st.last, st.owed = answeredBy, false
	}
	if len(st.waiting) > 0 || ss.over(st) {
		st.owner.call()
	}
	return restarted
}

// owe says that the answer which told of a stream's new beginning did not reach anybody: the next one tells.
func (ss *streams) owe(st *stream) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	st.owed = true
}

// queued counts the tasks that wait.
func (ss *streams) queued(f *Farm) int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	n := 0
	for _, s := range f.supervisors {
		for _, st := range s.streams {
			n += len(st.waiting)
		}
	}
	return n
}

// end closes a stream to further jobs.
func (ss *streams) end(key string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	st := ss.byKey[key]
	if st == nil {
		return
	}
	delete(ss.byKey, key)
	st.ended = true
	if ss.over(st) {
		st.owner.call()
	}
}

// over takes a stream that has ended, and has nothing left to do, from its owner, whose worker is to be told.
func (ss *streams) over(st *stream) bool {
	if !st.ended || st.running > 0 || len(st.waiting) > 0 {
		return false
	}
	s := st.owner
	s.streams = slices.DeleteFunc(s.streams, func(x *stream) bool { return x == st })
	s.farewells = append(s.farewells, st.id)
	ss.busy.Add(1)
	return true
}

// farewells returns the streams that a supervisor's worker may forget.
func (ss *streams) farewells(s *supervisor) []uint64 {
	if ss.busy.Load() == 0 {
		return nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ids := s.farewells
	s.farewells = nil
	ss.busy.Add(-int64(len(ids)))
	return ids
}

// abandon gives the streams of a supervisor that cannot get a worker to others, as soon as there is one. adopt takes it back.
func (ss *streams) abandon(s *supervisor) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s.adrift = true
	ss.handOver(s)
}

// adopt says that a supervisor has a worker. It gets what others could not give to anybody.
func (ss *streams) adopt(s *supervisor) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !s.adrift {
		return
	}
	s.adrift = false
	for _, other := range s.farm.supervisors {
		if other.adrift {
			ss.handOver(other)
		}
	}
}

func (ss *streams) handOver(s *supervisor) {
	for _, st := range s.streams {
		heir := ss.leastUsed(s.farm)
		if heir.adrift {
			return
		}
		st.owner = heir
		heir.streams = append(heir.streams, st)
		heir.call()
	}
	s.streams = nil
}

// close ends all streams and returns the tasks that wait in them.
func (ss *streams) close(f *Farm) []*task {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.closed = true
	var left []*task
	for _, s := range f.supervisors {
		for _, st := range s.streams {
			left = append(left, st.waiting...)
			st.waiting = nil
		}
	}
	return left
}

// streamFor returns a new stream's key for a pipeline that needs one, and an empty one for others.
func (f *Farm) streamFor(text string) string {
	p, err := pipeline.Parse(text)
	if err != nil || f.Ops().Stateful(p) == 0 {
		return ""
	}
	return "queue-" + rand.Text()
}

// EndStream says that no more jobs of a stream will come. Those that were submitted are still done, and what ops kept for them
// is dropped then. A job with the same key begins another stream.
func (f *Farm) EndStream(key string) { f.streams.end(key) }

// call wakes the supervisor: there is something in its streams.
func (s *supervisor) call() {
	select {
	case s.called <- struct{}{}:
	default:
	}
}
