package shm

import (
	"sync/atomic"
	"unsafe"
)

// MaxLanes is how many lanes the first page of a region reports on.
const MaxLanes = 1 << minOrder / int(unsafe.Sizeof(laneWords{}))

// laneWords is a lane's report. Each word is stored whole; they are not stored together.
type laneWords struct {
	job, steps atomic.Uint64
}

// lane returns the words of lane i at the start of a region, which is mapped and so aligned to pages. Lanes beyond MaxLanes
// share words: the report is a hint.
func lane(region []byte, i int) *laneWords {
	return &(*[MaxLanes]laneWords)(unsafe.Pointer(&region[0]))[uint(i)%uint(MaxLanes)]
}

func (l *laneWords) write(job uint64) {
	l.job.Store(job)
	l.steps.Add(1)
}

func (l *laneWords) read() (job, steps uint64) { return l.job.Load(), l.steps.Load() }
