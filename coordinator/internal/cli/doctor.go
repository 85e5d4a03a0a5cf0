package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// diagnosis is what the doctor found.
type diagnosis struct {
	Version  version           `json:"version"`
	CPUQuota int               `json:"cpu_quota"`
	CPUs     int               `json:"cpus"`
	Kernel   []check           `json:"kernel"`
	Limits   []check           `json:"limits"`
	Worker   check             `json:"worker"`
	Engine   string            `json:"engine,omitempty"`
	Versions map[string]string `json:"versions,omitempty"`
	Modules  []farm.Module     `json:"modules,omitempty"`
	Ops      int               `json:"ops"`
	// StartSeconds is how long the worker took until it was ready.
	StartSeconds float64 `json:"worker_start_seconds,omitempty"`
	Healthy      bool    `json:"healthy"`
}

func (app App) doctorCommand() *cobra.Command {
	var worker string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine and the worker: versions, modules, quota, limits, kernel",
		Long: `Look at this machine and the worker: versions, modules, CPU quota, memory limits, kernel features; start a worker once.

Exit code: 0 when cvfarm can work here, 1 when something essential is missing.`,
		Example: `  coordinator doctor
  coordinator doctor --json | jq .versions`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := diagnose(cmd.Context(), worker)
			print := d.print
			if asJSON {
				print = func(w io.Writer) error { return printJSON(w, d) }
			}
			if err := print(app.Out); err != nil {
				return err
			}
			return d.verdict()
		},
	}
	addWorkerFlag(cmd.Flags(), &worker)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func diagnose(ctx context.Context, worker string) diagnosis {
	d := diagnosis{
		Version:  currentVersion(),
		CPUQuota: farm.CPUQuota(),
		CPUs:     runtime.NumCPU(),
		Kernel:   kernelChecks(),
		Limits:   limitChecks(),
	}
	if err := d.startWorker(ctx, worker); err != nil {
		d.Worker = bad("worker", err.Error())
	}
	d.Healthy = d.verdict() == nil
	return d
}

func (d *diagnosis) startWorker(ctx context.Context, named string) error {
	path, err := findWorker(named)
	if err != nil {
		return err
	}
	began := time.Now()
	return withOneWorker(ctx, path, func(f *farm.Farm) error {
		d.StartSeconds = time.Since(began).Seconds()
		info := f.Info()
		d.Engine, d.Versions, d.Modules, d.Ops = info.Engine, info.Versions, info.Modules, len(f.Ops().Present())
		d.Worker = good("worker", fmt.Sprintf("%s starts in %.2fs", path, d.StartSeconds))
		return nil
	})
}

// verdict is the error that the exit code comes from.
func (d diagnosis) verdict() error {
	isBad := func(c check) bool { return c.Status == "bad" }
	if isBad(d.Worker) || slices.ContainsFunc(d.Kernel, isBad) || slices.ContainsFunc(d.Limits, isBad) {
		return errors.New("cvfarm cannot work here: see what is marked bad")
	}
	return nil
}

func (d diagnosis) print(w io.Writer) error {
	if err := d.Version.print(w); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	section := func(title string, checks ...check) {
		fmt.Fprintf(t, "\n%s\n", title)
		for _, c := range checks {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Status, c.Name, c.Text)
		}
	}
	section("Worker", append([]check{d.Worker}, d.versionChecks()...)...)
	if len(d.Modules) > 0 {
		section("Modules", moduleChecks(d.Modules)...)
	}
	section("CPU", good("quota", fmt.Sprintf("%s of %d: that many workers by default", count(d.CPUQuota, "CPU"), d.CPUs)))
	section("Limits", d.Limits...)
	section("Kernel", d.Kernel...)
	return t.Flush()
}

func (d diagnosis) versionChecks() []check {
	var all []check
	for _, name := range slices.Sorted(maps.Keys(d.Versions)) {
		all = append(all, good(name, d.Versions[name]))
	}
	if d.Engine != "" {
		all = append(all, good("engine", fmt.Sprintf("%s, %s", d.Engine, count(d.Ops, "op"))))
	}
	return all
}

func moduleChecks(modules []farm.Module) []check {
	all := make([]check, len(modules))
	for i, m := range modules {
		all[i] = good(m.Name, "present")
		if !m.Present {
			all[i] = note(m.Name, "absent: "+m.Why)
		}
	}
	return all
}
