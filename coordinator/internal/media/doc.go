// Package media brings frames from files, folders, pipes and videos, and puts results into them. It never decodes: it tells
// by the first bytes what a thing is, finds where an image ends in a stream, and leaves pixels to the workers.
//
// Which inputs there are is Resolve's; Source.Items brings them one at a time, so that memory is bounded by one image however
// many there are. A Plan completes the pipeline: decode in front of encoded bytes, encode behind what shall become an image
// file. A Sink takes the results in order. What it makes appears under its final name only when it is complete: everything
// is written without a name, or under a hidden temporary one, in the same folder, synced and then named.
//
// A Keeper is a Sink whose work a later process can go on with, and Keep and KeepData are what that takes.
//
// The package starts one goroutine, for reading standard input, because such a read cannot be interrupted; see the type
// abandonable. Everything else runs on the caller's.
package media
