// Package farm runs OpenCV pipelines in supervised worker processes: the heart of the coordinator and its public Go API.
//
// A Farm has N supervisors. Each is one goroutine that owns one worker process: it starts it, pulls jobs from the farm's one
// bounded queue, notices the process's end, and starts the next. Nothing is pushed, so backpressure is a Submit that waits.
// What a failure does to the worker, to the job and to the caller is decided by one table, in fate.go.
//
// Four ways to work, all on the same queue: Submit returns a Future; Map turns an iterator of frames into one of results in
// order; Queue is filled by Put, ended by Close, and gives results in order; Latest keeps up with a live source by dropping
// what is too old. A Reader brings the frames of a video, a Writer takes them; pixels pass between worker processes through
// shared memory without a copy.
//
// Every job is answered exactly once, by a Result or by an *Error with a fault.Code.
package farm
