// Package wire is what messages between the coordinator and a worker pass through: the gRPC stream of the Work call, and beside
// it a pair of rings in shared memory (package shm). What is small and frequent, jobs, grants and answers, goes by the rings:
// that costs a microsecond, and a system call only where the other side sleeps, where the stream costs a hundred. What is rare goes
// by the stream, and so does an answer that the ring has no room for; a job always finds room (Host.Crowded). The end is the
// stream's, too, for that breaks when the process does. Both carry the same messages, and each end puts them in order.
package wire
