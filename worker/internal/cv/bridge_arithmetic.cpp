//go:build opencv

#include "bridge_arithmetic.h"
#include "guard.hpp"

static void arithmetic_of(enum arithmetic op, cv::InputArray a, cv::InputArray b, double scale, int depth, cv::OutputArray d) {
    switch (op) {
    case ARITHMETIC_ADD:
        return cv::add(a, b, d, cv::noArray(), depth);
    case ARITHMETIC_SUBTRACT:
        return cv::subtract(a, b, d, cv::noArray(), depth);
    case ARITHMETIC_MULTIPLY:
        return cv::multiply(a, b, d, scale, depth);
    case ARITHMETIC_DIVIDE:
        return cv::divide(a, b, d, scale, depth);
    case ARITHMETIC_ABS_DIFF:
        return cv::absdiff(a, b, d);
    case ARITHMETIC_MIN:
        return cv::min(a, b, d);
    case ARITHMETIC_MAX:
        return cv::max(a, b, d);
    case ARITHMETIC_AND:
        return cv::bitwise_and(a, b, d);
    case ARITHMETIC_OR:
        return cv::bitwise_or(a, b, d);
    case ARITHMETIC_XOR:
        return cv::bitwise_xor(a, b, d);
    }
}

// laid calls f with the picture, and with where its result goes. To OpenCV a cv::Scalar is a column of four doubles, and so
// looks like a second picture where the first one is that too: such a column is laid down first.
template <class F> static void laid(const cv::Mat &src, cv::Mat &dst, F f) {
    if (src.type() != CV_64F || src.rows != 4 || src.cols != 1) {
        return f(src, dst);
    }
    cv::Mat row;
    f(cv::Mat(src.t()), row);
    cv::transpose(row, dst);
}

char *bridge_arithmetic(enum arithmetic op, mat src, const double *value, double scale, int depth, mat dst) {
    return guard([=] {
        laid(at(src), at(dst), [=](const cv::Mat &a, cv::Mat &d) { arithmetic_of(op, a, scalar(value), scale, depth, d); });
    });
}

char *bridge_arithmetic_pair(enum arithmetic op, mat src, mat other, double scale, int depth, mat dst) {
    return guard([=] { arithmetic_of(op, at(src), at(other), scale, depth, at(dst)); });
}

char *bridge_compare(mat src, double value, int cmpop, mat dst) {
    return guard([=] { cv::compare(at(src), value, at(dst), cmpop); });
}

char *bridge_convert(mat src, mat dst, int depth, double alpha, double beta) {
    return guard([=] { at(src).convertTo(at(dst), depth, alpha, beta); });
}

char *bridge_normalize(mat src, mat dst, double alpha, double beta, int norm, int depth) {
    return guard([=] { cv::normalize(at(src), at(dst), alpha, beta, norm, depth); });
}

char *bridge_lut(mat src, mat dst, const unsigned char *table, int n) {
    return guard([=] { cv::LUT(at(src), cv::Mat(1, 256, CV_8UC(n), const_cast<unsigned char *>(table)), at(dst)); });
}

char *bridge_in_range(mat src, const double *lower, const double *upper, mat dst) {
    return guard([=] {
        laid(at(src), at(dst), [=](const cv::Mat &a, cv::Mat &d) { cv::inRange(a, scalar(lower), scalar(upper), d); });
    });
}

char *bridge_mix_channels(mat src, mat dst, int channels, const int *from_to, int pairs) {
    return guard([=] {
        at(dst).create(at(src).size(), CV_MAKETYPE(at(src).depth(), channels));
        cv::mixChannels(&at(src), 1, &at(dst), 1, from_to, pairs);
    });
}

char *bridge_transform(mat src, mat dst, const double *m, int rows, int cols) {
    return guard([=] { cv::transform(at(src), at(dst), cv::Mat(rows, cols, CV_64F, const_cast<double *>(m))); });
}
