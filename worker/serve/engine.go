package serve

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Engine is what a worker can do with pixels: a set of ops.
//
// Its methods may be called concurrently. A panic in any of them ends the process, as a crash in native code does; the
// coordinator sees both and carries on.
type Engine interface {
	// Info describes the engine. It is called once, before any job.
	Info() Info
	// Compile makes a program of a pipeline that Info's ops passed with Catalogue.Check. An error is the caller's mistake
	// and should carry fault.Invalid.
	Compile(p pipeline.Pipeline, in Inputs) (Program, error)
}

// Inputs are what a pipeline names in its image and file parameters, by name: templates, masks, models. Their bytes are
// read-only and there for the time of Compile: what is needed longer must be copied.
type Inputs map[string]frame.Frame

// Planner is implemented by programs that can tell beforehand what they will make.
type Planner interface {
	// Shapes returns what comes out of each step for an input of geometry in; FormatNone where that is known only when the
	// picture is there. The error is that of the first step that does not take what comes to it.
	Shapes(in frame.Geometry) ([]frame.Geometry, error)
}

// VideoEngine is implemented by engines that also read and write videos.
type VideoEngine interface {
	Engine
	// OpenReader opens a file, an rtsp/http URL or "camera:N" and passes over skip frames. Each Run of the program puts the
	// next frame, with Output.SetPTS, and answers io.EOF after the last.
	OpenReader(uri string, skip uint64) (Program, Video, error)
	// OpenWriter creates a video file. Each Run of the program appends its input, which has the video's geometry; Close
	// completes the file. It returns the codec that was taken.
	OpenWriter(path string, v Video) (p Program, codec string, err error)
}

// Info describes an engine.
type Info struct {
	// Name is one word: "opencv".
	Name string
	// Versions of what the engine stands on, by name.
	Versions map[string]string
	Ops      pipeline.Catalogue
	// Absent are ops that another build of the engine has, described, each with what is missing.
	Absent  pipeline.Catalogue
	Modules []Module
}

// Module is an optional part of the engine's library, for the coordinator's doctor.
type Module struct {
	Name    string `json:"name"`
	Present bool   `json:"present"`
	// Why says what the module's absence comes from and what would bring it.
	Why string `json:"why,omitempty"`
}

// Video says what a video is.
type Video struct {
	frame.Geometry
	FPS float64
	// Frames is the container's own claim; 0 when unknown.
	Frames uint64
	// Codec is four characters; empty asks a writer for the container's usual one.
	Codec string
	// Container is the usual extension, such as ".mp4". Writers only.
	Container string
}

// Program is something that runs once per frame. Runs of one program may overlap where the coordinator asked for several
// lanes; a reader's and a writer's never do.
type Program interface {
	// Run processes one frame. in.Pix is read-only memory shared with other processes: a write to it is a crash. The result
	// goes to out, in one of Pixels, Encoded or Same; a Run without any of them has data only or none.
	//
	// An error fails this frame alone; fault.Undecodable says that the bytes are no image, any other error that the frame or
	// its parameters do not suit the ops. io.EOF ends a reader.
	Run(in frame.Frame, out *Output) error
	// Close frees what the program holds. No Run is under way then, and none follows.
	Close() error
}
