package shm

import (
	"sync/atomic"
	"unsafe"
)

// words is how many laneWords a region's first page holds. The last is for the heartbeat, the others are lanes.
const words = 1 << minOrder / int(unsafe.Sizeof(laneWords{}))

// laneWords is a lane's report. Each word is stored whole; they are not stored together.
type laneWords struct {
	job, steps atomic.Uint64
}

// lane returns the words of lane i at the start of a region, which is mapped and so aligned to pages. Lanes beyond the
// page's words share them: the report is a hint.
func lane(region []byte, i int) *laneWords { return word(region, i%(words-1)) }

func word(region []byte, i int) *laneWords {
	return &(*[words]laneWords)(unsafe.Pointer(&region[0]))[i]
}

func (l *laneWords) write(job uint64) {
	l.job.Store(job)
	l.steps.Add(1)
}

func (l *laneWords) read() (job, steps uint64) { return l.job.Load(), l.steps.Load() }
