// Package bench measures a farm against the limit: worker processes that loop over the same frames in their own memory and
// have nobody to talk to. Whatever is missing between the two is the farm's doing. Method, which the command's help and the page
// show, says how; besides:
//
//   - Both sides run the worker binary with the same environment, priority and number of threads.
//   - The bare loop's frames are copies of the farm's in each process's heap, as many, so that caches help neither side more.
//     It writes every result into one block, which is the best that can be had. Its processes begin to count at one moment, and go on
//     for a while when they have counted, so that each counts while all are busy.
//   - Where cores are short, farm ÷ bare comes to the bare loop's CPU time a frame to that of coordinator and workers together:
//     on a machine that others use too, this ratio is the steadier one.
//   - Lag is measured in the copied turn, in which the coordinator works hardest.
//
// What these figures mean for a large machine is in the package comment of farm.
package bench

// Method is how it is measured, in paragraphs.
var Method = []string{
	`The bare loop is as many worker processes, of the same priority, that go round over the same frames in their own memory and
have nobody to talk to. All sides take turns in one run, so that other work on the machine touches all; the ratio is the median
of the rounds' ratios. The farm's frames lie in shared memory, as a decoder leaves them; the copied ones enter from the Go heap.
Each is submitted by itself, and each result is waited for, in the order of submission, and released.`,
	`Latency is from before Submit until the caller has the answer, with one frame in flight and at full load, which is as many as
keep the workers busy. The next frame follows when one is done: at full load, the median is about the frames in flight divided
by the frames a second, and says how long the queue is rather than how fast the farm. Percentiles that too few frames are
behind (fewer than 100 for p99, 1000 for p99.9) are left out.`,
	`Loop lag is how late a goroutine in the coordinator wakes that wants to every millisecond, while the workers keep all cores busy
and frames are copied in. Wakes that a late one has missed count with the lag that they would have had.`,
	`CPU time is that of whole processes; the coordinator's includes the feeding. By CPU, farm ÷ bare is what the ratio comes to where
cores are what is short, and steadier where others use the machine too. Coordinator RSS is its own memory, without the frames
to copy and without shared memory; arena is the shared memory that frames and results in flight take, without the frames to
work on.`,
}
