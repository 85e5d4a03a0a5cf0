package quarantine

import (
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// Job is what is known of a job, as job.json has it. Names are stable; fields are only added.
type Job struct {
	// ID names the entry. IDs sort by the time at which the entry was written.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Pipeline is the whole pipeline as the worker was given it.
	Pipeline string        `json:"pipeline"`
	Index    uint64        `json:"index"`
	PTS      time.Duration `json:"pts_ns"`
	Source   string        `json:"source"`
	// Stream is the key of the job's stream; what ops had kept for that is not here.
	Stream string `json:"stream,omitempty"`
	// Timeout is how long an attempt was allowed to take.
	Timeout time.Duration `json:"timeout_ns"`
	Input   Picture       `json:"input"`
	// Inputs are those that the pipeline names.
	Inputs   []Picture `json:"inputs,omitempty"`
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one try, which ended with the end of its worker.
type Attempt struct {
	Worker int `json:"worker"`
	// Ran is how long the job had been running.
	Ran  time.Duration `json:"ran_ns"`
	Exit proc.Exit     `json:"exit"`
}

// Picture is a frame in a file of the entry's folder. Bytes of an image file are kept as they are. Pixels become a PNG where that
// has them: gray, BGR, RGB and those with alpha, of 8 or 16 bits. Others become a NumPy array of height × width × channels, which
// numpy.load reads.
type Picture struct {
	// Name is the one by which the pipeline refers to it; empty for the job's input.
	Name           string `json:"name,omitempty"`
	File           string `json:"file"`
	Bytes          int64  `json:"bytes"`
	frame.Geometry        // of the frame, not of the file

	pix []byte
}

// Named makes a frame a picture that is to be written. Its pixels must stay until Add returns.
func Named(name string, g frame.Geometry, pix []byte) Picture {
	return Picture{Name: name, Geometry: g, pix: pix}
}

// Entry is a job in the folder.
type Entry struct {
	Job
	// Size is what its files have in bytes.
	Size int64 `json:"size"`
	// Damaged says what is wrong with it; the job is not known then. Empty for a good entry.
	Damaged string `json:"damaged,omitempty"`
}
