// Package cv is the engine that stands on OpenCV: its ops, its decoder and encoder, its video reader and writer. It is the only
// importer of gocv, and it is built with the tag opencv; without the tag it is empty.
//
// An op is an entry of a table (op): how it is described to people, and how its arguments become a step. A step says which
// pictures it takes, what geometry comes out, and does the work on Mats; the program around it (program.go) owns the memory:
// the first step reads the input block where it lies, the last one writes into the block that the coordinator lent, and what
// lies between is reused from frame to frame.
//
// The package starts no goroutines. Native code may crash the process at any instruction: that is what the process is for. What
// can be told beforehand is refused beforehand, so that OpenCV hardly ever throws; where it throws nevertheless, the exception
// comes back as the error of that frame. gocv keeps some exceptions in a global that belongs to no thread. It is never read:
// ops whose exceptions would go there are in the files bridge*, together with those to which gocv passes only a part of the parameters,
// and the video functions of that kind say by their result that they could not.
package cv
