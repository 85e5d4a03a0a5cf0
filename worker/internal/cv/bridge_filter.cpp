//go:build opencv

#include "bridge_filter.h"
#include "guard.hpp"

#include <opencv2/imgproc.hpp>

char *bridge_box_filter(mat src, mat dst, int depth, int width, int height, int x, int y, bool normalize, int border) {
    return guard([=] {
        cv::boxFilter(at(src), at(dst), depth, cv::Size(width, height), cv::Point(x, y), normalize, border);
    });
}

char *bridge_sqr_box_filter(mat src, mat dst, int depth, int width, int height, int x, int y, bool normalize, int border) {
    return guard([=] {
        cv::sqrBoxFilter(at(src), at(dst), depth, cv::Size(width, height), cv::Point(x, y), normalize, border);
    });
}

char *bridge_filter2d(mat src, mat dst, int depth, const double *kernel, int rows, int cols, int x, int y, double delta, int border) {
    return guard([=] { cv::filter2D(at(src), at(dst), depth, matrix(kernel, rows, cols), cv::Point(x, y), delta, border); });
}

char *bridge_sep_filter2d(mat src, mat dst, int depth, const double *kx, int nx, const double *ky, int ny, double delta, int border) {
    return guard([=] {
        cv::sepFilter2D(at(src), at(dst), depth, matrix(kx, 1, nx), matrix(ky, 1, ny), cv::Point(-1, -1), delta, border);
    });
}

char *bridge_gabor_kernel(int width, int height, double sigma, double theta, double lambda, double gamma, double psi, double *kernel) {
    return guard([=] {
        cv::Mat made = cv::getGaborKernel(cv::Size(width, height), sigma, theta, lambda, gamma, psi);
        CV_Assert(made.rows == height && made.cols == width);
        made.copyTo(matrix(kernel, height, width));
    });
}

char *bridge_unsharp(mat src, mat dst, double sigma, double amount) {
    return guard([=] {
        cv::Mat blurred;
        cv::GaussianBlur(at(src), blurred, cv::Size(), sigma);
        cv::addWeighted(at(src), 1 + amount, blurred, -amount, 0, at(dst));
    });
}

char *bridge_mean_shift(mat src, mat dst, double sp, double sr, int levels) {
    return guard([=] { cv::pyrMeanShiftFiltering(at(src), at(dst), sp, sr, levels); });
}

char *bridge_spatial_gradient(mat src, mat dst, int border) {
    return guard([=] {
        cv::Mat d[2];
        cv::spatialGradient(at(src), d[0], d[1], 3, border);
        cv::merge(d, 2, at(dst));
    });
}

char *bridge_structuring_element(int shape, int width, int height, int x, int y, unsigned char *kernel) {
    return guard([=] {
        cv::getStructuringElement(shape, cv::Size(width, height), cv::Point(x, y)).copyTo(cv::Mat(height, width, CV_8U, kernel));
    });
}

char *bridge_morphology(mat src, mat dst, int op, const void *kernel, int depth, int rows, int cols, int x, int y, int iterations,
                        int border) {
    return guard([=] {
        cv::morphologyEx(at(src), at(dst), op, cv::Mat(rows, cols, depth, const_cast<void *>(kernel)), cv::Point(x, y), iterations, border);
    });
}

char *bridge_distance_transform(mat src, mat dst, int distance, int mask, int depth) {
    return guard([=] { cv::distanceTransform(at(src), at(dst), distance, mask, depth); });
}

char *bridge_integral(mat src, mat dst, int depth) {
    return guard([=] { cv::integral(at(src), at(dst), depth); });
}

char *bridge_clahe(mat src, mat dst, double limit, int across, int down) {
    return guard([=] { cv::createCLAHE(limit, cv::Size(across, down))->apply(at(src), at(dst)); });
}
