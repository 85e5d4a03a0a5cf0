package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// namedInputs are the files that a pipeline may name, as NAME=FILE. A name that is not among them is a file's path.
type namedInputs []string

func (n *namedInputs) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar((*[]string)(n), "input", nil,
		"call a file `NAME=FILE` in the pipeline, for ops that take a picture or a model beside the frame; without, the pipeline names the file itself")
}

// parse splits them, and refuses what is no NAME=FILE and what is named twice.
func (n namedInputs) parse() (map[string]string, error) {
	files := map[string]string{}
	for _, text := range n {
		name, file, ok := strings.Cut(text, "=")
		if !ok || name == "" || file == "" {
			return nil, usagef("--input %s: it is written NAME=FILE", text)
		}
		if _, twice := files[name]; twice {
			return nil, usagef("--input %s: %s is named twice", text, name)
		}
		files[name] = file
	}
	return files, nil
}

// besideFile is a file that a pipeline takes beside the frames.
type besideFile struct {
	pipeline.InputRef        // the first step that names it
	path              string // of the file
}

// beside returns the files that a pipeline names, each once.
func (n namedInputs) beside(ops pipeline.Catalogue, s script) ([]besideFile, error) {
	files, err := n.parse()
	if err != nil {
		return nil, err
	}
	var all []besideFile
	done := map[string]bool{}
	for _, ref := range ops.Inputs(s.Pipeline) {
		if done[ref.Name] {
			continue
		}
		done[ref.Name] = true
		path, named := files[ref.Name]
		if !named {
			path = s.path(ref.Name)
		}
		all = append(all, besideFile{ref, path})
	}
	for name, file := range files {
		if !done[name] {
			return nil, usagef("--input %s=%s: no step of the pipeline names it", name, file)
		}
	}
	return all, nil
}

// upload brings files into the farm. A mistake names the step and the parameter.
func upload(ctx context.Context, f *farm.Farm, files []besideFile) error {
	for _, file := range files {
		if err := uploadFile(ctx, f, file.InputRef, file.path); err != nil {
			return err
		}
	}
	return nil
}

// maxInput bounds a file beside the frames, in bytes.
const maxInput = 2 << 30

func uploadFile(ctx context.Context, f *farm.Farm, ref pipeline.InputRef, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return usagef("step %d: %s=%s: %v; --input %[3]s=FILE names it", ref.Step, ref.Param, ref.Name, pathless(err))
	case !info.Mode().IsRegular():
		return usagef("step %d: %s=%s: %s is not a file", ref.Step, ref.Param, ref.Name, file)
	case info.Size() > maxInput:
		return usagef("step %d: %s=%s: %d bytes are more than %d", ref.Step, ref.Param, ref.Name, info.Size(), maxInput)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("step %d: %s=%s: %w", ref.Step, ref.Param, ref.Name, err)
	}
	if err := f.Upload(ctx, ref.Name, frame.Encoded(data)); err != nil {
		return fmt.Errorf("step %d: %s=%s: %w", ref.Step, ref.Param, ref.Name, err)
	}
	return nil
}

// pathless is an error without the path that the message names already.
func pathless(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
