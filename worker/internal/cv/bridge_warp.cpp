//go:build opencv

#include "bridge_warp.h"
#include "guard.hpp"

#include <opencv2/calib3d.hpp>
#include <opencv2/imgproc.hpp>

static cv::Mat camera_matrix(const double *m) { return m ? matrix(m, 3, 3) : cv::Mat(); }

char *bridge_warp_affine(mat src, mat dst, const double *m, int width, int height, int flags, outside o) {
    return guard([&] {
        cv::warpAffine(at(src), at(dst), matrix(m, 2, 3), cv::Size(width, height), flags, o.border, scalar(o.value));
    });
}

char *bridge_warp_perspective(mat src, mat dst, const double *m, int width, int height, int flags, outside o) {
    return guard([&] {
        cv::warpPerspective(at(src), at(dst), matrix(m, 3, 3), cv::Size(width, height), flags, o.border, scalar(o.value));
    });
}

char *bridge_remap(mat src, mat dst, mat x, mat y, int flags, outside o) {
    return guard([=] { cv::remap(at(src), at(dst), at(x), at(y), flags, o.border, scalar(o.value)); });
}

char *bridge_rotation_matrix(double x, double y, double angle, double scale, double *m) {
    return guard([=] { cv::getRotationMatrix2D(cv::Point2f(x, y), angle, scale).copyTo(matrix(m, 2, 3)); });
}

char *bridge_transform_of(const double *src, const double *dst, int n, double *m) {
    return guard([=] {
        std::vector<cv::Point2f> from, to;
        for (int i = 0; i < n; i++) {
            from.emplace_back(src[2 * i], src[2 * i + 1]);
            to.emplace_back(dst[2 * i], dst[2 * i + 1]);
        }
        if (n == 3) {
            cv::getAffineTransform(from, to).copyTo(matrix(m, 2, 3));
        } else {
            cv::getPerspectiveTransform(from, to).copyTo(matrix(m, 3, 3));
        }
    });
}

char *bridge_copy_make_border(mat src, mat dst, int top, int bottom, int left, int right, outside o) {
    return guard([&] { cv::copyMakeBorder(at(src), at(dst), top, bottom, left, right, o.border, scalar(o.value)); });
}

char *bridge_rect_sub_pix(mat src, mat dst, int width, int height, double x, double y, int depth) {
    return guard([=] { cv::getRectSubPix(at(src), cv::Size(width, height), cv::Point2f(x, y), at(dst), depth); });
}

char *bridge_pyr(mat src, mat dst, bool up, int border) {
    return guard([=] { up ? cv::pyrUp(at(src), at(dst), cv::Size(), border) : cv::pyrDown(at(src), at(dst), cv::Size(), border); });
}

char *bridge_warp_polar(mat src, mat dst, int width, int height, double x, double y, double radius, int flags) {
    return guard([=] { cv::warpPolar(at(src), at(dst), cv::Size(width, height), cv::Point2f(x, y), radius, flags); });
}

char *bridge_linear_polar(mat src, mat dst, double x, double y, double radius, int flags) {
    return guard([=] { cv::linearPolar(at(src), at(dst), cv::Point2f(x, y), radius, flags); });
}

char *bridge_log_polar(mat src, mat dst, double x, double y, double m, int flags) {
    return guard([=] { cv::logPolar(at(src), at(dst), cv::Point2f(x, y), m, flags); });
}

char *bridge_undistort(mat src, mat dst, const double *camera, const double *coefficients, int n, const double *fresh) {
    return guard([=] {
        cv::undistort(at(src), at(dst), camera_matrix(camera), matrix(coefficients, 1, n), camera_matrix(fresh));
    });
}

char *bridge_fisheye_undistort(mat src, mat dst, const double *camera, const double *coefficients, const double *fresh, int width,
                               int height) {
    return guard([=] {
        cv::fisheye::undistortImage(at(src), at(dst), camera_matrix(camera), matrix(coefficients, 1, 4),
                                    camera_matrix(fresh ? fresh : camera), cv::Size(width, height));
    });
}
