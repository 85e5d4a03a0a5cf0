//go:build opencv

package cv

import "github.com/cvfarm/cvfarm/shared/pipeline"

// recentNames are the ops of modules that are compiled against OpenCV 4.9 and newer only, by module.
var recentNames = []struct {
	module string
	ops    []string
}{
	{"objdetect", []string{"cascade_classifier", "detect_faces", "detect_people", "detect_qr_codes", "detect_barcodes",
		"detect_markers"}},
	{"video", []string{"background_subtractor_mog2", "background_subtractor_knn", "optical_flow_farneback",
		"optical_flow_pyr_lk", "track"}},
	{"dnn", []string{"classify", "detect_objects", "segment"}},
}

// absent are the ops that this build lacks, each with what it needs.
func absent(version string) pipeline.Catalogue {
	var ops pipeline.Catalogue
	if recentModules {
		return ops
	}
	for _, m := range recentNames {
		for _, name := range m.ops {
			needs := "needs OpenCV 4.9 or newer with " + m.module + "; this worker has " + version
			ops = append(ops, pipeline.OpInfo{Name: name, Module: m.module, Missing: needs})
		}
	}
	return ops
}
