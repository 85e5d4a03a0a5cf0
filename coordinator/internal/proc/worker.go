package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// maxMessage bounds what a worker may send at once.
const maxMessage = 64 << 20

// sendTimeout is how long a worker may refuse to take a message before it is killed. Messages are small: only a process that
// is stopped or wedged lets the buffers fill.
const sendTimeout = 10 * time.Second

// Config says what to start.
type Config struct {
	// Path is the worker binary, Env what is added to its environment.
	Path string
	Env  []string
	// Arena and Region are the memory it shares. The region must be retired after Done.
	Arena  *shm.Arena
	Region *shm.Region
	// Lanes is how many jobs it runs at a time, Threads how many threads each may use.
	Lanes, Threads int
	// StartTimeout bounds the time until it is ready.
	StartTimeout time.Duration
}

// Info is how a worker describes itself.
type Info struct {
	Engine   string
	Versions map[string]string
	Ops      pipeline.Catalogue
	Modules  []Module
}

// Module is an optional part of the worker's library.
type Module struct {
	Name    string `json:"name"`
	Present bool   `json:"present"`
	Why     string `json:"why,omitempty"`
}

// StartError is why a worker did not become ready. Exit tells how the process ended; its PID is 0 where there was none.
type StartError struct {
	Path   string
	Reason string
	Exit   Exit
	// Fatal says that another try cannot help: the binary is missing or speaks another protocol.
	Fatal bool
}

func (e *StartError) Error() string {
	s := fmt.Sprintf("cannot start worker %s: %s", e.Path, e.Reason)
	if e.Exit.PID != 0 {
		s += ": " + e.Exit.String()
	}
	return s
}

// Worker is a running worker process.
type Worker struct {
	process *process
	client  *plugin.Client
	service workerpb.WorkerServiceClient
	work    workerpb.WorkerService_WorkClient
	cancel  context.CancelFunc // ends the Work stream
	watch   *time.Timer        // kills a worker that does not take a message
	info    Info
}

// Start returns a worker that is ready for jobs, or a *StartError. It waits for ready, exit, timeout and ctx, whichever is first.
func (l *Launcher) Start(ctx context.Context, c Config) (*Worker, error) {
	ctx, cancel := context.WithTimeout(ctx, c.StartTimeout)
	defer cancel()
	dir, err := socketDir()
	if err != nil {
		return nil, &StartError{Path: c.Path, Reason: err.Error()}
	}
	defer os.RemoveAll(dir) // the connection outlives the socket's name
	w := &Worker{process: newProcess(l, command(c), inheritedFiles(c.Arena))}
	err = w.connect(ctx, c, dir)
	if err == nil {
		return w, nil
	}
	if w.process.pid == 0 {
		fatal := errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)
		return nil, &StartError{Path: c.Path, Reason: reason(err), Fatal: fatal}
	}
	w.Kill(CauseStart, reason(err))
	w.end()
	return nil, w.startError(c, err, ctx.Err())
}

func (w *Worker) startError(c Config, err, timeout error) *StartError {
	w.process.mu.Lock()
	spoken := w.process.mismatch
	w.process.mu.Unlock()
	e := &StartError{Path: c.Path, Reason: err.Error(), Exit: w.Exit()}
	switch {
	case spoken != "":
		e.Reason = fmt.Sprintf("it speaks protocol version %.20q, this coordinator version %d: install both from one release", spoken, handshake.Version)
		e.Fatal = true
	case e.Exit.Cause == CauseExited:
		e.Reason = "it ended before it was ready"
	case errors.Is(timeout, context.DeadlineExceeded):
		e.Reason = fmt.Sprintf("not ready within %v", c.StartTimeout)
	case e.Exit.Cause == CauseStart && timeout == nil:
		e.Reason = "it does not begin as a worker of cvfarm does; is it one?"
	}
	return e
}

// reason is the error without the path, which the message names already.
func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// connect starts the process and brings it to readiness.
func (w *Worker) connect(ctx context.Context, c Config, dir string) error {
	w.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake.Config(),
		Plugins:          handshake.Host(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SkipHostEnv:      true,
		StartTimeout:     c.StartTimeout + time.Second, // ours comes first
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       &w.process.last, // what Go code in the worker prints goes this way
		SyncStderr:       &w.process.last,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
			// A window of fixed size: gRPC otherwise measures the line by a ping for nearly every message.
			grpc.WithInitialWindowSize(handshake.StreamWindow), grpc.WithInitialConnWindowSize(handshake.StreamWindow),
		},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			w.process.cmd.Env = append(w.process.cmd.Env, spec.Env...)
			return w.process, nil
		},
	})
	// Start and Client wait for the handshake under a lock of theirs: only the end of the process cuts them short.
	stopWatching := context.AfterFunc(ctx, func() { w.Kill(CauseStart, ctx.Err().Error()) })
	defer stopWatching()
	if _, err := w.client.Start(); err != nil {
		return err
	}
	conn, err := w.client.Client()
	if err != nil {
		return err
	}
	service, err := conn.Dispense(handshake.Name)
	if err != nil {
		return err
	}
	w.service = service.(workerpb.WorkerServiceClient)
	if err := w.describe(ctx); err != nil {
		return err
	}
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	w.watch = time.AfterFunc(time.Hour, func() { w.Kill(CauseProtocol, "it took no message for "+sendTimeout.String()) })
	w.watch.Stop()
	w.work, err = w.service.Work(streamCtx)
	return err
}

