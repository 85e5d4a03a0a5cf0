//go:build opencv

#ifndef CVFARM_GUARD_HPP
#define CVFARM_GUARD_HPP

#include "bridge.h"

#include <cstring>
#include <exception>
#include <new>
#include <opencv2/core.hpp>

// guard keeps every exception on this side: one that reaches Go ends the process.
template <class F> static char *guard(F f) {
    try {
        f();
        return nullptr;
    } catch (const std::bad_alloc &e) {
        return strdup("(-4:Insufficient memory) the C++ library has none"); // in the words of OpenCV's own allocator
    } catch (const std::exception &e) {
        return strdup(e.what());
    } catch (...) {
        return strdup("an unknown exception");
    }
}

static inline cv::Mat &at(mat m) { return *static_cast<cv::Mat *>(m); }

// scalar is the four numbers that v points to.
static inline cv::Scalar scalar(const double *v) { return cv::Scalar(v[0], v[1], v[2], v[3]); }

// matrix is a header over the numbers that m points to, row by row.
static inline cv::Mat matrix(const double *m, int rows, int cols) { return cv::Mat(rows, cols, CV_64F, const_cast<double *>(m)); }

#endif
