package pipeline

import (
	"strings"
	"unicode/utf8"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// Error is a mistake in a pipeline, and where it is.
type Error struct {
	// Fault is fault.Invalid with the step. Its message names the parameter, what is allowed and the nearest name.
	Fault *fault.Error
	// Param is the parameter it is about; empty where it is about none.
	Param string
	// Pos is where the offending word begins in the text that was parsed, in bytes from 1; 0 where there was no text.
	Pos int
}

func mistake(pos int, param, format string, args ...any) *Error {
	return &Error{Fault: fault.Errorf(fault.Invalid, format, args...), Param: param, Pos: pos}
}

// Error is the fault's.
func (e *Error) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *Error) Unwrap() error { return e.Fault }

// Locate returns the line of a text that byte pos is in, the line's number, and the character of the line, both from 1. The
// byte after the last is a position too.
func Locate(text string, pos int) (line string, number, character int) {
	before := text[:min(max(pos-1, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ = strings.Cut(text[start:], "\n")
	return line, strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
