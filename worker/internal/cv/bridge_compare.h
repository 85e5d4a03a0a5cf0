//go:build opencv

#ifndef CVFARM_BRIDGE_COMPARE_H
#define CVFARM_BRIDGE_COMPARE_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

char *bridge_add_weighted(mat a, double alpha, mat b, double beta, double gamma, mat dst);
char *bridge_copy_masked(mat src, mat mask, mat dst);
char *bridge_inpaint(mat src, mat mask, mat dst, double radius, int flags);
char *bridge_seamless_clone(mat src, mat dst, mat mask, int x, int y, mat blend, int flags);

char *bridge_psnr(mat a, mat b, double max, numbers *out);
// bridge_ssim finds the mean structural similarity of each channel.
char *bridge_ssim(mat a, mat b, double max, numbers *out);

// bridge_match_template makes the map of how well templ fits at each place, f32, and finds the best place and the value there;
// then the values and places of at most max_count fits that are good enough, each half a template away from the better ones.
char *bridge_match_template(mat src, mat templ, mat map, int method, double threshold, int max_count, numbers *out);

// bridge_accumulate takes a share alpha of src, in f32, into the average. An empty average becomes src.
char *bridge_accumulate(mat src, mat average, double alpha);
// bridge_average makes a picture of the average.
char *bridge_average(mat average, int depth, mat dst);
// bridge_motion makes a mask of where src differs from the average by more than threshold in any channel.
char *bridge_motion(mat src, mat average, mat dst, double threshold, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
