package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/bench"
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
	flag              bool   // --input named it
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
		all = append(all, besideFile{ref, path, named})
	}
	for name, file := range files {
		if !done[name] {
			return nil, usagef("--input %s=%s: no step of the pipeline names it", name, file)
		}
	}
	return all, nil
}

// upload brings files into the farm. A mistake shows where the script names the file.
func upload(ctx context.Context, f *farm.Farm, s script, files []besideFile) error {
	for _, file := range files {
		data, err := file.read()
		if err != nil {
			return file.blame(s, err)
		}
		if err := f.Upload(ctx, file.Name, frame.Encoded(data)); err != nil {
			return fmt.Errorf("step %d, %s: %s=%s: %w", file.Step, file.Op, file.Param, file.Name, err)
		}
	}
	return nil
}

// read returns the files that a pipeline names.
func (n namedInputs) read(ops pipeline.Catalogue, s script) ([]bench.Named, error) {
	files, err := n.beside(ops, s)
	if err != nil {
		return nil, err
	}
	var all []bench.Named
	for _, file := range files {
		data, err := file.read()
		if err != nil {
			return nil, file.blame(s, err)
		}
		all = append(all, bench.Named{Name: file.Name, Data: data})
	}
	return all, nil
}

// maxInput bounds a file beside the frames, in bytes.
const maxInput = 2 << 30

func (b besideFile) read() ([]byte, error) {
	info, err := os.Stat(b.path)
	switch {
	case err != nil:
		return nil, pathless(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > maxInput:
		return nil, fmt.Errorf("%d bytes are more than %d", info.Size(), maxInput)
	}
	data, err := os.ReadFile(b.path)
	return data, pathless(err)
}

// blame says what is wrong with a file, and where it was named.
func (b besideFile) blame(s script, err error) error {
	switch {
	case b.flag:
		return usagef("--input %s=%s: %v", b.Name, b.path, err)
	case errors.Is(err, fs.ErrNotExist):
		return s.point(b.Mistake("%v; --input %s=FILE names it", err, b.Name))
	}
	return s.point(b.Mistake("%v", err))
}

// pathless is an error without the path that the message names already.
func pathless(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
