// Package opencv is the engine that stands on OpenCV, for workers that have ops of their own beside its ops:
//
//	engine, err := opencv.New(settings)
//	...
//	return serve.Join(engine, serve.Ops("mine", op)), nil
//
// It is built with the tags that `make print-tags` prints; without them New says how to get them.
package opencv
