package workertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/wire"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// memory bounds what is lent in each direction.
const memory = 256 << 20

// host is the coordinator's side of one worker, as small as can be.
type host struct {
	*testing.T
	config Config

	arena    *shm.Arena
	in, out  *shm.Region // ours, the worker's
	cmd      *exec.Cmd
	lifeline *os.File
	hello    string
	stdout   output // after the hello
	stderr   output
	streams  sync.WaitGroup
	ended    chan struct{} // closed when the process is reaped
	conn     *grpc.ClientConn
	bell     *shm.Waiter
	wire     *wire.Host
	replies  chan *workerpb.WorkResponse // closed when the wire ends
	wireErr  error                       // valid after that

	description *workerpb.DescribeResponse
	ops         pipeline.Catalogue
	programs    map[string]uint32
	lastProgram uint32
	lastJob     uint64
	doing       string // for messages
}

// output is what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts the worker and has it describe itself. At the test's end it is stopped.
func start(t *testing.T, c Config) *host {
	t.Helper()
	h := &host{T: t, config: c, ended: make(chan struct{}), replies: make(chan *workerpb.WorkResponse), programs: map[string]uint32{}}
	h.share()
	conn := h.launch()
	t.Cleanup(h.stop)
	h.connect(conn)
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), c.Patience)
	defer cancel()
	if h.description, err = workerpb.NewWorkerServiceClient(h.conn).Describe(ctx, &workerpb.DescribeRequest{}); err != nil {
		h.Fatalf("it does not describe itself: %v%s", err, h.lastWords())
	}
	if err := json.Unmarshal(h.description.OpsJson, &h.ops); err != nil {
		h.Fatalf("its catalogue is no JSON of pipeline.OpInfo: %v", err)
	}
	h.ops = h.ops.Present() // of others it tells only what they need
	h.work()
	return h
}

// must fails the test where the test's own preparations fail.
func must[T any](h *host, v T, err error) T {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
	return v
}

// share makes the memory.
func (h *host) share() {
	h.Helper()
	var err error
	h.arena, err = shm.Create(2, memory)
	must(h, 0, err)
	h.in, err = h.arena.Region(shm.NewBudget("inputs", memory))
	must(h, 0, err)
	h.out, err = h.arena.Region(shm.NewBudget("outputs", memory))
	must(h, 0, err)
}

// launch starts the process and waits for its first line. It returns our end of the connection.
func (h *host) launch() net.Conn {
	h.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(h, 0, err)
	ours, theirs := os.NewFile(uintptr(fds[0]), "connection"), os.NewFile(uintptr(fds[1]), "connection")
	defer ours.Close()
	defer theirs.Close()
	alive, lifeline, err := os.Pipe()
	must(h, 0, err)
	defer alive.Close()
	h.lifeline = lifeline
	stdout, theirStdout, err := os.Pipe()
	must(h, 0, err)
	defer theirStdout.Close()
	bell, err := shm.NewBell()
	must(h, 0, err)
	h.bell, err = shm.NewWaiter(bell)
	must(h, 0, err)
	ro, rw := h.arena.Files()
	h.cmd = exec.Command(h.config.Worker)
	h.cmd.Env = h.environment()
	h.cmd.Stdout, h.cmd.Stderr = theirStdout, &h.stderr
	h.cmd.ExtraFiles = []*os.File{ro, rw, alive, theirs, bell} // in the order of handshake's descriptors
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.cmd.WaitDelay = time.Second
	if err := h.cmd.Start(); err != nil {
		stdout.Close()
		h.Fatal(err)
	}
	first := make(chan string, 1)
	h.streams.Go(func() { readLine(stdout, first, &h.stdout) })
	go func() { defer close(h.ended); _ = h.cmd.Wait() }()
	select {
	case h.hello = <-first:
	case <-time.After(h.config.Patience):
	}
	conn, err := net.FileConn(ours)
	return must(h, conn, err)
}

// readLine sends the first line, and writes what follows to rest.
func readLine(from *os.File, first chan<- string, rest io.Writer) {
	defer from.Close()
	var line []byte
	for b := make([]byte, 1); len(line) < 4096; line = append(line, b[0]) {
		if _, err := from.Read(b); err != nil || b[0] == '\n' {
			break
		}
	}
	first <- string(line) + "\n"
	_, _ = io.Copy(rest, from)
}

func (h *host) environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	cookie := handshake.Config()
	offset, size := h.out.Span()
	env = append(env, cookie.MagicCookieKey+"="+cookie.MagicCookieValue, handshake.EnvRegion+"="+handshake.FormatRegion(offset, size),
		handshake.EnvLanes+"=1", handshake.EnvThreads+"=1")
	return append(env, h.config.Env...)
}

func (h *host) connect(conn net.Conn) {
	h.Helper()
	once := make(chan net.Conn, 1)
	once <- conn
	dial := func(context.Context, string) (net.Conn, error) {
		select {
		case c := <-once:
			return c, nil
		default:
			return nil, net.ErrClosed
		}
	}
	var err error
	h.conn, err = grpc.NewClient("passthrough:///worker", grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(h, 0, err)
	if h.hello != handshake.Hello() {
		h.Fatalf("its first line is %q, and must be %q%s", h.hello, handshake.Hello(), h.lastWords())
	}
}

// work opens the wire.
func (h *host) work() {
	h.Helper()
	stream, err := workerpb.NewWorkerServiceClient(h.conn).Work(context.Background())
	must(h, 0, err)
	h.wire = wire.NewHost(stream, h.out, h.bell)
	h.streams.Go(func() {
		defer close(h.replies)
		h.wireErr = h.wire.Receive(h.replies, func(err error) { h.Errorf("%v", err) })
	})
}

// hear returns the worker's next message, or nil when it has closed its side.
func (h *host) hear() *workerpb.WorkResponse {
	h.Helper()
	select {
	case r, ok := <-h.replies:
		if !ok && h.wireErr != io.EOF {
			h.awaitEnd()
			h.Fatalf("%s: it broke off: %v%s", h.doing, h.wireErr, h.lastWords())
		}
		return r
	case <-time.After(h.config.Patience):
		h.Fatalf("%s: it has not answered within %v%s", h.doing, h.config.Patience, h.lastWords())
		return nil
	}
}

// awaitEnd reports whether the process has ended in time.
func (h *host) awaitEnd() bool {
	select {
	case <-h.ended:
		return true
	case <-time.After(h.config.Patience):
		return false
	}
}

// stop ends the worker in good order, and gives everything back.
func (h *host) stop() {
	h.lifeline.Close()
	if !h.awaitEnd() {
		h.Errorf("it still runs %v after the coordinator's end", h.config.Patience)
		_ = syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
		<-h.ended
	}
	if h.conn != nil {
		h.conn.Close()
	}
	if h.wire == nil {
		h.bell.Close()
	} else {
		go func() {
			for range h.replies { // what it said and nobody asked for
			}
		}()
	}
	h.streams.Wait()
	if text := h.stdout.String(); text != "" {
		h.Errorf("it printed on standard output, which is for the handshake: %.200q", text)
	}
	h.in.Retire()
	h.out.Retire()
	h.arena.Close()
}

// lastWords are for messages.
func (h *host) lastWords() string {
	text := h.stderr.String()
	text = text[max(0, len(text)-2000):]
	select {
	case <-h.ended:
		return fmt.Sprintf("; it ended with %v and these words:\n%s", h.cmd.ProcessState, text)
	default:
		return "; its last words:\n" + text
	}
}
