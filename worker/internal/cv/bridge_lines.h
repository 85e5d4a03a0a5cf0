//go:build opencv

#ifndef CVFARM_BRIDGE_LINES_H
#define CVFARM_BRIDGE_LINES_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// bridge_hough_lines finds n times rho, theta, votes.
char *bridge_hough_lines(mat src, double rho, double theta, int threshold, double srn, double stn, double min_theta,
                         double max_theta, numbers *out);
// bridge_hough_lines_p finds n times x1, y1, x2, y2.
char *bridge_hough_lines_p(mat src, double rho, double theta, int threshold, double min_length, double max_gap, numbers *out);
// bridge_hough_circles finds n times x, y, radius, votes.
char *bridge_hough_circles(mat src, int method, double dp, double min_dist, double param1, double param2, int min_radius,
                           int max_radius, numbers *out);
// bridge_lsd finds four lists: x1, y1, x2, y2 of each line; widths; precisions; logarithms of false alarms, perhaps none.
char *bridge_lsd(mat src, int refine, double scale, double sigma, double quant, double angle, double log_eps, double density,
                 int bins, numbers *out);

#ifdef __cplusplus
}
#endif

#endif
