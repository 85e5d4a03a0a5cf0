// Command coordinator runs OpenCV pipelines over images and videos in supervised worker processes. It links no OpenCV.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/cli"
)

func main() {
	leaveProcessors()
	ctx, drain := signals()
	err := run(ctx, drain, os.Args[1:])
	if err != nil && !unread(err) {
		fmt.Fprintln(os.Stderr, "coordinator:", cli.Plain(err.Error()))
	}
	os.Exit(cli.ExitCode(err))
}

// leaveProcessors lets Go use a quarter of the CPUs. The coordinator needs less, and each of its wakes looks for work on all that
// there are, and wakes threads for it, which take the CPUs from workers: on two CPUs that was half of what it cost.
func leaveProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS((farm.CPUQuota() + 3) / 4)
	}
}

func run(ctx context.Context, drain <-chan struct{}, args []string) error {
	app := cli.App{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: isTerminal, Drain: drain}
	return cli.Run(ctx, app, args)
}

// signals makes the first SIGINT, SIGTERM or SIGHUP close drain and the second end the context; a third ends the process. A broken
// pipe is an error of the write, so that workers and temporary files are cleaned up.
func signals() (ctx context.Context, drain <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan struct{})
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, unix.SIGINT, unix.SIGTERM)
	if !signal.Ignored(unix.SIGHUP) { // as under nohup
		signal.Notify(interrupts, unix.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	go func() {
		<-interrupts
		close(first)
		<-interrupts
		cancel()
		signal.Stop(interrupts)
	}()
	return ctx, first
}

// unread reports that whoever read standard output has had enough, as head has after its lines: nobody needs to be told. Of a run that
// ends so there is more to say, and its error is another.
func unread(err error) bool {
	var write *os.PathError
	return errors.As(err, &write) && write.Path == os.Stdout.Name() && errors.Is(write, unix.EPIPE)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
