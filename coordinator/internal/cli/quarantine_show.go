package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
)

func (app App) quarantineList(folder *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is in quarantine, the oldest first",
		Example: `  coordinator quarantine list
  coordinator quarantine list --json | jq -r '.[] | select(.attempts[-1].exit.signal == "segmentation fault") | .source'`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			store, err := openQuarantine(*folder)
			if err != nil {
				return err
			}
			all, err := store.List()
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(app.Out, append([]quarantine.Entry{}, all...))
			case len(all) == 0:
				fmt.Fprintf(app.Err, "nothing is in quarantine (%s)\n", store.Folder)
				return nil
			}
			err = listEntries(app.Out, all)
			app.adviseRemoval(all)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: each entry's job.json, and its size in bytes")
	return cmd
}

func listEntries(w io.Writer, all []quarantine.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tINPUT\tENDED BY\tATTEMPTS\tSIZE\tPIPELINE")
	for _, e := range all {
		if e.Damaged != "" {
			fmt.Fprintf(t, "%s\t-\tdamaged: %s\t-\t%s\t-\n", e.ID, Plain(e.Damaged), bytesText(uint64(e.Size)))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", e.ID, inputText(e.Job), endText(e.Attempts), len(e.Attempts), bytesText(uint64(e.Size)), Plain(e.Pipeline))
	}
	return t.Flush()
}

// adviseRemoval says how to be rid of entries that are damaged.
func (app App) adviseRemoval(all []quarantine.Entry) {
	for _, e := range all {
		if e.Damaged != "" {
			fmt.Fprintf(app.Err, "%s is damaged; coordinator quarantine rm %s removes it\n", e.ID, e.ID)
		}
	}
}

// damagedEntry is an entry that is not whole.
func damagedEntry(store *quarantine.Store, id, why string) error {
	return fmt.Errorf("%s is damaged: %s; coordinator quarantine rm %s removes it", store.Path(id), Plain(why), id)
}

// inputText is such as "clip.mp4: frame 17".
func inputText(j quarantine.Job) string {
	if j.Source == "" {
		return "frame " + strconv.FormatUint(j.Index, 10)
	}
	return Plain(j.Source)
}

// endText is what the last attempt came to, in a few words.
func endText(attempts []quarantine.Attempt) string {
	if len(attempts) == 0 {
		return "-"
	}
	switch e := attempts[len(attempts)-1].Exit; {
	case e.Cause != proc.CauseExited:
		return Plain(string(e.Cause))
	case e.Signal != "":
		return Plain(e.Signal)
	default:
		return fmt.Sprintf("exit code %d", e.Code)
	}
}

func (app App) quarantineShow(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:               "show ID",
		Short:             "Tell the whole story of one",
		Example:           "  coordinator quarantine show 20260801-120304.567-k3xq",
		Args:              oneID,
		ValidArgsFunction: completeIDs(folder, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := openQuarantine(*folder)
			if err != nil {
				return err
			}
			e, err := store.Get(args[0])
			if err != nil {
				return err
			}
			return showEntry(app.Out, store, e)
		},
	}
}

func showEntry(w io.Writer, store *quarantine.Store, e quarantine.Entry) error {
	if e.Damaged != "" {
		return damagedEntry(store, e.ID, e.Damaged)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "folder\t%s\n", Plain(store.Path(e.ID)))
	fmt.Fprintf(t, "time\t%s\n", e.Time.Local().Format(time.RFC3339))
	fmt.Fprintf(t, "pipeline\t%s\n", Plain(e.Pipeline))
	fmt.Fprintf(t, "input\t%s (index %d)\n", inputText(e.Job), e.Index)
	if e.Stream != "" {
		fmt.Fprintf(t, "stream\t%s\n", Plain(e.Stream))
	}
	fmt.Fprintf(t, "kept as\t%s: %v, %s\n", Plain(e.Input.File), e.Input.Geometry, bytesText(uint64(e.Input.Bytes)))
	for _, in := range e.Inputs {
		fmt.Fprintf(t, "named\t%s is %s: %v, %s\n", Plain(in.Name), Plain(in.File), in.Geometry, bytesText(uint64(in.Bytes)))
	}
	fmt.Fprintf(t, "timeout\t%v\n", e.Timeout)
	if err := t.Flush(); err != nil {
		return err
	}
	for i, a := range e.Attempts {
		fmt.Fprintf(w, "\nattempt %d of %d in worker %d, after %v: ", i+1, len(e.Attempts), a.Worker, a.Ran.Round(time.Millisecond))
		showExit(w, a.Exit)
	}
	return nil
}

// showExit tells of a worker's end all that is known.
func showExit(w io.Writer, e proc.Exit) {
	fmt.Fprintf(w, "%s\n", Plain(e.String()))
	if e.Proc != nil {
		for _, t := range e.Proc.Threads {
			fmt.Fprintf(w, "  thread %d %s: state %s, CPU time %v, wchan %s, syscall %s\n",
				t.TID, Plain(t.Name), Plain(t.State), t.CPUTime, orDash(t.Wchan), orDash(t.Syscall))
		}
	}
	for line := range strings.Lines(e.Stderr) {
		fmt.Fprintf(w, "  | %s\n", Plain(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")))
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return Plain(text)
}
