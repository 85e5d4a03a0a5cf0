package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"pgregory.net/rapid"

	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// worker is a gRPC server of one Work call, in which do has the guest.
type worker struct {
	workerpb.UnimplementedWorkerServiceServer
	view *shm.View
	bell int
	do   func(*Guest, workerpb.WorkerService_WorkServer) error

	listening sync.WaitGroup
}

func (w *worker) Work(stream workerpb.WorkerService_WorkServer) error {
	down, up := w.view.Rings(w.bell)
	g := NewGuest(stream, down, up)
	w.listening.Go(g.Listen)
	err := w.do(g, stream)
	if err == nil {
		w.listening.Wait()
	}
	return err
}

// connect returns the host's end of a wire with such a worker.
func connect(t *testing.T, do func(*Guest, workerpb.WorkerService_WorkServer) error) *Host {
	t.Helper()
	arena, err := shm.Create(1, 1<<20)
	check(t, err)
	region, err := arena.Region(shm.NewBudget("tests", 1<<20))
	check(t, err)
	bell, err := shm.NewBell()
	check(t, err)
	fd := int(bell.Fd())
	waiter, err := shm.NewWaiter(bell)
	check(t, err)
	offset, size := region.Span()
	ro, rw := arena.Files()
	view, err := shm.Open(dup(t, ro), dup(t, rw), offset, size)
	check(t, err)

	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "wire"))
	check(t, err)
	server := grpc.NewServer(grpc.WaitForHandlers(true))
	guest := &worker{view: view, bell: fd, do: do}
	workerpb.RegisterWorkerServiceServer(server, guest)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	check(t, err)
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-served
		guest.listening.Wait()
		view.Close()
		region.Retire()
		arena.Close()
	})
	stream, err := workerpb.NewWorkerServiceClient(conn).Work(context.Background())
	check(t, err)
	return NewHost(stream, region, waiter)
}

// unbroken is for a worker that breaks nothing.
func unbroken(t *testing.T) func(error) {
	return func(err error) { t.Error(err) }
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dup(t testing.TB, f *os.File) *os.File {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd()))
	check(t, err)
	return os.NewFile(uintptr(fd), "dup")
}

// echo answers each job at once, and says in the result how many programs it knew then.
func echo(g *Guest, _ workerpb.WorkerService_WorkServer) error {
	programs := map[uint32]bool{}
	for {
		r, err := g.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for _, id := range r.Forget {
			delete(programs, id)
		}
		for _, p := range r.Define {
			programs[p.Id] = true
		}
		for _, j := range r.Jobs {
			result := &workerpb.Result{Id: j.Id}
			if !programs[j.Program] {
				result.Fault = &workerpb.Fault{Code: "unknown"}
			}
			if err := g.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{result}}); err != nil {
				return err
			}
		}
		if g.Empty() {
			g.Wake()
		}
	}
}

// Definitions go another way than jobs, and yet each job finds what was said before it, and not what was said after it.
func TestMessagesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := connect(t, echo)
		said := make(chan *workerpb.WorkResponse, 1)
		ended := make(chan error, 1)
		go func() { ended <- h.Receive(said, unbroken(t)); close(said) }()
		known := map[uint32]bool{}
		want := map[uint64]bool{} // whether the job's program is known
		for id := uint64(1); id <= 60; id++ {
			program := rapid.Uint32Range(1, 4).Draw(rt, "program")
			r := &workerpb.WorkRequest{Jobs: []*workerpb.Job{{Id: id, Program: program}}}
			switch rapid.IntRange(0, 3).Draw(rt, "what else") {
			case 0:
				r.Define, known[program] = []*workerpb.Program{{Id: program}}, true
			case 1:
				other := program%4 + 1
				r.Forget, known[other] = []uint32{other}, false
			}
			want[id] = known[program]
			check(t, h.Send(r))
		}
		check(t, h.CloseSend())
		for r := range said {
			for _, result := range r.Results {
				knew, ok := want[result.Id]
				if !ok || knew != (result.Fault == nil) {
					rt.Fatalf("job %d: answered before %v, knew %v, fault %v", result.Id, !ok, knew, result.Fault)
				}
				delete(want, result.Id)
			}
		}
		if err := <-ended; err != io.EOF || len(want) > 0 {
			rt.Fatalf("%d jobs are not answered; %v", len(want), err)
		}
	})
}

// An answer that is larger than the ring goes by the stream, and none is lost for want of room.
func TestLargeAnswersArriveToo(t *testing.T) {
	const n, size = 200, 100_000
	h := connect(t, func(g *Guest, _ workerpb.WorkerService_WorkServer) error {
		if _, err := g.Recv(); err != nil {
			return err
		}
		for i := range n {
			text := strings.Repeat("x", size*(i%3))
			if err := g.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{{Id: uint64(i), Fault: &workerpb.Fault{Message: text}}}}); err != nil {
				return err
			}
		}
		g.Wake()
		_, err := g.Recv()
		if err == io.EOF {
			return nil
		}
		return err
	})
	said := make(chan *workerpb.WorkResponse)
	ended := make(chan error, 1)
	go func() { ended <- h.Receive(said, unbroken(t)); close(said) }()
	check(t, h.Send(&workerpb.WorkRequest{Jobs: []*workerpb.Job{{Id: 1}}}))
	check(t, h.CloseSend())
	got := map[uint64]bool{}
	for r := range said {
		for _, result := range r.Results {
			if got[result.Id] || len(result.Fault.Message) != size*int(result.Id%3) {
				t.Fatalf("answer %d: again %v, %d bytes", result.Id, got[result.Id], len(result.Fault.Message))
			}
			got[result.Id] = true
		}
	}
	if err := <-ended; err != io.EOF || len(got) != n {
		t.Fatalf("%d answers of %d, %v", len(got), n, err)
	}
}

