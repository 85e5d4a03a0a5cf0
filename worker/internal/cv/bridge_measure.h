//go:build opencv

#ifndef CVFARM_BRIDGE_MEASURE_H
#define CVFARM_BRIDGE_MEASURE_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// bridge_calc_hist finds the bins of each channel, one channel after the other.
char *bridge_calc_hist(mat src, int bins, float low, float high, numbers *out);
// bridge_min_max_loc finds the least and the largest value, and the x and y of each.
char *bridge_min_max_loc(mat src, numbers *out);
char *bridge_count_non_zero(mat src, numbers *out);
// bridge_bounding_rect finds the box of what is not zero: x, y, width, height.
char *bridge_bounding_rect(mat src, numbers *out);
// bridge_moments finds the 24 moments and Hu's 7.
char *bridge_moments(mat src, bool binary, numbers *out);
// bridge_blur_score finds the variance of the Laplacian of the picture in gray.
char *bridge_blur_score(mat src, int ksize, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
