//go:build opencv

#ifndef CVFARM_BRIDGE_CONTOURS_H
#define CVFARM_BRIDGE_CONTOURS_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// bridge_find_contours finds contours with an area in [min_area, max_area]. It tells how many there were before and after that,
// and of the first max_count of these: the index before, next, previous, child, parent; area, perimeter; box; the points of the
// contour, or of the polygon within epsilon (or ratio times the perimeter) of it; whether these are convex; the hull; the
// smallest rotated rectangle; the smallest circle; the ellipse, of 0 size below five points; the 24 moments.
char *bridge_find_contours(mat src, int mode, int method, double min_area, double max_area, double epsilon, double ratio,
                           int max_count, numbers *out);

// bridge_components finds the parts of what is not zero and puts the label of each pixel into labels, s32. It finds n times
// box, area, centroid; the first is the background.
char *bridge_components(mat src, mat labels, int connectivity, numbers *out);

// bridge_watershed grows regions from their cores, see the op, and puts the label of each pixel into labels, s32: -1 on the
// borders, 1 for the background. It finds n times label, box, area of the others, in the order of their labels.
char *bridge_watershed(mat src, mat labels, int type, int iterations, double ratio, numbers *out);
// bridge_watershed_from does it from markers of one's own, of one channel, and finds all labels from 1 on.
char *bridge_watershed_from(mat src, mat markers, mat labels, numbers *out);
// bridge_borders paints what is -1 in labels.
char *bridge_borders(mat m, mat labels, const double *color);

// bridge_grab_cut makes a mask, or with cut the foreground on black, and finds the number of foreground pixels.
char *bridge_grab_cut(mat src, mat dst, int x, int y, int width, int height, int iterations, bool cut, numbers *out);
// bridge_grab_cut_from begins with a mask of OpenCV's four classes instead of a box.
char *bridge_grab_cut_from(mat src, mat mask, mat dst, int iterations, bool cut, numbers *out);

// bridge_flood_fill paints in m and finds the area and the box of what it painted.
char *bridge_flood_fill(mat m, int x, int y, const double *color, const double *low, const double *high, int flags, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
