//go:build opencv

package cv

import "github.com/cvfarm/cvfarm/shared/pipeline"

// absent are the ops that this build lacks, each with what is missing.
func absent(version string) pipeline.Catalogue {
	if recentModules {
		return nil
	}
	ops := recentCatalogue()
	for i := range ops {
		ops[i].Missing = "needs " + ops[i].Needs + "; this worker has " + version
	}
	return ops
}
