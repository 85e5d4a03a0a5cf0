// Package chaos disturbs a farm's workers on purpose, from outside as any other process could, and keeps the books that tell
// whether anything was lost by it: Killer strikes, Ledger counts the frames, Lives follows the workers, Gauges measure this
// process. It judges nothing that the farm says of itself: frames are counted where they come out.
//
// A worker is signalled by a handle (pidfd) after it was seen to be a child of this process, so that a number that the kernel
// gave to another meanwhile is never hit.
package chaos