func command(c Config) *exec.Cmd {
	cmd := exec.Command(c.Path)
	offset, size := c.Region.Span()
	threads := strconv.Itoa(max(1, c.Threads))
	cmd.Env = append(inherited(),
		"OPENCV_FOR_THREADS_NUM="+threads, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads,
		"OPENCV_OPENCL_DEVICE=disabled",
		handshake.EnvRegion+"="+handshake.FormatRegion(offset, size),
		handshake.EnvLanes+"="+strconv.Itoa(max(1, c.Lanes)),
		handshake.EnvThreads+"="+threads,
	)
	cmd.Env = append(cmd.Env, c.Env...)
	return cmd
}

func inheritedFiles(a *shm.Arena) []*os.File {
	ro, rw := a.Files()
	return []*os.File{ro, rw}
}

func (w *Worker) describe(ctx context.Context) error {
	d, err := w.service.Describe(ctx, &workerpb.DescribeRequest{})
	if err != nil {
		return err
	}
	w.info = Info{Engine: d.Engine, Versions: d.Versions}
	if err := json.Unmarshal(d.OpsJson, &w.info.Ops); err != nil {
		return fmt.Errorf("its op catalogue cannot be read: %w", err)
	}
	if err := json.Unmarshal(d.ModulesJson, &w.info.Modules); err != nil {
		return fmt.Errorf("its list of modules cannot be read: %w", err)
	}
	return nil
}

// PID is the process's.
func (w *Worker) PID() int { return w.process.pid }

// Info is how the worker described itself when it started.
func (w *Worker) Info() Info { return w.info }

// Service is for the calls that open and close videos. Give each a deadline.
func (w *Worker) Service() workerpb.WorkerServiceClient { return w.service }

// FaultOf returns what a worker said of a call to its Service that it refused; nil for any other error.
func FaultOf(err error) *workerpb.Fault {
	for _, d := range status.Convert(err).Details() {
		if f, ok := d.(*workerpb.Fault); ok {
			return f
		}
	}
	return nil
}

// Send gives the worker a message. It is not safe for concurrent use. It blocks while the worker's buffers are full, for ten
// seconds at most: then the worker is killed. An error means that the worker is ending; Done follows.
func (w *Worker) Send(r *workerpb.WorkRequest) error {
	w.watch.Reset(sendTimeout)
	defer w.watch.Stop()
	return w.work.Send(r)
}

// Recv returns the worker's next message. It is not safe for concurrent use. It fails with io.EOF after a drain, with another
// error when the worker ends or sends nonsense.
func (w *Worker) Recv() (*workerpb.WorkResponse, error) { return w.work.Recv() }

// Done is closed when the process has ended and has been reaped.
func (w *Worker) Done() <-chan struct{} { return w.process.done }

// Exit tells how the process ended. It waits for Done.
func (w *Worker) Exit() Exit {
	<-w.process.done
	return w.process.exit
}

// Kill ends the process at once. The cause is for its Exit; the first one counts.
func (w *Worker) Kill(cause Cause, detail string) { w.process.kill(cause, detail) }

// streamGrace is how long after its stream has ended a process may take to end too.
const streamGrace = time.Second

// Doom is for a worker whose Recv failed: it is ending, or it is killed after a short while. Its own end is not overtaken, so
// that the cause is the true one.
func (w *Worker) Doom() {
	time.AfterFunc(streamGrace, func() { w.Kill(CauseProtocol, "it closed its stream") })
}

// Drain asks the worker to finish what it was sent. Recv then brings the rest, and io.EOF. No Send may follow.
func (w *Worker) Drain() error { return w.work.CloseSend() }

// Quit asks the worker to end, in good order where it is idle, and kills it when ctx ends before it has. It waits for Done. The
// cause is for its Exit, as with Kill. What it had sent can still be received.
func (w *Worker) Quit(ctx context.Context, cause Cause, detail string) {
	w.process.order(cause, detail)
	w.process.close()
	select {
	case <-w.Done():
	case <-ctx.Done():
		w.Kill(cause, detail)
		<-w.Done()
	}
	time.AfterFunc(streamGrace, w.cancel) // a child of its own may hold the connection open
}

// Stop is Quit, and cleans up: call it once for every worker that was started, also for one that ended by itself.
func (w *Worker) Stop(ctx context.Context) Exit {
	w.Quit(ctx, CauseStop, "")
	w.end()
	return w.Exit()
}

// end gives back what go-plugin and gRPC hold of a process that is ending.
func (w *Worker) end() {
	<-w.process.done
	if w.cancel != nil {
		w.cancel()
	}
	w.client.Kill() // returns at once: the process is gone, which was the one thing it could wait for
}
