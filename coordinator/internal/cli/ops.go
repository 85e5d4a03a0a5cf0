package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func (app App) opsCommand() *cobra.Command {
	var worker string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ops [NAME]",
		Short: "List the worker's ops, or one of them with its parameters",
		Example: `  coordinator ops
  coordinator ops canny
  coordinator ops --json | jq '.[].name'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("ops takes one name, but got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withOneWorker(cmd.Context(), worker, func(f *farm.Farm) error {
				return printOps(app.Out, f.Ops(), args, asJSON)
			})
		},
	}
	addWorkerFlag(cmd, &worker)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: name, doc, module, params with name, type, default, min, max, choices, doc")
	return cmd
}

func printOps(w io.Writer, ops pipeline.Catalogue, names []string, asJSON bool) error {
	if len(names) == 0 {
		if asJSON {
			return printJSON(w, ops)
		}
		return listOps(w, ops)
	}
	op, ok := ops.Find(names[0])
	if !ok {
		return usageError{unknownOp(ops, names[0])}
	}
	if asJSON {
		return printJSON(w, op)
	}
	return describeOp(w, op)
}

// unknownOp is what a pipeline of that op would be refused with, the nearest name included.
func unknownOp(ops pipeline.Catalogue, name string) error {
	err := ops.Check(pipeline.Pipeline{{Op: name}})
	return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "step 1: "))
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func listOps(w io.Writer, ops pipeline.Catalogue) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, op := range ops {
		fmt.Fprintf(t, "%s\t%s\n", op.Name, op.Doc)
	}
	return t.Flush()
}

func describeOp(w io.Writer, op pipeline.OpInfo) error {
	fmt.Fprintf(w, "%s: %s\nmodule: %s\n", op.Name, op.Doc, op.Module)
	if len(op.Params) == 0 {
		fmt.Fprintln(w, "It takes no parameters.")
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PARAMETER\tDEFAULT\tTAKES\tMEANING")
	for _, p := range op.Params {
		def := "required"
		if p.Default != nil {
			def = fmt.Sprint(p.Default)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Name, def, p.Allowed(), p.Doc)
	}
	return t.Flush()
}
