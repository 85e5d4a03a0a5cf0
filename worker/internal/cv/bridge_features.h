//go:build opencv

#ifndef CVFARM_BRIDGE_FEATURES_H
#define CVFARM_BRIDGE_FEATURES_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// bridge_good_features finds n times x, y.
char *bridge_good_features(mat src, int max_corners, double quality, double min_distance, int block, int gradient, bool harris,
                           double k, numbers *out);
// bridge_corner_sub_pix moves n points and finds them n times x, y.
char *bridge_corner_sub_pix(mat src, const double *xy, int n, int win, int zero_zone, int iterations, double epsilon,
                            numbers *out);
char *bridge_corner_harris(mat src, mat dst, int block, int ksize, double k, int border);
char *bridge_corner_min_eigen_val(mat src, mat dst, int block, int ksize, int border);

// A detector is a cv::Ptr<cv::Feature2D>*, to be given to bridge_detect, which ends it.
typedef void *detector;

char *bridge_fast(int threshold, bool suppress, int type, detector *out);
char *bridge_agast(int threshold, bool suppress, int type, detector *out);
char *bridge_orb(int n, float scale, int levels, int edge, int first, int wta_k, int score, int patch, int fast, detector *out);
char *bridge_akaze(int type, int size, int channels, float threshold, int octaves, int layers, int diffusivity, detector *out);
char *bridge_kaze(bool extended, bool upright, float threshold, int octaves, int layers, int diffusivity, detector *out);
char *bridge_sift(int n, int layers, double contrast, double edge, double sigma, detector *out);
char *bridge_brisk(int threshold, int octaves, float scale, detector *out);

// A blob_filter is cv::SimpleBlobDetector::Params without what only switches.
typedef struct {
    float threshold_step, min_threshold, max_threshold;
    int min_repeatability;
    float min_dist;
    int color; // below 0: any
    float min_area, max_area, min_circularity, min_inertia, min_convexity; // 0: not looked at
} blob_filter;

char *bridge_simple_blob(blob_filter f, detector *out);

// bridge_detect finds how many keypoints there are; then the number of those that are told, the strongest max_count of them;
// n times x, y, size, angle, response, octave, class; and, with describe, the size of a descriptor and the descriptors.
char *bridge_detect(detector d, mat src, bool describe, int max_count, numbers *out);

// bridge_mser finds n times box, number of pixels, hull.
char *bridge_mser(mat src, int delta, int min_area, int max_area, double max_variation, double min_diversity, int max_evolution,
                  double area_threshold, double min_margin, int edge_blur, int max_count, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
