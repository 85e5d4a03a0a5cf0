// Package wire is what messages between the coordinator and a worker pass through: the gRPC stream of the Work call, and beside
// it a pair of rings in shared memory (package shm). What is small and frequent, jobs, grants and answers, goes by the rings:
// that costs a microsecond, and a system call only where the other side sleeps, where the stream costs a hundred. What is rare,
// or large, goes by the stream; so does the end, for the stream breaks when the process does. Both carry the same messages, and
// each end puts them in order.
package wire
