//go:build opencv

#ifndef CVFARM_BRIDGE_WARP_H
#define CVFARM_BRIDGE_WARP_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// outside says what lies outside a picture: a border type, and the four numbers of its colour.
typedef struct {
    int border;
    double value[4];
} outside;

// m has six numbers, or nine. width and height are those of dst.
char *bridge_warp_affine(mat src, mat dst, const double *m, int width, int height, int flags, outside o);
char *bridge_warp_perspective(mat src, mat dst, const double *m, int width, int height, int flags, outside o);
// x has both coordinates where y is empty. dst gets the size of the maps.
char *bridge_remap(mat src, mat dst, mat x, mat y, int flags, outside o);
// m receives six numbers.
char *bridge_rotation_matrix(double x, double y, double angle, double scale, double *m);
// src and dst are n points, x before y: three, and m receives six numbers, or four, and it receives nine.
char *bridge_transform_of(const double *src, const double *dst, int n, double *m);

char *bridge_copy_make_border(mat src, mat dst, int top, int bottom, int left, int right, outside o);
char *bridge_rect_sub_pix(mat src, mat dst, int width, int height, double x, double y, int depth);
char *bridge_pyr(mat src, mat dst, bool up, int border);

char *bridge_warp_polar(mat src, mat dst, int width, int height, double x, double y, double radius, int flags);
char *bridge_linear_polar(mat src, mat dst, double x, double y, double radius, int flags);
char *bridge_log_polar(mat src, mat dst, double x, double y, double m, int flags);

// camera and fresh have nine numbers each; fresh may be null, for camera.
char *bridge_undistort(mat src, mat dst, const double *camera, const double *coefficients, int n, const double *fresh);
char *bridge_fisheye_undistort(mat src, mat dst, const double *camera, const double *coefficients, const double *fresh, int width,
                               int height);

#ifdef __cplusplus
}
#endif

#endif
