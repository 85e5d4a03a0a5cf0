// Package shm is memory that the coordinator and its workers share: one sealed memfd, the arena, in which pixels pass between
// processes without a copy.
//
// # Who may do what
//
// The coordinator is the only allocator. What is lent to whom is known in its private memory only: no lock and nothing of the
// allocator lies in the arena, so no crash can leave it broken. The words that do lie there, of rings and claims, belong to one
// worker's region; one that breaks them breaks its own. The size is sealed (F_SEAL_SHRINK, F_SEAL_GROW): nobody can cut the file
// and so kill the others by SIGBUS.
//
// The arena is cut into regions. A worker maps the whole arena read-only, through a descriptor that is itself read-only, and
// only its own region writable; then it closes the writable descriptor. A wild write in one worker therefore cannot touch the
// output of another, nor anybody's input: the kernel stops it. A retried job reads the same pixels as the first try.
//
// A region belongs to one process at a time. It is given to the next only when the former process has been reaped and nobody
// holds a lease in it any more.
//
// Nothing that is read from the arena is believed. It holds pixels; a region begins with the worker's own report of what it is
// doing, a hint for crash reports; then come the claims, and two rings for small messages, one in each direction.
//
// # Rings
//
// A ring has one writer and one reader. Each keeps its own position to itself and publishes a copy, as the ring's tail or head; the
// coordinator checks what the worker publishes, and copies a message out before it reads it, so that a broken worker can break its
// own ring and nothing else. No side ever waits for room. A message costs well under a microsecond; a system call is made only to
// wake a reader that sleeps, which it says by a third word.
//
// # Claims
//
// A job that was sent and perhaps not begun has a claim: a word with its number, which the worker takes to begin it, or the
// coordinator to recall it. Whoever takes it first has the job. A broken worker may take what it likes; then nothing can be
// recalled from it, and no more.
//
// # Memory
//
// Address space is plentiful and sparse; memory is what is touched. A Budget bounds the bytes that are lent or kept warm.
// Returned blocks stay warm, so that a steady stream of equal frames causes no page faults, until somebody else needs the
// bytes; then their pages go back to the kernel by a punched hole.
package shm
