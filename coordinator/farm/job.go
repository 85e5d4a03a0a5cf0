package farm

import (
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// Job is one frame and what to do with it.
type Job struct {
	// Pipeline is such as "gray | canny low=50 high=150". A text is parsed and checked once and remembered.
	Pipeline string
	// Frame is the input. The farm takes it: pixels in Go memory are copied before Submit returns, a frame that lies in the
	// farm's memory (a Result's, a Reader's) is used in place and released when the job is done.
	Frame frame.Frame
	// Timeout replaces Config.Timeout where it is not 0.
	Timeout time.Duration
	// Deadline is when the answer must be there, whatever the job waits for: room, memory, its turn or the worker. It is answered
	// with fault.Deadline then, and a worker that is at it for another 100 ms is killed. Zero is none.
	Deadline time.Time
	// Stream is the key of the stream that the frame belongs to; empty for none. Jobs of one stream are done in the order of their
	// Submits by one worker, where ops that keep something from frame to frame find it. Such ops ask for a stream. See
	// Farm.EndStream.
	Stream string
	// NoWait makes Submit refuse with fault.Overloaded where it would wait for room.
	NoWait bool

	plan bool // run nothing, tell the shapes
}

// Result is what a pipeline made of a frame.
//
// Its pixels lie in shared memory and count against the farm's budget until Release; when results hold all of it, further
// jobs fail with fault.Overloaded. Copy gives pixels that need no Release.
type Result struct {
	// Frame is the output; FormatNone where the pipeline makes none. Index, PTS and Source are those of the input.
	frame.Frame
	// Values is what the ops found, in the order of the steps.
	Values []Value
	// Attempts is how often the job was tried: 1 where nothing went wrong.
	Attempts int
	// Worker is the number of the worker that did it, from 1; PID is its process's.
	Worker, PID int
	// Submitted is when Submit got the job, and Answered when the answer came from the worker: between them it waited for room, memory
	// and its turn, and ran.
	Submitted, Answered time.Time
	// Restarted says that the job's stream went on in another worker than before, because that ended or was recycled: what ops had
	// kept is lost, and they began anew with this frame.
	Restarted bool
	// Run is how long it ran in the worker, as the worker says; Steps is the same for each step.
	Run   time.Duration
	Steps []time.Duration

	shapes []frame.Geometry // of a plan
}

// Value is something that a step found beside the pixels. JSON has the shape that the op documents.
type Value struct {
	Step int    `json:"step"`
	Op   string `json:"op"`
	JSON []byte `json:"-"`
}

// Release gives the result's pixels back to the farm. Pix must not be touched afterwards. Calling it again does nothing, nor does
// calling it after the result's Frame was given to Submit, Put or Write, which take it. It is not safe for concurrent use with
// itself.
func (r *Result) Release() {
	r.Frame.Release()
	r.Pix, r.Mem = nil, nil
}

// Error is why a job has no result. fault.CodeOf finds its code.
type Error struct {
	Code    fault.Code
	Message string
	// Step is the step of the pipeline that it is about, from 1, and Op that step's op; 0 and empty where it is about none.
	Step int
	Op   string
	// Params are the parameters of that step whose values are at fault, together, the likeliest first; none where it is no value.
	Params []string
	// Index and Source are those of the job's frame.
	Index  uint64
	Source string
	// Attempts tells of the workers that the job cost, in order. Empty where no worker died.
	Attempts []Attempt
	// Entry is the job's name in quarantine; empty where it is not there. Only with fault.Poisoned.
	Entry string
}

// Attempt is one try of a job that ended with the end of its worker.
type Attempt struct {
	Worker int
	// Exit is how the worker ended and on whose order.
	Exit Exit
	// Ran is how long the job had been running in it.
	Ran time.Duration
}

// Exit is how a worker process ended.
type Exit = proc.Exit

// Cause is why a worker ended: by itself, or on whose order.
type Cause = proc.Cause

// The causes.
const (
	CauseExited   = proc.CauseExited   // it ended by itself, or was killed from outside
	CauseDeadline = proc.CauseDeadline // killed: a job in it passed its deadline
	CauseStalled  = proc.CauseStalled  // killed: it made no progress
	CauseStart    = proc.CauseStart    // killed: not ready in time
	CauseProtocol = proc.CauseProtocol // killed: it sent what it must not
	CauseCancel   = proc.CauseCancel   // killed: its job was cancelled
	CauseRecycle  = proc.CauseRecycle  // stopped: it reached a limit
	CauseStop     = proc.CauseStop     // stopped: the farm closed, or needed it no longer
)

// Error is the source, where the frame has one, the step, where it is about one, and the message.
func (e *Error) Error() string {
	text := e.fault().Error()
	if e.Source == "" {
		return text
	}
	return e.Source + ": " + text
}

// Unwrap makes fault.CodeOf find the code.
func (e *Error) Unwrap() error { return e.fault() }

func (e *Error) fault() *fault.Error {
	return &fault.Error{Code: e.Code, Message: e.Message, Step: e.Step, Op: e.Op, Params: e.Params}
}
