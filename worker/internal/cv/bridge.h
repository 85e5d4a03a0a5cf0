//go:build opencv

#ifndef CVFARM_BRIDGE_H
#define CVFARM_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// A mat is a cv::Mat*. Each function returns NULL, or a message that the caller frees.
typedef void *mat;

// numbers is what a function found: n of them at data, which the caller frees.
typedef struct {
    double *data;
    size_t n;
} numbers;

char *bridge_wrap(mat m, void *data, size_t step, int rows, int cols, int type);
void *bridge_data(mat m);

char *bridge_decode(void *data, int length, int flags, mat dst);
char *bridge_stats(mat src, double *mean, double *stddev, double *min, double *max);

char *bridge_canny(mat src, mat dst, double low, double high, int aperture, bool l2);
char *bridge_blur(mat src, mat dst, int width, int height, int border);
char *bridge_bilateral(mat src, mat dst, int d, double sigma_color, double sigma_space, int border);
char *bridge_threshold(mat src, mat dst, double *thresh, double maxval, int type);
char *bridge_adaptive_threshold(mat src, mat dst, double maxval, int method, int type, int block, double c);

#ifdef __cplusplus
}
#endif

#endif
