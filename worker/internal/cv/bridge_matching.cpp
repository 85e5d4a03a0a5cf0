//go:build opencv

#include "bridge_matching.h"
#include "tape.hpp"

#include <algorithm>
#include <opencv2/calib3d.hpp>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

namespace {

// Found is what a detector finds in a picture.
struct Found {
    std::vector<cv::KeyPoint> keypoints;
    cv::Mat descriptors;
};

// Matcher is the features of one picture, and how to find such.
struct Matcher {
    features kind;
    int n;
    Found of;

    // The detector is made anew each time: those of OpenCV are not for concurrent use.
    Found look(const cv::Mat &picture) const {
        cv::Ptr<cv::Feature2D> detector;
        switch (kind) {
        case FEATURES_ORB: detector = cv::ORB::create(n); break;
        case FEATURES_AKAZE: detector = cv::AKAZE::create(); break;
        case FEATURES_SIFT: detector = cv::SIFT::create(n); break;
        case FEATURES_BRISK: detector = cv::BRISK::create(); break;
        }
        Found found;
        detector->detectAndCompute(picture, cv::noArray(), found.keypoints, found.descriptors);
        return found;
    }

    // match returns, best first, the matches that are better than the second best by ratio.
    std::vector<cv::DMatch> match(const Found &frame, double ratio) const {
        std::vector<cv::DMatch> good;
        if (of.keypoints.empty() || frame.keypoints.size() < 2) {
            return good;
        }
        std::vector<std::vector<cv::DMatch>> pairs;
        cv::BFMatcher(kind == FEATURES_SIFT ? cv::NORM_L2 : cv::NORM_HAMMING).knnMatch(of.descriptors, frame.descriptors, pairs, 2);
        for (const auto &pair : pairs) {
            if (pair.size() == 2 && pair[0].distance < ratio * pair[1].distance) {
                good.push_back(pair[0]);
            }
        }
        std::stable_sort(good.begin(), good.end(), [](const auto &a, const auto &b) { return a.distance < b.distance; });
        return good;
    }
};

} // namespace

char *bridge_matcher(mat picture, features kind, int n, matcher *out) {
    return guard([=] {
        Matcher m{kind, n, {}};
        m.of = m.look(at(picture));
        *out = new Matcher(m);
    });
}

void bridge_matcher_close(matcher m) { delete static_cast<Matcher *>(m); }

char *bridge_match(matcher m, mat src, double ratio, double threshold, bool back, numbers *out) {
    return find(out, [=](Tape &tape) {
        const Matcher &known = *static_cast<Matcher *>(m);
        Found frame = known.look(at(src));
        std::vector<cv::DMatch> good = known.match(frame, ratio);
        std::vector<cv::Point2f> from, to;
        for (const cv::DMatch &d : good) {
            from.push_back(known.of.keypoints[d.queryIdx].pt);
            to.push_back(frame.keypoints[d.trainIdx].pt);
        }
        cv::Mat h, inlier;
        if (good.size() >= 4) {
            h = cv::findHomography(back ? to : from, back ? from : to, cv::RANSAC, threshold, inlier);
        }
        tape << frame.keypoints.size() << known.of.keypoints.size() << good.size();
        for (size_t i = 0; i < good.size(); i++) {
            tape << from[i] << to[i] << good[i].distance << (h.empty() ? 0 : inlier.at<uchar>(i));
        }
        tape << (h.empty() ? 0 : cv::countNonZero(inlier));
        for (int i = 0; i < 9; i++) {
            tape << (h.empty() ? 0 : h.at<double>(i / 3, i % 3));
        }
    });
}

char *bridge_warp(mat src, mat dst, const double *homography, int width, int height, int interpolation) {
    return guard([=] {
        cv::Mat h(3, 3, CV_64F, const_cast<double *>(homography));
        cv::warpPerspective(at(src), at(dst), h, {width, height}, interpolation);
    });
}
