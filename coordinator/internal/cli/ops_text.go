package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// family is ops that people look for together.
type family struct {
	name string
	ops  []pipeline.OpInfo
}

// families groups ops, in the order in which their families appear; those of no family come last.
func families(ops pipeline.Catalogue) []family {
	var all []family
	var other []pipeline.OpInfo
	for _, op := range ops {
		i := slices.IndexFunc(all, func(f family) bool { return f.name == op.Family })
		switch {
		case op.Family == "":
			other = append(other, op)
		case i < 0:
			all = append(all, family{op.Family, []pipeline.OpInfo{op}})
		default:
			all[i].ops = append(all[i].ops, op)
		}
	}
	if len(other) > 0 {
		all = append(all, family{"other", other})
	}
	return all
}

// tabulate writes rows whose columns are aligned.
func tabulate(w io.Writer, rows func(row func(cells ...string))) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows(func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) })
	return t.Flush()
}

// listOps lists what the worker can do, and names what it lacks.
func listOps(w io.Writer, known pipeline.Catalogue) error {
	ops := known.Present()
	width := 0
	for _, op := range ops {
		width = max(width, len(op.Name))
	}
	all := families(ops)
	for _, f := range all {
		fmt.Fprintln(w, f.name)
		for _, op := range f.ops {
			fmt.Fprintf(w, "  %-*s  %s\n", width, op.Name, op.Doc)
		}
	}
	fmt.Fprintf(w, "\n%d ops in %d families; coordinator ops show NAME tells more of one\n", len(ops), len(all))
	return listAbsent(w, known)
}

func listAbsent(w io.Writer, known pipeline.Catalogue) error {
	var names []string
	for _, op := range known {
		if op.Missing != "" {
			names = append(names, op.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d more that this worker lacks: %s\n", len(names), strings.Join(names, ", "))
	return err
}

// needs is what an op stands on, and where the worker lacks it what the worker has instead.
func needs(op pipeline.OpInfo) string {
	return cmp.Or(strings.TrimPrefix(op.Missing, "needs "), op.Needs)
}

// absence is what a line about an op ends with where the worker lacks it.
func absence(op pipeline.OpInfo) string {
	if op.Missing == "" {
		return ""
	}
	return " (" + op.Missing + ")"
}

func describeOp(w io.Writer, op pipeline.OpInfo) error {
	fmt.Fprintf(w, "%s: %s\n\n", op.Name, op.Doc)
	err := tabulate(w, func(row func(...string)) {
		for _, line := range [][2]string{
			{"known as", strings.Join(op.KnownAs, ", ")}, {"family", op.Family}, {"module", op.Module}, {"returns", op.Returns}, {"example", op.Example},
			{"needs", needs(op)},
		} {
			if line[1] != "" {
				row(line[0], line[1])
			}
		}
	})
	if err != nil {
		return err
	}
	if len(op.Params) == 0 {
		_, err := fmt.Fprintln(w, "\nIt takes no parameters.")
		return err
	}
	fmt.Fprintln(w)
	err = tabulate(w, func(row func(...string)) {
		row("PARAMETER", "DEFAULT", "TAKES", "MEANING")
		for _, p := range op.Params {
			row(p.Name, defaultOf(p), takes(p), p.Doc)
		}
	})
	if err != nil {
		return err
	}
	return listChoices(w, op)
}

// maxChoices is how many characters of choices have a place in a table.
const maxChoices = 90

func manyChoices(p pipeline.Param) bool { return len(strings.Join(p.Choices, ", ")) > maxChoices }

func takes(p pipeline.Param) string {
	if manyChoices(p) {
		return fmt.Sprintf("one of the %d below", len(p.Choices))
	}
	return p.Allowed()
}

// listChoices lists those that have no place in the table.
func listChoices(w io.Writer, op pipeline.OpInfo) error {
	for _, p := range op.Params {
		if !manyChoices(p) {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s:\n%s\n", p.Name, wrapped(p.Choices)); err != nil {
			return err
		}
	}
	return nil
}

// wrapped is words with commas between them, in lines of up to 100 characters that are indented.
func wrapped(words []string) string {
	var b strings.Builder
	line := "  " + words[0]
	for _, word := range words[1:] {
		if line += ","; len(line)+len(" ")+len(word)+len(",") > 100 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line
}

func defaultOf(p pipeline.Param) string {
	if p.Default == nil {
		return "required"
	}
	return p.DefaultText()
}

// opsMarkdown writes the reference page of a worker's ops.
func opsMarkdown(w io.Writer, info farm.Info) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# The ops\n\nWhat a worker with %s can do: `coordinator ops --markdown` wrote this page. Some ops need a version or a\n"+
		"part of it, and say so; `coordinator ops` asks the worker that is there what it has.\n\n"+
		"Data is JSON, which has no NaN and no infinity: such a number is null, in the data of every op.\n\n", info.Engine)
	all := families(info.Ops)
	b.WriteString("| family | ops |\n|---|---|\n")
	for _, f := range all {
		links := make([]string, len(f.ops))
		for i, op := range f.ops {
			links[i] = "[" + op.Name + "](#" + op.Name + ")"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, strings.Join(links, ", "))
	}
	for _, f := range all {
		fmt.Fprintf(&b, "\n## %s ops\n", f.name)
		for _, op := range f.ops {
			opMarkdown(&b, op)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func opMarkdown(b *strings.Builder, op pipeline.OpInfo) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n", op.Name, cell(op.Doc))
	if len(op.Params) > 0 {
		b.WriteString("\n| parameter | default | takes | |\n|---|---|---|---|\n")
	}
	for _, p := range op.Params {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, cell(defaultOf(p)), cell(p.Allowed()), cell(p.Doc))
	}
	if op.Returns != "" {
		fmt.Fprintf(b, "\nReturns %s.\n", strings.TrimSuffix(cell(op.Returns), "."))
	}
	if len(op.KnownAs) > 0 {
		fmt.Fprintf(b, "\nKnown as %s.\n", cell(strings.Join(op.KnownAs, ", ")))
	}
	if op.Needs != "" {
		fmt.Fprintf(b, "\nNeeds %s.\n", cell(op.Needs))
	}
	if op.Example != "" {
		fmt.Fprintf(b, "\n    %s\n", op.Example)
	}
}

// cell keeps Markdown from reading more into a text than it says.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`, "\n", " ").Replace(text)
}
