// Package bench measures a farm against the limit: worker processes that loop over the same frames in their own memory and
// have nobody to talk to. Whatever is missing between the two is the farm's doing.
//
// Both sides run the worker binary with the same environment, priority and number of threads, and take turns in one run, A B A B,
// so that what else happens on the machine happens to both; the ratio is the median of the turns' ratios. A third turn, the
// copied one, is the farm with frames that enter from the Go heap.
//
//   - The farm's frames lie in shared memory already, as those of a decoder or of another pipeline do. Each is submitted by
//     itself, as many at a time as keep the workers busy, and each result is waited for and released.
//   - The bare loop's frames are copies of the same ones in the process's heap, as many, so that caches help neither side more.
//     It writes every result into one block, which is the best that can be had.
//   - Latency is from before Submit until the caller has the answer, answers being taken in the order of submission.
//   - The coordinator's CPU time is that of the whole process: the farm's, and that of this package, which feeds it.
//     Where cores are short, farm ÷ bare comes to the bare loop's CPU time a frame to that of coordinator and workers together:
//     on a machine that others use too, this ratio is the steadier one.
//   - Loop lag is how late a goroutine in the coordinator wakes that wants to every millisecond, while all workers are busy
//     and frames are copied in. Ticks that a late wake has missed are counted with the lag that they would have had.
//
// What these figures mean for a large machine is in the package comment of farm.
package bench
