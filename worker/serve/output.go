package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/handshake"
)

// Output takes what one Run of a program makes. It belongs to that Run: it is not for concurrent use and not for later.
type Output struct {
	memory
	step  func(i int)           // tells the coordinator where we are; may be nil
	state func(step int) *State // nil where the job belongs to no stream
	base  int                   // the step at which the program begins, where it is a part of another

	out     frame.Frame // Pix within block, or nil
	same    bool
	values  []Value
	found   int // bytes of values
	steps   []time.Duration
	started time.Time
	current int
	shapes  []frame.Geometry // of a plan
}

// memory is where the picture goes.
type memory struct {
	block []byte                      // lent by the coordinator; may be empty
	grow  func(n int) ([]byte, error) // asks for a larger block, blocks until answered
}

// Value is something that a step found beside the pixels. JSON is its documented shape.
type Value struct {
	Step int
	Op   string
	JSON json.RawMessage
}

// Pixels returns the dense rows of a picture of geometry g in the output block, for the program to fill; what they hold before
// is undefined. Where the lent block is too small it blocks until the coordinator grants a larger one. A second call replaces
// the first. An error means that the farm has no memory for such a picture: return it.
func (o *Output) Pixels(g frame.Geometry) ([]byte, error) {
	n, err := g.Size()
	if err != nil {
		return nil, err
	}
	return o.take(g, n)
}

// Encoded is Pixels for n encoded bytes.
func (o *Output) Encoded(n int) ([]byte, error) {
	if n < 1 || n > frame.MaxBytes {
		return nil, fault.Errorf(fault.Invalid, "%d encoded bytes: 1 to %d are possible", n, frame.MaxBytes)
	}
	return o.take(frame.Geometry{Format: frame.FormatEncoded}, n)
}

func (o *Output) take(g frame.Geometry, n int) ([]byte, error) {
	if n > len(o.block) {
		block, err := o.grow(n)
		if err != nil {
			return nil, err
		}
		if len(block) < n {
			return nil, fault.Errorf(fault.Overloaded, "asked for %d bytes of output, was granted %d", n, len(block))
		}
		o.block = block
	}
	o.out.Geometry, o.out.Pix, o.same = g, o.block[:n:n], false
	return o.out.Pix, nil
}

// Same makes the input the output, without a copy.
func (o *Output) Same() { o.out, o.same = frame.Frame{PTS: o.out.PTS}, true }

// SetPTS sets the presentation time of a frame that a reader made. Others inherit their input's.
func (o *Output) SetPTS(d time.Duration) { o.out.PTS = d }

// Step says that step i begins. It stamps the time, and shows the coordinator that there is progress.
func (o *Output) Step(i int) {
	i += o.base
	now := time.Now()
	o.finish(now)
	o.steps = append(o.steps, 0)
	o.started, o.current = now, i
	if o.step != nil {
		o.step(i)
	}
}

// State returns what the current step keeps for the stream that the job belongs to. It fails where that is none.
func (o *Output) State() (*State, error) {
	if o.state == nil {
		return nil, fault.Errorf(fault.Invalid, "keeps something from frame to frame, and the job names no stream that the frame belongs to")
	}
	return o.state(o.current), nil
}

// plan tells what a program would make.
func (o *Output) plan(p Program, in frame.Geometry) (err error) {
	if planner, ok := p.(Planner); ok {
		o.shapes, err = planner.Shapes(in)
	}
	return err
}

// finish says that the current step, if any, ends now.
func (o *Output) finish(now time.Time) {
	if len(o.steps) > 0 {
		o.steps[len(o.steps)-1] = now.Sub(o.started)
	}
}

// Value adds something that the current step found. It must suit encoding/json, except that it may
// have NaN and infinities: they become null.
func (o *Output) Value(op string, v any) error {
	data, err := encodeFinite(v)
	if err != nil {
		return fmt.Errorf("cannot express what it found: %v", err)
	}
	if o.found += len(data); o.found > handshake.MaxData {
		return fault.Errorf(fault.Invalid, "found %d bytes of data: the limit is %d for a frame", o.found, handshake.MaxData)
	}
	o.values = append(o.values, Value{Step: o.current, Op: op, JSON: data})
	return nil
}

// Outcome is what a program made of one frame.
type Outcome struct {
	Frame  frame.Frame // the input itself after Same; FormatNone where there are no pixels
	Values []Value
}

// Try runs a program in this process, on Go memory: for tests of an engine and its ops.
func Try(p Program, in frame.Frame) (Outcome, error) { return new(Stream).Try(p, in) }

// Stream is the frames of one source, for tests of ops that keep something from frame to frame. The zero Stream is a new one.
type Stream struct {
	// Fill is what the bytes of an output are before the program writes them. No result may depend on it.
	Fill byte
	kept streams
}

// Try runs a program on the stream's next frame.
func (s *Stream) Try(p Program, in frame.Frame) (Outcome, error) {
	o := &Output{
		memory: memory{grow: s.lend},
		state:  func(step int) *State { return s.kept.state(1, 1, step) },
	}
	if err := p.Run(in, o); err != nil {
		return Outcome{}, err
	}
	if o.same {
		o.out = in
	}
	return Outcome{Frame: o.out, Values: o.values}, nil
}

func (s *Stream) lend(n int) ([]byte, error) {
	if s.Fill == 0 {
		return make([]byte, n), nil
	}
	return bytes.Repeat([]byte{s.Fill}, n), nil
}

// Close drops what was kept.
func (s *Stream) Close() { s.kept.end(1) }
