//go:build opencv

#include "bridge_photo.h"
#include "guard.hpp"

#include <opencv2/photo.hpp>

char *bridge_denoise(mat src, mat dst, double h, int block, int search, int norm) {
    return guard([=] { cv::fastNlMeansDenoising(at(src), at(dst), std::vector<float>{float(h)}, block, search, norm); });
}

char *bridge_denoise_colored(mat src, mat dst, double h, double h_color, int block, int search) {
    return guard([=] { cv::fastNlMeansDenoisingColored(at(src), at(dst), h, h_color, block, search); });
}

char *bridge_denoise_tvl1(mat src, mat dst, double lambda, int iterations) {
    return guard([=] { cv::denoise_TVL1(std::vector<cv::Mat>{at(src)}, at(dst), lambda, iterations); });
}

char *bridge_detail_enhance(mat src, mat dst, float s, float r) {
    return guard([=] { cv::detailEnhance(at(src), at(dst), s, r); });
}

char *bridge_edge_preserving(mat src, mat dst, int flags, float s, float r) {
    return guard([=] { cv::edgePreservingFilter(at(src), at(dst), flags, s, r); });
}

char *bridge_stylization(mat src, mat dst, float s, float r) {
    return guard([=] { cv::stylization(at(src), at(dst), s, r); });
}

char *bridge_pencil_sketch(mat src, mat dst, bool color, float s, float r, float shade) {
    return guard([=] {
        cv::Mat other;
        cv::pencilSketch(at(src), color ? other : at(dst), color ? at(dst) : other, s, r, shade);
    });
}

char *bridge_decolor(mat src, mat dst, bool boost) {
    return guard([=] {
        cv::Mat other;
        cv::decolor(at(src), boost ? other : at(dst), boost ? at(dst) : other);
    });
}

char *bridge_tonemap(mat src, mat dst, enum tonemap method, float gamma, float a, float b, float c) {
    return guard([=] {
        cv::Ptr<cv::Tonemap> map;
        switch (method) {
        case TONEMAP:
            map = cv::createTonemap(gamma);
            break;
        case TONEMAP_DRAGO:
            map = cv::createTonemapDrago(gamma, a, b);
            break;
        case TONEMAP_REINHARD:
            map = cv::createTonemapReinhard(gamma, a, b, c);
            break;
        case TONEMAP_MANTIUK:
            map = cv::createTonemapMantiuk(gamma, a, b);
            break;
        }
        map->process(at(src), at(dst));
    });
}
