//go:build opencv && gocv_specific_modules

package cv

// recentModules: objdetect, video, dnn and aruco are not compiled in.
const recentModules = false

func recentOps() []op { return nil }
