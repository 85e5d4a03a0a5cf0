//go:build opencv

#ifndef CVFARM_BRIDGE_PHOTO_H
#define CVFARM_BRIDGE_PHOTO_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

char *bridge_denoise(mat src, mat dst, double h, int block, int search, int norm);
char *bridge_denoise_colored(mat src, mat dst, double h, double h_color, int block, int search);
char *bridge_denoise_tvl1(mat src, mat dst, double lambda, int iterations);
char *bridge_detail_enhance(mat src, mat dst, float s, float r);
char *bridge_edge_preserving(mat src, mat dst, int flags, float s, float r);
char *bridge_stylization(mat src, mat dst, float s, float r);
// One of these two results goes to dst.
char *bridge_pencil_sketch(mat src, mat dst, bool color, float s, float r, float shade);
char *bridge_decolor(mat src, mat dst, bool boost);

enum tonemap { TONEMAP, TONEMAP_DRAGO, TONEMAP_REINHARD, TONEMAP_MANTIUK };

// a, b and c are the parameters of the method after gamma.
char *bridge_tonemap(mat src, mat dst, enum tonemap method, float gamma, float a, float b, float c);

#ifdef __cplusplus
}
#endif

#endif
