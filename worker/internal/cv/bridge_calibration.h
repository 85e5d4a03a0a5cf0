//go:build opencv

#ifndef CVFARM_BRIDGE_CALIBRATION_H
#define CVFARM_BRIDGE_CALIBRATION_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// Each finds whether the whole pattern is there, and n times x, y of its corners or centres.
char *bridge_chessboard_corners(mat src, int columns, int rows, int flags, numbers *out);
char *bridge_chessboard_corners_sb(mat src, int columns, int rows, int flags, numbers *out);
char *bridge_circles_grid(mat src, int columns, int rows, int flags, numbers *out);
// corners are x, y of n boards one after the other. It finds the error, nine numbers of the camera matrix, and the coefficients.
char *bridge_calibrate_camera(const double *corners, int n, int columns, int rows, int width, int height, int flags, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
