package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Protocol int    `json:"protocol"`
}

func (app App) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program, of Go, and of the protocol that workers must speak",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return printJSON(app.Out, currentVersion())
			}
			return currentVersion().print(app.Out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func currentVersion() version {
	v := version{Version: "(devel)", Go: runtime.Version(), Protocol: handshake.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}

func (v version) print(w io.Writer) error {
	text := "cvfarm " + v.Version
	if v.Revision != "" {
		text += " (" + v.Revision + ")"
	}
	_, err := fmt.Fprintf(w, "%s, %s, worker protocol %d\n", text, v.Go, v.Protocol)
	return err
}
