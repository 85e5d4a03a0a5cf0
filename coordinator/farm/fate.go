package farm

import (
	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// happening is what can happen to a job in a worker.
type happening string

const (
	refused     happening = "an op refused its input or parameters"
	undecodable happening = "bytes are not a decodable image"
	noMemory    happening = "no memory for the output"
	neverFits   happening = "the output is more than the memory budget has in all"
	late        happening = "deadline passed"
	crashed     happening = "crashed"
	stalled     happening = "no progress"
	lied        happening = "reply does not match the lease"
	bystander   happening = "the worker ended for another's reason"
	noWorker    happening = "no worker can be had"
	poisoned    happening = "every attempt ended its worker, and the job is in quarantine"
	closing     happening = "closing"
	gaveUp      happening = "the caller gave up"
)

// fate is what follows: for the worker, for the job, and for the caller when it is the job's end.
type fate struct {
	kill    proc.Cause // empty: keep the worker
	retry   bool       // try again on another worker
	charged bool       // the try counts against the job's attempts
	code    fault.Code // what the caller sees when there is no retry, or none is left
}

// fates is the one table that decides.
var fates = map[happening]fate{
	refused:     {code: fault.Invalid},
	undecodable: {code: fault.Undecodable},
	noMemory:    {code: fault.Overloaded},
	neverFits:   {code: fault.Invalid},
	late:        {kill: proc.CauseDeadline, code: fault.Deadline},
	crashed:     {retry: true, charged: true, code: fault.Crashed},
	stalled:     {kill: proc.CauseStalled, retry: true, charged: true, code: fault.Crashed},
	lied:        {kill: proc.CauseProtocol, retry: true, charged: true, code: fault.Crashed},
	bystander:   {retry: true, code: fault.Crashed},
	noWorker:    {code: fault.Unavailable},
	poisoned:    {code: fault.Poisoned},
	closing:     {kill: proc.CauseStop, code: fault.Closing},
	gaveUp:      {kill: proc.CauseCancel, code: fault.Cancelled},
}

// reported maps the codes that a worker may answer with. Any other is taken for a refusal: a worker has no say in the rest.
func reported(code fault.Code) happening {
	switch code {
	case fault.Undecodable:
		return undecodable
	case fault.Overloaded:
		return noMemory
	}
	return refused
}
