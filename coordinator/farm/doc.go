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
//
// # What limits a large machine
//
// Pixels do not: they pass between processes by address, and each worker writes a region of its own, so workers share no lock
// and no cache line but the words of the kernel's page tables. What grows with the frames is the coordinator's work: about
// 5 µs of CPU for a short frame, 50 to 80 µs for one that is long enough to be called for alone, nearly all of that for waking a
// thread whose code the workers have driven out of the caches (coordinator bench tells it as CPU a frame). It is spread: each
// worker has its own supervisor, rings and bell, so that part uses as many cores as the coordinator may. What all frames pass is
// the jobs channel, the budgets' lock and the farm's counters. A lease and its release take 0.1 to 0.7 µs, by what else the machine
// does, mostly under that lock (BenchmarkLeaseAndRelease), and a frame has two of them at most: with the channel and the counters
// about half a million frames a second, which is 128 workers with frames of 250 µs. Shorter frames on more workers call for more
// than one farm. Before that, two other limits come: memory bandwidth, which bare OpenCV meets just as well, and the caller's own
// goroutine, for an ordered stream has one consumer. A worker costs the coordinator six descriptors; two for each CPU start at a time.
package farm
