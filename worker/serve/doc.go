// Package serve is a complete worker minus the pixels: it maps the farm's memory, speaks the protocol, guards the standard
// streams, and ends the process when the coordinator is gone. A worker of one's own is a main that calls Main with an engine:
//
//   - Ops makes one of functions on pixels; it checks arguments and pictures, and leads a frame from op to op.
//   - Join adds ops to those of another engine, such as OpenCV's (package opencv).
//   - Whoever needs more, a pipeline compiled as a whole say, implements Engine.
//
// What a worker must keep to is in package workertest, as a test that it can run on itself. Try runs a program without a
// process, for tests of ops.
//
// An op may block, crash or leak: the coordinator watches the process and replaces it. What it may not do is to write into its
// input, which is memory that is shared with other processes, and mapped read-only: that is a crash.
package serve
