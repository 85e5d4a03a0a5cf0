//go:build opencv

#include "bridge_compare.h"
#include "tape.hpp"

#include <limits>
#include <opencv2/imgproc.hpp>
#include <opencv2/photo.hpp>

char *bridge_add_weighted(mat a, double alpha, mat b, double beta, double gamma, mat dst) {
    return guard([=] { cv::addWeighted(at(a), alpha, at(b), beta, gamma, at(dst)); });
}

char *bridge_copy_masked(mat src, mat mask, mat dst) {
    return guard([=] {
        at(dst).create(at(src).size(), at(src).type());
        at(dst).setTo(cv::Scalar::all(0));
        at(src).copyTo(at(dst), at(mask));
    });
}

char *bridge_inpaint(mat src, mat mask, mat dst, double radius, int flags) {
    return guard([=] { cv::inpaint(at(src), at(mask), at(dst), radius, flags); });
}

char *bridge_seamless_clone(mat src, mat dst, mat mask, int x, int y, mat blend, int flags) {
    return guard([=] { cv::seamlessClone(at(src), at(dst), at(mask), {x, y}, at(blend), flags); });
}

char *bridge_psnr(mat a, mat b, double max, numbers *out) {
    return find(out, [=](Tape &tape) { tape << cv::PSNR(at(a), at(b), max); });
}

char *bridge_ssim(mat a, mat b, double max, numbers *out) {
    return find(out, [=](Tape &tape) {
        const double c1 = 0.01 * max * 0.01 * max, c2 = 0.03 * max * 0.03 * max;
        auto blur = [](const cv::Mat &m) {
            cv::Mat blurred;
            cv::GaussianBlur(m, blurred, {11, 11}, 1.5);
            return blurred;
        };
        cv::Mat x, y;
        at(a).convertTo(x, CV_64F);
        at(b).convertTo(y, CV_64F);
        cv::Mat mx = blur(x), my = blur(y);
        cv::Mat xx = blur(x.mul(x)) - mx.mul(mx), yy = blur(y.mul(y)) - my.mul(my), xy = blur(x.mul(y)) - mx.mul(my);
        cv::Mat above = (2 * mx.mul(my) + cv::Scalar::all(c1)).mul(2 * xy + cv::Scalar::all(c2));
        cv::Mat below = (mx.mul(mx) + my.mul(my) + cv::Scalar::all(c1)).mul(xx + yy + cv::Scalar::all(c2));
        cv::Mat map;
        cv::divide(above, below, map);
        cv::Scalar mean = cv::mean(map);
        for (int i = 0; i < map.channels(); i++) {
            tape << mean[i];
        }
    });
}

char *bridge_match_template(mat src, mat templ, mat map, int method, double threshold, int max_count, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::matchTemplate(at(src), at(templ), at(map), method);
        bool least = method == cv::TM_SQDIFF || method == cv::TM_SQDIFF_NORMED;
        // The search goes over a copy in which larger is better.
        cv::Mat left = least ? cv::Mat(-at(map)) : at(map).clone();
        double limit = least ? -threshold : threshold, value;
        cv::Point place;
        cv::Size half(at(templ).cols / 2, at(templ).rows / 2);
        cv::minMaxLoc(left, nullptr, &value, nullptr, &place);
        tape << (least ? -value : value) << place;
        std::vector<cv::Vec3d> fits;
        while (int(fits.size()) < max_count && value >= limit) {
            fits.push_back({least ? -value : value, double(place.x), double(place.y)});
            cv::Rect around(place.x - half.width, place.y - half.height, 2 * half.width + 1, 2 * half.height + 1);
            left(around & cv::Rect(0, 0, left.cols, left.rows)).setTo(-std::numeric_limits<float>::max());
            cv::minMaxLoc(left, nullptr, &value, nullptr, &place);
            if (value == -std::numeric_limits<float>::max()) {
                break;
            }
        }
        tape << fits;
    });
}

char *bridge_accumulate(mat src, mat average, double alpha) {
    return guard([=] {
        if (at(average).empty()) {
            at(src).convertTo(at(average), CV_32F);
        } else {
            cv::accumulateWeighted(at(src), at(average), alpha);
        }
    });
}

char *bridge_average(mat average, int depth, mat dst) {
    return guard([=] { at(average).convertTo(at(dst), depth); });
}

char *bridge_motion(mat src, mat average, mat dst, double threshold, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat now, difference;
        at(src).convertTo(now, CV_32F);
        cv::absdiff(now, at(average), difference);
        at(dst).create(at(src).size(), CV_8U);
        at(dst).setTo(cv::Scalar::all(0));
        for (int i = 0; i < difference.channels(); i++) {
            cv::Mat channel;
            cv::extractChannel(difference, channel, i);
            at(dst).setTo(255, channel > threshold);
        }
        tape << cv::countNonZero(at(dst));
    });
}
