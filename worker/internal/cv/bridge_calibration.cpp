//go:build opencv

#include "bridge_calibration.h"
#include "tape.hpp"

#include <opencv2/calib3d.hpp>

char *bridge_chessboard_corners(mat src, int columns, int rows, int flags, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point2f> corners;
        tape << cv::findChessboardCorners(at(src), {columns, rows}, corners, flags) << corners;
    });
}

char *bridge_chessboard_corners_sb(mat src, int columns, int rows, int flags, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point2f> corners;
        tape << cv::findChessboardCornersSB(at(src), {columns, rows}, corners, flags) << corners;
    });
}

char *bridge_circles_grid(mat src, int columns, int rows, int flags, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point2f> centers;
        tape << cv::findCirclesGrid(at(src), {columns, rows}, centers, flags) << centers;
    });
}
