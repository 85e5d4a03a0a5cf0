//go:build opencv

#include "bridge_drawing.h"
#include "tape.hpp"

#include <opencv2/calib3d.hpp>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

using Polygons = std::vector<std::vector<cv::Point>>;

static Polygons polygons(const int *xy, const int *counts, int n) {
    Polygons list;
    for (int i = 0; i < n; i++) {
        list.push_back(points(xy, counts[i]));
        xy += 2 * counts[i];
    }
    return list;
}

char *bridge_overlay(mat src, mat dst) {
    return guard([=] {
        if (at(src).channels() == 1) {
            cv::cvtColor(at(src), at(dst), cv::COLOR_GRAY2BGR);
        } else {
            at(src).copyTo(at(dst));
        }
    });
}

char *bridge_line(mat m, int x1, int y1, int x2, int y2, ink i) {
    return guard([=] { cv::line(at(m), {x1, y1}, {x2, y2}, scalar(i.color), i.thickness, i.line_type); });
}

char *bridge_arrowed_line(mat m, int x1, int y1, int x2, int y2, ink i, double tip) {
    return guard([=] { cv::arrowedLine(at(m), {x1, y1}, {x2, y2}, scalar(i.color), i.thickness, i.line_type, 0, tip); });
}

char *bridge_rectangle(mat m, int x1, int y1, int x2, int y2, ink i) {
    return guard([=] { cv::rectangle(at(m), cv::Point(x1, y1), cv::Point(x2, y2), scalar(i.color), i.thickness, i.line_type); });
}

char *bridge_circle(mat m, int x, int y, int radius, ink i) {
    return guard([=] { cv::circle(at(m), {x, y}, radius, scalar(i.color), i.thickness, i.line_type); });
}

char *bridge_ellipse(mat m, int x, int y, int width, int height, double angle, double start, double end, ink i) {
    return guard([=] {
        cv::ellipse(at(m), {x, y}, {width, height}, angle, start, end, scalar(i.color), i.thickness, i.line_type);
    });
}

char *bridge_marker(mat m, int x, int y, int type, int size, ink i) {
    return guard([=] { cv::drawMarker(at(m), {x, y}, scalar(i.color), type, size, i.thickness, i.line_type); });
}

char *bridge_grid(mat m, int dx, int dy, ink i) {
    return guard([=] {
        cv::Mat &picture = at(m);
        for (int x = dx; x < picture.cols; x += dx) {
            cv::line(picture, {x, 0}, {x, picture.rows - 1}, scalar(i.color), i.thickness, i.line_type);
        }
        for (int y = dy; y < picture.rows; y += dy) {
            cv::line(picture, {0, y}, {picture.cols - 1, y}, scalar(i.color), i.thickness, i.line_type);
        }
    });
}

char *bridge_polylines(mat m, const int *xy, const int *counts, int n, bool closed, ink i) {
    return guard([=] { cv::polylines(at(m), polygons(xy, counts, n), closed, scalar(i.color), i.thickness, i.line_type); });
}

char *bridge_fill_poly(mat m, const int *xy, const int *counts, int n, ink i) {
    return guard([=] { cv::fillPoly(at(m), polygons(xy, counts, n), scalar(i.color), i.line_type); });
}

char *bridge_contours(mat m, const int *xy, const int *counts, int n, ink i) {
    return guard([=] { cv::drawContours(at(m), polygons(xy, counts, n), -1, scalar(i.color), i.thickness, i.line_type); });
}

char *bridge_text(mat m, const char *text, int x, int y, int font, double scale, ink i, bool bottom_left) {
    return guard([=] {
        cv::putText(at(m), text, {x, y}, font, scale, scalar(i.color), i.thickness, i.line_type, bottom_left);
    });
}

char *bridge_text_size(const char *text, int font, double scale, int thickness, numbers *out) {
    return find(out, [=](Tape &tape) {
        int baseline = 0;
        cv::Size size = cv::getTextSize(text, font, scale, thickness, &baseline);
        tape << size.width << size.height << baseline;
    });
}

char *bridge_keypoints(mat src, mat dst, const double *keypoints, int n, ink i, bool rich) {
    return guard([=] {
        std::vector<cv::KeyPoint> list;
        for (const double *k = keypoints; k < keypoints + 7 * n; k += 7) {
            list.emplace_back(k[0], k[1], k[2], k[3], k[4], int(k[5]), int(k[6]));
        }
        auto flags = rich ? cv::DrawMatchesFlags::DRAW_RICH_KEYPOINTS : cv::DrawMatchesFlags::DEFAULT;
        cv::drawKeypoints(at(src), list, at(dst), scalar(i.color), flags);
    });
}

char *bridge_chessboard(mat m, int columns, int rows, const double *xy, int n, bool found) {
    return guard([=] {
        std::vector<cv::Point2f> corners;
        for (int j = 0; j < n; j++) {
            corners.emplace_back(xy[2 * j], xy[2 * j + 1]);
        }
        cv::drawChessboardCorners(at(m), {columns, rows}, corners, found);
    });
}
