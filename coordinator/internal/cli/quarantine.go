package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
)

func (app App) quarantineCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "Look into, try again and remove frames that ended every worker they were tried in",
		Long: `Look into, try again and remove frames that ended every worker they were tried in.

Each is a folder with the input as an image file (pixels that no image file has: as a NumPy array) and job.json, which tells
the pipeline and, of each attempt, how the worker ended and what it said last. Nothing in it is tried again by itself.`,
		Example: `  coordinator quarantine list
  coordinator quarantine show 20260801-120304.567-k3xq
  coordinator quarantine replay 20260801-120304.567-k3xq -o works.png
  coordinator quarantine rm 20260801-120304.567-k3xq`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addQuarantineFlag(cmd, &folder)
	cmd.AddCommand(app.quarantineList(&folder), app.quarantineShow(&folder), app.quarantineReplay(&folder), app.quarantineRemove(&folder))
	return cmd
}

func addQuarantineFlag(cmd *cobra.Command, folder *string) {
	cmd.PersistentFlags().StringVar(folder, "quarantine", "",
		"`DIR` for frames that end every worker, or none (default: $XDG_STATE_HOME/cvfarm/quarantine, ~/.local/state/cvfarm/quarantine)")
}

// quarantineFolder is the folder that was named, or else the usual one; empty for none.
func quarantineFolder(named string) (string, error) {
	switch named {
	case "none":
		return "", nil
	case "":
		return usualQuarantine(), nil
	}
	return filepath.Abs(named)
}

// usualQuarantine is empty where there is no home.
func usualQuarantine() string {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		if info, err := os.Stat(home); err != nil || !info.IsDir() {
			return ""
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "cvfarm", "quarantine")
}

// openQuarantine is for commands that need one.
func openQuarantine(named string) (*quarantine.Store, error) {
	folder, err := quarantineFolder(named)
	if err == nil && folder == "" {
		err = usagef("no quarantine: there is no home folder; name one with --quarantine DIR")
	}
	return &quarantine.Store{Folder: folder}, err
}

func (app App) quarantineRemove(folder *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "rm ID... | --all",
		Short: "Remove some, or all",
		Example: `  coordinator quarantine rm 20260801-120304.567-k3xq 20260801-120305.123-a7bd
  coordinator quarantine rm --all`,
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usagef("name the entries to remove, or give --all")
			}
			return validIDs(args)
		},
		ValidArgsFunction: completeIDs(folder, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := openQuarantine(*folder)
			if err != nil {
				return err
			}
			return app.removeEntries(store, args, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove every entry")
	return cmd
}

func (app App) removeEntries(store *quarantine.Store, ids []string, all bool) error {
	if all {
		entries, err := store.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
	}
	var failed error
	removed := 0
	for _, id := range ids {
		err := store.Remove(id)
		switch {
		case err == nil:
			removed++
		case !all || !errors.Is(err, fs.ErrNotExist): // another program may have removed it first
			failed = errors.Join(failed, err)
		}
	}
	fmt.Fprintf(app.Err, "removed %s\n", plural(removed, "entry", "entries"))
	return failed
}

func oneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes one ID, but got %d; coordinator quarantine list has them", cmd.CommandPath(), len(args))
	}
	return validIDs(args)
}

func validIDs(ids []string) error {
	for _, id := range ids {
		if !quarantine.ValidID(id) {
			return usagef("%.64q is not an ID, such as 20260801-120304.567-k3xq; coordinator quarantine list has them", id)
		}
	}
	return nil
}

// completeIDs offers the entries that are not named yet, up to so many; -1 is no limit.
func completeIDs(folder *string, most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const never = cobra.ShellCompDirectiveNoFileComp
		store, err := openQuarantine(*folder)
		if err != nil || most >= 0 && len(args) >= most {
			return nil, never
		}
		all, err := store.List()
		if err != nil {
			return nil, never
		}
		var ids []cobra.Completion
		for _, e := range all {
			if !slices.Contains(args, e.ID) {
				ids = append(ids, cobra.CompletionWithDesc(e.ID, inputText(e.Job)+": "+endText(e.Attempts)))
			}
		}
		return ids, never | cobra.ShellCompDirectiveKeepOrder
	}
}
