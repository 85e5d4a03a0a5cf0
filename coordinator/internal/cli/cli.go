// Package cli is the command line: one file for each command. Commands write to the streams of an App and return errors; what
// an error means for the exit code is told by ExitCode alone.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// App is what a command has of the world outside.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal reports whether a stream is one. Nil is never.
	Terminal func(stream any) bool
	// Drain is closed when the user asks to end in good order: what is in flight is finished. The context of Run is for
	// ending at once.
	Drain <-chan struct{}
}

// Run runs the command that args name.
func Run(ctx context.Context, app App, args []string) error {
	if app.Terminal == nil {
		app.Terminal = func(any) bool { return false }
	}
	root := app.root()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

func (app App) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "coordinator",
		Short: "Run OpenCV pipelines over images and videos in supervised worker processes",
		Long: `Run OpenCV pipelines over images and videos in supervised worker processes.

A worker that crashes, hangs or leaks costs one attempt of one frame, never the run.`,
		Example: `  coordinator run clip.mp4 -p 'gray | canny low=50 high=150' -o edges.mp4
  coordinator run photos/ -r -p 'resize dsize=640x0' -o small/
  coordinator preview photo.jpg -p 'gray | canny' -o sheet.png
  coordinator ops canny
  coordinator doctor`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(app.In)
	root.SetOut(app.Out)
	root.SetErr(app.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(app.runCommand(), app.previewCommand(), app.benchCommand(), app.opsCommand(), app.quarantineCommand(),
		app.chaosCommand(), app.doctorCommand(), app.versionCommand())
	return root
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %s", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s; see %s --help", text, cmd.CommandPath())
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, but got %s", cmd.CommandPath(), args[0])
	}
	return nil
}

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errInterrupted is the end of a run by a signal.
var errInterrupted = errors.New("interrupted")

// ExitCode is what the process says of an error: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted.
func ExitCode(err error) int {
	var usage usageError
	var mediaUsage *media.UsageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &mediaUsage):
		return exitUsage
	}
	return exitFailed
}

// untilDrain returns a context that ends with ctx, and when the user asks for an end, be it in good order: for commands that have
// nothing to finish.
func (app App) untilDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-app.Drain:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
