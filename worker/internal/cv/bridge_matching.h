//go:build opencv

#ifndef CVFARM_BRIDGE_MATCHING_H
#define CVFARM_BRIDGE_MATCHING_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// A matcher knows the features of a picture and finds them in others. It is read-only and may be used concurrently.
typedef void *matcher;

typedef enum { FEATURES_ORB, FEATURES_AKAZE, FEATURES_SIFT, FEATURES_BRISK } features;

char *bridge_matcher(mat picture, features kind, int n, matcher *out);
void bridge_matcher_close(matcher m);

// bridge_match finds the number of keypoints of the frame and of the picture; n times x and y in the picture, x and y in the
// frame, distance, whether it is an inlier, best first; the number of inliers; and a homography of nine numbers, all 0 for none,
// from the picture to the frame, or with back from the frame to the picture.
char *bridge_match(matcher m, mat src, double ratio, double threshold, bool back, numbers *out);

char *bridge_warp(mat src, mat dst, const double *homography, int width, int height, int interpolation);

#ifdef __cplusplus
}
#endif

#endif
