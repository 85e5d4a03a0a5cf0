package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"

	"golang.org/x/sys/unix"
)

// script is a pipeline as the user wrote it: on the command line, or in a file.
type script struct {
	pipeline.Pipeline
	text string
	file string // empty where it stood on the command line
}

const pipelineUsage = "what to do with each frame: a `PIPELINE` such as 'gray | canny low=50 high=150', or @FILE.cvf that has it"

// readScript reads what -p was given. "@edges.cvf" is a file with the pipeline in it.
func readScript(arg string) (script, error) {
	s := script{text: arg}
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		text, err := readPipelineFile(file)
		if err != nil {
			return s, err
		}
		s.file, s.text = file, text
	}
	if strings.TrimSpace(arg) == "" {
		return s, usagef("no pipeline: give -p, such as -p 'gray | canny low=50 high=150'; coordinator ops lists the ops")
	}
	var err error
	if s.Pipeline, err = pipeline.Parse(s.text); err != nil {
		return s, s.point(err)
	}
	return s, nil
}

// byteOrderMark is what some editors put in front of UTF-8.
const byteOrderMark = "\ufeff"

func readPipelineFile(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe without a writer is empty, not for ever
	if err != nil {
		return "", usagef("-p @%s: %v", name, pathless(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(len(byteOrderMark)+pipeline.MaxText+1)))
	if err != nil {
		return "", usagef("-p @%s: %v", name, pathless(err))
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	switch {
	case strings.TrimSpace(string(text)) == "":
		return "", usagef("-p @%s: there is no pipeline in it", name)
	case !utf8.Valid(text):
		return "", usagef("-p @%s: it is not text in UTF-8", name)
	}
	return string(text), nil
}

// path is where a file is that a parameter names: a relative name in a pipeline's file is relative to the folder of that file, so
// that both can be moved, and used from anywhere.
func (s script) path(name string) string {
	if s.file == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.file), name)
}

// point makes of an error in the pipeline one that shows the line with a caret under the offending word.
func (s script) point(err error) error {
	pos := s.position(err)
	if pos == 0 {
		return usageError{err}
	}
	line, number, character := pipeline.Locate(s.text, pos)
	if s.file != "" {
		err = fmt.Errorf("%s:%d: %w", s.file, number, err)
	}
	return usagef("%w\n%s", err, excerpt(line, character))
}

// position is where the word or the value is that an error is about, or at least its step; 0 where none is known.
func (s script) position(err error) int {
	var word *pipeline.Error
	if errors.As(err, &word) {
		return word.Pos
	}
	var step *fault.Error
	if errors.As(err, &step) && step.Step > 0 && step.Step <= len(s.Pipeline) {
		return s.Pipeline[step.Step-1].At(step.Params...)
	}
	return 0
}

// excerpt is a line, or a part of a long one, and below it a caret under that character, counted from 1.
func excerpt(line string, character int) string {
	r := []rune(strings.Map(visible, line))
	at := min(character-1, len(r))
	from, to := max(at-60, 0), min(at+60, len(r))
	before, after := string(r[from:at]), string(r[at:to])
	if from > 0 {
		before = "…" + before
	}
	if to < len(r) {
		after += "…"
	}
	indent := strings.Repeat(" ", runewidth.StringWidth(before))
	return strings.TrimRight(before+after, " ") + "\n" + indent + "^"
}

// visible keeps what takes a place in a terminal and does nothing else there.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
