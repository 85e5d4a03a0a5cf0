// Package serve is a complete worker minus the pixels: it maps the farm's memory, speaks the protocol, guards the standard
// streams, and ends the process when the coordinator is gone. Whoever implements Engine and calls Main has a worker.
package serve
