package farm

import (
	"context"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// input is bytes that pipelines name. Whoever holds a program that names it holds its lease.
type input struct {
	name     string
	geometry frame.Geometry
	lease    *shm.Lease
}

// maxInputName bounds the name of an input.
const maxInputName = 4096

// Upload keeps a frame in shared memory, under the name by which pipelines refer to it in image and file parameters: a picture,
// or the bytes of an image file or of anything else, as frame.Encoded makes them. It takes the frame. Another frame under the
// same name replaces it: jobs submitted from then on see the new one. It counts against the memory budget until Discard. The
// errors are those of Submit.
func (f *Farm) Upload(ctx context.Context, name string, in frame.Frame) error {
	defer in.Release()
	j := Job{Frame: in}
	if name == "" || len(name) > maxInputName {
		return refuse(j, fault.Invalid, "the name of an input has 1 to 4096 bytes")
	}
	if err := in.Validate(); err != nil {
		return refuseFor(j, err)
	}
	if !f.enterSession() { // Close waits for it
		return refuse(j, fault.Closing, "the farm is closing")
	}
	defer f.leaveSession()
	lease, err := f.bring(ctx, j)
	if err != nil {
		return err
	}
	f.programs.put(&input{name, in.Geometry, lease})
	return nil
}

// Discard forgets an input. Jobs that were submitted before still have it.
func (f *Farm) Discard(name string) { f.programs.remove(name) }

// Place brings a frame into shared memory, for several jobs without a copy for each: give them what Share returns, and release the
// frame in the end. It takes the frame that it is given. It counts against the memory budget until all are released. The errors
// are those of Submit.
func (f *Farm) Place(ctx context.Context, in frame.Frame) (frame.Frame, error) {
	defer in.Release()
	j := Job{Frame: in}
	if err := in.Validate(); err != nil {
		return frame.Frame{}, refuseFor(j, err)
	}
	if !f.enterSession() { // Close waits for it
		return frame.Frame{}, refuse(j, fault.Closing, "the farm is closing")
	}
	defer f.leaveSession()
	lease, err := f.bring(ctx, j)
	if err != nil {
		return frame.Frame{}, err
	}
	in.Pix, in.Mem = lease.Bytes(), lease.Hold()
	return in, nil
}

// Share returns the frame once more, for a job to take: pixels in the farm's memory stay until each is released. It is the frame
// itself where they lie elsewhere.
func Share(in frame.Frame) frame.Frame {
	if own, ok := in.Mem.(*shm.Hold); ok {
		if another := own.Share(); another != nil {
			in.Mem = another
		}
	}
	return in
}

func (p *programs) put(in *input) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(in.name)
	p.inputs[in.name] = in
}

func (p *programs) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(name)
}

// removeAll forgets every input.
func (p *programs) removeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.inputs {
		p.forget(name)
	}
}

// forget drops an input and the programs that name it: the same text is another program then.
func (p *programs) forget(name string) {
	old, ok := p.inputs[name]
	if !ok {
		return
	}
	delete(p.inputs, name)
	old.lease.Release()
	for text, prog := range p.byText {
		for _, in := range prog.inputs {
			if in == old {
				delete(p.byText, text)
			}
		}
	}
}

// retain holds the inputs once more. It is called while p.byText has the program, so that they are held already.
func (p *program) retain() {
	for _, in := range p.inputs {
		in.lease.Retain()
	}
}

func (p *program) release() {
	for _, in := range p.inputs {
		in.lease.Release()
	}
}

// define tells a worker of the program.
func (p *program) define() *workerpb.Program {
	def := &workerpb.Program{Id: p.id, Pipeline: p.text}
	for _, in := range p.inputs {
		def.Inputs = append(def.Inputs, &workerpb.Input{
			Name: in.name, Geometry: workerpb.FromGeometry(in.geometry), Block: toBlock(in.lease),
		})
	}
	return def
}
