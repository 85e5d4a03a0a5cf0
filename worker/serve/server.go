package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// server is the protocol's worker side. It holds the programs; a session runs the jobs.
type server struct {
	workerpb.UnimplementedWorkerServiceServer
	engine Engine
	view   *shm.View
	lanes  int
	down   *shm.RingReader
	up     *shm.RingWriter
	wrap   func(Wire) Wire

	mu       sync.Mutex
	programs map[uint32]*compiled
	streams  streams
}

// compiled is a program, or why there is none. A pipeline is compiled by the first job that needs it, in that job's lane, so
// that a crash or a hang in it is that job's.
type compiled struct {
	text   string
	inputs []*workerpb.Input
	once   sync.Once

	program Program
	err     error
}

func (s *server) Describe(context.Context, *workerpb.DescribeRequest) (*workerpb.DescribeResponse, error) {
	info := s.engine.Info()
	ops, err := json.Marshal(slices.Concat(info.Ops, info.Absent))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the engine's ops cannot be described: %v", err)
	}
	modules, err := json.Marshal(info.Modules)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the engine's modules cannot be described: %v", err)
	}
	return &workerpb.DescribeResponse{Engine: info.Name, Versions: info.Versions, OpsJson: ops, ModulesJson: modules}, nil
}

func (s *server) OpenReader(_ context.Context, r *workerpb.OpenReaderRequest) (*workerpb.OpenReaderResponse, error) {
	engine, err := s.video()
	if err != nil {
		return nil, err
	}
	p, v, err := engine.OpenReader(string(r.Uri), r.Skip)
	if err != nil {
		return nil, statusOf(err)
	}
	s.put(r.Program, &compiled{program: p})
	return &workerpb.OpenReaderResponse{Geometry: workerpb.FromGeometry(v.Geometry), Fps: v.FPS, Frames: v.Frames, Codec: v.Codec}, nil
}

func (s *server) OpenWriter(_ context.Context, r *workerpb.OpenWriterRequest) (*workerpb.OpenWriterResponse, error) {
	engine, err := s.video()
	if err != nil {
		return nil, err
	}
	v := Video{Geometry: r.Geometry.Frame(), FPS: r.Fps, Codec: r.Codec, Container: r.Container}
	p, codec, err := engine.OpenWriter(string(r.Path), v)
	if err != nil {
		return nil, statusOf(err)
	}
	s.put(r.Program, &compiled{program: p})
	return &workerpb.OpenWriterResponse{Codec: codec}, nil
}

func (s *server) video() (VideoEngine, error) {
	if e, ok := s.engine.(VideoEngine); ok {
		return e, nil
	}
	return nil, statusOf(fault.Errorf(fault.Invalid, "the worker's engine, %s, reads and writes no videos", s.engine.Info().Name))
}

func (s *server) CloseProgram(_ context.Context, r *workerpb.CloseProgramRequest) (*workerpb.CloseProgramResponse, error) {
	if err := s.drop(r.Program); err != nil {
		return nil, statusOf(err)
	}
	return &workerpb.CloseProgramResponse{}, nil
}

// statusOf carries a fault over a unary call, as a detail of its status.
func statusOf(err error) error {
	f := toFault(err)
	st, detailErr := status.New(codes.FailedPrecondition, f.Message).WithDetails(f)
	if detailErr != nil {
		return status.Error(codes.FailedPrecondition, f.Message)
	}
	return st.Err()
}

func toFault(err error) *workerpb.Fault {
	code, ok := fault.CodeOf(err)
	switch {
	case err == io.EOF:
		code = fault.End
	case !ok:
		code = fault.Invalid
	}
	f := &workerpb.Fault{Code: string(code), Message: strings.ToValidUTF8(err.Error(), "?")}
	var at *fault.Error
	if !errors.As(err, &at) {
		return f
	}
	for _, p := range at.Params {
		f.Params = append(f.Params, strings.ToValidUTF8(p, "?"))
	}
	if at.Step > 0 {
		f.Step, f.Message = uint32(at.Step), strings.ToValidUTF8(at.Message, "?")
	}
	return f
}

func (s *server) put(id uint32, c *compiled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.programs[id] = c
}

func (s *server) drop(id uint32) error {
	s.mu.Lock()
	c := s.programs[id]
	delete(s.programs, id)
	s.mu.Unlock()
	s.streams.forget(id)
	if c == nil || c.program == nil {
		return nil
	}
	return c.program.Close()
}

// find returns a program that is ready to run.
func (s *server) find(id uint32) (Program, error) {
	s.mu.Lock()
	c, ok := s.programs[id]
	s.mu.Unlock()
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "program %d was never defined", id)
	}
	c.once.Do(func() {
		if c.program == nil { // a reader or a writer is there already
			c.program, c.err = s.compile(c)
		}
	})
	return c.program, c.err
}

func (s *server) compile(c *compiled) (Program, error) {
	p, err := pipeline.Parse(c.text)
	if err != nil {
		return nil, err
	}
	inputs := Inputs{}
	for _, in := range c.inputs {
		if inputs[in.Name], err = s.read(in.Geometry, in.Block); err != nil {
			return nil, err
		}
	}
	return s.engine.Compile(p, inputs)
}

// read returns what a block of the arena holds.
func (s *server) read(g *workerpb.Geometry, b *workerpb.Block) (frame.Frame, error) {
	f := frame.Frame{Geometry: g.Frame()}
	pix, err := s.view.In(b.GetOffset(), b.GetSize())
	if err != nil {
		return f, err
	}
	f.Pix = pix
	return f, f.Validate()
}
