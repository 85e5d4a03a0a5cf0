//go:build opencv && !gocv_specific_modules

package cv

// recentModules: objdetect, video, dnn and aruco are compiled in.
const recentModules = true
