package farm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Video says what a video is.
type Video struct {
	frame.Geometry
	// FPS is the frames per second; 0 when unknown, as for a camera that does not say.
	FPS float64
	// Frames is how many the container claims to hold; 0 when unknown. It is an estimate.
	Frames uint64
	// Codec is four characters, such as "avc1".
	Codec string
	// Container is the usual extension, such as ".mp4". Writers only.
	Container string
}

// session is a worker process of its own that holds one open video. Its methods are for one goroutine.
type session struct {
	*instance
	farm    *Farm
	hooking sync.Mutex  // guards unhook
	unhook  func() bool // forgets the farm's end
	once    sync.Once   // for close
	sending sync.Mutex  // guards over, and the worker's memory while something is written there
	over    bool        // its memory is given back
	replies chan *workerpb.WorkResponse
	results []*workerpb.Result // of a message that brought several, not asked for yet
}

// theProgram is the only program of a session.
const theProgram = 1

// openSession starts the process. Its region counts against budget.
func (f *Farm) openSession(ctx context.Context, budget *shm.Budget) (*session, error) {
	if !f.enterSession() {
		return nil, &Error{Code: fault.Closing, Message: "the farm is closing"}
	}
	region, err := f.arena.Region(budget)
	if err != nil {
		f.leaveSession()
		return nil, &Error{Code: fault.Overloaded, Message: err.Error()}
	}
	starting, cancel := f.until(ctx)
	defer cancel()
	var w *proc.Worker
	for try := 1; ; try++ {
		w, err = f.launcher.Start(starting, f.worker(region, 1))
		if err == nil || try == firstTries || fatal(err) {
			break
		}
	}
	if err != nil {
		region.Retire()
		f.leaveSession()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Error{Code: fault.Unavailable, Message: err.Error()}
	}
	s := &session{farm: f, instance: &instance{worker: w, region: region}, replies: make(chan *workerpb.WorkResponse, 4)}
	s.hooking.Lock()
	s.unhook = context.AfterFunc(f.stopped, func() {
		w.Kill(proc.CauseStop, "the farm closes")
		s.close()
	})
	s.hooking.Unlock()
	go w.Receive(s.replies)
	f.running.Go(func() { f.watch(s.instance, nil) })
	return s, nil
}

// unary runs one call, for at most as long as said.
func (s *session) unary(ctx context.Context, what string, timeout time.Duration, call func(context.Context) error) error {
	within, cancel := withinAwake(ctx, timeout)
	defer cancel()
	err := call(within)
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case ctx.Err() != nil:
		return ctx.Err()
	case within.Err() != nil:
		s.worker.Kill(proc.CauseDeadline, what)
		return &Error{Code: fault.Deadline, Message: fmt.Sprintf("%s: not done within %v", what, timeout)}
	}
	if f := proc.FaultOf(err); f != nil {
		return &Error{Code: fates[reported(fault.Code(f.Code))].code, Message: f.Message}
	}
	s.worker.Doom()
	return &Error{Code: fault.Crashed, Message: fmt.Sprintf("%s: %v", what, s.worker.Exit())}
}

// send gives the worker a job, unless it has been ended.
func (s *session) send(j *workerpb.Job) {
	s.sending.Lock()
	defer s.sending.Unlock()
	if !s.over {
		_ = s.worker.Send(&workerpb.WorkRequest{Jobs: []*workerpb.Job{j}})
	}
}

// next returns the next result, which must be that of job id.
func (s *session) next(ctx context.Context, id uint64, timeout time.Duration) (*workerpb.Result, error) {
	for within, cancel := ctx, context.CancelFunc(nil); ; {
		if len(s.results) > 0 && s.results[0].Id == id {
			r := s.results[0]
			s.results = s.results[1:]
			return r, nil
		}
		if len(s.results) > 0 {
			return nil, s.lied(id)
		}
		if cancel == nil {
			within, cancel = withinAwake(ctx, timeout)
			defer cancel()
		}
		select {
		case reply, ok := <-s.replies:
			if !ok {
				return nil, s.died()
			}
			if s.results = reply.Results; len(s.results) == 0 || len(reply.Needs) > 0 {
				return nil, s.lied(id)
			}
		case <-within.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.worker.Kill(proc.CauseDeadline, fmt.Sprintf("frame not done within %v", timeout))
			return nil, &Error{Code: fault.Deadline, Message: fmt.Sprintf("not done within %v; the worker was killed", timeout)}
		case <-s.farm.stopped.Done():
			return nil, &Error{Code: fault.Closing, Message: "the farm is closing"}
		}
	}
}

func (s *session) lied(id uint64) *Error {
	s.worker.Kill(proc.CauseProtocol, fmt.Sprintf("it answered what it was not asked: job %d was next", id))
	return s.died()
}

func (s *session) died() *Error {
	s.worker.Doom()
	exit := s.worker.Exit()
	return &Error{Code: fault.Crashed, Message: exit.String(), Attempts: []Attempt{{Exit: exit}}}
}

// close ends the process and gives the region back. Where the farm's end was first, it has been done.
func (s *session) close() { s.once.Do(s.end) }

func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	s.hooking.Lock() // the farm's end may come before the hook is known
	s.unhook()
	s.hooking.Unlock()
	s.worker.Stop(ctx)
	for range s.replies {
	}
	s.sending.Lock()
	s.over = true
	s.region.Retire()
	s.sending.Unlock()
	s.farm.leaveSession()
}
