// Package quarantine keeps jobs that killed every worker they were tried in: a folder with one subfolder for each, which holds the
// input as a file that image viewers open, and job.json with the story. An entry is written under a hidden name and renamed when
// it is whole, so that what looks like an entry is one. Nothing in a job decides about a path.
//
// A Store has no state but the folder: several programs may share one. Each keeps the bounds on its own, so that together they may
// exceed them by one entry each. The package starts no goroutines.
package quarantine
