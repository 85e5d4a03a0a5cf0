//go:build opencv

#ifndef CVFARM_BRIDGE_FILTER_H
#define CVFARM_BRIDGE_FILTER_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

char *bridge_box_filter(mat src, mat dst, int depth, int width, int height, int x, int y, bool normalize, int border);
char *bridge_sqr_box_filter(mat src, mat dst, int depth, int width, int height, int x, int y, bool normalize, int border);
char *bridge_filter2d(mat src, mat dst, int depth, const double *kernel, int rows, int cols, int x, int y, double delta, int border);
char *bridge_sep_filter2d(mat src, mat dst, int depth, const double *kx, int nx, const double *ky, int ny, double delta, int border);
// kernel receives height * width numbers.
char *bridge_gabor_kernel(int width, int height, double sigma, double theta, double lambda, double gamma, double psi, double *kernel);
char *bridge_unsharp(mat src, mat dst, double sigma, double amount);
char *bridge_mean_shift(mat src, mat dst, double sp, double sr, int levels);
char *bridge_spatial_gradient(mat src, mat dst, int border);

// kernel receives height * width bytes.
char *bridge_structuring_element(int shape, int width, int height, int x, int y, unsigned char *kernel);
// kernel has rows * cols elements of depth CV_8U, or of CV_8S for MORPH_HITMISS.
char *bridge_morphology(mat src, mat dst, int op, const void *kernel, int depth, int rows, int cols, int x, int y, int iterations,
                        int border);
char *bridge_distance_transform(mat src, mat dst, int distance, int mask, int depth);
char *bridge_integral(mat src, mat dst, int depth);
char *bridge_clahe(mat src, mat dst, double limit, int across, int down);

#ifdef __cplusplus
}
#endif

#endif
