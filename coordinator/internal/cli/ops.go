package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// opsOptions is the flags that ops and its subcommands have in common.
type opsOptions struct {
	worker         string
	json, markdown bool
}

func (app App) opsCommand() *cobra.Command {
	var o opsOptions
	cmd := &cobra.Command{
		Use:   "ops [NAME]",
		Short: "List the worker's ops by family, search them, or show one with its parameters",
		Example: `  coordinator ops
  coordinator ops canny
  coordinator ops search GaussianBlur
  coordinator ops --json | jq '.[].name'`,
		Args:              func(_ *cobra.Command, args []string) error { return o.check(args) },
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withOps(cmd, &o, func(info farm.Info) error { return o.print(app.Out, info, args) })
		},
	}
	addWorkerFlag(cmd.PersistentFlags(), &o.worker)
	cmd.PersistentFlags().BoolVar(&o.json, "json", false, "print JSON: name, known_as, family, doc, returns, example, module, "+
		"params with name, type, default, min, max, choices, doc, known_as; of an op that the worker lacks also missing")
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print the reference page of all ops in Markdown")
	cmd.AddCommand(app.opsShowCommand(&o), app.opsSearchCommand(&o))
	return cmd
}

func (app App) opsShowCommand(o *opsOptions) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Show one op: its parameters with ranges and defaults, an example, and what it returns",
		Example:           "  coordinator ops show canny",
		Args:              exactlyOneName,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withOps(cmd, o, func(info farm.Info) error { return o.print(app.Out, info, args) })
		},
	}
}

func (app App) opsSearchCommand(o *opsOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "search WORD...",
		Short: "Find ops whose name, description or parameters have all of the words",
		Long: `Find ops whose name, family, description, result or parameters have all of the words. Case and underscores do not
matter, so that an op is found under the name that OpenCV gives it. First comes the op of that name, then those with the word in
their name, then those with it in their description. Those that the worker lacks are found, too, and say what they need.

Exit code: 1 when there is none.`,
		Example: `  coordinator ops search edges
  coordinator ops search cvtColor
  coordinator ops search blur sigma`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("ops search takes at least one word")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withOps(cmd, o, func(info farm.Info) error { return o.printFound(app.Out, info.Ops, args) })
		},
	}
}

func (o *opsOptions) check(names []string) error {
	switch {
	case len(names) > 1:
		return usagef("ops takes one name, but got %d", len(names))
	case o.markdown && (o.json || len(names) > 0):
		return usagef("--markdown prints the page of all ops: it goes without a name, and without --json")
	}
	return nil
}

func exactlyOneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("ops show takes one name, but got %d", len(args))
	}
	return nil
}

// withOps asks a worker what it can do.
func (app App) withOps(cmd *cobra.Command, o *opsOptions, do func(farm.Info) error) error {
	return withOneWorker(cmd.Context(), o.worker, func(f *farm.Farm) error { return do(f.Info()) })
}

func (o *opsOptions) print(w io.Writer, info farm.Info, names []string) error {
	switch {
	case o.markdown:
		return opsMarkdown(w, info)
	case len(names) == 0 && o.json:
		return printJSON(w, info.Ops)
	case len(names) == 0:
		return listOps(w, info.Ops)
	}
	op, ok := info.Ops.Find(names[0])
	if !ok {
		return usageError{unknownOp(info.Ops, names[0])}
	}
	if o.json {
		return printJSON(w, op)
	}
	return describeOp(w, op)
}

func (o *opsOptions) printFound(w io.Writer, ops pipeline.Catalogue, words []string) error {
	found := ops.Search(words)
	if len(found) == 0 {
		return fmt.Errorf("no op has %s in its description; coordinator ops lists them all", strings.Join(words, " and "))
	}
	if o.json {
		return printJSON(w, found)
	}
	return tabulate(w, func(row func(...string)) {
		for _, op := range found {
			row(op.Name, op.Family, op.Doc+absence(op))
		}
	})
}

// unknownOp is what a pipeline of that op would be refused with: the nearest name.
func unknownOp(ops pipeline.Catalogue, name string) error {
	err := ops.Check(pipeline.Pipeline{{Op: name}})
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		return errors.New(wrong.Message) // without the step, of which nobody spoke
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
