package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

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

// Start returns a worker that is ready for jobs, or a *StartError. It waits for ready, exit, timeout and ctx, whichever is first.
func (l *Launcher) Start(ctx context.Context, c Config) (*Worker, error) {
	ctx, cancel := context.WithTimeout(ctx, c.StartTimeout)
	defer cancel()
	p, err := l.launch(c)
	if err != nil {
		fatal := errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)
		return nil, &StartError{Path: c.Path, Reason: reason(err), Fatal: fatal, Exit: Exit{Cause: CauseStart, Code: -1, Detail: reason(err)}}
	}
	w := &Worker{process: p}
	stopWatching := context.AfterFunc(ctx, func() {
		cause := CauseStart
		if errors.Is(ctx.Err(), context.Canceled) {
			cause = CauseStop // nobody wants it any more
		}
		w.Kill(cause, "")
	})
	defer stopWatching()
	go w.endIfStopped(ctx, c.StallTimeout)
	if err = w.begin(ctx); err == nil {
		return w, nil
	}
	w.leave(err)
	w.end()
	return nil, w.startError(c, err, ctx.Err())
}

// begin brings the process to readiness.
func (w *Worker) begin(ctx context.Context) error {
	if err := w.process.greeted(ctx); err != nil {
		return err
	}
	if err := w.connect(); err != nil {
		return err
	}
	if err := w.describe(ctx); err != nil {
		return err
	}
	return w.openStream(ctx)
}

// endIfStopped kills a process that is found stopped for so long, until ctx ends: it would take all the time that a start may.
func (w *Worker) endIfStopped(ctx context.Context, limit time.Duration) {
	tick := time.NewTicker(max(limit/10, time.Millisecond))
	defer tick.Stop()
	for since := time.Now(); ; {
		select {
		case now := <-tick.C:
			if !stopped(w.PID()) {
				since = now
			} else if d := now.Sub(since); d > limit {
				w.Kill(CauseStalled, fmt.Sprintf("a signal stopped it %v ago", d.Round(time.Millisecond)))
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// leave ends a process that did not become ready. Where it broke off by itself, its own end is not overtaken, so that the cause
// is the true one.
func (w *Worker) leave(err error) {
	var stranger *strangerError
	if !errors.As(err, &stranger) {
		timer := time.NewTimer(streamGrace)
		defer timer.Stop()
		select {
		case <-w.Done():
		case <-timer.C:
		}
	}
	w.Kill(CauseStart, "")
}

// strangerError is the first line of a program that is no worker of this version.
type strangerError struct {
	version string // of the protocol that it speaks; empty: none
}

func (e *strangerError) Error() string {
	if e.version == "" {
		return "it does not begin as a worker of cvfarm does; is it one?"
	}
	return fmt.Sprintf("it speaks protocol version %.20q, this coordinator version %d: install both from one release", e.version, handshake.Version)
}

// errSilent is for a program that is about to end, or is no worker.
var errSilent = errors.New("it closed its standard output without a word; is it a worker of cvfarm?")

func (w *Worker) startError(c Config, err, timeout error) *StartError {
	e := &StartError{Path: c.Path, Reason: err.Error(), Exit: w.Exit()}
	var stranger *strangerError
	switch {
	case errors.As(err, &stranger):
		e.Fatal = stranger.version != ""
	case e.Exit.Cause == CauseExited && e.Exit.Code == 0:
		e.Reason = "it ended as if its work were done, which no worker of cvfarm does at its start; is it one?"
	case e.Exit.Cause == CauseExited:
		e.Reason = "it ended before it was ready"
	case e.Exit.Cause == CauseStalled:
		e.Reason = "it was stopped before it was ready"
	case errors.Is(timeout, context.DeadlineExceeded) && !errors.Is(err, errSilent):
		e.Reason = fmt.Sprintf("not ready within %v", c.StartTimeout)
	}
	return e
}

// reason is the error without the path, which the message names already, and with the limit that was reached.
func reason(err error) string {
	if errors.Is(err, unix.EMFILE) {
		return fmt.Sprintf("%v: this process may have %d (ulimit -n), and each worker takes %d", unix.EMFILE, openFiles(), filesPerWorker)
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
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

// greeting reads the worker's first line: nil, or a *strangerError.
func greeting(line string) error {
	version, ok := handshake.ParseHello(line)
	switch {
	case !ok:
		return &strangerError{}
	case version != strconv.Itoa(handshake.Version):
		return &strangerError{version: version}
	}
	return nil
}
