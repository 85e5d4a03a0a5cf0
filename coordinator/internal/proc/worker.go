package proc

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/cvfarm/cvfarm/shared/wire"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// sendTimeout is how long a worker may refuse to take a message before it is killed. Messages are small: only a process that
// is stopped or wedged lets the buffers fill.
const sendTimeout = 10 * time.Second

// Worker is a running worker process.
type Worker struct {
	process *process
	client  *plugin.Client
	service workerpb.WorkerServiceClient
	wire    *wire.Host
	cancel  context.CancelFunc // ends the Work stream
	watch   *time.Timer        // kills a worker that does not take a message
	info    Info
}

// PID is the process's.
func (w *Worker) PID() int { return w.process.pid() }

// Info is how the worker described itself when it started.
func (w *Worker) Info() Info { return w.info }

// Service is for the calls that open and close videos. Give each a deadline.
func (w *Worker) Service() workerpb.WorkerServiceClient { return w.service }

// Send gives the worker a message, and does not keep it. It is not safe for concurrent use. It blocks while the worker's buffers
// are full, for ten seconds at most: then the worker is killed. An error means that the worker is ending; Done follows.
func (w *Worker) Send(r *workerpb.WorkRequest) error {
	w.watch.Reset(sendTimeout)
	defer w.watch.Stop()
	err := w.wire.Send(r)
	if errors.Is(err, wire.ErrRing) {
		w.Kill(CauseProtocol, err.Error())
	}
	return err
}

// Receive passes on what the worker says, until it has drained or ended and all is said; then it closes to. It is to be called
// once, and blocks.
func (w *Worker) Receive(to chan<- *workerpb.WorkResponse) {
	defer close(to)
	_ = w.wire.Receive(to, func(err error) { w.Kill(CauseProtocol, err.Error()) }) // how it ended tells Exit
}

// Look has Receive pass on what the worker has said and not called for yet: short answers may be kept back for a moment.
func (w *Worker) Look() { w.wire.Look() }

// Crowded reports whether the worker has much to read before it comes to what is sent now.
func (w *Worker) Crowded() bool { return w.wire.Crowded() }

// Unseen reports whether there is something for Look.
func (w *Worker) Unseen() bool { return w.wire.Unseen() }

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

// Doom is for a worker whose Receive ended: it is ending, or it is killed after a short while. Its own end is not overtaken, so
// that the cause is the true one.
func (w *Worker) Doom() {
	time.AfterFunc(streamGrace, func() { w.Kill(CauseProtocol, "it closed its stream") })
}

// Drain asks the worker to finish what it was sent. Receive then brings the rest, and returns. No Send may follow.
func (w *Worker) Drain() error { return w.wire.CloseSend() }

// Quit asks the worker to end, in good order where it is idle, and kills it when ctx ends before it has. It waits for Done. The
// cause is for its Exit, as with Kill. What it had sent can still be received.
func (w *Worker) Quit(ctx context.Context, cause Cause, detail string) {
	w.process.order(cause, detail)
	w.process.release()
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
	w.process.bell.Close()
	if w.client != nil {
		w.client.Kill() // returns at once: the process is gone, which was the one thing it could wait for
	}
	if conn, err := w.process.dial(context.Background(), ""); err == nil {
		conn.Close() // nobody used it
	}
}
