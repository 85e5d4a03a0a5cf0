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

char *bridge_calibrate_camera(const double *corners, int n, int columns, int rows, int width, int height, int flags, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point3f> board;
        for (int i = 0; i < columns * rows; i++) {
            board.emplace_back(i % columns, i / columns, 0);
        }
        std::vector<std::vector<cv::Point2f>> views(n);
        const double *xy = corners;
        for (auto &view : views) {
            for (size_t i = 0; i < board.size(); i++, xy += 2) {
                view.emplace_back(xy[0], xy[1]);
            }
        }
        cv::Mat camera, coefficients, rotations, translations;
        tape << cv::calibrateCamera(std::vector<std::vector<cv::Point3f>>(n, board), views, {width, height}, camera, coefficients,
                                    rotations, translations, flags);
        for (int i = 0; i < 9; i++) {
            tape << camera.at<double>(i / 3, i % 3);
        }
        tape << std::vector<double>(coefficients.begin<double>(), coefficients.end<double>());
    });
}
