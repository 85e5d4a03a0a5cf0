//go:build opencv

#ifndef CVFARM_BRIDGE_DRAWING_H
#define CVFARM_BRIDGE_DRAWING_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// An ink is how lines are drawn. A thickness below 0 fills, where something can be filled.
typedef struct {
    double color[4];
    int thickness;
    int line_type;
} ink;

char *bridge_overlay(mat src, mat dst);

char *bridge_line(mat m, int x1, int y1, int x2, int y2, ink i);
char *bridge_arrowed_line(mat m, int x1, int y1, int x2, int y2, ink i, double tip);
char *bridge_rectangle(mat m, int x1, int y1, int x2, int y2, ink i);
char *bridge_circle(mat m, int x, int y, int radius, ink i);
char *bridge_ellipse(mat m, int x, int y, int width, int height, double angle, double start, double end, ink i);
char *bridge_marker(mat m, int x, int y, int type, int size, ink i);
char *bridge_grid(mat m, int dx, int dy, ink i);

// Polygons are counts[i] points each, one after the other in xy.
char *bridge_polylines(mat m, const int *xy, const int *counts, int n, bool closed, ink i);
char *bridge_fill_poly(mat m, const int *xy, const int *counts, int n, ink i);
char *bridge_contours(mat m, const int *xy, const int *counts, int n, ink i);

char *bridge_text(mat m, const char *text, int x, int y, int font, double scale, ink i, bool bottom_left);
char *bridge_text_size(const char *text, int font, double scale, int thickness, numbers *out);

// Keypoints are n times x, y, size, angle, response, octave, class.
char *bridge_keypoints(mat src, mat dst, const double *keypoints, int n, ink i, bool rich);
char *bridge_chessboard(mat m, int columns, int rows, const double *xy, int n, bool found);

#ifdef __cplusplus
}
#endif

#endif
