// Package fault names the ways in which a job can end without a result. Both processes, every door and every report use the
// same codes; what a code leads to is decided in one place, coordinator/farm/fate.go.
package fault

import (
	"errors"
	"fmt"
)

// Code is stable: scripts and clients may compare it.
type Code string

// The codes. The list only grows.
const (
	Invalid     Code = "invalid"           // an op refused its input or parameters; trying again cannot help
	Undecodable Code = "undecodable"       // the bytes are not an image that the worker can read
	Unreadable  Code = "unreadable"        // the input itself cannot be had: it is missing, or reading it fails
	Deadline    Code = "deadline_exceeded" // not finished in time; the worker that ran it was killed
	Crashed     Code = "crashed"           // the worker died or stopped making progress, on the last attempt too
	Poisoned    Code = "poisoned"          // every attempt killed its worker; the job is in quarantine
	Overloaded  Code = "overloaded"        // the queue or the memory budget is full; trying later can help
	Cancelled   Code = "cancelled"         // the caller gave up
	Closing     Code = "closing"           // the farm is shutting down
	Unavailable Code = "unavailable"       // no worker can be had

	// End is a worker's word for "no more frames". It ends a Reader's iteration and never reaches a caller.
	End Code = "end"
)

// Error is a fault with its story. The message names the thing, the value and the limit.
type Error struct {
	Code    Code
	Message string
	// Step is the step of the pipeline that it is about, from 1, and Op that step's op; 0 and empty where it is about none.
	Step int
	Op   string
	// Params are the parameters of that step whose values are at fault, together, the likeliest first; none where it is no value.
	Params []string
	// Cause is what lies beneath, for errors.Is and errors.As. It may be nil and does not cross processes.
	Cause error
}

// Errorf makes an Error. A %w in the format sets its Cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Of returns a copy of e that is about the values of parameters.
func (e *Error) Of(params ...string) *Error {
	of := *e
	of.Params = params
	return &of
}

// Error returns the message without the code, such as "step 2, canny: low=-1 is not allowed".
func (e *Error) Error() string {
	switch {
	case e.Step > 0 && e.Op != "":
		return fmt.Sprintf("step %d, %s: %s", e.Step, e.Op, e.Message)
	case e.Step > 0:
		return fmt.Sprintf("step %d: %s", e.Step, e.Message)
	case e.Op != "":
		return e.Op + ": " + e.Message
	}
	return e.Message
}

// At returns err as an Error about a step. An Error that is about one already is returned as it is; one without a code is
// given that.
func At(step int, op string, code Code, err error) *Error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return &Error{Code: code, Message: err.Error(), Step: step, Op: op, Cause: err}
	case e.Step == 0 && e.Op == "":
		return &Error{Code: e.Code, Message: err.Error(), Step: step, Op: op, Params: e.Params, Cause: err}
	}
	return e
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// CodeOf returns the code of the first Error in err's chain, and whether there is one.
func CodeOf(err error) (Code, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Code, true
	}
	return "", false
}