// What a worker said before it broke off is heard, also where nobody was woken for it.
func TestTheLastWordsAreHeard(t *testing.T) {
	broken := errors.New("broken")
	h := connect(t, func(g *Guest, _ workerpb.WorkerService_WorkServer) error {
		_ = g.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{{Id: 7}}})
		return broken
	})
	said := make(chan *workerpb.WorkResponse, 1)
	if err := h.Receive(said, unbroken(t)); err == nil || err == io.EOF || errors.Is(err, ErrRing) {
		t.Fatalf("it ended with %v", err)
	}
	if r := <-said; r.Results[0].Id != 7 {
		t.Fatalf("heard %v", r)
	}
}

func TestABrokenRingIsTold(t *testing.T) {
	h := connect(t, func(g *Guest, _ workerpb.WorkerService_WorkServer) error {
		g.up.Put([]byte("\xff\xff\xff this is no message"))
		g.Wake()
		return nil
	})
	check(t, h.CloseSend())
	var told error
	if err := h.Receive(make(chan *workerpb.WorkResponse, 1), func(err error) { told = err }); !errors.Is(err, ErrRing) || !errors.Is(told, ErrRing) {
		t.Fatalf("it ended with %v, and told %v", err, told)
	}
	full := connect(t, func(g *Guest, stream workerpb.WorkerService_WorkServer) error {
		<-stream.Context().Done()
		return nil
	})
	var err error
	for range 1 << 20 {
		if err = full.Send(&workerpb.WorkRequest{Jobs: []*workerpb.Job{{Id: 1}}}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrRing) {
		t.Fatalf("a worker that takes nothing: %v", err)
	}
	full.bell.Close()
}

// A worker that breaks its ring may live on, and its stream with it: who waited for the stream's end to tell never told.
func TestABrokenRingIsToldWhileItsWorkerLives(t *testing.T) {
	enough := make(chan struct{})
	h := connect(t, func(g *Guest, _ workerpb.WorkerService_WorkServer) error {
		g.up.Put([]byte("\xff\xff\xff this is no message"))
		g.Wake()
		<-enough
		return errors.New("enough")
	})
	told, ended := make(chan error, 1), make(chan error, 1)
	go func() { ended <- h.Receive(make(chan *workerpb.WorkResponse, 1), func(err error) { told <- err }) }()
	err := <-told
	alive := len(ended) == 0
	close(enough)
	<-ended // it reads the region, which goes with the test
	if !errors.Is(err, ErrRing) {
		t.Fatal(err)
	}
	if !alive {
		t.Fatal("its stream has ended: nothing was shown")
	}
}

// A wish for memory that went by the ring overtook the large answer before it, which went by the stream: the worker asked for a
// job that it had not begun, it seemed, and was killed for it.
func TestAWishDoesNotOvertakeALargeAnswer(t *testing.T) {
	h := connect(t, func(g *Guest, _ workerpb.WorkerService_WorkServer) error {
		for id := uint64(1); id <= 20; id++ {
			large := &workerpb.Fault{Message: strings.Repeat("x", 1<<20)}
			_ = g.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{{Id: 2 * id}}})
			_ = g.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{{Id: 2*id + 1, Fault: large}}})
			_ = g.Send(&workerpb.WorkResponse{Needs: []*workerpb.Need{{Id: 2*id + 2}}})
			g.Wake()
		}
		return nil
	})
	check(t, h.CloseSend())
	said := make(chan *workerpb.WorkResponse)
	ended := make(chan error, 1)
	go func() { ended <- h.Receive(said, unbroken(t)); close(said) }()
	next := uint64(2)
	for r := range said {
		for _, result := range r.Results {
			if result.Id != next {
				t.Fatalf("answer %d, want %d", result.Id, next)
			}
			next++
		}
		for _, n := range r.Needs {
			if n.Id != next {
				t.Fatalf("a wish for job %d, before answer %d", n.Id, next)
			}
		}
	}
	if err := <-ended; err != io.EOF || next != 42 {
		t.Fatalf("heard up to %d, %v", next, err)
	}
}

// The goroutine of the stream reads the ring too. What it found broken there was told nobody.
func TestARingThatIsFoundBrokenByTheStreamIsTold(t *testing.T) {
	enough := make(chan struct{})
	h := connect(t, func(g *Guest, stream workerpb.WorkerService_WorkServer) error {
		g.up.Put([]byte("\xff\xff\xff this is no message")) // nobody is woken for it
		_ = stream.Send(&workerpb.WorkResponse{})
		<-enough
		return errors.New("enough")
	})
	told, ended := make(chan error, 2), make(chan error, 1)
	go func() { ended <- h.Receive(make(chan *workerpb.WorkResponse, 1), func(err error) { told <- err }) }()
	err := <-told
	close(enough)
	<-ended // it reads the region, which goes with the test
	if !errors.Is(err, ErrRing) {
		t.Fatal(err)
	}
}
